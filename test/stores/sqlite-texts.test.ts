/** Parts of strings: few different texts are looked through, of which many resources have the same. https://hl7.org/fhir/R4/search.html#string */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Criterion, Parameter, StringTest } from '../../src/search/criteria.ts';
import type { Position, SearchQuery } from '../../src/store/port.ts';
import { commit, put } from '../contract/subject.ts';
import { openWalked, type Walked } from './walked.ts';

const type = 'Patient';
const family: Parameter = { type, code: 'family', kind: 'string', multiple: true, textual: false, components: [] };
const many = 2000;

const of = (...tests: readonly (readonly [StringTest['match'], string])[]): Criterion => ({
  kind: 'value',
  parameter: family,
  anyOf: tests.map(([match, value]) => ({ kind: 'string', match, value })),
});

describe('a part of a string', () => {
  let store: Walked;
  beforeEach(() => {
    store = openWalked(family);
  });
  afterEach(() => store.close());

  const named = (id: string, name: string) =>
    put(type, id, { language: `x-${name}` }, [
      { parameter: 'family', value: { kind: 'string', norm: name.toLowerCase(), exact: name } },
    ]);
  const write = (nameOf: (n: number) => string) =>
    commit(
      store.writer,
      Array.from({ length: many }, (_, n) => named(`p${n}`, nameOf(n))),
    );
  const query = (criterion: Criterion, count = 0): SearchQuery => {
    return { parts: [{ type, criterion, sort: [] }], count, total: 'accurate', totalBound: 10, budget: 60_000 };
  };

  it.each<[string, Criterion, number]>([
    ['contains one of few names', of(['contains', 'mit']), many / 10],
    ['ends with two', of(['ends', 'th'], ['ends', '7']), many / 5],
    ['contains one or is another', of(['contains', 'mit'], ['exact', 'Name 7']), many / 5],
    ['contains one or begins with another', of(['contains', 'mit'], ['starts', 'name 7']), many / 5],
    ['is in another case', of(['contains', 'x'], ['exact', 'name 7']), 0],
    ['contains what none has', of(['contains', 'other']), 0],
  ])('that %s is looked for among the names', async (_, criterion, expected) => {
    await write((n) => (n % 10 === 0 ? 'Smith' : `Name ${n % 10}`));
    const { total, steps } = store.searcher.explain(query(criterion));
    expect(total).toBe(expected);
    // Those that pass, twice where a resource may have several; an exact one also of the rows in another case.
    expect(steps.reduce((sum, { rowsExamined }) => sum + rowsExamined, 0)).toBeLessThanOrEqual(
      2 * expected + many / 10,
    );
  });

  it.each<[string, Criterion, number]>([
    ['contains some', of(['contains', 'name 1']), 1111],
    ['ends with some', of(['ends', '7']), many / 10],
    ['contains some or is one', of(['contains', 'name 1'], ['exact', 'Name 2']), 1112],
  ])('that %s of very many names is looked for in each row', async (_, criterion, expected) => {
    await write((n) => `Name ${n}`);
    expect(store.searcher.search(query(criterion)).total).toBe(expected);
  });

  it('is shown by a walk as it was, though nobody has the name any more', async () => {
    await commit(store.writer, [named('a', 'Smith'), named('b', 'Smither'), named('c', 'Other')]);
    const walked = (position?: Position): readonly string[] => {
      const asked = query(of(['contains', 'mit']), 1);
      const { matches, next } = store.searcher.search(position === undefined ? asked : { ...asked, position });
      return [...matches.map(({ id }) => id), ...(next === undefined ? [] : walked(next))];
    };
    const { next } = store.searcher.search(query(of(['contains', 'mit']), 1));
    await commit(store.writer, [named('b', 'Jones'), named('c', 'Smithson')]);
    expect(next && walked(next)).toEqual(['b']);
    expect(walked()).toEqual(['a', 'c']);
  });
});

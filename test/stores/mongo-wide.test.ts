/** Chains and reverse chains that more resources pass than are listed, beside what few resources pass. https://hl7.org/fhir/R4/search.html#chaining */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import { TooCostly } from '../../src/store/errors.ts';
import { State } from '../../src/store/mongo/state.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import type { SearchQuery, Store } from '../../src/store/port.ts';
import {
  code,
  commit,
  containing,
  failureOf,
  identified,
  link,
  observation,
  ofIdentified,
  patient,
  put,
  subject,
  usual,
} from '../contract/subject.ts';
import { databases } from './mongo-database.ts';

const { url } = databases();

const coded = (value: string): Criterion => ({
  kind: 'value',
  parameter: code,
  anyOf: [{ kind: 'token', system: 'urn:codes', code: value, fold: false }],
});
const all = (...of: readonly Criterion[]): Criterion => ({ kind: 'and', of });
const measured = (of: Criterion): Criterion => ({ kind: 'has', parameter: subject, canonical: undefined, of });
const linked = (of: Criterion): Criterion => {
  return { kind: 'chain', parameter: link, target: 'Patient', canonical: undefined, of };
};

describe('with more matches elsewhere than are listed', () => {
  let store: Store;
  const found = (type: string, criterion: Criterion) => store.matches(type, criterion, 99);
  const refused = async (type: string, criterion: Criterion) => {
    const failure = await failureOf(found(type, criterion));
    expect(failure).toBeInstanceOf(TooCostly);
    return failure instanceof TooCostly ? failure.hint : '';
  };

  beforeAll(async () => {
    store = await openMongoStore(url(), {
      cursorLifetime: usual.cursorLifetime,
      timezone: 'UTC',
      parameters: usual.parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
      most: 4,
    });
    const linkTo = (id: string) => {
      return { parameter: 'link', value: { kind: 'reference', type: 'Patient', id, version: '' } } as const;
    };
    await commit(store, [
      ...Array.from({ length: 8 }, (_, n) => patient(`p${n}`, n < 6 ? 'many' : 'few')),
      ...Array.from({ length: 8 }, (_, n) => observation(`o${n}`, `p${n}`, n % 4 === 0 ? 'rare' : 'usual')),
      observation('other', 'p7', 'rare'),
      observation('more', 'p1', 'rare'),
      containing('inside', 'many', 'rare'),
      ...[0, 1, 7].map((n) =>
        put('Patient', `l${n}`, { link: [{ other: { reference: `Patient/p${n}` } }] }, [linkTo(`p${n}`)]),
      ),
    ]);
  });
  afterAll(() => store.close());

  it('a chain alone is refused, saying what to add', async () => {
    expect(await refused('Observation', ofIdentified('many'))).toMatch(/subject leads to more than 4 Patient/);
    expect(await found('Observation', ofIdentified('few'))).toEqual(['o6', 'o7', 'other']);
  });

  it('a chain beside a selective criterion is looked at from that, in either order', async () => {
    const expected = ['inside', 'more', 'o0', 'o4'];
    expect(await found('Observation', all(coded('rare'), ofIdentified('many')))).toEqual(expected);
    expect(await found('Observation', all(ofIdentified('many'), coded('rare')))).toEqual(expected);
    expect(await found('Observation', all(coded('none'), ofIdentified('many')))).toEqual([]);
    const either: Criterion = { kind: 'or', of: [ofIdentified('many'), ofIdentified('few')] };
    expect(await found('Observation', all(coded('rare'), either))).toEqual([...expected, 'other']);
    const none: Criterion = { kind: 'not', of: ofIdentified('many') };
    expect(await found('Observation', all(coded('rare'), none))).toEqual(['other']);
  });

  it('what few resources pass must be few as well', async () => {
    expect(await refused('Observation', all(coded('usual'), ofIdentified('many')))).toMatch(/add a criterion/);
  });

  const query = (criterion: Criterion): SearchQuery => {
    const parts = [{ type: 'Observation', criterion, sort: [] }];
    return { parts, count: 10, budget: 60_000, total: 'accurate', totalBound: 0 };
  };

  it('an explanation says so', async () => {
    const wide = ofIdentified('many');
    const { matches, parts } = await store.explain(query(all(coded('rare'), wide)));
    expect(matches).toBe(4);
    expect(parts[0]?.criteria).toEqual([
      { criterion: coded('rare'), rows: 5, more: false },
      { criterion: wide, more: true },
    ]);
    expect(await failureOf(store.explain(query(wide)))).toBeInstanceOf(TooCostly);
  });

  it('what changes while it is looked at is found as it is', async () => {
    const { documents } = State.prototype;
    const writing = async (id: string) => {
      let first = true;
      vi.spyOn(State.prototype, 'documents').mockImplementation(async function* (this: State, type, condition, paths) {
        yield* documents.call(this, type, condition, paths);
        if (type !== 'Patient' || !first) return;
        first = false;
        await commit(store, [{ ...observation('more', id, 'rare'), method: 'PUT' }]);
      });
      try {
        const none: Criterion = { kind: 'not', of: ofIdentified('many') };
        const criterion = id === 'p2' ? ofIdentified('many') : none;
        const page = await store.search(query(all(coded('rare'), criterion)));
        expect(first).toBe(false);
        expect(page.total).toBe(page.matches.length);
        return page.matches.map((match) => match.id);
      } finally {
        vi.restoreAllMocks();
      }
    };
    // From one patient of many to another, twice.
    expect(await writing('p2')).toEqual(['inside', 'more', 'o0', 'o4']);
    expect(await writing('p3')).toEqual(['other']);
    await commit(store, [{ ...observation('more', 'p1', 'rare'), method: 'PUT' }]);
  });

  it('a chain of chains is, too', async () => {
    const end = measured(coded('usual'));
    const deep: Criterion = { kind: 'chain', parameter: subject, target: 'Patient', canonical: undefined, of: end };
    expect(await refused('Observation', deep)).toMatch(/_has:Observation:subject/);
    expect(await found('Observation', all(coded('rare'), deep))).toEqual(['more', 'other']);
    expect(await found('Patient', linked(identified('few')))).toEqual(['l7']);
    expect(await found('Patient', all({ kind: 'id', ids: ['l0', 'l7'] }, linked(identified('many'))))).toEqual(['l0']);
  });

  it('a reverse chain is, too', async () => {
    await refused('Patient', measured(coded('usual')));
    expect(await found('Patient', all(measured(coded('usual')), identified('few')))).toEqual(['p6', 'p7']);
    expect(await found('Patient', all(identified('few'), measured(coded('rare'))))).toEqual(['p7']);
  });
});

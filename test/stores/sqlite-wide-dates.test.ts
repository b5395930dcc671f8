/** Walks by dates while the first wide interval comes, or the last one goes. https://hl7.org/fhir/R4/search.html#date */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Criterion, Parameter } from '../../src/search/criteria.ts';
import type { Position, SearchQuery } from '../../src/store/port.ts';
import { commit, day, put, remove } from '../contract/subject.ts';
import { openWalked, type Walked } from './walked.ts';

const type = 'Encounter';
const when: Parameter = { type, code: 'date', kind: 'date', multiple: false, textual: false, components: [] };
/** What ends after the tenth day and begins before the hundredth. */
const criterion: Criterion = {
  kind: 'value',
  parameter: when,
  anyOf: [
    {
      kind: 'date',
      interval: [
        [
          { end: 'high', operator: '>', value: 10 * day },
          { end: 'low', operator: '<', value: 100 * day },
        ],
      ],
    },
  ],
};

describe('a walk by dates', () => {
  let store: Walked;
  beforeEach(() => {
    store = openWalked(when);
  });
  afterEach(() => store.close());

  const encounter = (id: string, from: number, days: number) =>
    put(type, id, { language: `x-${from}-${days}` }, [
      { parameter: 'date', value: { kind: 'date', low: from * day, high: (from + days) * day } },
    ]);
  const page = (position?: Position) => {
    const parts = [{ type, criterion, sort: [] }];
    const query: SearchQuery = { parts, count: 1, total: 'accurate', totalBound: 10, budget: 60_000 };
    return store.searcher.search(position === undefined ? query : { ...query, position });
  };
  const walked = (from: Position | undefined): readonly string[] => {
    const { matches, next } = page(from);
    return [...matches.map(({ id }) => id), ...(next === undefined ? [] : walked(next))];
  };

  it('goes on where it was when the first wide interval comes', async () => {
    await commit(store.writer, [encounter('a', 20, 1), encounter('b', 30, 1), encounter('c', 40, 1)]);
    const { matches, next, total } = page();
    expect([matches.map(({ id }) => id), total]).toEqual([['a'], 3]);
    await commit(store.writer, [encounter('d', 5, 300), encounter('b', 5, 20)]);
    expect(walked(next)).toEqual(['b', 'c']);
    expect([...walked(undefined)].sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(page().total).toBe(4);
  });

  it('shows no wide interval twice when shorter ones come', async () => {
    await commit(store.writer, [encounter('a', 5, 300), encounter('b', 6, 300), encounter('c', 7, 300)]);
    const { matches, next } = page();
    expect(matches.map(({ id }) => id)).toEqual(['a']);
    await commit(store.writer, [encounter('d', 5, 20)]);
    expect(walked(next)).toEqual(['b', 'c']);
    expect([...walked(undefined)].sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('shows the last wide interval after it has gone, and goes back', async () => {
    await commit(store.writer, [encounter('a', 20, 1), encounter('b', 5, 20), encounter('c', 5, 300)]);
    const { matches, next } = page();
    expect(matches.map(({ id }) => id)).toEqual(['a']);
    await commit(store.writer, [encounter('b', 1000, 1), remove(type, 'a')]);
    // Of what was deleted since nothing is shown; what was changed is shown as it was.
    expect(walked(next)).toEqual(['b', 'c']);
    const second = page(next);
    await commit(store.writer, [encounter('c', 50, 1)]);
    const third = second.next && page(second.next);
    expect(third?.matches.map(({ id }) => id)).toEqual(['c']);
    expect(third?.previous && page(third.previous).matches.map(({ id }) => id)).toEqual(['b']);
    expect(walked(undefined)).toEqual(['c']);
  });
});

/** A page as one text holds what its matches hold one by one. https://hl7.org/fhir/R4/bundle.html#searchset */
import { describe, expect, it } from 'vitest';
import type { Around, Position, SearchQuery, Spliced } from '../../src/store/port.ts';
import { commit, identified, patient, remove, usual } from '../contract/subject.ts';
import { byIndexes, choosing, inMemory } from './reading.ts';

const around: Around = { before: '{"id":"', between: '","is":', after: ',"é":1}' };
const all = 12;

const decoder = new TextDecoder();

function textOf(pieces: Spliced = []): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : decoder.decode(piece))).join('');
}

describe.each([
  ['as it is', inMemory],
  ['by indexes', choosing(byIndexes)],
])('a page as one text, read %s', (_, subject) => {
  it('has the matches of each page, forwards and backwards, also of what was replaced and without what was deleted since', async () => {
    const store = await subject.open(usual);
    const query: SearchQuery = {
      parts: [{ type: 'Patient', criterion: identified('p'), sort: [] }],
      count: 5,
      total: 'accurate',
      totalBound: 100,
      budget: 60_000,
    };
    const shown: (string | undefined)[] = [];
    // The page one by one, then as a text: the same matches and places.
    const both = async (position: Position | undefined) => {
      const asked = position === undefined ? query : { ...query, position };
      const page = await store.search(asked);
      const text = await store.search({ ...asked, around });
      const expected = page.matches.map(({ id, body }) => {
        return `${around.before}${id}${around.between}${decoder.decode(body)}${around.after}`;
      });
      expect(text.matches).toEqual([]);
      expect(textOf(text.spliced)).toBe(expected.join());
      expect(text.total).toBe(page.total);
      for (const place of ['first', 'next', 'previous'] as const) expect(text[place]?.key).toEqual(page[place]?.key);
      shown.push(...page.matches.map(({ id }) => id));
      return page;
    };
    try {
      await commit(
        store,
        Array.from({ length: all }, (__, n) => patient(`p${n}`, 'p', 'ü')),
      );
      const first = await both(undefined);
      await commit(store, [patient('p7', 'p', 'changed'), patient('p8', 'other'), remove('Patient', 'p9')]);
      const second = await both(first.next);
      const third = await both(second.next);
      expect(third.next).toBeUndefined();
      const others = Array.from({ length: all }, (__, n) => `p${n}`).filter((id) => id !== 'p9');
      expect([...shown].sort()).toEqual(others.sort());
      const back = await both(third.previous);
      expect(back.matches).toEqual(second.matches);
    } finally {
      await store.close();
    }
  });

  it('is given for one type and few matches only', async () => {
    const store = await subject.open(usual);
    const part = { type: 'Patient', criterion: identified('p'), sort: [] };
    const query: SearchQuery = { parts: [part], count: 5, total: 'none', totalBound: 0, budget: 60_000, around };
    try {
      await commit(store, [patient('p1', 'p')]);
      expect((await store.search(query)).spliced).toBeDefined();
      const many = await store.search({ ...query, count: 1000 });
      expect([many.spliced, many.matches.length]).toEqual([undefined, 1]);
      const two = await store.search({ ...query, parts: [part, { ...part, type: 'Observation' }] });
      expect([two.spliced, two.matches.length]).toEqual([undefined, 1]);
      const none = await store.search({ ...query, parts: [{ ...part, criterion: identified('q') }] });
      expect([none.spliced, none.matches.length]).toEqual([undefined, 0]);
    } finally {
      await store.close();
    }
  });
});

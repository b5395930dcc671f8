/** Totals of reverse chains, counted by those that refer or by those that are referred to. https://hl7.org/fhir/R4/search.html#has */
import { describe, expect, it } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import type { SearchQuery } from '../../src/store/port.ts';
import { code, commit, observation, patient, remove, subject, usual } from '../contract/subject.ts';
import { byIndexes, bySorting, choosing } from './reading.ts';

const withCode = (value: string): Criterion => {
  return { kind: 'value', parameter: code, anyOf: [{ kind: 'token', system: 'urn:codes', code: value, fold: false }] };
};
const referredBy = (of: Criterion): Criterion => ({ kind: 'has', parameter: subject, canonical: undefined, of });

describe('the total of a reverse chain', () => {
  it.each([
    ['few', ['weight', ...Array.from({ length: 8 }, () => 'height')]],
    ['many', ['height', ...Array.from({ length: 8 }, () => 'weight')]],
  ])('is exact where %s of what refers to each resource passes', async (_, codes) => {
    const stores = await Promise.all([byIndexes, bySorting].map((each) => choosing(each).open(usual)));
    const parts = [{ type: 'Patient', criterion: referredBy(withCode('weight')), sort: [] }];
    const query: SearchQuery = { parts, count: 3, total: 'accurate', totalBound: 100, budget: 60_000 };
    for (const store of stores) {
      const total = async () => (await store.search(query)).total;
      try {
        const ids = Array.from({ length: 12 }, (__, n) => `p${n}`);
        await commit(
          store,
          [...ids, 'q'].map((id) => patient(id, id)),
        );
        await commit(
          store,
          ids.flatMap((id) => codes.map((each, n) => observation(`${id}-${n}`, id, each))),
        );
        expect(await total()).toBe(12);
        expect((await store.search({ ...query, total: 'bounded', totalBound: 5 })).total).toBeUndefined();
        // One is gone, one has nothing of the kind any more, and one that was never there is referred to.
        const weights = codes.flatMap((each, n) => (each === 'weight' ? [n] : []));
        await commit(store, [
          ...codes.map((__, n) => remove('Observation', `p0-${n}`)),
          ...weights.map((n) => observation(`p1-${n}`, 'p1', 'height')),
          observation('other', 'absent'),
        ]);
        await commit(store, [remove('Patient', 'p0'), remove('Patient', 'p2')]);
        expect(await total()).toBe(9);
        const shown = await store.search({ ...query, count: 100 });
        expect(shown.matches).toHaveLength(9);
      } finally {
        await store.close();
      }
    }
  });
});

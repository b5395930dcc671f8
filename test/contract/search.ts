/** What criteria find: the same as `search/match.ts` on every store. https://hl7.org/fhir/R4/search.html */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';

import { arbitraryCriterion, arbitraryLeaf, arbitraryResources, types } from '../search/arbitraries.ts';
import { Library, type Searchable, type SearchSubject } from './library.ts';
import { commit, identified, patient, remove, usual } from './subject.ts';

export function searchRules(under: SearchSubject): void {
  describe('search', () => {
    it('finds what the criterion means', async () => {
      await fc.assert(
        fc.asyncProperty(
          arbitraryResources,
          fc.array(
            fc
              .constantFrom(...types)
              .chain((type) => arbitraryCriterion(type).map((criterion) => ({ type, criterion }))),
            { minLength: 1, maxLength: 12 },
          ),
          async (resources, searches) => {
            const library = await Library.open(under);
            try {
              await library.put(resources);
              for (const { type, criterion } of searches) {
                const found = await library.search(type, criterion);
                expect(found.ids, JSON.stringify(criterion)).toEqual(library.expected(type, criterion));
                expect(found.total).toBe(found.ids.length);
                expect(await library.store.matches(type, criterion, 100)).toEqual(found.ids);
              }
            } finally {
              await library.store.close();
            }
          },
        ),
        { numRuns: 40 },
      );
    });

    it('finds the same after updates and deletions', async () => {
      await fc.assert(
        fc.asyncProperty(
          arbitraryResources,
          arbitraryResources,
          fc.array(
            fc.constantFrom(...types).chain((type) => arbitraryLeaf(type).map((criterion) => ({ type, criterion }))),
            { minLength: 1, maxLength: 8 },
          ),
          async (before, after, searches) => {
            const library = await Library.open(under);
            try {
              await library.put(before);
              const gone = before.filter((_, place) => place % 3 === 0);
              await library.remove(gone);
              await library.put(after);
              for (const { type, criterion } of searches) {
                const found = await library.search(type, criterion);
                expect(found.ids, JSON.stringify(criterion)).toEqual(library.expected(type, criterion));
              }
            } finally {
              await library.store.close();
            }
          },
        ),
        { numRuns: 20 },
      );
    });
  });

  describe('matches', () => {
    let store: Searchable;
    beforeAll(async () => {
      store = await under.open(usual);
    });
    afterAll(() => store.close());

    it('are sorted logical ids, at most the limit', async () => {
      await commit(store, [patient('m2', 'm'), patient('m1', 'm'), patient('m3', 'm')]);
      expect(await store.matches('Patient', identified('m'), 5)).toEqual(['m1', 'm2', 'm3']);
      expect(await store.matches('Patient', identified('m'), 2)).toEqual(
        [...(await store.matches('Patient', identified('m'), 2))].sort(),
      );
      expect(await store.matches('Patient', identified('m'), 2)).toHaveLength(2);
      expect(await store.matches('Patient', identified('m'), 0)).toEqual([]);
    });

    it('are those of now', async () => {
      await commit(store, [patient('n1', 'n')]);
      await commit(store, [remove('Patient', 'n1')]);
      expect(await store.matches('Patient', identified('n'), 5)).toEqual([]);
    });

    it('of a type that never was are none', async () => {
      const all: Criterion = { kind: 'and', of: [] };
      expect(await store.matches('Basic', all, 5)).toEqual([]);
    });
  });
}

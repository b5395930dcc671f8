/** What criteria find: the same as `search/match.ts` on every store. https://hl7.org/fhir/R4/search.html */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containedType } from '../../src/search/contained.ts';
import type { Criterion, ValueTest } from '../../src/search/criteria.ts';
import type { IndexEntry } from '../../src/search/entry.ts';
import type { Indexed } from '../../src/search/match.ts';

import { arbitraryCriterion, arbitraryLeaf, arbitraryResources, parametersOf, types } from '../search/arbitraries.ts';
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

    it('finds contained resources by the criterion on them', async () => {
      await fc.assert(
        fc.asyncProperty(
          arbitraryResources,
          arbitraryResources,
          fc.array(
            fc.constantFrom(...types).chain((type) => arbitraryLeaf(type).map((criterion) => ({ type, criterion }))),
            { minLength: 1, maxLength: 12 },
          ),
          async (before, after, searches) => {
            const library = await Library.open(under);
            try {
              await library.put(before);
              await library.remove(before.filter((_, place) => place % 4 === 0));
              await library.put(after.slice(0, 6));
              for (const { type, criterion } of searches) {
                const asked = { count: 100, total: 'accurate' } as const;
                const parts = [{ type: containedType(type), criterion, sort: [] }];
                const page = await library.page(parts, asked);
                const found = page.matches.map((match) => `${match.type}/${match.id}#${match.contained}`).sort();
                expect(found, JSON.stringify(criterion)).toEqual(library.expectedInside(type, criterion));
                expect(page.total).toBe(found.length);
              }
            } finally {
              await library.store.close();
            }
          },
        ),
        { numRuns: 20 },
      );
    });

    it('finds any of many values', async () => {
      await fc.assert(
        fc.asyncProperty(
          arbitraryResources,
          fc.array(arbitraryLeaf('Observation'), { minLength: 60, maxLength: 200, size: 'max' }),
          async (resources, leaves) => {
            const library = await Library.open(under);
            try {
              await library.put(resources);
              for (const criterion of listsOf(leaves)) {
                const found = await library.search('Observation', criterion);
                expect(found.ids, JSON.stringify(criterion)).toEqual(library.expected('Observation', criterion));
                expect(found.total).toBe(found.ids.length);
              }
            } finally {
              await library.store.close();
            }
          },
        ),
        { numRuns: 15 },
      );
    });

    it('finds any of many beginnings and canonicals', async () => {
      const library = await Library.open(under);
      const numbers = Array.from({ length: 60 }, (_, n) => n);
      await library.put(
        numbers.map((n): Indexed => {
          const entries: IndexEntry[] = [
            { parameter: 'name', value: { kind: 'string', norm: `n${n} x`, exact: `N${n} X` } },
            { parameter: 'url', value: { kind: 'uri', value: `http://u/${n}${n % 2 === 0 ? '|1' : ''}` } },
          ];
          return { type: 'Observation', id: `o${n}`, lastUpdated: 0, entries };
        }),
      );
      const some = numbers.filter((n) => n % 3 === 0);
      const tests: Record<string, readonly ValueTest[]> = {
        name: some.map((n) => ({
          kind: 'string',
          match: n % 2 === 0 ? 'starts' : 'exact',
          value: n % 2 === 0 ? `n${n} ` : `N${n} X`,
        })),
        url: some.map((n) => ({ kind: 'uri', match: 'canonical', value: `http://u/${n}` })),
      };
      for (const parameter of parametersOf('Observation')) {
        const anyOf = tests[parameter.code];
        if (anyOf === undefined) continue;
        const list: Criterion = { kind: 'value', parameter, anyOf };
        for (const criterion of [list, { kind: 'not', of: list } as const]) {
          const expected = library.expected('Observation', criterion);
          expect(expected.length).toBe(criterion === list ? 20 : 40);
          expect((await library.search('Observation', criterion)).ids).toEqual(expected);
        }
      }
      await library.store.close();
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

/** The tests of all criteria on the same parameter as one criterion each, alone and negated. */
function listsOf(leaves: readonly Criterion[]): readonly Criterion[] {
  const lists = new Map<string, Extract<Criterion, { kind: 'value' }>>();
  for (const leaf of leaves) {
    if (leaf.kind !== 'value') continue;
    const key = `${leaf.parameter.code} ${leaf.parameter.textual}`;
    const known = lists.get(key);
    lists.set(key, known === undefined ? leaf : { ...known, anyOf: [...known.anyOf, ...leaf.anyOf] });
  }
  return [...lists.values()].flatMap((list): Criterion[] => [list, { kind: 'not', of: list }]);
}

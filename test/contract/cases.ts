/** Thousands of random criteria and sorts on a few stores: each finds what `search/match.ts` says. https://hl7.org/fhir/R4/search.html */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containedType } from '../../src/search/contained.ts';
import type { Criterion, SortKey } from '../../src/search/criteria.ts';
import { compareBy } from '../../src/search/match.ts';
import {
  arbitraryCriterion,
  arbitraryLeaf,
  arbitraryOwnSort,
  arbitrarySort,
  resourcesFrom,
  types,
} from '../search/arbitraries.ts';
import { firstSeed, missed } from '../search/cases.ts';
import { Kinds } from '../search/kinds.ts';
import { Library, type SearchSubject } from './library.ts';

interface Case {
  readonly type: string;
  /** Whether contained resources of the type are searched. */
  readonly inside: boolean;
  readonly criterion: Criterion;
  readonly sort: readonly SortKey[];
}

/** More than a store ever has. */
const all = { count: 100, total: 'accurate' } as const;

const arbitraryCase: fc.Arbitrary<Case> = fc.oneof(
  ...types.flatMap((type) => {
    const criterion = arbitraryCriterion(type);
    const sort = arbitrarySort(type);
    const none = fc.constant([]);
    const own = { type: fc.constant(type), inside: fc.constant(false) };
    return [
      { weight: 5, arbitrary: fc.record({ ...own, criterion, sort: none }) },
      { weight: 3, arbitrary: fc.record({ ...own, criterion, sort }) },
      {
        weight: 1,
        arbitrary: arbitraryLeaf(type).chain((leaf) =>
          fc.record({ ...own, criterion: fc.constant(leaf), sort: arbitraryOwnSort(leaf) }),
        ),
      },
      {
        weight: 1,
        arbitrary: fc.record({ ...own, inside: fc.constant(true), criterion: arbitraryLeaf(type), sort: none }),
      },
    ];
  }),
);

const filling = fc.tuple(resourcesFrom(10), resourcesFrom(0), resourcesFrom(4));

/** A store after creations, deletions and updates. */
async function filled(under: SearchSubject, seed: number): Promise<Library> {
  const library = await Library.open(under);
  for (const [first, second, third] of fc.sample(filling, { numRuns: 1, seed })) {
    await library.put(second);
    await library.remove(second.filter((_, place) => place % 3 === 0));
    await library.put(first);
    await library.put(third.slice(0, 6));
  }
  return library;
}

/** @returns how many matches it has, of how many resources. */
async function check(library: Library, { type, inside, criterion, sort }: Case): Promise<readonly [number, number]> {
  const searched = inside ? containedType(type) : type;
  const page = await library.page([{ type: searched, criterion, sort }], all);
  const expected = inside ? library.expectedInside(type, criterion) : library.expected(type, criterion);
  const found = page.matches.map((match) => (inside ? `${match.type}/${match.id}#${match.contained}` : match.id));
  expect([...found].sort()).toEqual(expected);
  expect(page.total).toBe(expected.length);
  if (inside) return [expected.length, library.expectedInside(type, { kind: 'and', of: [] }).length];
  if (sort.length === 0) expect(await library.store.matches(type, criterion, 100)).toEqual(expected);
  const order = compareBy(sort, library.others);
  const resources = found.map((id) => library.others.get(type, id));
  resources.forEach((resource, n) => {
    const before = resources[n - 1];
    if (resource !== undefined && before !== undefined) expect(order(before, resource)).toBeLessThanOrEqual(0);
  });
  return [expected.length, [...library.others.of(type)].length];
}

/** @param subjects stores, or ways to read one; which one is filled depends on the seed. */
export function caseRules(subjects: readonly SearchSubject[], stores: number, cases: number): void {
  describe(`${cases} random searches`, () => {
    const kinds = new Kinds();
    let done = 0;
    let selective = 0;

    it.each(Array.from({ length: stores }, (_, n) => firstSeed + n))(
      'find what they mean (CASES_SEED=%i)',
      async (seed) => {
        const under = subjects[seed % subjects.length];
        if (under === undefined) throw new Error('there is a store');
        const library = await filled(under, seed);
        try {
          const property = fc.asyncProperty(arbitraryCase, async (each) => {
            const [found, of] = await check(library, each);
            kinds.criterion(each.criterion);
            kinds.sort(each.sort);
            done++;
            if (found > 0 && found < of) selective++;
          });
          await fc.assert(property, { numRuns: cases / stores, seed });
        } finally {
          await library.store.close();
        }
      },
      180_000,
    );

    it('were that many, of every kind, and most find some but not all', () => {
      expect(done).toBe(cases);
      expect(kinds.all.flatMap(missed)).toEqual([]);
      expect(selective).toBeGreaterThan(cases / 4);
    });
  });
}

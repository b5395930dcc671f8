/** Walks through the pages of a search, while others write. https://hl7.org/fhir/R4/http.html#paging */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containedType, isContained, resourceTypeOf } from '../../src/search/contained.ts';
import type { Criterion, SortKey } from '../../src/search/criteria.ts';
import type { IndexEntry } from '../../src/search/entry.ts';
import { compareBy, containedIn, type Indexed } from '../../src/search/match.ts';
import { CursorExpired } from '../../src/store/errors.ts';
import type { Position, SearchPage, TypeQuery } from '../../src/store/port.ts';
import {
  arbitraryCriterion,
  arbitraryLeaf,
  arbitraryOwnSort,
  arbitraryResources,
  arbitrarySort,
  parametersOf,
  sortOf,
  types,
} from '../search/arbitraries.ts';
import { Library, type Searchable, type SearchSubject } from './library.ts';
import { commit, day, failureOf, identified, patient, remove, usual } from './subject.ts';

const everything: Criterion = { kind: 'and', of: [] };

/** A search of one or both types; the parts sort by the same keys. */
interface Search {
  readonly parts: readonly TypeQuery[];
  readonly count: number;
}

/** Resources by themselves, and contained ones. */
const searched: readonly string[] = [...types, ...types.map(containedType)];

const arbitraryPart: fc.Arbitrary<TypeQuery> = fc
  .constantFrom(...types)
  .chain((type) =>
    arbitraryLeaf(type).chain((criterion) => arbitraryOwnSort(criterion).map((sort) => ({ type, criterion, sort }))),
  );

const arbitraryParts: fc.Arbitrary<readonly TypeQuery[]> = fc.oneof(
  { weight: 1, arbitrary: arbitraryPart.map((part) => [part]) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.oneof(
          { weight: 3, arbitrary: fc.subarray<string>([...types], { minLength: 1 }) },
          { weight: 1, arbitrary: fc.subarray([...searched], { minLength: 1, maxLength: 2 }) },
        ),
        arbitrarySort('Patient'),
      )
      .chain(([some, sort]) =>
        fc.tuple(
          ...some.map((type) =>
            fc
              .oneof({ weight: 2, arbitrary: arbitraryCriterion(resourceTypeOf(type), 2) }, fc.constant(everything))
              .map((criterion): TypeQuery => {
                // What is contained has neither a logical id nor words to sort by.
                const lacks = ({ by }: SortKey) => by === 'id' || (typeof by === 'object' && 'score' in by);
                const keys = some.some(isContained) ? sort.filter((key) => !lacks(key)) : sort;
                return { type, criterion, sort: keys.map((key) => ofType(key, resourceTypeOf(type))) };
              }),
          ),
        ),
      ),
  },
);

const arbitrarySearch: fc.Arbitrary<Search> = fc.record({
  parts: arbitraryParts,
  count: fc.integer({ min: 1, max: 4 }),
});

function ofType(key: SortKey, type: string): SortKey {
  return { ...key, by: sortOf(key.by, type) };
}

/** What others do between two pages. */
type Meanwhile =
  | { readonly kind: 'put'; readonly resources: readonly Indexed[] }
  | { readonly kind: 'remove'; readonly places: readonly number[] };

const arbitraryMeanwhile: fc.Arbitrary<Meanwhile> = fc.oneof(
  {
    weight: 2,
    arbitrary: arbitraryResources.map((resources): Meanwhile => ({ kind: 'put', resources: resources.slice(0, 5) })),
  },
  fc.array(fc.nat(30), { maxLength: 2 }).map((places): Meanwhile => ({ kind: 'remove', places })),
);

/** Does what others do; gives the resources that are gone. */
async function meanwhile(library: Library, event: Meanwhile | undefined, gone: Set<string>): Promise<void> {
  if (event?.kind === 'put') await library.put(event.resources);
  if (event?.kind !== 'remove') return;
  const { resources } = library;
  for (const place of event.places) {
    const resource = resources[place];
    if (resource === undefined) continue;
    await library.remove([resource]);
    gone.add(`${resource.type}/${resource.id}`);
  }
}

const nameOf = ({ type, id, contained, versionId }: SearchPage['matches'][number]) =>
  contained === undefined ? `${type}/${id}/${versionId}` : `${type}/${id}#${contained}/${versionId}`;
const keyOf = (name: string) => name.slice(0, name.lastIndexOf('/'));
/** The resource itself, or the one that contains it. */
const ownerOf = (name: string) => keyOf(name).split('#')[0] ?? '';

/** All pages from one on. */
async function walk(
  library: Library,
  { parts, count }: Search,
  start: SearchPage,
  direction: 'next' | 'previous',
  between: () => Promise<void> = async () => {},
): Promise<string[]> {
  const names = direction === 'next' ? start.matches.map(nameOf) : [];
  for (let page = start; ; ) {
    const position: Position | undefined = page[direction];
    if (position === undefined) return names;
    await between();
    page = await library.page(parts, { count, position: JSON.parse(JSON.stringify(position)) });
    expect(page.matches.length).toBeLessThanOrEqual(count);
    const found = page.matches.map(nameOf);
    if (direction === 'next') names.push(...found);
    else names.unshift(...found);
  }
}

export function walkRules(under: SearchSubject, runs = 40): void {
  describe('a walk', () => {
    it('shows all matches in the order of the sort, those without a value last', async () => {
      await fc.assert(
        fc.asyncProperty(
          arbitraryResources,
          fc.array(arbitrarySearch, { minLength: 1, maxLength: 6 }),
          async (resources, searches) => {
            const library = await Library.open(under);
            try {
              await library.put(resources);
              for (const search of searches) {
                const names = await walk(library, search, await library.page(search.parts, search), 'next');
                const expected = search.parts.flatMap(({ type, criterion }) =>
                  isContained(type)
                    ? library.expectedInside(resourceTypeOf(type), criterion)
                    : library.expected(type, criterion).map((id) => `${type}/${id}`),
                );
                expect(names.map(keyOf).sort()).toEqual([...expected].sort());
                const found = names.map((name) => byName(library, keyOf(name)));
                const order = compareBy(search.parts[0]?.sort ?? [], library.others);
                found.forEach((resource, place) => {
                  const before = found[place - 1];
                  if (before !== undefined)
                    expect(order(before, resource), JSON.stringify(search)).toBeLessThanOrEqual(0);
                });
              }
            } finally {
              await library.store.close();
            }
          },
        ),
        { numRuns: runs },
      );
    });

    it('is the same backwards', async () => {
      await fc.assert(
        fc.asyncProperty(
          arbitraryResources,
          fc.array(arbitrarySearch, { minLength: 1, maxLength: 6 }),
          async (resources, searches) => {
            const library = await Library.open(under);
            try {
              await library.put(resources);
              for (const search of searches) {
                const first = await library.page(search.parts, search);
                expect(first.previous).toBeUndefined();
                const pages = [first];
                for (let page = first; page.next !== undefined; pages.push(page)) {
                  page = await library.page(search.parts, { ...search, position: page.next });
                  expect(page.previous).toBeDefined();
                  expect(page.first).toBeDefined();
                }
                if (pages.length === 1) expect(first.first).toBeUndefined();
                for (
                  let place = pages.length - 1, page = pages[place];
                  place > 0 && page?.previous !== undefined;
                  place--
                ) {
                  page = await library.page(search.parts, { ...search, position: page.previous });
                  expect(page.matches.map(nameOf)).toEqual(pages[place - 1]?.matches.map(nameOf));
                  expect(page.next).toBeDefined();
                  expect(page.previous === undefined).toBe(place === 1);
                }
                const last = pages.at(-1);
                if (last?.first !== undefined) {
                  const again = await library.page(search.parts, { ...search, position: last.first });
                  expect(again.matches.map(nameOf)).toEqual(first.matches.map(nameOf));
                }
              }
            } finally {
              await library.store.close();
            }
          },
        ),
        { numRuns: runs },
      );
    });

    it('shows a resource with several matching values once', async () => {
      const library = await Library.open(under);
      const token = (parameter: string, system: string, value: string): IndexEntry => {
        return { parameter, value: { kind: 'token', system, value } };
      };
      const entries = [token('code', '', 'abc'), token('code', 'urn:s', 'abc'), token('code', 'urn:s', 'ABC')];
      await library.put([
        { type: 'Observation', id: 'a', lastUpdated: 0, entries: [...entries, token('status', '', 'abc')] },
        { type: 'Observation', id: 'b', lastUpdated: 0, entries },
        { type: 'Observation', id: 'c', lastUpdated: 0, entries: entries.slice(0, 1) },
      ]);
      const parameters = parametersOf('Observation');
      const criteria: Criterion[] = [everything];
      for (const parameter of parameters.filter((each) => each.code === 'code')) {
        criteria.push({ kind: 'value', parameter, anyOf: [{ kind: 'token', code: 'abc', fold: true }] });
      }
      for (const criterion of criteria) {
        for (const by of ['lastUpdated' as const, ...parameters.filter(({ kind }) => kind !== 'composite')]) {
          for (const sort of [[], [{ by, descending: false }], [{ by, descending: true }]]) {
            const search = { parts: [{ type: 'Observation', criterion, sort }], count: 1 };
            const names = await walk(library, search, await library.page(search.parts, search), 'next');
            expect(names.map(keyOf).sort()).toEqual(['Observation/a', 'Observation/b', 'Observation/c']);
          }
        }
      }
      await library.store.close();
    });

    it('shows the state of its first page, without what was deleted since', async () => {
      await fc.assert(
        fc.asyncProperty(
          arbitraryResources,
          arbitraryResources,
          arbitrarySearch,
          fc.array(arbitraryMeanwhile, { maxLength: 8 }),
          async (earlier, resources, search, events) => {
            const library = await Library.open(under);
            try {
              await library.put(earlier);
              await library.put(resources);
              const whole = (await library.page(search.parts, { count: 100 })).matches.map(nameOf).sort();
              const first = await library.page(search.parts, search);
              const gone = new Set<string>();
              const left = [...events];
              const names = await walk(library, search, first, 'next', () => meanwhile(library, left.shift(), gone));
              expect([...new Set(names)]).toEqual(names);
              // What was shown before it was deleted stays shown.
              expect(whole).toEqual(expect.arrayContaining(names));
              expect(whole.filter((name) => !names.includes(name) && !gone.has(ownerOf(name)))).toEqual([]);
            } finally {
              await library.store.close();
            }
          },
        ),
        { numRuns: runs },
      );
    });

    it('goes back through the same state', async () => {
      await fc.assert(
        fc.asyncProperty(
          arbitraryResources,
          arbitrarySearch,
          fc.array(arbitraryMeanwhile, { maxLength: 8 }),
          async (resources, search, events) => {
            const library = await Library.open(under);
            try {
              await library.put(resources);
              let page = await library.page(search.parts, search);
              const forwards = page.matches.map(nameOf);
              while (page.next !== undefined) {
                page = await library.page(search.parts, { ...search, position: page.next });
                forwards.push(...page.matches.map(nameOf));
              }
              const gone = new Set<string>();
              const left = [...events];
              const back = await walk(library, search, page, 'previous', () => meanwhile(library, left.shift(), gone));
              const expected = forwards.slice(0, forwards.length - page.matches.length);
              const shown = expected.filter((name) => back.includes(name));
              expect(back).toEqual(shown);
              expect(expected.filter((name) => !back.includes(name) && !gone.has(ownerOf(name)))).toEqual([]);
            } finally {
              await library.store.close();
            }
          },
        ),
        { numRuns: runs },
      );
    });
  });

  describe('a page', () => {
    let store: Searchable;
    let now = 1_000_000;
    beforeAll(async () => {
      store = await under.open({ ...usual, clock: () => now });
      await commit(
        store,
        ['1', '2', '3', '4', '5'].map((id) => patient(`p${id}`, 'p')),
      );
    });
    afterAll(() => store.close());

    const parts: readonly TypeQuery[] = [{ type: 'Patient', criterion: identified('p'), sort: [] }];
    const ask = (more: {
      count?: number;
      total?: 'none' | 'bounded' | 'accurate';
      totalBound?: number;
      position?: Position;
    }) => store.search({ parts, count: 2, total: 'bounded', totalBound: 10_000, budget: 10_000, ...more });

    it('has an exact total up to the bound, and none beyond', async () => {
      expect((await ask({})).total).toBe(5);
      expect((await ask({ totalBound: 5 })).total).toBe(5);
      expect((await ask({ totalBound: 4 })).total).toBeUndefined();
      expect((await ask({ totalBound: 4, total: 'accurate' })).total).toBe(5);
      expect((await ask({ total: 'none' })).total).toBeUndefined();
    });

    it('of no matches asks for the total alone', async () => {
      const page = await ask({ count: 0 });
      expect(page).toEqual({ matches: [], total: 5 });
    });

    it('keeps the total of the first page', async () => {
      const first = await ask({});
      await commit(store, [patient('p6', 'p')]);
      const second = await ask(first.next === undefined ? {} : { position: first.next });
      expect(second.total).toBe(5);
      await commit(store, [remove('Patient', 'p6')]);
    });

    it('has the stored bytes', async () => {
      const page = await ask({ count: 1 });
      const [match] = page.matches;
      expect(match).toEqual(await store.read('Patient', match?.id ?? ''));
    });

    it('of a walk that is too old throws CursorExpired', async () => {
      const { next } = await ask({});
      if (next === undefined) throw new Error('there is a next page');
      now += day;
      expect((await ask({ position: next })).matches).toHaveLength(2);
      now += 1;
      expect(await failureOf(ask({ position: next }))).toBeInstanceOf(CursorExpired);
    });
  });
}

function byName(library: Library, name: string): Indexed {
  const [owner, inside] = name.split('#');
  const resource = library.resources.find(({ type, id }) => `${type}/${id}` === owner);
  const found = inside === undefined ? resource : resource && containedIn(resource).find(({ id }) => id === inside);
  if (found === undefined) throw new Error(`${name} isn't there`);
  return found;
}

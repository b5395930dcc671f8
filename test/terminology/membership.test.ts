/** A code is in a value set exactly if it is in its expansion, wherever its code system is. https://hl7.org/fhir/R4/valueset-operation-validate-code.html */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { LoadedConcepts } from '../../src/interactions/loaded-concepts.ts';
import { wordsIn } from '../../src/search/words.ts';
import type { LoadedConcept, LoadedSystem } from '../../src/store/terminology.ts';
import { readCodeSystem } from '../../src/terminology/code-system.ts';
import type { Concepts } from '../../src/terminology/concepts.ts';
import type { TermSource } from '../../src/terminology/contents.ts';
import { expansionOf, type Wanted } from '../../src/terminology/expansion.ts';
import { membershipIn } from '../../src/terminology/membership.ts';
import { MemoryConcepts } from '../../src/terminology/memory-concepts.ts';
import { Work } from '../../src/terminology/work.ts';
import { type TestServer, testServer } from '../http/server.ts';

const url = 'urn:tree';
const other = 'urn:other';
const words = ['knee', 'left knee', 'Hüfte', 'hip joint', 'kneecap', 'arm'];

/** Twelve codes; each is below up to two of those before it. */
const size = 12;
const concepts: readonly LoadedConcept[] = Array.from({ length: size }, (_, n) => ({
  code: `c${n}`,
  display: words[n % words.length] ?? '',
  parents: [...new Set(n === 0 ? [] : [Math.floor(n / 2), n - (n % 3) - 1].filter((at) => at >= 0 && at < n))].map(
    (at) => `c${at}`,
  ),
  ...(n % 5 === 4 && { inactive: true }),
  ...(n % 7 === 3 && { abstract: true }),
  properties: n % 2 === 0 ? [['side', n % 4 === 0 ? 'left' : 'right'] as const] : [],
}));
const system: LoadedSystem = {
  url,
  version: '',
  title: 'Tree',
  caseSensitive: true,
  properties: [{ code: 'side', type: 'code' }],
};
const resource: JsonObject = {
  resourceType: 'CodeSystem',
  url,
  content: 'complete',
  property: [{ code: 'side', type: 'code' }],
  concept: concepts.map(({ code, display, parents, inactive, abstract, properties = [] }) => ({
    code,
    display,
    property: [
      ...parents.map((parent) => ({ code: 'parent', valueCode: parent })),
      ...properties.map(([name, value]) => ({ code: name, valueCode: value })),
      ...(inactive === true ? [{ code: 'inactive', valueBoolean: true }] : []),
      ...(abstract === true ? [{ code: 'notSelectable', valueBoolean: true }] : []),
    ],
  })),
};

let server: TestServer;
let places: Readonly<Record<'memory' | 'store', Concepts>>;

beforeAll(async () => {
  server = await testServer();
  const { terminology } = server.context.store;
  await terminology.load(system, async function* () {
    yield concepts;
  });
  places = {
    memory: new MemoryConcepts(readCodeSystem(resource), wordsIn),
    store: new LoadedConcepts(terminology, system),
  };
});
afterAll(() => server.close());

/** With one that there isn't. */
const code = fc.integer({ min: 0, max: size }).map((n) => `c${n}`);
const codes = fc.array(code, { minLength: 1, maxLength: 3 });
const filter: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({
    property: fc.constant('concept'),
    op: fc.constantFrom('is-a', 'descendent-of', 'is-not-a', 'generalizes', '='),
    value: code,
  }),
  fc.record({
    property: fc.constant('code'),
    op: fc.constantFrom('in', 'not-in'),
    value: codes.map((each) => each.join(',')),
  }),
  fc.record({
    property: fc.constant('side'),
    op: fc.constantFrom('=', 'in', 'not-in'),
    value: fc.constantFrom('left', 'right', 'none'),
  }),
  fc.record({ property: fc.constant('side'), op: fc.constant('exists'), value: fc.constantFrom('true', 'false') }),
  fc.record({ property: fc.constantFrom('parent', 'child'), op: fc.constant('='), value: code }),
  fc.record({
    property: fc.constantFrom('concept', 'side', 'parent', 'child'),
    op: fc.constant('regex'),
    value: fc.constantFrom('c.', '.*1', 'c[2-5]|c1.?', 'l.*', '(?:left|right)', '.', ''),
  }),
);
const part = (sets: readonly string[]): fc.Arbitrary<JsonObject> =>
  fc.oneof(
    fc.constant({ system: url }),
    fc.record({
      system: fc.constantFrom(url, other),
      concept: fc.array(
        fc.integer({ min: 0, max: size - 1 }).map((n) => ({ code: `c${n}` })),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    fc.array(filter, { minLength: 1, maxLength: 2 }).map((each) => ({ system: url, filter: each })),
    ...(sets.length === 0
      ? []
      : [
          fc.subarray([...sets], { minLength: 1 }).map((each) => ({ valueSet: each })),
          fc
            .tuple(fc.subarray([...sets], { minLength: 1 }), filter)
            .map(([each, one]) => ({ system: url, valueSet: each, filter: [one] })),
        ]),
  );
const composed = (sets: readonly string[]): fc.Arbitrary<JsonObject> =>
  fc
    .record(
      {
        include: fc.array(part(sets), { minLength: 1, maxLength: 3 }),
        exclude: fc.array(part(sets), { minLength: 1, maxLength: 2 }),
        inactive: fc.boolean(),
      },
      { requiredKeys: ['include'] },
    )
    .map((compose) => ({ url: 'urn:v', compose }));
const library = fc.record({ 'urn:a': composed([]), 'urn:b': composed(['urn:a']) });

const all: Wanted = {
  text: undefined,
  activeOnly: false,
  selectableOnly: false,
  withoutSystems: [],
  offset: 0,
  count: undefined,
  most: 1000,
};
const sourceOf = (sets: Readonly<Record<string, JsonObject>>, at: Concepts): TermSource => ({
  valueSet: async (canonical) => sets[canonical],
  codeSystem: async (canonical) => (canonical === url ? at : undefined),
});
const expanded = async (set: JsonObject, source: TermSource, wanted: Partial<Wanted> = {}) => {
  const making = { source, work: new Work('it'), wordsOf: wordsIn, wanted: { ...all, ...wanted } };
  const { entries, total } = await expansionOf(set, 'it', making);
  return { keys: entries.map((each) => `${each.system}|${each.concept.code}`), total };
};

describe.each(['memory', 'store'] as const)('with the code system in the %s', (place) => {
  test('a code is in a value set if and only if it is in its expansion', async () => {
    await fc.assert(
      fc.asyncProperty(library, composed(['urn:a', 'urn:b']), async (sets, set) => {
        const source = sourceOf(sets, places[place]);
        const { keys, total } = await expanded(set, source);
        const membership = await membershipIn(set, 'it', source, new Work('it'));
        expect(total).toBe(keys.length);
        expect(new Set(keys).size).toBe(keys.length);
        for (let n = 0; n <= size; n += 1) {
          expect([n, await membership.has(url, `c${n}`)]).toEqual([n, keys.includes(`${url}|c${n}`)]);
          expect([n, await membership.has(other, `c${n}`)]).toEqual([n, keys.includes(`${other}|c${n}`)]);
        }
      }),
    );
  });

  test('pages make up the whole, with a filter and without inactive or abstract codes, too', async () => {
    const narrowed = fc.record({
      text: fc.constantFrom(undefined, 'kn', 'hip', 'hufte', 'c1', 'left kn'),
      activeOnly: fc.boolean(),
      selectableOnly: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        library,
        composed(['urn:a']),
        narrowed,
        fc.integer({ min: 1, max: 4 }),
        async (sets, set, wanted, count) => {
          const source = sourceOf(sets, places[place]);
          const whole = await expanded(set, source, wanted);
          const paged: string[] = [];
          for (let offset = 0; offset < whole.total; offset += count) {
            const page = await expanded(set, source, { ...wanted, offset, count });
            expect(page.total).toBe(whole.total);
            paged.push(...page.keys);
          }
          expect(paged).toEqual(whole.keys);
          const unnarrowed = await expanded(set, source);
          expect(unnarrowed.keys).toEqual(expect.arrayContaining(whole.keys));
        },
      ),
    );
  });
});

test('memory and store give the same codes', async () => {
  const narrowed = fc.record({
    text: fc.constantFrom(undefined, 'kn', 'hip', 'c1', 'left kn'),
    activeOnly: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(library, composed(['urn:a', 'urn:b']), narrowed, async (sets, set, wanted) => {
      const [memory, store] = [sourceOf(sets, places.memory), sourceOf(sets, places.store)];
      expect((await expanded(set, store, wanted)).keys.toSorted()).toEqual(
        (await expanded(set, memory, wanted)).keys.toSorted(),
      );
    }),
  );
});

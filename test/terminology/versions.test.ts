/** Value sets that take codes of several versions of a system. https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.version */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { wordsIn } from '../../src/search/words.ts';
import { readCodeSystem } from '../../src/terminology/code-system.ts';
import type { TermSource } from '../../src/terminology/contents.ts';
import { expandValueSet } from '../../src/terminology/expand.ts';
import { expansionOf } from '../../src/terminology/expansion.ts';
import { membershipIn } from '../../src/terminology/membership.ts';
import { MemoryConcepts } from '../../src/terminology/memory-concepts.ts';
import { Work } from '../../src/terminology/work.ts';

const system = 'urn:colours';
/** By version its codes, and which of them are inactive there. */
const versions = { '1': ['abcd', 'b'], '2': ['cdef', 'ce'] } as const;
type Version = keyof typeof versions;
const conceptsOf = (version: Version, Kind = MemoryConcepts): MemoryConcepts => {
  const [codes, inactive] = versions[version];
  const concept = [...codes].map((code) => ({
    code,
    property: [{ code: 'inactive', valueBoolean: inactive.includes(code) }],
  }));
  return new Kind(readCodeSystem({ url: system, version, content: 'complete', concept }), wordsIn);
};
const first = conceptsOf('1');
const second = conceptsOf('2');
const systems = new Map([
  [system, second],
  [`${system}|1`, first],
  [`${system}|2`, second],
]);
const asked = [...'abcdefg'];

const codesOf = (codes: string) =>
  fc.subarray([...codes], { minLength: 1 }).map((some) => some.map((code) => ({ code })));
const ofVersion = fc.constantFrom<Version>('1', '2').chain((version) => {
  const [codes] = versions[version];
  const named = fc.constantFrom({ system, version }, ...(version === '2' ? [{ system }] : []));
  const filter = fc
    .subarray([...codes], { minLength: 1 })
    .map((some) => [{ property: 'code', op: 'not-in', value: some.join() }]);
  return fc
    .tuple(named, fc.oneof(fc.constant({}), fc.record({ concept: codesOf(codes) }), fc.record({ filter })))
    .map(([of, more]): JsonObject => ({ ...of, ...more }));
});
const part = (sets: readonly string[]): fc.Arbitrary<JsonObject> => {
  const valueSet = fc.subarray([...sets], { minLength: 1 });
  return fc.oneof(
    ofVersion,
    valueSet.map((each) => ({ valueSet: each })),
    fc.tuple(ofVersion, valueSet).map(([own, each]) => ({ ...own, valueSet: each })),
  );
};
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
    .map((compose) => ({ compose }));
const library = fc.record({
  'urn:expansion': codesOf('aceg').map((codes): JsonObject => {
    return { expansion: { contains: codes.map((each) => ({ system, ...each })) } };
  }),
  'urn:a': composed(['urn:expansion']),
  'urn:b': composed(['urn:expansion', 'urn:a']),
});

const sourceOf = (sets: Readonly<Record<string, JsonObject>>, here = systems): TermSource => ({
  valueSet: async (canonical) => new Map(Object.entries(sets)).get(canonical),
  codeSystem: async (canonical) => here.get(canonical),
});
const all = { text: undefined, activeOnly: false, selectableOnly: false, withoutSystems: [], offset: 0 };
const expanded = async (set: JsonObject, source: TermSource): Promise<string> => {
  const wanted = { ...all, count: undefined, most: 100 };
  const { entries, total } = await expansionOf(set, 'it', { source, work: new Work('it'), wordsOf: wordsIn, wanted });
  expect(total).toBe(entries.length);
  return entries.map(({ concept }) => concept.code).join('');
};
/** The codes that are told to be in a set, of a version where one is named. */
const told = async (set: JsonObject, source: TermSource, version?: Version): Promise<string> => {
  const membership = await membershipIn(set, 'it', source, new Work('it'));
  const codes: string[] = [];
  for (const code of asked) if ((await membership.has(system, code, version)) === true) codes.push(code);
  return codes.join('');
};
const sorted = (codes: string) => [...codes].sort().join('');

test('a code is in a value set if and only if it is in its expansion, and then of a version that it takes', async () => {
  await fc.assert(
    fc.asyncProperty(library, composed(['urn:a', 'urn:b', 'urn:expansion']), async (sets, set) => {
      const source = sourceOf(sets);
      const codes = sorted(await expanded(set, source));
      expect(await told(set, source)).toBe(codes);
      const taken = (await told(set, source, '1')) + (await told(set, source, '2'));
      expect(sorted([...new Set(taken)].join(''))).toBe(codes);
    }),
    { numRuns: 500 },
  );
});

const listing = (codes: string, version: string): JsonObject => ({
  system,
  version,
  concept: [...codes].map((code) => ({ code })),
});
const whole = (version: string): JsonObject => ({ system, version });
const setOf = (...include: readonly JsonObject[]): JsonObject => ({ compose: { include } });

describe('what is listed beside all codes of another version', () => {
  const some = { 'urn:listed': setOf(listing('cg', '9')) };
  class Unspelled extends MemoryConcepts {
    override codes(): never {
      throw new Error('all codes were asked for');
    }
  }
  const unspelled = conceptsOf('2', Unspelled);
  const source = sourceOf(some, new Map([[system, unspelled]]));
  test.each<[string, JsonObject, readonly string[] | undefined]>([
    ['in both', setOf({ system, valueSet: ['urn:listed'] }), ['c']],
    ['in either', setOf({ system }, listing('cd', '9')), undefined],
    ['left out', { compose: { include: [listing('cg', '9')], exclude: [{ system }] } }, ['g']],
  ])('is looked up, and no other code: %s', async (_how, set, codes) => {
    const expansion = await expandValueSet('urn:it', {
      ...source,
      valueSet: async (url) => new Map([...Object.entries(some), ['urn:it', set]]).get(url),
    });
    expect(expansion).toEqual([{ system, codes }]);
  });

  test('is in the set even where the whole hasn’t it', async () => {
    const imported = { 'urn:e': { expansion: { contains: [{ system, code: 'g' }] } } };
    for (const include of [
      [listing('ag', '9'), whole('2')],
      [whole('2'), { valueSet: ['urn:e'] }, listing('a', '1')],
    ]) {
      const set = setOf(...include);
      expect(sorted(await expanded(set, sourceOf(imported)))).toBe('acdefg');
      expect(await told(set, sourceOf(imported))).toBe('acdefg');
    }
  });

  test('leaves out what the whole has of it', async () => {
    const less = setOf(whole('2'));
    const sets = { 'urn:less': { compose: { include: [whole('2')], exclude: [listing('bd', '1')] } }, 'urn:all': less };
    expect(
      await expanded({ compose: { include: [whole('2')], exclude: [{ valueSet: ['urn:less'] }] } }, sourceOf(sets)),
    ).toBe('d');
  });
});

test('a system that isn’t here refuses nothing where its codes aren’t compared', async () => {
  const [bones, nowhere] = ['urn:bones', 'urn:nowhere'];
  const absent = [
    { system: nowhere, version: '1' },
    { system: nowhere, version: '2' },
  ];
  const sets = { 'urn:set': setOf({ system: bones }, ...absent) };
  for (const set of [
    { compose: { include: [{ system: bones }], exclude: absent } },
    setOf({ system: bones, valueSet: ['urn:set'] }),
  ])
    expect(await expandValueSet('urn:it', sourceOf({ ...sets, 'urn:it': set }))).toEqual([
      { system: bones, codes: undefined },
    ]);
});

test('a code is inactive by the version that it is taken from', async () => {
  const sets = {
    'urn:first': setOf(whole('1')),
    'urn:both': setOf(whole('1'), whole('2')),
    'urn:some': setOf(listing('d', '1'), listing('ce', '2')),
  };
  const active = (...include: readonly JsonObject[]): JsonObject => ({ compose: { inactive: false, include } });
  for (const [set, codes, ofFirst, ofSecond] of [
    [active({ valueSet: ['urn:first'] }), 'acd', 'acd', ''],
    [active({ valueSet: ['urn:both'] }), 'acddf', 'acd', 'df'],
    [active(whole('1'), whole('2')), 'acddf', 'acd', 'df'],
    [active({ valueSet: ['urn:some'] }), 'd', 'd', ''],
    [active({ ...whole('2'), valueSet: ['urn:both'] }), 'df', '', 'df'],
  ] as const) {
    const source = sourceOf(sets);
    expect(sorted(await expanded(set, source))).toBe([...new Set(codes)].join(''));
    expect(await told(set, source)).toBe([...new Set(codes)].join(''));
    expect([await told(set, source, '1'), await told(set, source, '2')]).toEqual([ofFirst, ofSecond]);
  }
});

test('what is excluded, and what value sets of an include have, are codes, whatever version they are said to be of', async () => {
  const sets = { 'urn:d': setOf(listing('d', '2')), 'urn:first': setOf(whole('1')), 'urn:second': setOf(whole('2')) };
  for (const [compose, ofFirst, ofSecond] of [
    [{ include: [whole('2')], exclude: [{ ...whole('1'), valueSet: ['urn:d'] }] }, '', 'cef'],
    [{ include: [whole('2')], exclude: [whole('1')] }, '', 'ef'],
    [{ include: [{ ...whole('2'), valueSet: ['urn:first'] }] }, '', 'cd'],
    [{ include: [{ valueSet: ['urn:first', 'urn:second'] }] }, 'cd', 'cd'],
  ] as const) {
    const source = sourceOf(sets);
    expect(sorted(await expanded({ compose }, source))).toBe(ofSecond);
    expect([await told({ compose }, source), await told({ compose }, source, '1')]).toEqual([ofSecond, ofFirst]);
    expect(await told({ compose }, source, '2')).toBe(ofSecond);
  }
});

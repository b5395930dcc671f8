/** What value sets come to, and which codes subsume which. https://hl7.org/fhir/R4/valueset.html#compositions */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { wordsIn } from '../../src/search/words.ts';
import { builtIn } from '../../src/terminology/built-in.ts';
import { type CodeSystem, type Concept, readCodeSystem } from '../../src/terminology/code-system.ts';
import type { ConceptDetail } from '../../src/terminology/concepts.ts';
import type { TermSource } from '../../src/terminology/contents.ts';
import { expandValueSet, subsumption } from '../../src/terminology/expand.ts';
import { membershipOf } from '../../src/terminology/membership.ts';
import { MemoryConcepts } from '../../src/terminology/memory-concepts.ts';
import { Work } from '../../src/terminology/work.ts';

const bones: JsonObject = {
  resourceType: 'CodeSystem',
  url: 'urn:bones',
  content: 'complete',
  property: [
    { code: 'side', type: 'code' },
    { code: 'within', type: 'code', uri: 'http://hl7.org/fhir/concept-properties#parent' },
  ],
  concept: [
    {
      code: 'leg',
      concept: [
        { code: 'knee', property: [{ code: 'side', valueCode: 'left' }] },
        { code: 'hip', concept: [{ code: 'head', property: [{ code: 'side', valueCode: 'right' }] }] },
      ],
    },
    { code: 'arm' },
    { code: 'elbow', property: [{ code: 'within', valueCode: 'arm' }] },
    { code: 'loop', property: [{ code: 'subsumedBy', valueCode: 'pool' }] },
    { code: 'pool', property: [{ code: 'subsumedBy', valueCode: 'loop' }] },
  ],
};
const some = (count: number) => Array.from({ length: count }, (_, n) => ({ code: `c${n}` }));
const many: JsonObject = {
  resourceType: 'CodeSystem',
  url: 'urn:many',
  content: 'complete',
  concept: [{ code: 'all', concept: some(10_001) }],
};
const absent: JsonObject = { resourceType: 'CodeSystem', url: 'urn:absent', content: 'not-present' };

const systems = new Map([bones, many, absent].map((system) => [String(system.url), readCodeSystem(system)]));
const concepts = (system: CodeSystem | undefined) => system && new MemoryConcepts(system, wordsIn);
const sourceOf = (sets: Readonly<Record<string, JsonObject>>): TermSource => ({
  valueSet: async (canonical) => (Object.hasOwn(sets, canonical) ? sets[canonical] : undefined),
  codeSystem: async (canonical) => concepts(systems.get(canonical)),
});
/** `urn:many` whose concepts are read from another map. */
const manySystem = readCodeSystem(many);
const manyOf = (read: ReadonlyMap<string, Concept>) => concepts({ ...manySystem, concepts: read });

async function codesOf(compose: JsonObject, others: Readonly<Record<string, JsonObject>> = {}): Promise<unknown> {
  const expanded = await expandValueSet('urn:v', sourceOf({ ...others, 'urn:v': { compose } }));
  return Object.fromEntries(
    expanded.map(({ system, codes }) => [system, codes === undefined ? 'all' : [...codes].sort().join(' ')]),
  );
}

const filter = (property: string, op: string, value: string): JsonObject => ({
  include: [{ system: 'urn:bones', filter: [{ property, op, value }] }],
});

describe('a value set', () => {
  test('of listed codes, of whole systems', async () => {
    expect(await codesOf({ include: [{ system: 'urn:x', concept: [{ code: 'b' }, { code: 'a' }] }] })).toEqual({
      'urn:x': 'a b',
    });
    expect(await codesOf({ include: [{ system: 'urn:unheard-of' }] })).toEqual({ 'urn:unheard-of': 'all' });
    expect(
      await codesOf({
        include: [{ system: 'urn:x', concept: [{ code: 'a' }] }, { system: 'urn:x' }, { system: 'urn:y' }],
      }),
    ).toEqual({ 'urn:x': 'all', 'urn:y': 'all' });
  });

  test.each<[string, string, string, string]>([
    ['concept', 'is-a', 'hip', 'head hip'],
    ['concept', 'is-a', 'arm', 'arm elbow'],
    ['code', 'is-a', 'loop', 'loop pool'],
    ['concept', 'descendent-of', 'leg', 'head hip knee'],
    ['concept', 'is-not-a', 'leg', 'arm elbow loop pool'],
    ['concept', 'generalizes', 'head', 'head hip leg'],
    ['concept', '=', 'hip', 'hip'],
    ['concept', 'in', 'hip,arm', 'arm hip'],
    ['concept', 'not-in', 'hip,arm,leg', 'elbow head knee loop pool'],
    ['side', '=', 'left', 'knee'],
    ['side', 'in', 'left,right', 'head knee'],
    ['side', 'exists', 'true', 'head knee'],
    ['side', 'exists', 'false', 'arm elbow hip leg loop pool'],
    ['parent', '=', 'leg', 'hip knee'],
    ['child', '=', 'head', 'hip'],
    ['concept', 'regex', 'h.*', 'head hip'],
    ['code', 'regex', 'h', ''],
    ['code', 'regex', '^(?:leg|arm)$', 'arm leg'],
    ['side', 'regex', 'l.+t', 'knee'],
    ['parent', 'regex', '.*g', 'hip knee'],
    ['child', 'regex', 'h(ip|ead)', 'hip leg'],
  ])('with the filter %s %s %s', async (property, op, value, expected) => {
    expect(await codesOf(filter(property, op, value))).toEqual({ 'urn:bones': expected });
  });

  test('of several filters has what passes all', async () => {
    const filters = [
      { property: 'concept', op: 'is-a', value: 'leg' },
      { property: 'side', op: 'exists', value: 'true' },
    ];
    expect(await codesOf({ include: [{ system: 'urn:bones', filter: filters }] })).toEqual({
      'urn:bones': 'head knee',
    });
  });

  test('that depends on very many supplements is refused', async () => {
    const dependsOn = {
      url: 'http://hl7.org/fhir/StructureDefinition/valueset-supplement',
      valueCanonical: 'urn:s',
    };
    const set = { extension: Array.from({ length: 10_001 }, () => dependsOn), compose: filter('side', '=', 'left') };
    const source = { ...sourceOf({ 'urn:v': set }), supplement: async () => true };
    await expect(expandValueSet('urn:v', source)).rejects.toThrow('too much work');
    await expect(membershipOf('urn:v', source, new Work('the set'))).rejects.toThrow('too much work');
  });

  test('of a regular expression on children looks at no concept by itself, others at some at a time', async () => {
    class Watched extends MemoryConcepts {
      most = 0;
      override children(): never {
        throw new Error('asked for the children of a concept');
      }
      override find(codes: readonly string[]): readonly ConceptDetail[] {
        this.most = Math.max(this.most, codes.length);
        return super.find(codes);
      }
    }
    const watched = new Watched(readCodeSystem({ ...many, concept: [{ code: 'all', concept: some(2500) }] }), wordsIn);
    const expanded = (property: string, value: string) => {
      const filter = [
        { property: 'concept', op: 'is-a', value: 'all' },
        { property, op: 'regex', value },
      ];
      const compose = { inactive: false, include: [{ system: 'urn:many', filter }] };
      return expandValueSet('urn:v', { ...sourceOf({ 'urn:v': { compose } }), codeSystem: async () => watched });
    };
    expect(await expanded('child', 'c.*')).toEqual([{ system: 'urn:many', codes: ['all'] }]);
    expect((await expanded('code', 'c.*'))[0]?.codes).toHaveLength(2500);
    expect(watched.most).toBe(1000);
  });

  test('of a regular expression and another filter has what passes both, and excludes it', async () => {
    const filters = [
      { property: 'code', op: 'regex', value: '(?:h|k).*' },
      { property: 'concept', op: 'descendent-of', value: 'hip' },
    ];
    const both = [{ system: 'urn:bones', filter: filters }];
    expect(await codesOf({ include: both })).toEqual({ 'urn:bones': 'head' });
    const include = [{ system: 'urn:bones', filter: filters.slice(0, 1) }];
    expect(await codesOf({ include, exclude: both })).toEqual({ 'urn:bones': 'hip knee' });
  });

  test('of a regular expression that can not be followed, or takes too much work, is refused with the reason', async () => {
    const on = (value: string) => codesOf(filter('code', 'regex', value));
    await expect(on('(?=h).*')).rejects.toThrow(/filter code regex .*urn:bones can't be followed: .*looks around/);
    await expect(on('(.)\\1')).rejects.toThrow(/can't be followed/);
    await expect(on('a{1,9999}b{1,9999}')).rejects.toThrow(/can't be followed: .*too large/);
    const include = [
      { system: 'urn:many', filter: [{ property: 'code', op: 'regex', value: '(?:(?:c?[0-9]?){40}){40}x' }] },
    ];
    await expect(codesOf({ include })).rejects.toThrow(/too much work/);
  });

  test('leaves out what it excludes', async () => {
    const exclude = [{ system: 'urn:bones', filter: [{ property: 'concept', op: 'is-a', value: 'leg' }] }];
    expect(await codesOf({ include: [{ system: 'urn:bones' }], exclude })).toEqual({
      'urn:bones': 'arm elbow loop pool',
    });
    const include = [{ system: 'urn:bones', concept: [{ code: 'hip' }, { code: 'arm' }] }];
    expect(await codesOf({ include, exclude })).toEqual({ 'urn:bones': 'arm' });
    expect(await codesOf({ include, exclude: [{ system: 'urn:bones' }] })).toEqual({ 'urn:bones': '' });
  });

  test('imports others: all of an include’s together, and of its system', async () => {
    const sets = {
      'urn:one': { compose: { include: [{ system: 'urn:x', concept: [{ code: 'a' }, { code: 'b' }] }] } },
      'urn:two': { compose: { include: [{ system: 'urn:x', concept: [{ code: 'b' }] }, { system: 'urn:y' }] } },
    };
    expect(await codesOf({ include: [{ valueSet: ['urn:one', 'urn:two'] }] }, sets)).toEqual({ 'urn:x': 'b' });
    expect(await codesOf({ include: [{ valueSet: ['urn:one'] }, { valueSet: ['urn:two'] }] }, sets)).toEqual({
      'urn:x': 'a b',
      'urn:y': 'all',
    });
    expect(await codesOf({ include: [{ system: 'urn:x', valueSet: ['urn:two'] }] }, sets)).toEqual({ 'urn:x': 'b' });
  });

  test('that includes itself is refused', async () => {
    const sets = { 'urn:w': { compose: { include: [{ valueSet: ['urn:v'] }] } } };
    await expect(codesOf({ include: [{ valueSet: ['urn:w'] }] }, sets)).rejects.toThrow(/includes itself/);
  });

  test('that is not here, and what it lacks, is named', async () => {
    await expect(expandValueSet('urn:nothing', sourceOf({}))).rejects.toThrow(/no value set urn:nothing/);
    const below = (system: string) => ({
      include: [{ system, filter: [{ property: 'concept', op: 'is-a', value: 'x' }] }],
    });
    await expect(codesOf(below('urn:unheard-of'))).rejects.toThrow(/code system urn:unheard-of is not here/);
    await expect(codesOf(below('urn:absent'))).rejects.toThrow(/urn:absent is here without its concepts/);
    await expect(codesOf(filter('display', 'regex', '.*'))).rejects.toThrow(/display regex.* is not supported/);
    await expect(codesOf(filter('colour', '=', 'red'))).rejects.toThrow(/colour =/);
    const exclude = [{ system: 'urn:unheard-of', concept: [{ code: 'a' }] }];
    await expect(codesOf({ include: [{ system: 'urn:unheard-of' }], exclude })).rejects.toThrow(/urn:unheard-of/);
  });

  test('of too many codes is refused', async () => {
    const include = [{ system: 'urn:many', filter: [{ property: 'concept', op: 'is-a', value: 'all' }] }];
    await expect(codesOf({ include })).rejects.toThrow(/10002 codes, more than 10000/);
    await expect(subsumption('below', 'urn:many', 'all', sourceOf({}))).rejects.toThrow(/more than 10000/);
  });

  test('that takes too much work is refused before it is done', async () => {
    const parts = (op: string): readonly JsonObject[] =>
      Array.from({ length: 300 }, (_, n) => {
        return { system: 'urn:many', filter: [{ property: 'concept', op, value: `c${n}` }] };
      });
    let looks = 0;
    const counted = systems.get('urn:many')?.concepts ?? new Map();
    const looked = new (class extends Map<string, Concept> {
      override keys() {
        looks += this.size;
        return super.keys();
      }
    })(counted);
    const source = (compose: JsonObject): TermSource => ({
      valueSet: async () => ({ compose }),
      codeSystem: async () => manyOf(looked),
    });
    const isNot = { include: parts('is-not-a') };
    await expect(expandValueSet('urn:v', source(isNot))).rejects.toThrow(/urn:v takes too much work/);
    expect(looks).toBeLessThan(1_000_001);
    // Looking at a few of them is cheap, however many there are beside.
    const [few] = await expandValueSet('urn:v', source({ include: parts('is-a') }));
    expect(few?.codes).toHaveLength(300);
    const [same] = await expandValueSet('urn:v', source({ include: parts('=') }));
    expect(same?.codes).toHaveLength(300);
  });

  test('whose sets are combined again and again takes work too', async () => {
    const exclude = [{ system: 'urn:x', concept: Array.from({ length: 5000 }, (_, n) => ({ code: `c${n}` })) }];
    const sets = { 'urn:w': { compose: { include: [{ system: 'urn:x' }], exclude } } };
    const again = (count: number) => ({ include: [{ valueSet: Array.from({ length: count }, () => 'urn:w') }] });
    await expect(codesOf(again(500), sets)).rejects.toThrow(/takes too much work/);
    await expect(codesOf(again(2), sets)).rejects.toThrow(/urn:x is not here/);
  });

  test('has the codes of its expansion where that is all there is, or something else is lacking', async () => {
    const contains: JsonObject[] = [
      { system: 'urn:x', code: 'a', contains: [{ system: 'urn:x', code: 'b' }] },
      { system: 'urn:x', code: 'group', abstract: true, contains: [{ system: 'urn:y', code: 'c' }] },
    ];
    const compose = {
      include: [{ system: 'urn:unheard-of', filter: [{ property: 'concept', op: 'is-a', value: 'x' }] }],
    };
    const expected = [
      { system: 'urn:x', codes: ['a', 'b'] },
      { system: 'urn:y', codes: ['c'] },
    ];
    for (const set of [{ expansion: { contains } }, { compose, expansion: { total: 4, contains } }]) {
      expect(await expandValueSet('urn:v', sourceOf({ 'urn:v': set }))).toEqual(expected);
    }
    for (const expansion of [
      { total: 5, contains },
      { offset: 2, contains },
    ]) {
      await expect(expandValueSet('urn:v', sourceOf({ 'urn:v': { expansion } }))).rejects.toThrow(/whole expansion/);
    }
  });
});

describe('subsumption', () => {
  test('of too many codes looks no further', async () => {
    let looks = 0;
    const looked = new (class extends Map<string, Concept> {
      override get(code: string) {
        looks++;
        return super.get(code);
      }
    })(systems.get('urn:many')?.concepts);
    const source: TermSource = { valueSet: async () => undefined, codeSystem: async () => manyOf(looked) };
    await expect(subsumption('below', 'urn:many', 'all', source)).rejects.toThrow(/comes to more than 10000 codes/);
    expect(looks).toBeLessThan(10);
  });

  const of = async (direction: 'above' | 'below', code: string) => {
    const [found] = await subsumption(direction, 'urn:bones', code, sourceOf({}));
    return [...(found?.codes ?? [])].sort().join(' ');
  };

  test('holds for the code itself and through any number of steps, circles too', async () => {
    expect(await of('below', 'leg')).toBe('head hip knee leg');
    expect(await of('above', 'head')).toBe('head hip leg');
    expect(await of('below', 'arm')).toBe('arm elbow');
    expect(await of('above', 'elbow')).toBe('arm elbow');
    expect(await of('above', 'loop')).toBe('loop pool');
    expect(await of('below', 'unknown')).toBe('unknown');
  });

  test('needs the code system', async () => {
    await expect(subsumption('below', 'urn:unheard-of', 'x', sourceOf({}))).rejects.toThrow(
      /urn:unheard-of is not here/,
    );
  });
});

describe('what R4 has', () => {
  const r4: TermSource = {
    valueSet: async (canonical) => builtIn('ValueSet', canonical),
    codeSystem: async (canonical) => {
      const found = builtIn('CodeSystem', canonical);
      return concepts(found && readCodeSystem(found));
    },
  };

  test('is expanded', async () => {
    expect(await expandValueSet('http://hl7.org/fhir/ValueSet/administrative-gender', r4)).toEqual([
      { system: 'http://hl7.org/fhir/administrative-gender', codes: undefined },
    ]);
    const [act] = await expandValueSet('http://terminology.hl7.org/ValueSet/v3-ActEncounterCode', r4);
    expect(act?.codes).toContain('AMB');
    expect(act?.codes).not.toContain('_ActEncounterCode');
  });

  test('subsumes', async () => {
    const [found] = await subsumption(
      'below',
      'http://terminology.hl7.org/CodeSystem/condition-clinical',
      'active',
      r4,
    );
    expect([...(found?.codes ?? [])].sort()).toEqual(['active', 'recurrence', 'relapse']);
  });

  test('is nothing for a url that is not R4’s', () => {
    expect(builtIn('ValueSet', 'http://example.org/none')).toBeUndefined();
    expect(builtIn('CodeSystem', 'constructor')).toBeUndefined();
  });
});

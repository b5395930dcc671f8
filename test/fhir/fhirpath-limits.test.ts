/** No input makes an expression run long. https://hl7.org/fhir/R4/security.html */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { compileInvariant } from '../../src/fhir/fhirpath/invariant.ts';
import { Budget, OverBudget, Scope } from '../../src/fhir/fhirpath/scope.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { rules } from '../validation/invariants/broken.ts';

const definitions = loadDefinitions();

function many<T>(count: number, of: (n: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, n) => of(n));
}

function nested(depth: number, of: (n: number, inner: readonly JsonObject[]) => JsonObject): JsonObject {
  let inner: readonly JsonObject[] = [];
  for (let n = depth; n > 0; n -= 1) inner = [of(n, inner)];
  return of(0, inner);
}

/** How often an evaluation looks at its clock: the measure of its work. */
function work(
  key: string,
  type: string,
  resource: JsonObject,
): { readonly looks: number; readonly held: boolean | undefined } {
  const rule = rules.find((each) => each.key === key);
  let looks = 0;
  const budget = new Budget(1, () => {
    looks += 1;
    return 0;
  });
  const holds = compileInvariant(rule?.expression ?? '', type, definitions);
  return { held: holds(resource, new Scope(resource, budget)), looks };
}

const large: readonly (readonly [key: string, type: string, of: (size: number) => JsonObject])[] = [
  [
    'dom-3',
    'Observation',
    (size) => ({
      resourceType: 'Observation',
      contained: many(size, (n) => ({ resourceType: 'Patient', id: `p${n}` })),
      performer: many(size, (n) => ({ reference: `#p${n}` })),
    }),
  ],
  [
    'que-2',
    'Questionnaire',
    (size) => ({
      resourceType: 'Questionnaire',
      item: many(size, (n) => ({ linkId: `${n}`, item: [{ linkId: `${n}.1` }] })),
    }),
  ],
  [
    'csd-1',
    'CodeSystem',
    (size) => ({
      resourceType: 'CodeSystem',
      concept: many(size, (n) => ({ code: `c${n}`, concept: [{ code: `d${n}` }] })),
    }),
  ],
  [
    'csd-1',
    'CodeSystem',
    (size) => ({
      resourceType: 'CodeSystem',
      concept: many(size / 100, (n) =>
        nested(100, (depth, concept) => ({ code: `c${n}-${depth}`, ...(concept.length > 0 ? { concept } : {}) })),
      ),
    }),
  ],
  [
    'bdl-7',
    'Bundle',
    (size) => ({
      resourceType: 'Bundle',
      type: 'collection',
      entry: many(size, (n) => ({ fullUrl: `urn:${n}`, resource: { resourceType: 'Patient' } })),
    }),
  ],
  [
    'sdf-8',
    'StructureDefinition.snapshot',
    (size) => ({
      resourceType: 'StructureDefinition',
      kind: 'resource',
      type: 'Patient',
      element: [{ path: 'Patient' }, ...many(size, () => ({ path: 'Patient.name' }))],
    }),
  ],
  [
    'ig-1',
    'ImplementationGuide.definition',
    (size) => ({
      grouping: many(size, (n) => ({ id: `${n}` })),
      resource: many(size, (n) => ({ groupingId: `${n}` })),
    }),
  ],
];

describe('FHIRPath on large resources', () => {
  it.each(large)('%s of %s grows with the size alone', (key, type, of) => {
    const [one, four] = [work(key, type, of(3_000)), work(key, type, of(12_000))];
    expect(one.looks).toBeGreaterThan(0);
    expect(four.looks).toBeLessThan(one.looks * 4.5 + 2);
  });

  it('ends dom-3 of 12,000 contained resources and csd-1 of 100,000 concepts within a few hundred thousand steps', () => {
    const [, , contained] = large[0] ?? [];
    const [, , concepts] = large[2] ?? [];
    expect(work('dom-3', 'Observation', contained?.(12_000) ?? {})).toMatchObject({ held: true });
    const found = work('csd-1', 'CodeSystem', concepts?.(50_000) ?? {});
    expect(found.held).toBe(true);
    expect(found.looks).toBeLessThan(1_000);
  });

  it('looks up references from contained resources without going through all of them for each', () => {
    const looks = (size: number): number => {
      let count = 0;
      const budget = new Budget(1, () => {
        count += 1;
        return 0;
      });
      const contained = many(size, (n) => ({
        resourceType: 'Observation',
        id: `o${n}`,
        focus: [{ reference: '#o0' }],
      }));
      const rootResource = { resourceType: 'List', contained };
      const expression = rules.find(({ key }) => key === 'ref-1')?.expression ?? '';
      const holds = compileInvariant(expression, 'Reference', definitions);
      for (const each of contained) expect(holds(each.focus[0], new Scope(each, budget, { rootResource }))).toBe(true);
      return count;
    };
    expect(looks(12_000)).toBeLessThan(looks(3_000) * 4.5 + 2);
  });

  it('counts what it takes to compare whole elements', () => {
    const deep = (root: number): JsonObject =>
      nested(60, (n, item) => ({ linkId: `${root}.${n}`, ...(item.length > 0 ? { item } : {}) }));
    const resource = { resourceType: 'Questionnaire', item: many(50, deep) };
    const holds = compileInvariant('repeat(item).count() > 0', 'Questionnaire', definitions);
    let now = 0;
    const budget = new Budget(50, () => {
      now += 1;
      return now;
    });
    expect(() => holds(resource, new Scope(resource, budget))).toThrow(OverBudget);
  });

  it('stops at the deadline', () => {
    let now = 0;
    const slow = new Budget(10, () => {
      now += 1;
      return now;
    });
    const resource = { resourceType: 'Patient', name: many(3_000, () => ({ given: ['a'] })) };
    const holds = compileInvariant(
      'name.all(%context.name.all(given.exists()) and $this is HumanName)',
      'Patient',
      definitions,
    );
    expect(holds(resource, new Scope(resource, new Budget(1, () => 0)))).toBe(true);
    const quadratic = compileInvariant(
      'name.all(name.exists() or $this.combine(%context.name).count() > 1)',
      'Patient',
      definitions,
    );
    expect(() => quadratic(resource, new Scope(resource, slow))).toThrow(OverBudget);
    expect(now).toBe(11);
  });
});

describe('regular expressions', () => {
  const matches = (pattern: string, text: string, budget = new Budget(1, () => 0)): boolean | undefined => {
    const resource = { resourceType: 'Patient', name: [{ text }] };
    return compileInvariant(
      `name.text.matches('${pattern.replaceAll('\\', '\\\\')}')`,
      'Patient',
      definitions,
    )(resource, new Scope(resource, budget));
  };

  it.each(['(a+)+$', '^(a|a)*$', '^(a|aa)+$', '(.*a){12}$', '^(([a-z])+.)+[A-Z]([a-z])+$', '(x+x+)+y'])(
    '%s takes no longer for a text that nearly matches',
    (pattern) => {
      let looks = 0;
      const budget = new Budget(1, () => {
        looks += 1;
        return 0;
      });
      expect(matches(pattern, `${'a'.repeat(20_000)}!`, budget)).toBe(false);
      expect(looks).toBeLessThan(2_000);
    },
  );

  const given: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
    ['^[0-9]{10}$', '1234567890', true],
    ['^[0-9]{10}$', '12345678901', false],
    ['^a?b+c*$', 'bbb', true],
    ['^(?:ab|cd){2,3}$', 'abcdab', true],
    ['^(?:ab|cd){2,3}$', 'ab', false],
    ['^[^\\s,]+$', 'a,b', false],
    ['^\\d+\\.\\d{2}$', '12.50', true],
    ['^\\p{L}+$', 'Zoë', true],
    ['^.$', '\u{1F600}', true],
    ['^[\\]\\-a]+$', ']-a', true],
    ['\\bword\\b', 'a word here', true],
    ['\\bword\\b', 'swords', false],
    ['^$', 'a', false],
    ['a{0}b', 'b', true],
    ['x*', 'a', true],
  ];

  it.each(given)('%s on %s: %s', (pattern, text, wanted) => {
    expect(matches(pattern, text)).toBe(wanted);
    expect(new RegExp(pattern, 'su').test(text)).toBe(wanted);
  });
});

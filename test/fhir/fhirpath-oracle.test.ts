/** Compiled expressions give what the `fhirpath` package gives. https://hl7.org/fhirpath/N1/ */
import { createRequire } from 'node:module';
import fc from 'fast-check';
import type * as FhirPath from 'fhirpath';
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { corrected } from '../../src/fhir/fhirpath/corrections.ts';
import { compileExpression, type Expression } from '../../src/fhir/fhirpath/invariant.ts';
import { EvaluationFault, type Scope } from '../../src/fhir/fhirpath/scope.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../../src/fhir/resource.ts';
import { haveR4Examples, r4Examples } from '../r4-examples.ts';
import { administration } from '../validation/invariants/administration.ts';
import { type Rule, visitRules } from '../validation/invariants/broken.ts';
import { conformance } from '../validation/invariants/conformance.ts';
import { dataTypes } from '../validation/invariants/data-types.ts';
import { structures, tests } from '../validation/invariants/structures.ts';

const require = createRequire(import.meta.url);
const fhirpath: typeof FhirPath = require('fhirpath');
const model: FhirPath.Model = require('fhirpath/fhir-context/r4');
const definitions = loadDefinitions();

/** What the package can't do: `htmlChecks`, `resolve` without a server, and regular expressions that `u` forbids. */
const beyond = new Set(['txt-1', 'txt-2', 'ctm-1', 'eld-16', 'eld-19']);

interface Both {
  readonly ours: Expression;
  readonly theirs: (value: unknown, environment: Record<string, unknown>) => readonly unknown[];
}

const compiled = new Map<string, Both>();

function both(expression: string, type: string): Both {
  const key = `${type} ${expression}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const made: Both = {
    ours: compileExpression(expression, type, definitions),
    theirs: fhirpath.compile({ base: type, expression }, model, { traceFn: () => {} }),
  };
  compiled.set(key, made);
  return made;
}

/** A truth value; undefined for nothing, 'fault' where evaluation fails. */
type Answer = boolean | undefined | 'fault';

function ours({ ours: evaluate }: Both, value: JsonValue, scope: Scope): Answer {
  try {
    const found = evaluate(value, scope);
    const [first] = found;
    return found.length === 1 && typeof first?.value === 'boolean' ? first.value : found.length > 0 ? true : undefined;
  } catch (error) {
    if (error instanceof EvaluationFault) return 'fault';
    throw error;
  }
}

function theirs({ theirs: evaluate }: Both, value: JsonValue, { resource, rootResource }: Scope): Answer {
  try {
    const found = evaluate(value, { resource, rootResource });
    const [first] = found;
    return found.length === 1 && typeof first === 'boolean' ? first : found.length > 0 ? true : undefined;
  } catch {
    return 'fault';
  }
}

/** Rules on which the two differ; how many they were compared on. */
function differences(resource: JsonObject): { readonly found: readonly string[]; readonly compared: number } {
  const found: string[] = [];
  let compared = 0;
  visitRules(resource, (rule: Rule, value, type, scope) => {
    // A primitive's extensions and type aren't known to the package when it is given the primitive alone.
    if (beyond.has(rule.key) || !isObject(value)) return;
    const pair = both(corrected(rule.expression), type);
    const their = theirs(pair, value, scope);
    if (their === 'fault') return;
    compared += 1;
    const our = ours(pair, value, scope);
    if (our !== their) found.push(`${rule.key} of ${type}: ${String(our)}, not ${String(their)}`);
  });
  return { found, compared };
}

const rows = [...dataTypes, ...administration, ...conformance, ...structures(), ...tests()];

/** One change of a resource: at which of its values, and which of the changes that fit it. */
interface Change {
  readonly at: number;
  readonly how: number;
  readonly text: string;
}

const words = [
  'a',
  'b',
  '#p',
  'http://example.org/a',
  '2020',
  '2020-01-01',
  '1',
  'kg',
  'final',
  'entered-in-error',
  'Patient/a',
];

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(40),
  how: fc.nat(3),
  text: fc.constantFrom(...words),
});

/** The resource with one of its values left out, doubled or replaced by one of its kind. */
function changed(resource: JsonObject, { at, how, text }: Change): JsonObject {
  let left = at;
  const hit = (): boolean => {
    left -= 1;
    return left === -1;
  };
  const walk = (value: JsonValue | undefined): JsonValue | undefined => {
    if (typeof value === 'string') return hit() ? text : value;
    if (typeof value === 'number') return hit() ? value - how : value;
    if (typeof value === 'boolean') return hit() ? !value : value;
    if (isArray(value)) {
      if (hit() && how > 0) return [...value, ...value];
      return value.map((each) => walk(each) ?? null);
    }
    if (!isObject(value)) return value;
    const leaves = hit();
    const names = Object.keys(value).filter((name) => name !== 'resourceType');
    const without = leaves ? names[how % Math.max(1, names.length)] : undefined;
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, member]) =>
        name === without ? [] : [[name, name === 'resourceType' ? member : walk(member)]],
      ),
    );
  };
  const result = walk(resource);
  return isObject(result) ? result : resource;
}

describe('compiled expressions and the package', () => {
  it('agree on what breaks and keeps each invariant, and on what comes of it by changes', () => {
    let compared = 0;
    fc.assert(
      fc.property(fc.nat(rows.length - 1), fc.boolean(), fc.array(change, { maxLength: 4 }), (n, breaks, changes) => {
        const row = rows[n];
        if (row === undefined) return;
        const [, type, broken, kept] = row;
        const start: JsonObject = { resourceType: type, ...(breaks ? broken : kept) };
        const outcome = differences(changes.reduce(changed, start));
        compared += outcome.compared;
        expect(outcome.found).toEqual([]);
      }),
      { numRuns: 600 },
    );
    expect(compared).toBeGreaterThan(5_000);
  }, 120_000);

  const examples = haveR4Examples();

  it('agree on every 60th example of R4', async ({ skip }) => {
    if (!(await examples)) skip();
    const found = new Set<string>();
    let n = 0;
    for await (const { file, bytes } of r4Examples()) {
      n += 1;
      if (n % 60 !== 0 || bytes.length > 100_000) continue;
      const resource: JsonValue = JSON.parse(bytes.toString('utf8'));
      if (!isObject(resource)) continue;
      for (const difference of differences(resource).found) found.add(`${file}: ${difference}`);
    }
    expect([...found]).toEqual([]);
  }, 120_000);
});

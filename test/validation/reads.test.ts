/** An invariant is left out where nothing that it reads is there: it would hold. https://hl7.org/fhir/R4/conformance-rules.html#constraints */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { compileInvariant, type Invariant } from '../../src/fhir/fhirpath/invariant.ts';
import { Budget, Scope } from '../../src/fhir/fhirpath/scope.ts';
import {
  isArray,
  isObject,
  isResource,
  type JsonObject,
  type JsonValue,
  type Resource,
} from '../../src/fhir/resource.ts';
import { DefinedElements } from '../../src/validation/base/elements.ts';
import { handled } from '../../src/validation/base/rules.ts';
import { readsOf } from '../../src/validation/invariants.ts';
import { haveR4Examples, r4Examples } from '../r4-examples.ts';

const definitions = loadDefinitions();
const elements = new DefinedElements();
const have = await haveR4Examples();

interface Skipped {
  readonly key: string;
  readonly names: ReadonlySet<string>;
  readonly holds: Invariant;
}

const skipped = new Map<string, readonly Skipped[]>();

/** The invariants of a type that may be left out. */
function skippedOf(type: string): readonly Skipped[] {
  const known = skipped.get(type);
  if (known !== undefined) return known;
  const constraints = elements.at(type)?.constraints.filter(({ key }) => !handled.has(key)) ?? [];
  const found = constraints.flatMap((constraint): Skipped[] => {
    const names = readsOf(constraint, type, definitions);
    const holds = compileInvariant(constraint.expression, type, definitions);
    return names === undefined ? [] : [{ key: constraint.key, names, holds }];
  });
  skipped.set(type, found);
  return found;
}

/** The object without the elements that are named, as a validation sees one that it leaves an invariant out for. */
function without(object: JsonObject, type: string, names: ReadonlySet<string>): JsonObject {
  const known = definitions.type(type)?.elements;
  return Object.fromEntries(
    Object.entries(object).filter(([property]) => {
      const element = known?.get(property.replace(/^_/, ''));
      return element === undefined || !(names.has(element.name) || names.has(element.choice ?? element.name));
    }),
  );
}

/** Visits each object within a value with its type and the resource that it is in. */
function visit(
  value: JsonValue,
  type: string,
  within: Resource,
  at: (object: JsonObject, type: string, within: Resource) => void,
): void {
  if (isArray(value)) {
    for (const each of value) visit(each, type, within, at);
    return;
  }
  if (!isObject(value)) return;
  const resource = type === 'Resource' && isResource(value) ? value : within;
  const own = type === 'Resource' ? resource.resourceType : type;
  at(value, own, resource);
  for (const [name, element] of definitions.type(own)?.elements ?? []) {
    const member = value[name];
    if (member !== undefined) visit(member, element.type, resource, at);
  }
}

describe('what an invariant reads', () => {
  it('is known of most, and never of one that nothing has to be there for', () => {
    const observation = skippedOf('Observation').map(({ key }) => key);
    expect(observation).toEqual(expect.arrayContaining(['dom-2', 'dom-4', 'dom-5', 'obs-6']));
    expect(skippedOf('Patient.contact')).toEqual([]);
    expect(skippedOf('Questionnaire').map(({ key }) => key)).not.toContain('que-2');
  });

  it.skipIf(!have)(
    'decides it alone, on the elements of R4’s examples',
    async () => {
      const checked = new Map<string, number>();
      for await (const { file, bytes } of r4Examples()) {
        if (bytes.length > 200_000) continue;
        const resource: Resource = JSON.parse(bytes.toString('utf8'));
        visit(resource, 'Resource', resource, (object, type, within) => {
          for (const { key, names, holds } of skippedOf(type)) {
            const count = checked.get(key) ?? 0;
            if (count > 2_000) continue;
            const scope = new Scope(within, new Budget(Number.POSITIVE_INFINITY));
            expect(holds(without(object, type, names), scope), `${key} in ${file}`).toBe(true);
            checked.set(key, count + 1);
          }
        });
      }
      expect(checked.size).toBeGreaterThan(100);
    },
    120_000,
  );
});

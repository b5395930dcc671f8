/**
 * Elements that an extension's context names by the ids that profiles give them: `url#Patient.contact:mother`.
 * https://hl7.org/fhir/R4/codesystem-extension-context-type.html#extension-context-type-element
 */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import type { Known } from '../validator.ts';
import { type Compiling, compileNode } from './compile.ts';
import type { Test } from './discriminators.ts';
import { holderType } from './element.ts';
import { holderOf, type Item, itemsOf } from './items.ts';
import type { Run } from './run.ts';
import { compileSlicing } from './slicing.ts';
import { childNamed, type Node, partsOfId } from './tree.ts';

/** The values on a way through a resource, which is the first; `indexes`: the places in the properties' lists, -1 for what is in none. */
export function valuesAlong(
  resource: Resource,
  properties: readonly string[],
  indexes: readonly number[],
  definitions: Definitions,
  run: Run,
): readonly Item[] {
  const { resourceType: type } = resource;
  let at: Item = { value: resource, beside: undefined, property: '', index: -1, type };
  const values = [at];
  for (const [depth, property] of properties.entries()) {
    const holder = holderOf(at);
    const own = (definitions.type(at.type ?? '') ?? definitions.type('Element'))?.elements.get(property)?.type;
    if (holder === undefined || own === undefined) break;
    const found = itemsOf(holder, [{ property, beside: `_${property}`, type: own }]);
    run.spend(1 + (found.length >> 3));
    const next = found[Math.max(0, indexes[depth] ?? 0)];
    if (next === undefined) break;
    values.push(next);
    at = next;
  }
  return values;
}

/** A part of an id behind its root. */
interface Stage {
  /** JSON properties that the element may have. */
  readonly properties: readonly string[];
  /** What tells its slice, and the slice of that slice. */
  readonly slices: readonly Test[];
}

/** An element of a profile. */
export type ProfileElement = readonly Stage[];

/** The element of that id; undefined where the profile has no such element or slice. Throws NotFetched, ProfileFault. */
export function elementOf(id: string, tree: Node, compiling: Compiling): ProfileElement | undefined {
  const [root, ...parts] = partsOfId(id);
  if (root === undefined || root.name !== tree.name || root.slices.length > 0) return undefined;
  const stages: Stage[] = [];
  let node = tree;
  let type = tree.name;
  for (const { name, slices } of parts) {
    const child = childNamed(compiling.structures.unfold(node), name);
    const members = compiling.members.of(holderType(node.element, type), name);
    const [first] = members;
    if (child === undefined || first === undefined) return undefined;
    type = first.type;
    node = child;
    const tests: Test[] = [];
    for (const slice of slices) {
      const slicing = compileSlicing(node, type, compiling, compileNode);
      const test = slicing?.slices.find((each) => each.name === slice)?.test;
      const own = node.slices.find((each) => each.slice === slice);
      if (test === undefined || own === undefined) return undefined;
      tests.push(test);
      node = own;
    }
    stages.push({ properties: members.map(({ property }) => property), slices: tests });
  }
  return stages;
}

/**
 * Whether the last of the values on a way is an element of a profile of a type. `conforms`: asked of the value of that type which has it.
 * undefined: it can't be said.
 */
export function isElement(
  stages: ProfileElement,
  type: string,
  values: readonly Item[],
  conforms: (value: JsonObject) => boolean,
  run: Run,
): Known {
  const first = values.length - 1 - stages.length;
  const root = values[first];
  const holder = root === undefined ? undefined : holderOf(root);
  if (root?.type !== type || holder === undefined || !conforms(holder)) return false;
  let result: Known = true;
  for (const [depth, { properties, slices }] of stages.entries()) {
    const value = values[first + 1 + depth];
    if (value === undefined || !properties.includes(value.property)) return false;
    for (const test of slices) {
      const known = test(value, run);
      if (known === false) return false;
      if (known === undefined) result = undefined;
    }
  }
  return result;
}

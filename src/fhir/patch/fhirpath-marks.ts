/** Resources in which each element can be told from its equals, so that what a FHIRPath gives has a place. https://hl7.org/fhir/R4/fhirpatch.html */
import type { Definitions, ElementDefinition, TypeDefinition } from '../definitions/definitions.ts';
import { type ExactJson, ExactNumber, type ExactObject, isExactObject, plain } from '../exact-json.ts';
import type { Item } from '../fhirpath/item.ts';
import type { TypeSource } from '../fhirpath/shapes.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../resource.ts';
import type { Step } from './fhirpath-place.ts';

/** A resource as expressions see it; the steps to elements of it. */
export interface Marked {
  readonly resource: JsonObject;
  /** undefined for a value that is no element of the resource. */
  readonly stepsTo: (items: readonly Item[]) => readonly (readonly Step[] | undefined)[];
}

/** Objects between two looks at the time. */
const INTERVAL = 256;

/**
 * Makes a resource's elements differ from each other: objects do by themselves, primitives by what lies beside them. Those that have
 * nothing there get an empty object, which no expression sees. `look` throws once the time is over: resources may be large.
 */
export function marked(resource: ExactObject, look: () => void): Marked {
  let count = 0;
  const tick = (): void => {
    count += 1;
    if (count % INTERVAL === 0) look();
  };
  const root = markedObject(resource, tick);
  return {
    resource: root,
    stepsTo: (items) => {
      const objects = items.map(({ value, beside }) => (isObject(value) ? value : beside));
      const found = stepsTo(root, new Set(objects), tick);
      return objects.map((object) => object && found.get(object));
    },
  };
}

/** The steps from the root to those of the objects that are in it. */
function stepsTo(
  root: JsonObject,
  wanted: ReadonlySet<JsonObject | undefined>,
  tick: () => void,
): ReadonlyMap<JsonObject, readonly Step[]> {
  const found = new Map<JsonObject, readonly Step[]>();
  const steps: Step[] = [];
  const enter = (object: JsonObject): void => {
    tick();
    if (wanted.has(object)) found.set(object, [...steps]);
    for (const property of Object.keys(object)) {
      if (found.size === wanted.size) return;
      const name = nameOf(property);
      const value = object[property];
      if (isObject(value)) pass(value, { name, index: undefined });
      else if (isArray(value)) {
        for (const [index, each] of value.entries()) if (isObject(each)) pass(each, { name, index });
      }
    }
  };
  const pass = (object: JsonObject, step: Step): void => {
    steps.push(step);
    enter(object);
    steps.pop();
  };
  if (wanted.size > 0) enter(root);
  return found;
}

/** Of an element, by the property that holds it or what lies beside it. */
function nameOf(property: string): string {
  return property.startsWith('_') ? property.slice(1) : property;
}

function markedObject(value: ExactJson | undefined, tick: () => void): JsonObject {
  tick();
  const object: Record<string, JsonValue> = {};
  if (!isExactObject(value)) return object;
  const put = (each: ExactJson | undefined, other: ExactJson | undefined) =>
    isExactObject(each)
      ? { each: markedObject(each, tick), other: undefined }
      : { each: bare(each), other: markedObject(other, tick) };
  for (const property of Object.keys(value)) {
    const name = nameOf(property);
    if (property === '__proto__') continue;
    if (name === 'resourceType') {
      object[property] = bare(value[property]);
      continue;
    }
    // A value and what lies beside it come together.
    if (name !== property && value[name] !== undefined) continue;
    const [own, beside] = [value[name], value[`_${name}`]];
    if (!Array.isArray(own) && !Array.isArray(beside)) {
      const { each, other } = put(own, beside);
      if (own !== undefined) object[name] = each;
      if (other !== undefined) object[`_${name}`] = other;
      continue;
    }
    const length = Math.max(Array.isArray(own) ? own.length : 0, Array.isArray(beside) ? beside.length : 0);
    const pairs = Array.from({ length }, (_, n) =>
      put(Array.isArray(own) ? own[n] : undefined, Array.isArray(beside) ? beside[n] : undefined),
    );
    if (own !== undefined) object[name] = pairs.map(({ each }) => each);
    if (pairs.some(({ other }) => other !== undefined)) object[`_${name}`] = pairs.map(({ other }) => other ?? null);
  }
  return object;
}

/** A primitive; null where there is none. */
function bare(value: ExactJson | undefined): JsonValue {
  if (typeof value !== 'object') return value ?? null;
  return value instanceof ExactNumber ? Number(value.text) : plain(value);
}

const known = new WeakMap<Definitions, TypeSource>();

/** Types of which every element may have something beside it: also ids and urls, which R4 gives no extensions. */
export function markable(definitions: Definitions): TypeSource {
  const found = known.get(definitions) ?? { resourceTypes: definitions.resourceTypes, type: everywhere(definitions) };
  known.set(definitions, found);
  return found;
}

function everywhere(definitions: Definitions): TypeSource['type'] {
  const types = new Map<string, TypeDefinition>();
  return (name) => {
    const made = types.get(name);
    const type = made ?? definitions.type(name);
    if (type === undefined || made !== undefined) return made;
    const elements = new Map<string, ElementDefinition>();
    for (const [each, element] of type.elements) elements.set(each, { ...element, extensible: true });
    const found = { ...type, elements };
    types.set(name, found);
    return found;
  };
}

/** Resources in which each element can be told from its equals, so that what a FHIRPath gives has a place. https://hl7.org/fhir/R4/fhirpatch.html */
import type { Definitions, ElementDefinition, TypeDefinition } from '../definitions/definitions.ts';
import { type ExactObject, plain } from '../exact-json.ts';
import type { Item } from '../fhirpath/item.ts';
import type { TypeSource } from '../fhirpath/shapes.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../resource.ts';
import type { Step } from './fhirpath-place.ts';

/** A resource as expressions see it; the steps to an element of it. */
export interface Marked {
  readonly resource: JsonObject;
  /** undefined for a value that is no element of the resource. */
  readonly stepsTo: (item: Item) => readonly Step[] | undefined;
}

/** Where an object stands: an element's own, or what lies beside a primitive. */
interface Mark extends Step {
  readonly parent: JsonObject;
}

/**
 * Marks a resource's elements: objects by themselves, primitives by what lies beside them. Those that have nothing there get an empty
 * object, which no expression sees.
 */
export function marked(resource: ExactObject): Marked {
  const marks = new Map<JsonObject, Mark>();
  const root = markedObject(plain(resource), marks);
  return {
    resource: root,
    stepsTo: ({ value, beside }) => {
      const at = isObject(value) ? value : beside;
      if (at === root) return [];
      return at === undefined || !marks.has(at) ? undefined : stepsTo(at, marks);
    },
  };
}

function stepsTo(object: JsonObject, marks: ReadonlyMap<JsonObject, Mark>): readonly Step[] {
  const steps: Step[] = [];
  for (let mark = marks.get(object); mark !== undefined; mark = marks.get(mark.parent)) {
    steps.unshift({ name: mark.name, index: mark.index });
  }
  return steps;
}

function markedObject(value: JsonValue | undefined, marks: Map<JsonObject, Mark>): JsonObject {
  const object: Record<string, JsonValue> = {};
  if (!isObject(value)) return object;
  for (const property of Object.keys(value)) {
    const name = property.startsWith('_') ? property.slice(1) : property;
    if (name === 'resourceType') {
      object[property] = value[property] ?? null;
      continue;
    }
    // A value and what lies beside it come together.
    if (name !== property && value[name] !== undefined) continue;
    const [own, beside] = [value[name], value[`_${name}`]];
    const mark = (each: JsonObject, index: number | undefined): JsonObject => {
      marks.set(each, { parent: object, name, index });
      return each;
    };
    const put = (each: JsonValue | undefined, other: JsonValue | undefined, index: number | undefined) => {
      if (isObject(each)) return { each: mark(markedObject(each, marks), index), other: undefined };
      return { each: each ?? null, other: mark(markedObject(other, marks), index) };
    };
    if (!isArray(own) && !isArray(beside)) {
      const { each, other } = put(own, beside, undefined);
      if (own !== undefined) object[name] = each;
      if (other !== undefined) object[`_${name}`] = other;
      continue;
    }
    const length = Math.max(isArray(own) ? own.length : 0, isArray(beside) ? beside.length : 0);
    const pairs = Array.from({ length }, (_, n) =>
      put(isArray(own) ? own[n] : undefined, isArray(beside) ? beside[n] : undefined, n),
    );
    if (own !== undefined) object[name] = pairs.map(({ each }) => each);
    if (pairs.some(({ other }) => other !== undefined)) object[`_${name}`] = pairs.map(({ other }) => other ?? null);
  }
  return object;
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

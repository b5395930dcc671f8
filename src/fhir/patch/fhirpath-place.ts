/** Where an element stands in a resource's JSON. https://hl7.org/fhir/R4/json.html */
import type { Definitions, ElementDefinition, TypeDefinition } from '../definitions/definitions.ts';
import { type ExactJson, type ExactObject, exactObject, isExactObject } from '../exact-json.ts';
import { listLength, readList, writeItem, writeList } from './element-list.ts';

/** One step down: an element's name without a type (`value`), and which of its items where it repeats. */
export interface Step {
  readonly name: string;
  readonly index: number | undefined;
}

/** An element: the object that holds it, its property there, and which item it is where the property is an array. */
export interface Place {
  readonly holder: ExactObject;
  /** The type of the holder. */
  readonly type: TypeDefinition;
  readonly element: ElementDefinition;
  readonly index: number | undefined;
  /** The place of the holder itself; undefined where it is the resource. */
  readonly parent: Place | undefined;
}

/** What a path selects: an element, or the resource itself. */
export type Selected = Place | 'resource';

/** The place that steps from the root lead to; undefined where the resource has no such element. */
export function placeAt(resource: ExactObject, steps: readonly Step[], definitions: Definitions): Place | undefined {
  let place: Place | undefined;
  for (const { name, index } of steps) {
    const holder = place === undefined ? resource : objectAt(place);
    const type = holder && typeOf(holder, place?.element, definitions);
    if (holder === undefined || type === undefined) return undefined;
    const element = present(holder, type, name);
    if (element === undefined) return undefined;
    const at: number | undefined = element.array ? (index ?? 0) : undefined;
    if (at !== undefined && at >= listLength(holder, element.name)) return undefined;
    place = { holder, type, element, index: at, parent: place };
  }
  return place;
}

/** The elements of this name, or of the choice by this name, in an object: one for each item of a list. */
export function childPlaces(
  holder: ExactObject,
  type: TypeDefinition,
  name: string,
  parent: Place | undefined,
): readonly Place[] {
  const element = present(holder, type, name);
  if (element === undefined) return [];
  if (!element.array) return [{ holder, type, element, index: undefined, parent }];
  return readList(holder, element.name).map((_, index) => ({ holder, type, element, index, parent }));
}

/** The type of what an element holds: a nested resource's own, otherwise the element's. */
export function typeOf(
  value: ExactObject,
  element: ElementDefinition | undefined,
  definitions: Definitions,
): TypeDefinition | undefined {
  if (element !== undefined && element.type !== 'Resource') return definitions.type(element.type);
  return typeof value.resourceType === 'string' ? definitions.type(value.resourceType) : undefined;
}

/** The element of this name, or the choice by this name, that the object has. */
function present(holder: ExactObject, type: TypeDefinition, name: string): ElementDefinition | undefined {
  const element = type.elements.get(name);
  if (element !== undefined) return has(holder, name) ? element : undefined;
  for (const candidate of type.elements.values()) {
    if (candidate.choice === name && has(holder, candidate.name)) return candidate;
  }
  return undefined;
}

function has(holder: ExactObject, property: string): boolean {
  return property in holder || `_${property}` in holder;
}

/** The JSON at a place: a primitive's value, or the object. */
function valueAtPlace(place: Place): ExactJson | undefined {
  const value = place.holder[place.element.name];
  return place.index === undefined ? value : Array.isArray(value) ? value[place.index] : undefined;
}

/** The object that has the members of an element: for a primitive its `_name`. Undefined where there is none. */
export function objectAt(place: Place): ExactObject | undefined {
  const value = valueAtPlace(place);
  if (isExactObject(value)) return value;
  const extra = place.holder[`_${place.element.name}`];
  const own = place.index === undefined ? extra : Array.isArray(extra) ? extra[place.index] : undefined;
  return isExactObject(own) ? own : undefined;
}

/** As `objectAt`, but gives a primitive an empty `_name` where it has none. */
export function makeObjectAt(place: Place): ExactObject {
  const found = objectAt(place);
  if (found !== undefined) return found;
  const object = exactObject();
  const { holder, element, index } = place;
  if (index === undefined) writeItem(holder, element.name, { value: holder[element.name], extra: object });
  else {
    const items = readList(holder, element.name);
    items[index] = { value: items[index]?.value, extra: object };
    writeList(holder, element.name, items);
  }
  return object;
}

/** Removes an element, and each holder that it leaves empty: JSON has no empty objects and arrays in FHIR. */
export function removeAt(place: Place): void {
  const { holder, element, index, parent } = place;
  if (index === undefined) writeItem(holder, element.name, { value: undefined, extra: undefined });
  else writeList(holder, element.name, readList(holder, element.name).toSpliced(index, 1));
  if (parent === undefined || Object.keys(holder).length > 0) return;
  if (valueAtPlace(parent) === holder) removeAt(parent);
  else removeExtra(parent);
}

/** Drops the emptied `_name` of a primitive; the primitive too where it has no value. */
function removeExtra(place: Place): void {
  const { holder, element, index } = place;
  const value = valueAtPlace(place) ?? undefined;
  if (value === undefined) removeAt(place);
  else if (index === undefined) writeItem(holder, element.name, { value, extra: undefined });
  else writeList(holder, element.name, readList(holder, element.name).with(index, { value, extra: undefined }));
}

/** Compiles an element to the check of its JSON property. https://hl7.org/fhir/R4/json.html#primitive */
import { type Primitive, primitives } from '../fhir/definitions/primitives.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import { found } from './found.ts';
import type { Place } from './place.ts';

/** Checks a property's value. `parent` is the object that has it: a primitive and its `_name` belong together. */
export type MemberCheck = (member: JsonValue, parent: JsonObject, place: Place) => void;

/** Checks the one value at a place. */
export type ValueCheck = (value: JsonValue, place: Place) => void;

function wrongType(value: JsonValue, expected: string, path: string, place: Place): void {
  place.fault('structure', path, `must be ${expected}; found ${found(value)}`);
}

function wrongPrimitive(value: JsonValue, primitive: Primitive, path: string, place: Place): void {
  const format = typeof value === primitive.json && value !== '';
  const what = format ? `a ${primitive.json} that isn't` : found(value);
  place.fault(format ? 'value' : 'structure', path, `must be ${primitive.expected}; found ${what}`);
}

/** A list that JSON has in an array which isn't empty; undefined, and a fault, for anything else. */
function listOf(member: JsonValue, path: () => string, place: Place): readonly JsonValue[] | undefined {
  if (isArray(member) && member.length > 0) return member;
  const problem = isArray(member) ? 'must not be an empty array' : `must be an array; found ${found(member)}`;
  place.fault('structure', path(), problem);
  return undefined;
}

/** The check of one value of a complex type or a resource; also of `_name`, the id and extensions of a primitive. */
export function single(name: string, check: ValueCheck): MemberCheck {
  return (member, _parent, place) => {
    place.enter(name);
    check(member, place);
    place.leave();
  };
}

/** The check of a list of a complex type or resources. */
export function list(name: string, check: ValueCheck): MemberCheck {
  return (member, _parent, place) => {
    const items = listOf(member, () => place.path(name), place);
    if (items === undefined) return;
    place.enter(name);
    eachItem(items, 0, place, (item, index) => {
      place.item(index);
      if (item !== undefined) check(item, place);
    });
    place.leave();
  };
}

/** Looks at the items of the list that was entered last, from one on: as many as the piece has room for, and the others later. */
function eachItem(
  items: readonly JsonValue[],
  from: number,
  place: Place,
  look: (item: JsonValue | undefined, index: number) => void,
): void {
  for (let index = from; index < items.length && !place.full; index += 1) {
    if (place.pieces.isFull()) {
      place.putOff(() => eachItem(items, index, place, look));
      return;
    }
    look(items[index], index);
  }
}

/** The check of a primitive. */
export function primitive(name: string, type: string): MemberCheck {
  const format = primitiveOf(type);
  const { accepts } = format;
  return (member, _parent, place) => {
    if (typeof member === 'object' || !accepts(member)) wrongPrimitive(member, format, place.path(name), place);
  };
}

/** The check of a list of primitives: null only where `_name` has something at the same place. */
export function primitiveList(name: string, type: string, extensible: boolean): MemberCheck {
  const format = primitiveOf(type);
  const { accepts } = format;
  return (member, parent, place) => {
    const items = listOf(member, () => place.path(name), place);
    if (items === undefined) return;
    eachItem(items, 0, place, (item = null, index) => {
      if (typeof item !== 'object' && accepts(item)) return;
      const path = `${place.path(name)}[${index}]`;
      if (item !== null) wrongPrimitive(item, format, path, place);
      else if (!extensible || !isObject(itemOf(parent[`_${name}`], index)))
        place.fault('structure', path, `must not be null: null only keeps the place of extensions in _${name}`);
    });
  };
}

/** The check of `_name` for a list of primitives: as long as `name`, null where a value has no id or extensions. */
export function extensionsList(name: string, check: ValueCheck): MemberCheck {
  return (member, parent, place) => {
    const items = listOf(member, () => place.path(name), place);
    if (items === undefined) return;
    const values = parent[name];
    if (isArray(values) && values.length !== items.length)
      place.fault(
        'structure',
        place.path(name),
        `has ${values.length} values, and _${name} has ${items.length} items: they must be as many (null fills a gap)`,
      );
    place.enter(name);
    eachItem(items, 0, place, (item = null, index) => {
      place.item(index);
      if (item !== null) check(item, place);
      else if ((itemOf(values, index) ?? null) === null)
        place.fault('structure', place.path(), 'must not be null where there is no value');
    });
    place.leave();
  };
}

function itemOf(value: JsonValue | undefined, index: number): JsonValue | undefined {
  return isArray(value) ? value[index] : undefined;
}

function primitiveOf(type: string): Primitive {
  const format = primitives.get(type);
  if (format === undefined) throw new Error(`no format for the primitive type ${type}`);
  return format;
}

/** An object at a place; undefined, and a fault, for anything else. */
export function objectAt(value: JsonValue, what: string, place: Place): JsonObject | undefined {
  if (isObject(value)) return value;
  wrongType(value, what, place.path(), place);
  return undefined;
}

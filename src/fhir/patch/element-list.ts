/** The items of an element in JSON, where values and extensions of primitives stand apart. https://hl7.org/fhir/R4/json.html#primitive */
import type { ExactJson, ExactObject } from '../exact-json.ts';

/** One item of an element: its value, and the id and extensions of a primitive (`_birthDate`). */
export interface Item {
  readonly value: ExactJson | undefined;
  readonly extra: ExactJson | undefined;
}

/** The items of a property that is an array in JSON; empty where it is absent. */
export function readList(holder: ExactObject, property: string): Item[] {
  const values = holder[property];
  const extras = holder[`_${property}`];
  const items: Item[] = [];
  const length = listLength(holder, property);
  for (let index = 0; index < length; index++)
    items.push({ value: itemAt(values, index), extra: itemAt(extras, index) });
  return items;
}

/** How many items `readList` gives. */
export function listLength(holder: ExactObject, property: string): number {
  const values = holder[property];
  const extras = holder[`_${property}`];
  return Math.max(Array.isArray(values) ? values.length : 0, Array.isArray(extras) ? extras.length : 0);
}

function itemAt(list: ExactJson | undefined, index: number): ExactJson | undefined {
  return Array.isArray(list) ? (list[index] ?? undefined) : undefined;
}

/** Writes the items back: both arrays of one length, `null` where an item lacks the one, no array where all lack it. */
export function writeList(holder: ExactObject, property: string, items: readonly Item[]): void {
  assign(
    holder,
    property,
    items.some((item) => item.value !== undefined) ? items.map((item) => item.value ?? null) : undefined,
  );
  assign(
    holder,
    `_${property}`,
    items.some((item) => item.extra !== undefined) ? items.map((item) => item.extra ?? null) : undefined,
  );
}

/** Writes an item of a property that is no array in JSON. */
export function writeItem(holder: ExactObject, property: string, item: Item): void {
  assign(holder, property, item.value);
  assign(holder, `_${property}`, item.extra);
}

function assign(holder: ExactObject, property: string, value: ExactJson | undefined): void {
  if (value === undefined) delete holder[property];
  else holder[property] = value;
}

/** Gives a property another name in its place, for a choice element that changes its type. */
export function renameProperty(holder: ExactObject, from: string, to: string): void {
  if (from === to) return;
  const members = Object.entries(holder);
  for (const [name] of members) delete holder[name];
  for (const [name, value] of members) {
    holder[name === from ? to : name === `_${from}` ? `_${to}` : name] = value;
  }
}

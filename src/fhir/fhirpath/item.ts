/** Values in expressions: JSON with its type. https://hl7.org/fhir/R4/fhirpath.html#types */
import { isArray, isObject, type JsonObject, type JsonValue } from '../resource.ts';
import type { Budget } from './scope.ts';
import { type Member, type Shape, type Shapes, system } from './shapes.ts';

/** A value; a primitive's is undefined where it has but extensions. */
export interface Item {
  readonly value: JsonValue | undefined;
  readonly shape: Shape;
  /** What lies beside a primitive in JSON: its id and extensions. */
  readonly beside: JsonObject | undefined;
}

export type Items = readonly Item[];

export const nothing: Items = [];
const yes: Items = [{ value: true, shape: system.Boolean, beside: undefined }];
const no: Items = [{ value: false, shape: system.Boolean, beside: undefined }];

/** A truth value as a collection. */
export function truth(value: boolean | undefined): Items {
  if (value === undefined) return nothing;
  return value ? yes : no;
}

/** One value of FHIRPath's own types. */
export function single(value: JsonValue, shape: Shape): Items {
  return [{ value, shape, beside: undefined }];
}

/** An element of a type; a resource has the type it says itself. */
export function itemOf(
  value: JsonValue | undefined,
  shape: Shape,
  beside: JsonValue | undefined,
  shapes: Shapes,
): Item {
  return {
    value: value === null ? undefined : value,
    shape: shape.resource && isObject(value) ? shapes.ofResource(value.resourceType) : shape,
    beside: isObject(beside) ? beside : undefined,
  };
}

/** Adds the children of an item that these members hold. */
export function addChildren(item: Item, members: readonly Member[], to: Item[], shapes: Shapes, budget: Budget): void {
  const holder = item.shape.primitive ? item.beside : item.value;
  if (!isObject(holder)) return;
  budget.spend(1);
  budget.hold(to.length);
  for (const member of members) addMember(holder, member, to, shapes, budget);
}

/** Adds all children of an item, in the order in which JSON has them. */
export function addAllChildren(item: Item, to: Item[], shapes: Shapes, budget: Budget): void {
  const { shape } = item;
  const holder = shape.primitive ? item.beside : item.value;
  if (!isObject(holder)) return;
  budget.spend(1);
  budget.hold(to.length);
  for (const property in holder) {
    const member = shape.holding(property);
    // A value and what lies beside it are one child.
    if (member !== undefined && (member.property === property || holder[member.property] === undefined))
      addMember(holder, member, to, shapes, budget);
  }
}

function addMember(
  holder: JsonObject,
  { property, beside, shape }: Member,
  to: Item[],
  shapes: Shapes,
  budget: Budget,
): void {
  const value = holder[property];
  const other = beside === undefined ? undefined : holder[beside];
  if (value === undefined && other === undefined) return;
  if (!isArray(value) && !isArray(other)) {
    to.push(itemOf(value, shape, other, shapes));
    return;
  }
  const values = isArray(value) ? value : [];
  const others = isArray(other) ? other : [];
  const length = Math.max(values.length, others.length);
  budget.spend(length);
  budget.hold(to.length + length);
  for (let n = 0; n < length; n += 1) to.push(itemOf(values[n], shape, others[n], shapes));
}

/** Paths of names alone: followed in JSON without making items. https://hl7.org/fhirpath/N1/#path-selection */
import { isArray, isObject, type JsonValue } from '../resource.ts';
import type { Evaluate } from './code.ts';
import { addAllChildren, addChildren, type Item, nothing } from './item.ts';
import type { Budget } from './scope.ts';
import type { Shape, Shapes } from './shapes.ts';
import type { Syntax } from './syntax.ts';

/** The names of a path that starts from `$this`; undefined for another expression. A capital may begin the name of a type. */
export function namesOf(tree: Syntax | undefined): readonly string[] | undefined {
  if (tree === undefined || tree.kind === 'this') return [];
  if (tree.kind !== 'member') return undefined;
  if (tree.of === undefined) return /^[A-Z]/.test(tree.name) ? undefined : [tree.name];
  const before = namesOf(tree.of);
  return before === undefined ? undefined : [...before, tree.name];
}

/** Whether there is anything at the end of a path. */
export function reaches(item: Item, names: readonly string[], shapes: Shapes, budget: Budget): boolean {
  return found(item.value, item.beside, item.shape, names, 0, shapes, budget);
}

function found(
  value: JsonValue | undefined,
  beside: JsonValue | undefined,
  shape: Shape,
  names: readonly string[],
  depth: number,
  shapes: Shapes,
  budget: Budget,
): boolean {
  const name = names[depth];
  if (name === undefined) return true;
  const own = shape.resource && isObject(value) ? shapes.ofResource(value.resourceType) : shape;
  const holder = own.primitive ? beside : value;
  if (!isObject(holder)) return false;
  for (const member of own.named(name)) {
    const child = holder[member.property];
    const other = member.beside === undefined ? undefined : holder[member.beside];
    if (child === undefined && other === undefined) continue;
    if (depth === names.length - 1) return true;
    if (!isArray(child) && !isArray(other)) {
      if (found(child, other, member.shape, names, depth + 1, shapes, budget)) return true;
      continue;
    }
    const length = Math.max(isArray(child) ? child.length : 0, isArray(other) ? other.length : 0);
    budget.spend(length);
    for (let n = 0; n < length; n += 1) {
      const each = isArray(child) ? child[n] : undefined;
      const eachOther = isArray(other) ? other[n] : undefined;
      if (found(each, eachOther, member.shape, names, depth + 1, shapes, budget)) return true;
    }
  }
  return false;
}

/** The children of a name. */
export function childrenNamed(input: Evaluate, name: string, shapes: Shapes): Evaluate {
  return (self, scope) => {
    const items = input(self, scope);
    if (items.length === 0) return nothing;
    let children: Item[] | undefined;
    for (const item of items) {
      const members = item.shape.named(name);
      if (members.length === 0) continue;
      children ??= [];
      addChildren(item, members, children, shapes, scope.budget);
    }
    return children ?? nothing;
  };
}

/** How many children an item has. */
export function countChildren(item: Item, budget: Budget): number {
  const { shape } = item;
  const holder = shape.primitive ? item.beside : item.value;
  if (!isObject(holder)) return 0;
  budget.spend(1);
  let count = 0;
  for (const name in holder) {
    const member = shape.holding(name);
    if (member === undefined) continue;
    const value = holder[member.property];
    if (member.property !== name && value !== undefined) continue;
    const other = member.beside === undefined ? undefined : holder[member.beside];
    if (isArray(value) || isArray(other))
      count += Math.max(isArray(value) ? value.length : 0, isArray(other) ? other.length : 0);
    else count += 1;
  }
  return count;
}

/** All children, and theirs, of an item; parents come before their children. */
export function addDescendants(item: Item, to: Item[], shapes: Shapes, budget: Budget): void {
  const start = to.length;
  addAllChildren(item, to, shapes, budget);
  for (let n = start; n < to.length; n += 1) {
    const next = to[n];
    if (next !== undefined && !(next.shape.primitive && next.beside === undefined))
      addAllChildren(next, to, shapes, budget);
  }
}

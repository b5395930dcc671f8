/** Compiles a profile's tree to functions that check what it says beyond its base. https://hl7.org/fhir/R4/profiling.html */
import { isObject, type JsonObject } from '../../fhir/resource.ts';
import { bindingCheck, type FindCodes } from './bindings.ts';
import { constraintChecks } from './constraints.ts';
import { holderType, maxOf, minOf, typesOf } from './element.ts';
import { type Item, itemsOf, type Member, type Members } from './items.ts';
import type { Check, Run } from './run.ts';
import { compileSlicing, type Slicing, sliced } from './slicing.ts';
import { type Structures, typeTree } from './structures.ts';
import { childNamed, type Node } from './tree.ts';
import { typeChecks } from './types.ts';
import { valueChecks } from './values.ts';

/** What compiling needs. */
export interface Compiling {
  readonly structures: Structures;
  readonly members: Members;
  readonly codes: FindCodes;
  /** Counts steps. Throws OverBudget where it takes too long. */
  readonly spend: (steps: number) => void;
}

/** `compileNode`, for what it calls itself. */
export type CompileNode = typeof compileNode;

/** Checks an element's values within the object that has them. */
type MemberCheck = (holder: JsonObject, run: Run) => void;

/** Checks all values of an element together. */
type ItemsCheck = (items: readonly Item[], run: Run) => void;

/**
 * The check of one value of an element; undefined where the profile says nothing that `base` doesn't. `base`: what is checked anyway, R4's
 * element or, for a slice, the element that is sliced. `type`: R4's type of the element; a backbone's path.
 */
export function compileNode(node: Node, base: Node | undefined, type: string, compiling: Compiling): Check | undefined {
  compiling.spend(10);
  const checks = [
    ...typeChecks(node, base, compiling),
    ...valueChecks(node.element, base?.element ?? {}),
    ...bindingCheck(node.element, base?.element ?? {}, compiling.codes),
    ...constraintChecks(node, base, type, compiling),
    ...childChecks(node, base, type, compiling),
  ];
  if (checks.length < 2) return checks[0];
  return (value, beside, run) => {
    for (const check of checks) check(value, beside, run);
  };
}

function childChecks(node: Node, base: Node | undefined, type: string, compiling: Compiling): readonly Check[] {
  if (node.children === undefined || node.children === base?.children) return [];
  const holder = holderType(node.element, type);
  const known = base === undefined ? [] : compiling.structures.unfold(base);
  const own = typeTree(holder)?.children ?? [];
  const checks = node.children.flatMap((child) => {
    compiling.spend(known.length >> 3);
    const of = childNamed(known, child.name) ?? childNamed(own, child.name);
    const check = child === of ? undefined : compileMember(child, of, holder, compiling);
    return check === undefined ? [] : [check];
  });
  if (checks.length === 0) return [];
  return [
    (value, beside, run) => {
      const object = isObject(value) ? value : beside;
      if (object === undefined) return;
      for (const check of checks) check(object, run);
    },
  ];
}

function compileMember(
  node: Node,
  base: Node | undefined,
  holder: string,
  compiling: Compiling,
): MemberCheck | undefined {
  const members = compiling.members.of(holder, node.name);
  const [first] = members;
  // What JSON has no property for is `value` of a primitive.
  if (first === undefined) return undefined;
  const check = compileNode(node, base, first.type, compiling);
  const count = both(countCheck(node, base), choiceCheck(node, base));
  const slicing = compileSlicing(node, first.type, compiling, compileNode);
  if (check === undefined && count === undefined && slicing === undefined) return undefined;
  return memberCheck(members, check, count, slicing);
}

function memberCheck(
  members: readonly Member[],
  check: Check | undefined,
  count: ItemsCheck | undefined,
  slicing: Slicing | undefined,
): MemberCheck {
  return (holder, run) => {
    const items = itemsOf(holder, members);
    count?.(items, run);
    run.spend(items.length + 1);
    if (check !== undefined)
      run.each(items, (item) => {
        run.enter(item.property, item.index);
        check(item.value, item.beside, run);
        run.leave();
      });
    if (slicing !== undefined) sliced(items, slicing, run);
  };
}

function countCheck(node: Node, base: Node | undefined): ItemsCheck | undefined {
  const min = minOf(node.element);
  const max = maxOf(node.element);
  const asksMore = min > (base === undefined ? 0 : minOf(base.element));
  const allowsLess = max < (base === undefined ? Number.POSITIVE_INFINITY : maxOf(base.element));
  if (!asksMore && !allowsLess) return undefined;
  const { name } = node;
  return (items, run) => {
    if (asksMore && items.length < min)
      run.fault('required', 'cardinality', tooFew(min, items.length), name.replace('[x]', ''));
    if (allowsLess && items.length > max)
      run.fault('structure', 'cardinality', tooMany(max, items.length), items[0]?.property);
  };
}

function tooFew(min: number, count: number): string {
  return count === 0 && min === 1 ? 'must be there' : `must be there ${min} times at least; found ${count}`;
}

function tooMany(max: number, count: number): string {
  return max === 0 ? 'must not be there' : `must not be there more than ${max} times; found ${count}`;
}

/** A choice (`value[x]`) that has fewer types than the base's. */
function choiceCheck({ name, element }: Node, base: Node | undefined): ItemsCheck | undefined {
  if (!name.endsWith('[x]') || base === undefined) return undefined;
  const types = typesOf(element).map(({ code }) => code);
  const before = typesOf(base.element).map(({ code }) => code);
  if (before.every((code) => types.includes(code))) return undefined;
  return (items, run) => {
    for (const { type, property } of items)
      if (type !== undefined && !types.includes(type))
        run.fault('structure', 'type', `must be a ${types.join(' or ')}`, property);
  };
}

function both(first: ItemsCheck | undefined, second: ItemsCheck | undefined): ItemsCheck | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return (items, run) => {
    first(items, run);
    second(items, run);
  };
}

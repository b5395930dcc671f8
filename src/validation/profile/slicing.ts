/** Sorts an element's values into the slices of a profile and checks each. https://hl7.org/fhir/R4/profiling.html#slicing */
import { isObject } from '../../fhir/resource.ts';
import type { Known } from '../validator.ts';
import type { CompileNode, Compiling } from './compile.ts';
import { discriminatorTest, extensionUrl, type Test } from './discriminators.ts';
import { maxOf, minOf, objectsOf, textOf, typesOf } from './element.ts';
import type { Item } from './items.ts';
import type { Check, Run } from './run.ts';
import type { Node } from './tree.ts';

interface Slice {
  readonly name: string;
  readonly test: Test;
  readonly min: number;
  readonly max: number;
  readonly check: Check | undefined;
  readonly slicing: Slicing | undefined;
}

/** How the values of an element are sliced. */
export interface Slicing {
  /** The JSON name of the element. */
  readonly element: string;
  readonly slices: readonly Slice[];
  /** What applies to values that are in no other slice. */
  readonly otherwise: Slice | undefined;
  readonly ordered: boolean;
  readonly rules: 'open' | 'closed' | 'openAtEnd';
}

/** The slice of what is in no other. */
const rest = '@default';

/** The slices of an element; undefined where it has none, or nothing says how they are told apart. Throws ProfileFault, NotFetched. */
export function compileSlicing(
  node: Node,
  type: string,
  compiling: Compiling,
  compileNode: CompileNode,
): Slicing | undefined {
  const { slicing } = node.element;
  if (node.slices.length === 0 || !isObject(slicing)) return undefined;
  const discriminators = objectsOf(slicing.discriminator);
  const slices = node.slices.map((slice): Slice => {
    const own = typesOf(slice.element);
    const [only] = own;
    const ownType = own.length === 1 && only !== undefined && node.name.endsWith('[x]') ? only.code : type;
    return {
      name: slice.slice ?? '',
      test: slice.slice === rest ? () => true : sliceTest(discriminators, slice, ownType, compiling, compileNode),
      min: minOf(slice.element),
      max: maxOf(slice.element),
      check: compileNode(slice, node, ownType, compiling),
      slicing: compileSlicing(slice, ownType, compiling, compileNode),
    };
  });
  const rules = textOf(slicing.rules);
  return {
    element: node.name.replace('[x]', ''),
    slices: slices.filter(({ name }) => name !== rest),
    otherwise: slices.find(({ name }) => name === rest),
    ordered: slicing.ordered === true,
    rules: rules === 'closed' || rules === 'openAtEnd' ? rules : 'open',
  };
}

function sliceTest(
  discriminators: readonly NonNullable<Node['element']>[],
  slice: Node,
  type: string,
  compiling: Compiling,
  compileNode: CompileNode,
): Test {
  const [first, ...others] = discriminators;
  if (first !== undefined && others.length === 0 && first.path === 'url' && type === 'Extension') {
    const url = extensionUrl(slice, compiling);
    if (url !== undefined) return ({ value }) => isObject(value) && value.url === url;
  }
  // Without a discriminator a slice has whatever conforms to it.
  if (first === undefined) {
    const check = compileNode(slice, undefined, type, compiling);
    return ({ value, beside }, run) => check === undefined || run.attempt(() => check(value, beside, run));
  }
  const tests = discriminators.map((each) => discriminatorTest(each, slice, type, compiling));
  return (item, run) => {
    let result: Known = true;
    for (const test of tests) {
      const known = test(item, run);
      if (known === false) return false;
      if (known === undefined) result = undefined;
    }
    return result;
  };
}

/** Checks values within the object that has them. */
export function sliced(items: readonly Item[], slicing: Slicing, run: Run): void {
  const { slices, otherwise, ordered, rules } = slicing;
  const counts = new Map<Slice, Item[]>();
  const possible = new Map<Slice, number>();
  let last = -1;
  let outside = false;
  for (const item of items) {
    run.spend(slices.length);
    run.enter(item.property, item.index);
    const [at, sure] = sliceOf(item, slices, run);
    const slice = slices[at] ?? otherwise;
    if (slice !== undefined && sure) {
      listIn(counts, slice).push(item);
      slice.check?.(item.value, item.beside, run);
    } else if (slice !== undefined) possible.set(slice, (possible.get(slice) ?? 0) + 1);
    if (at < 0) {
      outside = true;
      if (rules === 'closed' && otherwise === undefined)
        run.fault('structure', 'slicing', `is in none of the slices ${namesOf(slices)}, and others are not allowed`);
    } else {
      if (rules === 'openAtEnd' && outside)
        run.fault('structure', 'slicing', 'must stand before those that are in no slice');
      if (ordered && at < last) run.fault('structure', 'slicing', `is out of order: it is ${slices[at]?.name}`);
      last = Math.max(last, at);
    }
    run.leave();
  }
  for (const slice of otherwise === undefined ? slices : [...slices, otherwise]) {
    const own = counts.get(slice) ?? [];
    countSlice(slice, own.length, possible.get(slice) ?? 0, slicing, run);
    if (slice.slicing !== undefined) sliced(own, slice.slicing, run);
  }
}

const namesOf = (slices: readonly Slice[]): string => slices.map(({ name }) => name).join(', ');

function listIn(lists: Map<Slice, Item[]>, slice: Slice): Item[] {
  let list = lists.get(slice);
  if (list === undefined) {
    list = [];
    lists.set(slice, list);
  }
  return list;
}

/** The slice that an item is in, -1 for none, and whether that is sure. */
function sliceOf(item: Item, slices: readonly Slice[], run: Run): readonly [number, boolean] {
  let possible = -1;
  for (const [index, { test }] of slices.entries()) {
    const known = test(item, run);
    if (known === true) return [index, true];
    if (known === undefined && possible < 0) possible = index;
  }
  return [possible, possible < 0];
}

function countSlice({ name, min, max }: Slice, sure: number, possible: number, { element }: Slicing, run: Run): void {
  if (sure + possible < min)
    run.fault('required', 'slicing', `must have ${min} of the slice ${name} at least; found ${sure}`, element);
  if (sure > max)
    run.fault('structure', 'slicing', `must not have more than ${max} of the slice ${name}; found ${sure}`, element);
}

/** How slices are told apart. https://hl7.org/fhir/R4/profiling.html#discriminator */
import { isObject, type JsonObject } from '../../fhir/resource.ts';
import type { Known } from '../validator.ts';
import { boundsOf, hasCode } from './bindings.ts';
import type { Compiling } from './compile.ts';
import { equal, hasPattern, holderType, maxOf, minOf, saidValue, textOf, typesOf } from './element.ts';
import { holderOf, type Item, itemsOf, type Members } from './items.ts';
import { parsePath, type Step } from './path.ts';
import type { Run } from './run.ts';
import { typeNamed } from './targets.ts';
import { childNamed, type Node, ProfileFault } from './tree.ts';
import { typeOfProfile } from './types.ts';

/** Whether an item belongs to a slice; undefined: it can't be said, as what a reference leads to isn't here. */
export type Test = (item: Item, run: Run) => Known;

/** What a slice says of where a path leads. */
interface Spot {
  /** Elements there, each with R4's type of it. */
  readonly nodes: readonly { readonly node: Node; readonly type: string }[];
  readonly profiles: readonly string[];
  /** undefined: they can't be told. */
  readonly types: readonly string[] | undefined;
}

/** The test of one discriminator for a slice. `type`: R4's type of the element. Throws ProfileFault for one that says nothing. */
export function discriminatorTest(discriminator: JsonObject, slice: Node, type: string, compiling: Compiling): Test {
  const path = textOf(discriminator.path) ?? '';
  const steps = parsePath(path);
  const test = testOf(textOf(discriminator.type) ?? '', steps, slice, type, compiling);
  if (test === undefined)
    throw new ProfileFault(
      `${slice.name}:${slice.slice}: nothing there tells it from other slices by the ${discriminator.type} of ${path}`,
    );
  return test;
}

function testOf(
  kind: string,
  steps: readonly Step[],
  slice: Node,
  type: string,
  compiling: Compiling,
): Test | undefined {
  const found = (item: Item, run: Run) => select([item], steps, compiling.members, run);
  const spot = steps.reduce((at, step) => stepInto(at, step, compiling), spotOf(slice, type));
  if (kind === 'exists') return existsTest(spot, found);
  if (kind === 'type') return typeTest(spot, found, compiling);
  if (kind === 'profile') return profileTest(spot, found, compiling);
  if (kind !== 'value' && kind !== 'pattern')
    throw new ProfileFault(`${slice.name}: there is no discriminator of type ${kind}`);
  const tests = spot.nodes.flatMap(({ node, type: of }) => {
    const test = valueTest(node, of, compiling);
    return test === undefined ? [] : [test];
  });
  if (tests.length === 0) return undefined;
  return (item, run) => {
    const values = found(item, run);
    return any(tests, (test) => any(values, (value) => (isGone(value) ? undefined : test(value, run))));
  };
}

const isGone = ({ value, beside }: Item): boolean => value === undefined && beside === undefined;

/** true where it holds for one, undefined where it can't be said for one. */
function any<T>(each: readonly T[], holds: (one: T) => Known): Known {
  let result: Known = false;
  for (const one of each) {
    const known = holds(one);
    if (known === true) return true;
    if (known === undefined) result = undefined;
  }
  return result;
}

function spotOf(node: Node, type: string): Spot {
  const types = typesOf(node.element);
  return {
    nodes: [{ node, type }],
    profiles: types.flatMap(({ profiles }) => profiles),
    types: types.length === 0 ? undefined : types.map(({ code }) => code),
  };
}

function together(spots: readonly Spot[]): Spot {
  const types = spots.flatMap((each) => each.types ?? []);
  return {
    nodes: spots.flatMap(({ nodes }) => nodes),
    profiles: spots.flatMap(({ profiles }) => profiles),
    types: types.length === 0 ? undefined : types,
  };
}

/** Where a step leads to in what a slice says. Throws NotFetched. */
function stepInto({ nodes, profiles }: Spot, step: Step, compiling: Compiling): Spot {
  const { structures, members } = compiling;
  if (step.kind === 'type') return { nodes, profiles, types: [step.type] };
  if (step.kind === 'resolve') {
    const targets = nodes.flatMap(({ node }) => typesOf(node.element)).flatMap((each) => each.targets);
    const known = targets.flatMap((target) => {
      const type = typeOfProfile(target, compiling);
      return type === undefined ? [] : [{ node: structures.tree(target), type }];
    });
    return { nodes: known, profiles: targets, types: known.map(({ type }) => type) };
  }
  const name = step.kind === 'member' ? step.name : 'extension';
  return together(
    nodes.flatMap(({ node, type }) => {
      const child = childNamed(structures.unfold(node), name);
      const [member] = members.of(holderType(node.element, type), name);
      if (child === undefined || member === undefined) return [];
      const all = step.kind === 'member' ? [child, ...child.slices] : child.slices;
      const meant = step.kind === 'member' ? all : all.filter((each) => extensionUrl(each, compiling) === step.url);
      return meant.map((each) => spotOf(each, member.type));
    }),
  );
}

/** The url of the extensions that a slice is for. */
export function extensionUrl(slice: Node, { structures }: Compiling): string | undefined {
  const [profile] = typesOf(slice.element).flatMap(({ profiles }) => profiles);
  if (profile !== undefined) return profile.split('|')[0];
  const url = childNamed(structures.unfold(slice), 'url');
  return url === undefined ? undefined : textOf(saidValue(url.element, 'fixed') ?? saidValue(url.element, 'pattern'));
}

/** The items that steps lead to in a resource. What a reference leads to but isn't here has no value. */
function select(items: readonly Item[], steps: readonly Step[], members: Members, run: Run): readonly Item[] {
  let at = items;
  for (const step of steps) {
    run.spend(at.length + 1);
    at = at.flatMap((item): readonly Item[] => {
      if (step.kind === 'type') return item.type === step.type ? [item] : [];
      if (step.kind === 'resolve') return resolved(item, run);
      const holder = holderOf(item);
      if (holder === undefined) return isGone(item) ? [{ ...item, type: undefined }] : [];
      const found = itemsOf(
        holder,
        members.of(item.type ?? 'Element', step.kind === 'member' ? step.name : 'extension'),
      );
      if (step.kind === 'member') return found;
      return found.filter(({ value }) => isObject(value) && value.url === step.url);
    });
  }
  return at;
}

function resolved({ value, ...item }: Item, run: Run): readonly Item[] {
  const reference: JsonObject = isObject(value) ? value : { reference: value };
  const target = typeof reference.reference === 'string' ? run.resolve(reference.reference) : undefined;
  const type = target?.resource.resourceType ?? typeNamed(reference);
  return [{ ...item, beside: undefined, value: target?.resource, type, ...(target === undefined ? {} : { target }) }];
}

function existsTest({ nodes }: Spot, found: (item: Item, run: Run) => readonly Item[]): Test | undefined {
  const node = nodes[0]?.node;
  if (node === undefined) return undefined;
  if (maxOf(node.element) === 0) return (item, run) => found(item, run).length === 0;
  return minOf(node.element) === 0 ? undefined : (item, run) => found(item, run).length > 0;
}

function typeTest(
  { types }: Spot,
  found: (item: Item, run: Run) => readonly Item[],
  { members }: Compiling,
): Test | undefined {
  if (types === undefined) return undefined;
  return (item, run) =>
    any(found(item, run), ({ type }) =>
      type === undefined ? undefined : types.some((each) => members.is(type, each)),
    );
}

function profileTest(
  { profiles }: Spot,
  found: (item: Item, run: Run) => readonly Item[],
  compiling: Compiling,
): Test | undefined {
  if (profiles.length === 0) return undefined;
  const wanted = profiles.map((profile) => ({ profile, type: typeOfProfile(profile, compiling) }));
  return (item, run) =>
    any(found(item, run), (value) =>
      any(wanted, ({ profile, type }) => {
        if (value.type !== undefined && type !== undefined && !compiling.members.is(value.type, type)) return false;
        return isObject(value.value) ? within(value, profile, run) : undefined;
      }),
    );
}

/** Whether a value conforms to a profile; of what a reference leads to, among its own references. */
function within({ value, target }: Item, profile: string, run: Run): Known {
  if (target !== undefined) return run.targetConforms(profile, target);
  return isObject(value) ? run.conforms(profile, value) : undefined;
}

/** The test of what a slice fixes at a node or below it; undefined where it fixes nothing. */
function valueTest(node: Node, type: string, compiling: Compiling): Test | undefined {
  const own = ownTest(node.element, compiling);
  if (own !== undefined) return own;
  const below = (node.children ?? []).flatMap((child) => {
    const members = compiling.members.of(holderType(node.element, type), child.name);
    const [first] = members;
    const test = first === undefined ? undefined : valueTest(child, first.type, compiling);
    return test === undefined ? [] : [{ members, test }];
  });
  if (below.length === 0) return undefined;
  return (item, run) => {
    const holder = holderOf(item);
    if (holder === undefined) return false;
    const misses = below.map(({ members, test }) => any(itemsOf(holder, members), (value) => test(value, run)));
    return misses.includes(false) ? false : misses.includes(undefined) ? undefined : true;
  };
}

function ownTest(element: JsonObject, { codes }: Compiling): Test | undefined {
  const fixed = saidValue(element, 'fixed');
  if (fixed !== undefined) return ({ value }, run) => equal(value, fixed, run);
  const pattern = saidValue(element, 'pattern');
  if (pattern !== undefined) return ({ value }, run) => hasPattern(value, pattern, run);
  const required = boundsOf(element).filter(({ strength }) => strength === 'required');
  if (required.length === 0) return undefined;
  return ({ value }, run) => {
    const known = required.map(({ valueSet }) => {
      const set = codes(valueSet, run);
      return set === undefined || value === undefined ? undefined : hasCode(set, value, run);
    });
    return known.includes(false) ? false : known.includes(undefined) ? undefined : true;
  };
}

/** The elements of a structure definition as a tree. https://hl7.org/fhir/R4/elementdefinition.html#id */
import type { JsonObject } from '../../fhir/resource.ts';
import { textOf } from './element.ts';

/** An element, or one of the slices of an element. Nobody changes it: profiles share what they don't constrain. */
export interface Node {
  /** The last part of its path: `name`, `value[x]`; the type's name at the root. */
  readonly name: string;
  /** `mrn`; of a slice of a slice only what is its own. */
  readonly slice?: string;
  readonly element: JsonObject;
  /** undefined: what its type has. */
  readonly children: readonly Node[] | undefined;
  readonly slices: readonly Node[];
}

/** A definition that can't be used, and why. */
export class ProfileFault extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'ProfileFault';
  }
}

interface Draft {
  readonly name: string;
  readonly slice?: string;
  element: JsonObject;
  /** By name, in their order. */
  readonly children: Map<string, Draft>;
  readonly slices: Map<string, Draft>;
}

/** JSON that comes here nests at most 90 deep. */
const mostParts = 100;

interface Part {
  readonly name: string;
  readonly slices: readonly string[];
}

/**
 * The tree of a list of elements, of a snapshot or a differential; elements that only their children name are empty. Throws ProfileFault for a
 * list without a root, or whose elements don't belong to one. `spend`: counts steps.
 */
export function treeOf(elements: readonly JsonObject[], type: string, spend?: (steps: number) => void): Node {
  const root: Draft = { name: type, element: {}, children: new Map(), slices: new Map() };
  let last: readonly Part[] = [];
  for (const element of elements) {
    spend?.(4);
    const parts = partsOf(element, last);
    last = parts;
    if (parts.length > mostParts || parts.some(({ slices }) => slices.length > mostParts))
      throw new ProfileFault(`an element is within more than ${mostParts} others`);
    if (parts[0]?.name !== type)
      throw new ProfileFault(`the element ${textOf(element.path) ?? '?'} doesn't belong to ${type}`);
    place(root, parts).element = element;
  }
  return nodeOf(root);
}

function nodeOf({ name, slice, element, children, slices }: Draft): Node {
  return {
    name,
    ...(slice === undefined ? {} : { slice }),
    element,
    children: children.size === 0 ? undefined : [...children.values()].map(nodeOf),
    slices: [...slices.values()].map(nodeOf),
  };
}

/** The parts of an element's id; where it has none, its path, whose beginning is the last element's. */
function partsOf(element: JsonObject, last: readonly Part[]): readonly Part[] {
  const { id, path, sliceName } = element;
  if (typeof path !== 'string') throw new ProfileFault('an element has no path');
  const names = path.split('.');
  if (typeof id === 'string') {
    const parts = partsOfId(id);
    // Slices' names may have dots; an id that doesn't follow the path tells nothing.
    if (parts.length === names.length && parts.every((part, index) => part.name === names[index])) {
      const own = parts.at(-1);
      if (own !== undefined && own.slices.length === 0 && typeof sliceName === 'string')
        return [...parts.slice(0, -1), { name: own.name, slices: sliceName.split('/') }];
      return parts;
    }
  }
  let same = true;
  return names.map((name, index) => {
    const known = last[index];
    same &&= known?.name === name;
    if (index === names.length - 1) return { name, slices: typeof sliceName === 'string' ? sliceName.split('/') : [] };
    return same && known !== undefined ? known : { name, slices: [] };
  });
}

/** The parts of an element's id, the names of whose slices have no dots. */
export function partsOfId(id: string): readonly Part[] {
  return id.split('.').map(partOf);
}

function partOf(text: string): Part {
  const colon = text.indexOf(':');
  return colon < 0
    ? { name: text, slices: [] }
    : { name: text.slice(0, colon), slices: text.slice(colon + 1).split('/') };
}

function place(root: Draft, parts: readonly Part[]): Draft {
  let at = root;
  for (const [depth, { name, slices }] of parts.entries()) {
    if (depth > 0) at = find(at.children, name, { name });
    for (const slice of slices) at = find(at.slices, slice, { name, slice });
  }
  return at;
}

function find(drafts: Map<string, Draft>, key: string, names: Pick<Draft, 'name' | 'slice'>): Draft {
  const known = drafts.get(key);
  if (known !== undefined) return known;
  const made: Draft = { ...names, element: {}, children: new Map(), slices: new Map() };
  drafts.set(key, made);
  return made;
}

/** The child of that name among some; `value` and `valueQuantity` are found at `value[x]`. */
export function childNamed(children: readonly Node[], name: string): Node | undefined {
  return children.find((child) => child.name === name) ?? children.find((child) => isChoice(child.name, name));
}

/** Whether a choice (`value[x]`) is what a name (`value`, `valueQuantity`) means. */
function isChoice(choice: string, name: string): boolean {
  if (!choice.endsWith('[x]')) return false;
  const stem = choice.slice(0, -3);
  return name.startsWith(stem) && (name.length === stem.length || /^[A-Z]/.test(name.slice(stem.length)));
}

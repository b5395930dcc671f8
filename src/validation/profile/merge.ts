/** Puts what a differential says over the elements of its base. https://hl7.org/fhir/R4/profiling.html#snapshot */
import { primitives } from '../../fhir/definitions/primitives.ts';
import type { JsonObject, JsonValue } from '../../fhir/resource.ts';
import { equal, maxOf, minOf, objectsOf, textOf, textsOf, typesOf } from './element.ts';
import { childNamed, type Node, ProfileFault } from './tree.ts';

/** What merging needs. */
interface Merging {
  /** The children of an element that has none of its own: those of its type. */
  readonly unfold: (node: Node) => readonly Node[];
  /** Counts steps. Throws OverBudget where it takes too long. */
  readonly spend: (steps: number) => void;
}

/** How extensions are sliced where nothing else is said. */
const byUrl = { discriminator: [{ type: 'value', path: 'url' }], ordered: false, rules: 'open' };
/** How the types of a choice are sliced where nothing else is said. */
const byType = { discriminator: [{ type: 'type', path: '$this' }], ordered: false, rules: 'open' };

/**
 * The base with what the differential says of it and below. Throws ProfileFault that names the element for one that the base doesn't have,
 * and for slices of which nobody says how they are told apart.
 */
export function merged(base: Node, differential: Node, merging: Merging, path: string = base.name): Node {
  const element = mergedElement(base, differential, merging, path);
  const own = differential.children ?? [];
  let node: Node = { ...base, element };
  if (own.length > 0) {
    let children = [...unfolded(base, node, merging, path)];
    for (const child of own) children = withChild(children, onlyType(child, own, element, path), merging, path);
    node = { ...node, children };
  }
  return differential.slices.length === 0 ? node : withSlices(node, differential.slices, merging, path);
}

/** The children that a differential goes on from. A choice that has become one type has that type's. */
function unfolded(base: Node, node: Node, merging: Merging, path: string): readonly Node[] {
  if (base.children === undefined) return merging.unfold(node);
  if (typesOf(base.element).length < 2 || typesOf(node.element).length !== 1) return base.children;
  let children = [...merging.unfold({ ...node, children: undefined })];
  for (const child of base.children) children = withChild(children, child, merging, path);
  return children;
}

function withChild(children: Node[], child: Node, merging: Merging, path: string): Node[] {
  merging.spend(children.length >> 3);
  const known = childNamed(children, child.name);
  const where = `${path}.${child.name}`;
  if (known === undefined) throw new ProfileFault(`${where}: there is no such element`);
  const said = known.name === child.name ? child : asSlice(known, child, where);
  const changed = merged(known, said, merging, where);
  return children.map((each) => (each === known ? changed : each));
}

/**
 * An extension whose differential names but `valueQuantity` has no values of other types. Elsewhere such a name says nothing of other types:
 * https://hl7.org/fhir/R4/profiling.html#slicing
 */
function onlyType(child: Node, all: readonly Node[], { type }: JsonObject, path: string): Node {
  const isExtension = path === 'Extension' || objectsOf(type).some(({ code }) => code === 'Extension');
  const isValue = (each: Node): boolean => each.name.startsWith('value');
  if (!isExtension || !isValue(child) || child.name === 'value[x]' || all.filter(isValue).length > 1) return child;
  const own = child.element.type ?? [{ code: primitiveOf(child.name.slice('value'.length)) }];
  const slice: Node = { ...child, name: 'value[x]', slice: child.name };
  const element = { type: own, slicing: { ...byType, rules: 'closed' } };
  return { name: 'value[x]', element, children: undefined, slices: [slice] };
}

/** A type's own name: `dateTime` of `DateTime`. */
function primitiveOf(name: string): string {
  const small = name.charAt(0).toLowerCase() + name.slice(1);
  return primitives.has(small) ? small : name;
}

/** `valueQuantity` in a differential is the slice of that type, of `value[x]`. */
function asSlice(choice: Node, { name, element, children, slices }: Node, path: string): Node {
  const own = primitiveOf(name.slice(choice.name.length - 3));
  if (!typesAllowed(choice.element)(own))
    throw new ProfileFault(`${path}: ${choice.name} doesn't have the type ${own} there`);
  const slice: Node = { name: choice.name, slice: name, element, children, slices };
  return { name: choice.name, element: {}, children: undefined, slices: [slice] };
}

function withSlices(node: Node, said: readonly Node[], merging: Merging, path: string): Node {
  const slices = new Map(node.slices.map((each) => [each.slice, each]));
  let { slicing } = node.element;
  for (const slice of said) {
    const known = slices.get(slice.slice);
    if (known === undefined) slicing ??= impliedSlicing(node.name);
    if (known === undefined && slicing === undefined)
      throw new ProfileFault(`${path}: nothing says how its slices are told apart (slicing)`);
    slices.set(slice.slice, merged(known ?? newSlice(node, slice), slice, merging, `${path}:${slice.slice}`));
  }
  return {
    ...node,
    element: slicing === undefined ? node.element : { ...node.element, slicing },
    slices: [...slices.values()],
  };
}

/** What a slice that is new goes on from: the element that is sliced. */
function newSlice(node: Node, slice: Node): Node {
  const { slicing: _slicing, sliceName: _name, mustSupport: _must, ...element } = node.element;
  return {
    ...node,
    ...(slice.slice === undefined ? {} : { slice: slice.slice }),
    element: { ...element, min: 0, ...typeOfSlice(node, slice) },
    slices: [],
  };
}

function impliedSlicing(name: string): JsonObject | undefined {
  if (name.endsWith('[x]')) return byType;
  return name === 'extension' || name === 'modifierExtension' ? byUrl : undefined;
}

/** The type that the name of a choice's slice ends with: Quantity of `valueQuantity`. */
function typeOfSlice({ name, element }: Node, { slice = '', element: said }: Node): JsonObject {
  if (!name.endsWith('[x]') || said.type !== undefined) return {};
  const own = slice.slice(name.length - 3).toLowerCase();
  const type = objectsOf(element.type).find(({ code }) => textOf(code)?.toLowerCase() === own);
  return type === undefined ? {} : { type: [type] };
}

/** Members of which a differential's come beside the base's. */
const lists = new Set(['condition', 'alias', 'mapping', 'example']);

function mergedElement(base: Node, { element: said }: Node, { spend }: Merging, path: string): JsonObject {
  const from = base.element;
  const { id: _id, path: _path, sliceName: _slice, ...element }: Record<string, JsonValue | undefined> = from;
  for (const [name, value] of Object.entries(said)) {
    if (name === 'id' || name === 'path' || name === 'sliceName') continue;
    if (name === 'constraint') element[name] = byKey(from.constraint, value, 'key', spend);
    else if (name === 'extension') element[name] = byKey(from[name], value, 'url', spend);
    else if (name === 'binding') element[name] = { ...objectOf(from.binding), ...objectOf(value) };
    else if (lists.has(name)) element[name] = union(from[name], value, spend);
    else if (!setsType(name)) element[name] = value;
    else {
      for (const other of Object.keys(element)) if (kindOf(other) === kindOf(name)) delete element[other];
      element[name] = value;
    }
  }
  const allowed = typesAllowed(from);
  const foreign = typesOf(said).find(({ code }) => !allowed(code));
  if (foreign !== undefined) throw new ProfileFault(`${path}: its base doesn't have the type ${foreign.code} there`);
  // What a base asks for can't be loosened.
  if (minOf(from) > minOf(element)) element.min = minOf(from);
  if (maxOf(from) < maxOf(element)) element.max = String(maxOf(from));
  if (minOf(element) > maxOf(element))
    throw new ProfileFault(`${path}: min ${minOf(element)} is more than max ${maxOf(element)}`);
  return element;
}

/** Types that any of their kind specialises. */
const general = new Set(['Resource', 'DomainResource', 'Element', 'BackboneElement']);

/** Tells the types that an element may have where it constrains this one. */
function typesAllowed(from: JsonObject): (code: string) => boolean {
  const codes = new Set(typesOf(from).map(({ code }) => code));
  // Ids and urls have a type of FHIRPath's, which profiles call by names of FHIR's.
  const own = objectsOf(from.type).some((type) => textOf(type.code)?.startsWith('http://hl7.org/fhirpath/'));
  const any = own || codes.size === 0 || [...codes].some((code) => general.has(code));
  return (code) => any || codes.has(code);
}

/** The base's objects, those with the same key replaced, and the others after them. */
function byKey(
  from: JsonValue | undefined,
  said: JsonValue | undefined,
  key: string,
  spend: Merging['spend'],
): readonly JsonObject[] {
  const own = objectsOf(said);
  const keys = new Set(own.map((each) => each[key]));
  spend(own.length);
  return [...objectsOf(from).filter((each) => !keys.has(each[key])), ...own];
}

function union(
  from: JsonValue | undefined,
  said: JsonValue | undefined,
  spend: Merging['spend'],
): readonly JsonValue[] {
  const known: readonly JsonValue[] = [...textsOf(from), ...objectsOf(from)];
  const more: readonly JsonValue[] = [...textsOf(said), ...objectsOf(said)];
  return [...known, ...more.filter((each) => !known.some((other) => equal(each, other, { spend })))];
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return objectsOf([value ?? null])[0] ?? {};
}

const kinds = ['fixed', 'pattern', 'minValue', 'maxValue', 'defaultValue'];

/** `pattern` of `patternCoding`: there is one of them, whatever its type. */
function kindOf(name: string): string | undefined {
  return kinds.find((kind) => name.startsWith(kind) && /^[A-Z]/.test(name.slice(kind.length)));
}

function setsType(name: string): boolean {
  return kindOf(name) !== undefined;
}

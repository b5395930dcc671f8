/** Cuts a resource down to what `_summary` or `_elements` asks for. https://hl7.org/fhir/R4/search.html#summary */
import type { Definitions, ElementDefinition, TypeDefinition } from './definitions/definitions.ts';
import { type ExactJson, type ExactObject, exactObject, isExactObject } from './exact-json.ts';

/** What of a resource is wanted. `elements` has names of `_elements`: `name`, `value` (for any type of it), `Patient.name`. */
export type Subset = { readonly summary: 'true' | 'text' | 'data' } | { readonly elements: readonly string[] };

/** https://hl7.org/fhir/R4/v3/ObservationValue/cs.html#v3-ObservationValue-SUBSETTED */
const SYSTEM = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue';
const CODE = 'SUBSETTED';

/** What every cut keeps: who reads the rest must know them. https://hl7.org/fhir/R4/extensibility.html#modifierExtension */
const always: ReadonlySet<string> = new Set(['id', 'meta', 'implicitRules', 'modifierExtension']);

type Keeps = (element: ElementDefinition) => boolean;

/**
 * The wanted part of a resource, in the order of its properties, with the tag SUBSETTED; the resource itself where
 * `_elements` names only elements of other types. `id`, `meta` and mandatory elements stay, and `_name` beside its `name`.
 * Shares members with `resource`, which isn't changed.
 */
export function subset(resource: ExactObject, definitions: Definitions, wanted: Subset): ExactObject {
  const type = typeOf(resource, definitions);
  if (type === undefined) return resource;
  if ('elements' in wanted) {
    const names = elementsOf(type.name, wanted.elements);
    if (names === undefined) return resource;
    return tagged(
      cut(resource, type, ({ name, choice }) => names.has(name) || (choice !== undefined && names.has(choice))),
    );
  }
  if (wanted.summary === 'true') return summaryOf(resource, type, definitions);
  const text = ({ name }: ElementDefinition) => name === 'text';
  return tagged(cut(resource, type, wanted.summary === 'text' ? text : (element) => !text(element)));
}

function typeOf(resource: ExactObject, definitions: Definitions): TypeDefinition | undefined {
  const { resourceType } = resource;
  const type = typeof resourceType === 'string' ? definitions.type(resourceType) : undefined;
  return type?.kind === 'resource' ? type : undefined;
}

/** The names that hold for a type; undefined if all belong to other types. A path means its first element. */
function elementsOf(type: string, elements: readonly string[]): ReadonlySet<string> | undefined {
  const qualified = elements.map((name) => {
    const [first = '', second] = name.split('.');
    return /^[A-Z]/.test(first) && second !== undefined ? { type: first, name: second } : { type, name: first };
  });
  const own = qualified.filter((element) => element.type === type);
  return own.length === 0 && qualified.length > 0 ? undefined : new Set(own.map(({ name }) => name));
}

/** The element that a property belongs to: `name` and `_name` are one. */
function elementAt(type: TypeDefinition, property: string): ElementDefinition | undefined {
  return type.elements.get(property.startsWith('_') ? property.slice(1) : property);
}

/** The members of a resource that stay: those that every cut keeps, mandatory ones, and those that `keeps` says. */
function cut(resource: ExactObject, type: TypeDefinition, keeps: Keeps): ExactObject {
  const kept = exactObject();
  for (const [property, member] of Object.entries(resource)) {
    const element = elementAt(type, property);
    if (property === 'resourceType' || (element !== undefined && (stays(element) || keeps(element))))
      kept[property] = member;
  }
  return kept;
}

function stays({ name, min }: ElementDefinition): boolean {
  return always.has(name) || min > 0;
}

/** A resource with the elements of its summary, those within them, and resources within it cut likewise. */
function summaryOf(resource: ExactObject, type: TypeDefinition, definitions: Definitions): ExactObject {
  const kept = cut(resource, type, ({ summary }) => summary);
  for (const [property, member] of Object.entries(kept)) {
    const element = type.elements.get(property);
    if (element !== undefined && !always.has(property)) kept[property] = summaryValue(member, element, definitions);
  }
  return tagged(kept);
}

/** What the summary keeps of an element's value; of a list, of each item. */
function summaryValue(value: ExactJson, element: ElementDefinition, definitions: Definitions): ExactJson {
  if (Array.isArray(value)) return value.map((item) => summaryValue(item, element, definitions));
  if (!isExactObject(value)) return value;
  if (element.type === 'Resource') {
    const type = typeOf(value, definitions);
    return type === undefined ? value : summaryOf(value, type, definitions);
  }
  const type = definitions.type(element.type);
  return type === undefined ? value : summaryObject(value, type, definitions);
}

function summaryObject(object: ExactObject, type: TypeDefinition, definitions: Definitions): ExactObject {
  const kept = exactObject();
  let empty = true;
  for (const [property, member] of Object.entries(object)) {
    const element = elementAt(type, property);
    if (element === undefined || !(element.summary || element.min > 0)) continue;
    // An extension says nothing in part: its own elements have no place in summaries.
    const whole = property.startsWith('_') || element.type === 'Extension';
    kept[property] = whole ? member : summaryValue(member, element, definitions);
    empty = false;
  }
  // JSON has no empty objects: a value that only has extensions (why it is absent, say) stays whole.
  return empty ? object : kept;
}

/** The resource with the tag that says it is a part, in its `meta`, which comes after the id where there was none. */
function tagged(resource: ExactObject): ExactObject {
  const { meta } = resource;
  const result = exactObject();
  const before = 'id' in resource ? 'id' : 'resourceType';
  for (const [property, member] of Object.entries(resource)) {
    result[property] = property === 'meta' ? withTag(member) : member;
    if (meta === undefined && property === before) result.meta = withTag(exactObject());
  }
  return result;
}

function withTag(meta: ExactJson): ExactJson {
  if (!isExactObject(meta)) return meta;
  const tags = Array.isArray(meta.tag) ? meta.tag : [];
  if (tags.some((tag) => isExactObject(tag) && tag.system === SYSTEM && tag.code === CODE)) return meta;
  const tag = Object.assign(exactObject(), { system: SYSTEM, code: CODE });
  return Object.assign(exactObject(), meta, { tag: [...tags, tag] });
}

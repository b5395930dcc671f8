/** A value of a FHIRPath Patch as an element's JSON, checked against the element's type. https://hl7.org/fhir/R4/fhirpatch.html#anonymous */
import type { Definitions, ElementDefinition, TypeDefinition } from '../definitions/definitions.ts';
import { type ExactObject, exactObject, isExactObject } from '../exact-json.ts';
import { failure, type OutcomeError } from '../outcome.ts';
import { type Item, readList, writeItem, writeList } from './element-list.ts';
import type { PatchValue, TypedValue } from './fhirpath-operation.ts';

/** What an error says of the operation and names of its target. */
export interface Site {
  readonly title: string;
  readonly expression: string;
}

/**
 * The definition of the property that takes a value under an element's name: for a choice (`value`) the one of the
 * value's type (`valueQuantity`). Throws OutcomeError 422 where the type has no such element, or none of that type.
 */
export function elementFor(type: TypeDefinition, name: string, value: PatchValue, site: Site): ElementDefinition {
  const element = type.elements.get(name);
  if (element !== undefined) return element;
  const suffix = value.kind === 'typed' ? value.suffix : undefined;
  const choice = type.elements.get(`${name}${suffix ?? ''}`);
  if (choice !== undefined && choice.choice === name) return choice;
  const choices = [...type.elements.values()].filter((candidate) => candidate.choice === name);
  const [only] = choices;
  if (suffix === undefined && only !== undefined && choices.length === 1) return only;
  if (only === undefined) throw wrong(site, `${type.name} has no element of that name`);
  throw wrong(
    site,
    `the element takes a value of one of the types ${choices.map((candidate) => candidate.type).join(', ')}`,
  );
}

/** The JSON of a value for an element (one item of a list). Throws OutcomeError 422 where the type is wrong. */
export function itemFor(element: ElementDefinition, value: PatchValue, definitions: Definitions, site: Site): Item {
  const type = definitions.type(element.type);
  if (value.kind === 'typed') {
    if (!fits(element, value, definitions)) throw wrong(site, `the value has to be of type ${element.type}`);
    return { value: value.value, extra: value.extra };
  }
  if (type === undefined || type.kind === 'primitive' || type.kind === 'resource') {
    throw wrong(site, `parts build elements with members, not ${element.type}`);
  }
  const object = exactObject();
  for (const part of value.parts) {
    const member = elementFor(type, part.name, part.value, site);
    addTo(object, member, itemFor(member, part.value, definitions, site), site);
  }
  return { value: object, extra: undefined };
}

/** Appends an item to a list, or sets it where there is nothing yet. Throws OutcomeError 422 where there is. */
export function addTo(holder: ExactObject, element: ElementDefinition, item: Item, site: Site): void {
  const { name } = element;
  if (element.array) {
    writeList(holder, name, [...readList(holder, name), item]);
  } else if (name in holder || `_${name}` in holder) {
    throw wrong(site, 'the element is there already and takes one value; replace it');
  } else writeItem(holder, name, item);
}

function fits(element: ElementDefinition, value: TypedValue, definitions: Definitions): boolean {
  if (value.suffix === 'Resource') return element.type === 'Resource' && isExactObject(value.value);
  const given = typeOfSuffix(value.suffix, definitions);
  if (given === undefined) return false;
  const { type } = element;
  if (given === type || isA(given, type, definitions) || isA(type, given, definitions)) return true;
  if (given === 'string') return type === 'xhtml' || type === 'id';
  // Extension.url is a plain string in R4's definitions, and a uri everywhere else.
  if (given === 'uri') return type === 'string' && element.name === 'url';
  return given === 'date' && type === 'dateTime';
}

function typeOfSuffix(suffix: string, definitions: Definitions): string | undefined {
  const primitive = `${suffix.charAt(0).toLowerCase()}${suffix.slice(1)}`;
  if (definitions.type(primitive)?.kind === 'primitive') return primitive;
  return definitions.type(suffix)?.kind === 'complex' ? suffix : undefined;
}

/** Whether a type specialises another one: `code` is a `string`, `Age` a `Quantity`. `Element` doesn't count. */
function isA(type: string, base: string, definitions: Definitions): boolean {
  if (definitions.type(base)?.abstract === true) return false;
  for (
    let at = definitions.type(type);
    at !== undefined;
    at = at.base === undefined ? undefined : definitions.type(at.base)
  ) {
    if (at.name === base) return true;
  }
  return false;
}

function wrong(site: Site, why: string): OutcomeError {
  return failure(422, 'processing', `${site.title} fails: ${why}.`, site.expression);
}

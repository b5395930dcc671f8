/** Compiles a type to a table of its properties' checks. https://hl7.org/fhir/R4/json.html */
import type { Definitions, ElementDefinition, TypeDefinition } from '../fhir/definitions/definitions.ts';
import { isResource, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import { isIdentifier, nearest, quoted } from './found.ts';
import {
  extensionsList,
  list,
  type MemberCheck,
  objectAt,
  primitive,
  primitiveList,
  single,
  type ValueCheck,
} from './members.ts';
import type { Place } from './place.ts';

interface Property {
  /** The element's name, as paths have it. */
  readonly name: string;
  readonly check: MemberCheck;
  /** A bit for each choice of types within the type, 0 for others. */
  readonly group: number;
  readonly choice?: string | undefined;
}

interface CheckedType {
  readonly name: string;
  readonly properties: ReadonlyMap<string, Property>;
}

const ignore: MemberCheck = () => {};

/** Checks for all types, compiled when first needed. */
export class CheckedTypes {
  readonly #definitions: Definitions;
  readonly #types = new Map<string, CheckedType>();

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  /** Checks that a value is a resource whose elements have the structure that its type gives them. */
  readonly resource: ValueCheck = (value, place) => {
    const resource = objectAt(value, 'a resource (an object)', place);
    if (resource === undefined) return;
    if (!isResource(resource)) this.#withoutType(resource, place);
    else if (this.#definitions.resourceTypes.has(resource.resourceType))
      checkMembers(resource, this.#type(resource.resourceType), place);
    else place.fault('structure', place.path(), `has an unknown resourceType${this.#meant(resource.resourceType)}`);
  };

  #withoutType(resource: JsonObject, place: Place): void {
    if (resource.resourceType === undefined)
      place.fault('required', place.path(), 'must have a resourceType, e.g. "resourceType": "Patient"');
    else place.fault('structure', place.path(), 'must have a resourceType that is a string');
  }

  #meant(name: string): string {
    const meant = nearest(name, this.#definitions.resourceTypes);
    return meant === undefined ? '' : `; did you mean ${meant}?`;
  }

  #type(name: string): CheckedType {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const definition = this.#definitions.type(name);
    if (definition === undefined) throw new Error(`no definition of the type ${name}`);
    const properties = new Map<string, Property>();
    const type = { name, properties };
    // Set before its properties are compiled: types contain themselves.
    this.#types.set(name, type);
    for (const property of this.#properties(definition)) properties.set(...property);
    return type;
  }

  #properties(type: TypeDefinition): readonly [string, Property][] {
    const choices = [...new Set([...type.elements.values()].flatMap(({ choice }) => choice ?? []))];
    const members: [string, Property][] =
      type.kind === 'resource' ? [['resourceType', { name: 'resourceType', check: ignore, group: 0 }]] : [];
    for (const element of type.elements.values()) {
      const { name, choice } = element;
      const group = choice === undefined ? 0 : 2 ** choices.indexOf(choice);
      members.push([name, { name, check: this.#member(element), group, choice }]);
      if (element.extensible) members.push([`_${name}`, { name, check: this.#extensions(element), group, choice }]);
    }
    return members;
  }

  #member({ name, type, array, extensible }: ElementDefinition): MemberCheck {
    if (this.#definitions.type(type)?.kind === 'primitive')
      return array ? primitiveList(name, type, extensible) : primitive(name, type);
    const check = type === 'Resource' ? this.resource : this.#complex(type);
    return array ? list(name, check) : single(name, check);
  }

  #extensions({ name, array }: ElementDefinition): MemberCheck {
    const check = this.#complex('Element');
    return array ? extensionsList(name, check) : single(name, check);
  }

  /** The check of a value of a complex type or backbone element. Looks the type up when first used. */
  #complex(name: string): ValueCheck {
    let type: CheckedType | undefined;
    return (value, place) => {
      const object = objectAt(value, 'an object', place);
      if (object === undefined) return;
      type ??= this.#type(name);
      checkMembers(object, type, place);
    };
  }
}

/** Checks each member of an object; it must have one. */
function checkMembers(object: JsonObject, type: CheckedType, place: Place): void {
  let empty = true;
  let groups = 0;
  // Includes a member that JSON calls __proto__; nothing is inherited.
  for (const name in object) {
    empty = false;
    const property = type.properties.get(name);
    const member: JsonValue | undefined = object[name];
    if (property === undefined || member === undefined) {
      unknownMember(name, type, place);
      continue;
    }
    if (property.group !== 0) {
      if ((groups & property.group) !== 0) secondChoice(object, property, type, place);
      groups |= property.group;
    }
    property.check(member, object, place);
  }
  if (empty) place.fault('structure', place.path(), 'must not be an empty object');
}

/** Faults a second type of a choice: `valueString` and `valueQuantity`. `valueString` and `_valueString` are one. */
function secondChoice(object: JsonObject, { name, choice }: Property, type: CheckedType, place: Place): void {
  const first = Object.keys(object)
    .map((member) => type.properties.get(member))
    .find((other) => other?.choice === choice);
  if (first !== undefined && first.name !== name)
    place.fault('structure', place.path(name), `can't stand beside ${first.name}: only one ${choice}[x] is allowed`);
}

function unknownMember(name: string, type: CheckedType, place: Place): void {
  if (place.full) return;
  const path = isIdentifier(name) ? place.path(name) : place.path();
  place.fault('structure', path, `is no element of ${type.name}: unknown property ${quoted(name)}${hint(name, type)}`);
}

/** What the sender of an unknown property may have meant. */
function hint(name: string, { properties }: CheckedType): string {
  if (name.startsWith('_') && properties.has(name.slice(1))) return ' (only primitive elements have one with "_")';
  const variants = [...properties.values()].filter(({ choice }) => choice === name).map((property) => property.name);
  if (variants.length > 0)
    return `; its name ends with its type, e.g. ${[...new Set(variants)].slice(0, 3).join(', ')}`;
  const meant = nearest(name, properties.keys());
  return meant === undefined ? '' : `; did you mean ${quoted(meant)}?`;
}

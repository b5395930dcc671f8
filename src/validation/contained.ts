/** Whether contained resources belong to their container. https://hl7.org/fhir/R4/references.html#contained */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import type { Budget } from '../fhir/fhirpath/scope.ts';
import { isArray, isObject, isResource, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import type { Walk } from './walk.ts';

/** What dom-3 looks at besides `Reference.reference`. */
const pointing: ReadonlySet<string> = new Set(['uri', 'url', 'canonical']);

/** Checks dom-3 in one pass, and that ids are there once, for a resource which has contained ones. */
export function checkContained(resource: JsonObject, definitions: Definitions, walk: Walk): void {
  const { contained } = resource;
  if (!isArray(contained)) return;
  const fragments = new Fragments(definitions, walk.budget);
  fragments.collect({ ...resource, contained: undefined }, 'Resource');
  const backwards = contained.map((each) => fragments.collect(each, 'Resource'));
  const ids = new Set<string>();
  for (const [index, each] of contained.entries()) {
    const id = isObject(each) && typeof each.id === 'string' ? each.id : undefined;
    const path = (): string => walk.place.path(`contained[${index}]`);
    if (id !== undefined && ids.has(id))
      walk.error('duplicate', 'contained', 'must have an id that no other contained resource has', path());
    if (id !== undefined) ids.add(id);
    if ((id !== undefined && fragments.has(`#${id}`)) || backwards[index] === true) continue;
    const text =
      'must be referred to from elsewhere in the resource, or refer to the resource that contains it (dom-3)';
    walk.error('invariant', 'dom-3', text, path());
  }
}

/** References to what is contained: `#id`. */
class Fragments {
  readonly #definitions: Definitions;
  readonly #budget: Budget;
  readonly #found = new Set<string>();

  constructor(definitions: Definitions, budget: Budget) {
    this.#definitions = definitions;
    this.#budget = budget;
  }

  has(fragment: string): boolean {
    return this.#found.has(fragment);
  }

  /** Notes those within a value of a type; whether `#`, the container, is among them. */
  collect(value: JsonValue, type: string): boolean {
    if (isArray(value)) return value.map((each) => this.collect(each, type)).includes(true);
    if (!isObject(value)) return false;
    this.#budget.spend(1);
    const own = type === 'Resource' && isResource(value) ? value.resourceType : type;
    const elements = this.#definitions.type(own)?.elements;
    let back = false;
    for (const name in value) {
      const member = value[name];
      if (member === undefined) continue;
      const beside = name.startsWith('_');
      const element = elements?.get(beside ? name.slice(1) : name);
      if (element === undefined) continue;
      if (!beside && (pointing.has(element.type) || (own === 'Reference' && name === 'reference')))
        back = this.#note(member) || back;
      else back = this.collect(member, beside ? 'Element' : element.type) || back;
    }
    return back;
  }

  #note(member: JsonValue): boolean {
    if (isArray(member)) return member.map((each) => this.#note(each)).includes(true);
    if (typeof member !== 'string' || !member.startsWith('#')) return false;
    this.#found.add(member);
    return member === '#';
  }
}

/** Whether contained resources belong to their container. https://hl7.org/fhir/R4/references.html#contained */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import { isArray, isObject, isResource, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import type { Walk } from './walk.ts';

/** What dom-3 looks at besides `Reference.reference`. */
const pointing: ReadonlySet<string> = new Set(['uri', 'url', 'canonical']);

/** Checks dom-3 in one pass, and that ids are there once, for a resource which has contained ones. */
export function checkContained(resource: JsonObject, definitions: Definitions, walk: Walk): void {
  const { contained } = resource;
  if (!isArray(contained)) return;
  const fragments = new Fragments(definitions, walk);
  fragments.collect({ ...resource, contained: undefined }, 'Resource');
  const judge = (): void => judgeContained(contained, fragments, walk);
  if (fragments.areCollected) judge();
  else walk.place.atEnd(judge);
}

/** Of a resource all of whose references were collected. */
function judgeContained(contained: readonly JsonValue[], fragments: Fragments, walk: Walk): void {
  const backwards = contained.map((each) => fragments.collectAtOnce(each));
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
  readonly #walk: Walk;
  readonly #found = new Set<string>();
  /** Lists that are put off. */
  #open = 0;
  #isAtOnce = false;

  constructor(definitions: Definitions, walk: Walk) {
    this.#definitions = definitions;
    this.#walk = walk;
  }

  /** Whether no part of what was to be collected was put off. */
  get areCollected(): boolean {
    return this.#open === 0;
  }

  has(fragment: string): boolean {
    return this.#found.has(fragment);
  }

  /** Notes those within a contained resource; whether `#`, the container, is among them. */
  collectAtOnce(resource: JsonValue): boolean {
    this.#isAtOnce = true;
    return this.collect(resource, 'Resource');
  }

  /** Notes those within a value of a type, as many as the piece has room for, and the others later; whether `#` is among the first. */
  collect(value: JsonValue, type: string): boolean {
    if (isArray(value)) return this.#items(value, 0, type);
    if (!isObject(value)) return false;
    this.#walk.budget.spend(1);
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

  #items(items: readonly JsonValue[], from: number, type: string): boolean {
    const { pieces } = this.#walk.place;
    let back = false;
    for (let index = from; index < items.length; index += 1) {
      if (!this.#isAtOnce && pieces.isFull()) {
        this.#open += 1;
        pieces.putOff(() => {
          this.#open -= 1;
          this.#items(items, index, type);
        });
        return back;
      }
      const item = items[index];
      if (item !== undefined) back = this.collect(item, type) || back;
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

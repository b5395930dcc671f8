/** The values that a resource has for an element. https://hl7.org/fhir/R4/json.html */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../../fhir/resource.ts';
import type { Target } from './targets.ts';

/** One value of an element. */
export interface Item {
  /** undefined for a primitive that has but extensions, and for what a reference leads to that isn't here. */
  readonly value: JsonValue | undefined;
  /** The id and extensions of a primitive. */
  readonly beside: JsonObject | undefined;
  /** The JSON property: `valueQuantity` for `value[x]`. */
  readonly property: string;
  /** -1: it is not in a list. */
  readonly index: number;
  /** `Quantity`, `Patient.contact`, a resource's own type; undefined: it can't be told. */
  readonly type: string | undefined;
  /** Of what a reference leads to. */
  readonly target?: Target;
}

/** A JSON property that an element may have. */
export interface Member {
  readonly property: string;
  readonly beside: string;
  readonly type: string;
}

/** The properties of elements, by type and element. */
export class Members {
  readonly definitions: Definitions;
  readonly #known = new Map<string, readonly Member[]>();

  constructor(definitions: Definitions) {
    this.definitions = definitions;
  }

  /** The properties of an element (`name`, `value[x]`, `value`) of a type. */
  of(type: string, element: string): readonly Member[] {
    const key = `${type} ${element}`;
    let found = this.#known.get(key);
    if (found === undefined) {
      found = this.#look(type, element.endsWith('[x]') ? element.slice(0, -3) : element);
      this.#known.set(key, found);
    }
    return found;
  }

  #look(type: string, element: string): readonly Member[] {
    const definition = this.definitions.type(type);
    const holder = definition?.kind === 'primitive' ? this.definitions.type('Element') : definition;
    return [...(holder?.elements.values() ?? [])]
      .filter(({ name, choice }) => (choice ?? name) === element || name === element)
      .map((each) => ({ property: each.name, beside: `_${each.name}`, type: each.type }));
  }

  /** Whether a type is another, or a specialisation of it. */
  is(type: string, general: string): boolean {
    for (let name: string | undefined = type; name !== undefined; name = this.definitions.type(name)?.base)
      if (name === general) return true;
    return false;
  }
}

const none: readonly Item[] = [];

/** The values that an object has in these properties. */
export function itemsOf(object: JsonObject, members: readonly Member[]): readonly Item[] {
  let items: Item[] | undefined;
  for (const { property, beside, type } of members) {
    const value = object[property];
    const other = object[beside];
    if (value === undefined && other === undefined) continue;
    items ??= [];
    if (!isArray(value) && !isArray(other)) {
      items.push(itemOf(value, other, property, -1, type));
      continue;
    }
    const values = isArray(value) ? value : [];
    const others = isArray(other) ? other : [];
    const length = Math.max(values.length, others.length);
    for (let index = 0; index < length; index += 1)
      items.push(itemOf(values[index], others[index], property, index, type));
  }
  return items ?? none;
}

function itemOf(
  value: JsonValue | undefined,
  other: JsonValue | undefined,
  property: string,
  index: number,
  type: string,
): Item {
  const own = isObject(value) && typeof value.resourceType === 'string' ? value.resourceType : type;
  const beside = isObject(other) ? other : undefined;
  return { value: value === null ? undefined : value, beside, property, index, type: own };
}

/** What the children of an item are properties of: a primitive's are beside it. */
export function holderOf({ value, beside }: Item): JsonObject | undefined {
  return isObject(value) ? value : beside;
}

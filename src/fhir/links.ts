/** The links of a resource: references, URIs, and what narratives point at. https://hl7.org/fhir/R4/http.html#trules */
import type { Definitions, ElementDefinition, TypeDefinition } from './definitions/definitions.ts';
import { isArray, isObject, type JsonObject, type JsonValue, type Resource } from './resource.ts';
import { Pieces } from './steps.ts';

/** `reference`: Reference.reference; `uri`: elements of type uri, url, oid, uuid; `narrative`: an href or src. */
export type LinkElement = 'reference' | 'uri' | 'narrative';

/** Where a walk stands: the way from the root to the link, valid only while its visitor runs. */
export interface LinkPlace {
  /** The way in JSON: properties, and indexes where they are arrays. */
  path(): readonly (string | number)[];
  /** FHIRPath, e.g. `Observation.subject.reference`. */
  expression(): string;
  /** The object or array that has the link's text, and its property or index in there. Both stay valid. */
  owner(): object;
  key(): string | number;
}

/** Told of each link (or whole narrative) in the order of the JSON text. */
export type LinkVisitor = (element: LinkElement, text: string, place: LinkPlace) => void;

/**
 * Visits all links of a resource, in contained resources and extensions too; narratives come whole. Canonicals,
 * identifiers' values and strings are no links; nor are the names that canonicals go by (`url` of a resource,
 * `Extension.url`), nor what a Bundle inside has: its references are its own.
 */
export function visitLinks(value: Resource, definitions: Definitions, visit: LinkVisitor): void {
  new Walk(definitions, visit, value.resourceType, new Pieces(Number.POSITIVE_INFINITY)).resource(value);
}

/** The same in steps; where there are several, only the links of one list come in order. */
export function visitSteps(value: Resource, definitions: Definitions, visit: LinkVisitor): Generator<void, void> {
  const pieces = new Pieces();
  const walk = new Walk(definitions, visit, value.resourceType, pieces);
  return pieces.steps(() => walk.resource(value));
}

/** What a property can hold: a link, or an object that can hold some. */
interface Member {
  /** How FHIRPath names it: a choice without its type. */
  readonly name: string;
  readonly kind: LinkElement | 'object' | 'resource';
  /** The type of an object. */
  readonly type: string;
  /** Of that type; compiled when first needed. */
  plan: Plan | undefined;
}

type Plan = ReadonlyMap<string, Member>;

const plansByDefinitions = new WeakMap<Definitions, Map<string, Plan>>();

function plansOf(definitions: Definitions): Map<string, Plan> {
  let plans = plansByDefinitions.get(definitions);
  if (plans === undefined) {
    plans = new Map();
    plansByDefinitions.set(definitions, plans);
  }
  return plans;
}

/** The members of a type that lead to links. */
function compile(type: TypeDefinition, definitions: Definitions): Plan {
  const plan = new Map<string, Member>();
  for (const element of type.elements.values()) {
    const name = element.choice ?? element.name;
    const kind = kindOf(element, type, definitions);
    if (kind !== undefined) plan.set(element.name, { name, kind, type: element.type, plan: undefined });
    if (element.extensible) plan.set(`_${element.name}`, { name, kind: 'object', type: 'Element', plan: undefined });
  }
  return plan;
}

function kindOf(
  element: ElementDefinition,
  type: TypeDefinition,
  definitions: Definitions,
): Member['kind'] | undefined {
  switch (element.type) {
    case 'Resource':
      return 'resource';
    case 'uri':
    case 'url':
    case 'oid':
    case 'uuid':
      // Canonicals stay as they are, so what they name has to.
      return element.name === 'url' && (type.kind === 'resource' || type.name === 'Extension') ? undefined : 'uri';
    case 'xhtml':
      return 'narrative';
    default:
      if (type.name === 'Reference' && element.name === 'reference') return 'reference';
      return definitions.type(element.type)?.kind === 'primitive' ? undefined : 'object';
  }
}

/** One walk through a resource. The way to where it stands lies in arrays that it writes over. */
class Walk implements LinkPlace {
  readonly #definitions: Definitions;
  readonly #plans: Map<string, Plan>;
  readonly #visit: LinkVisitor;
  readonly #root: string;
  readonly #pieces: Pieces;
  #properties: string[] = [];
  #members: Member[] = [];
  /** -1 where a property is no array. */
  #indexes: number[] = [];
  #depth = 0;
  #owner: object = {};

  constructor(definitions: Definitions, visit: LinkVisitor, root: string, pieces: Pieces) {
    this.#pieces = pieces;
    this.#definitions = definitions;
    this.#plans = plansOf(definitions);
    this.#visit = visit;
    this.#root = root;
  }

  path(): readonly (string | number)[] {
    const path: (string | number)[] = [];
    for (let at = 0; at < this.#depth; at++) {
      path.push(this.#properties[at] ?? '');
      const index = this.#indexes[at] ?? -1;
      if (index >= 0) path.push(index);
    }
    return path;
  }

  expression(): string {
    let expression = this.#root;
    for (let at = 0; at < this.#depth; at++) {
      const index = this.#indexes[at] ?? -1;
      expression += `.${this.#members[at]?.name}${index < 0 ? '' : `[${index}]`}`;
    }
    return expression;
  }

  owner(): object {
    return this.#owner;
  }

  key(): string | number {
    const index = this.#indexes[this.#depth - 1] ?? -1;
    return index >= 0 ? index : (this.#properties[this.#depth - 1] ?? '');
  }

  resource(value: JsonObject): void {
    const { resourceType } = value;
    if (typeof resourceType === 'string') this.#object(value, this.#planOf(resourceType));
  }

  #planOf(type: string): Plan {
    let plan = this.#plans.get(type);
    if (plan === undefined) {
      const definition = type === 'Bundle' ? undefined : this.#definitions.type(type);
      plan = definition === undefined ? new Map() : compile(definition, this.#definitions);
      this.#plans.set(type, plan);
    }
    return plan;
  }

  #object(value: JsonObject, plan: Plan): void {
    const depth = this.#depth;
    this.#depth = depth + 1;
    for (const property in value) {
      const member = plan.get(property);
      if (member === undefined) continue;
      this.#properties[depth] = property;
      this.#members[depth] = member;
      const found = value[property];
      if (!isArray(found)) {
        this.#indexes[depth] = -1;
        this.#value(found, member, value);
        continue;
      }
      this.#items(found, 0, member);
    }
    this.#depth = depth;
  }

  /** As many items of the property that was entered last as the piece has room for, and the others later. */
  #items(items: readonly JsonValue[], from: number, member: Member): void {
    for (let at = from; at < items.length; at++) {
      if (this.#pieces.isFull()) {
        this.#putOff(() => this.#items(items, at, member));
        return;
      }
      this.#indexes[this.#depth - 1] = at;
      this.#value(items[at], member, items);
    }
  }

  #putOff(rest: () => void): void {
    const depth = this.#depth;
    const properties = this.#properties.slice(0, depth);
    const members = this.#members.slice(0, depth);
    const indexes = this.#indexes.slice(0, depth);
    this.#pieces.putOff(() => {
      [this.#properties, this.#members, this.#indexes, this.#depth] = [properties, members, indexes, depth];
      rest();
    });
  }

  #value(value: JsonValue | undefined, member: Member, owner: object): void {
    if (typeof value === 'string') {
      if (member.kind === 'object' || member.kind === 'resource') return;
      this.#owner = owner;
      this.#visit(member.kind, value, this);
    } else if (isObject(value)) {
      if (member.kind === 'object') {
        member.plan ??= this.#planOf(member.type);
        this.#object(value, member.plan);
      } else if (member.kind === 'resource') this.resource(value);
    }
  }
}

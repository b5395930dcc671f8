/** The concepts of a code system and how they subsume each other. https://hl7.org/fhir/R4/codesystem.html */
import { isObject, type JsonObject } from '../fhir/resource.ts';
import type { PropertyType } from './concepts.ts';
import { objects, text } from './json.ts';

export interface Concept {
  readonly display?: string;
  readonly definition?: string;
  /** As in the resource. */
  readonly designations?: readonly JsonObject[];
  /** Codes right above it. */
  readonly parents: readonly string[];
  readonly children: readonly string[];
  /** Values of its properties as text, by the property's code. */
  readonly properties: ReadonlyMap<string, readonly string[]>;
}

export interface CodeSystem {
  readonly url: string;
  /** '' where it has none. */
  readonly version: string;
  /** For people. */
  readonly title: string;
  /** How much of the system its concepts are. https://hl7.org/fhir/R4/valueset-codesystem-content-mode.html */
  readonly content: string;
  readonly caseSensitive: boolean;
  /** In the order of the resource. */
  readonly concepts: ReadonlyMap<string, Concept>;
  /** Properties that concepts may have, by code. */
  readonly properties: ReadonlyMap<string, PropertyType>;
  /** Codes of the properties that say that a concept is inactive, and that it isn't to be chosen. */
  readonly flags: Readonly<Record<'inactive' | 'notSelectable', ReadonlySet<string>>>;
}

/** Hears how many codes are looked at next, and how many were found so far; it may throw. */
export type Look = (codes: number, found: number) => void;

/** A code with all codes that it subsumes; the code alone where the system doesn't have it. */
export function descendants(system: CodeSystem, code: string, look: Look): ReadonlySet<string> {
  return reached(code, (each) => system.concepts.get(each)?.children, look);
}

/** A code with all codes that subsume it. */
export function ancestors(system: CodeSystem, code: string, look: Look): ReadonlySet<string> {
  return reached(code, (each) => system.concepts.get(each)?.parents, look);
}

function reached(code: string, next: (code: string) => readonly string[] | undefined, look: Look): ReadonlySet<string> {
  const found = new Set([code]);
  // A set's iteration goes on to what is added, and circles end.
  for (const each of found) {
    const others = next(each) ?? none;
    look(1 + others.length, found.size);
    for (const other of others) found.add(other);
  }
  return found;
}

/** What a system's own definition of its properties doesn't have to say. https://hl7.org/fhir/R4/codesystem-concept-properties.html */
const standard: Readonly<Record<string, 'parent' | 'child'>> = {
  parent: 'parent',
  subsumedBy: 'parent',
  child: 'child',
  'http://hl7.org/fhir/concept-properties#parent': 'parent',
  'http://hl7.org/fhir/concept-properties#child': 'child',
};

const propertyTypes = ['code', 'Coding', 'string', 'integer', 'boolean', 'dateTime', 'decimal'] as const;
const standardProperties: readonly (readonly [string, PropertyType])[] = [
  ['inactive', 'boolean'],
  ['notSelectable', 'boolean'],
  ['status', 'code'],
  ['parent', 'code'],
  ['child', 'code'],
];

/** A CodeSystem resource as concepts; what isn't as R4 has it is left out. The hierarchy is of nested concepts and properties. */
export function readCodeSystem(resource: JsonObject): CodeSystem {
  const reading = readInSteps(resource);
  for (;;) {
    const step = reading.next();
    if (step.done) return step.value;
  }
}

/** The same; awaits `pause`, which may do nothing, between some hundred concepts. */
export async function readCodeSystemInSlices(
  resource: JsonObject,
  pause: () => Promise<void> | undefined,
): Promise<CodeSystem> {
  const reading = readInSteps(resource);
  for (;;) {
    const step = reading.next();
    if (step.done) return step.value;
    const pausing = pause();
    if (pausing !== undefined) await pausing;
  }
}

/** Concepts between two steps. */
const someConcepts = 256;

function* readInSteps(resource: JsonObject): Generator<void, CodeSystem> {
  const relations = new Map(Object.entries(standard));
  const properties = new Map(standardProperties);
  const flags = { inactive: new Set(['inactive']), notSelectable: new Set(['notSelectable']) };
  for (const property of objects(resource.property)) {
    const code = text(property.code);
    const relation = relations.get(text(property.uri));
    if (relation !== undefined) relations.set(code, relation);
    properties.set(code, propertyTypes.find((each) => each === property.type) ?? 'string');
    for (const flag of ['inactive', 'notSelectable'] as const) {
      if (text(property.uri) === `http://hl7.org/fhir/concept-properties#${flag}`) flags[flag].add(code);
    }
  }
  const reader = new Reader(relations);
  for (const concept of objects(resource.concept)) yield* reader.add(concept, undefined);
  const concepts = yield* reader.concepts();
  return {
    url: text(resource.url),
    version: text(resource.version),
    title: text(resource.title) || text(resource.name) || text(resource.url),
    content: text(resource.content),
    // R4 leaves open what is meant where nothing is said; all of its own systems count it.
    caseSensitive: resource.caseSensitive !== false,
    concepts,
    properties,
    flags,
  };
}

/** What is known of a concept so far. Some systems have a hundred thousand, most of them with little to say. */
interface Draft {
  parents?: string[];
  children?: string[];
  properties?: Map<string, string[]>;
}

const noProperties: ReadonlyMap<string, readonly string[]> = new Map();
const none: readonly string[] = [];

/** Codes once each: a parent may be told by nesting and by a property. */
function distinct(codes: readonly string[] = none): readonly string[] {
  return codes.length < 2 ? codes : [...new Set(codes)];
}

class Reader {
  readonly #relations: ReadonlyMap<string, 'parent' | 'child'>;
  readonly #drafts = new Map<string, Draft>();
  /** Codes that are defined, not only named as a parent or child. */
  readonly #defined = new Map<string, JsonObject>();

  constructor(relations: ReadonlyMap<string, 'parent' | 'child'>) {
    this.#relations = relations;
  }

  *add(concept: JsonObject, parent: string | undefined): Generator<void, void> {
    const code = text(concept.code);
    if (code === '') return;
    this.#defined.set(code, concept);
    if (this.#defined.size % someConcepts === 0) yield;
    if (parent !== undefined) this.#relate(parent, code);
    for (const property of objects(concept.property)) {
      const name = text(property.code);
      const value = propertyValue(property);
      if (value === undefined) continue;
      const relation = this.#relations.get(name);
      if (relation === 'parent') this.#relate(value, code);
      else if (relation === 'child') this.#relate(code, value);
      else this.#property(code, name, value);
    }
    for (const child of objects(concept.concept)) yield* this.add(child, code);
  }

  *concepts(): Generator<void, ReadonlyMap<string, Concept>> {
    const concepts = new Map<string, Concept>();
    for (const [code, { display, definition, designation }] of this.#defined) {
      const { parents, children, properties = noProperties } = this.#drafts.get(code) ?? {};
      const designations = objects(designation);
      concepts.set(code, {
        parents: distinct(parents),
        children: distinct(children),
        properties,
        ...(typeof display === 'string' && { display }),
        ...(typeof definition === 'string' && { definition }),
        ...(designations.length > 0 && { designations }),
      });
      if (concepts.size % someConcepts === 0) yield;
    }
    return concepts;
  }

  #relate(parent: string, child: string): void {
    const [above, below] = [this.#draft(parent), this.#draft(child)];
    above.children ??= [];
    above.children.push(child);
    below.parents ??= [];
    below.parents.push(parent);
  }

  #property(code: string, name: string, value: string): void {
    const draft = this.#draft(code);
    draft.properties ??= new Map();
    const values = draft.properties.get(name);
    if (values === undefined) draft.properties.set(name, [value]);
    else values.push(value);
  }

  #draft(code: string): Draft {
    const known = this.#drafts.get(code);
    if (known !== undefined) return known;
    const draft: Draft = {};
    this.#drafts.set(code, draft);
    return draft;
  }
}

/** A property's value as text: `valueCode`, `valueString`, `valueBoolean` …, for a Coding its code. */
function propertyValue(property: JsonObject): string | undefined {
  for (const [name, value] of Object.entries(property)) {
    if (!name.startsWith('value')) continue;
    if (isObject(value)) return text(value.code);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  }
  return undefined;
}

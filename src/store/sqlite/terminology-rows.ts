/** Concepts as rows. https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.concept */
import { wordsOfConcept } from '../concept-words.ts';
import { keyOf } from '../hierarchy.ts';
import type { CountedSystem, Designation, LoadedConcept, LoadedSystem } from '../terminology.ts';
import { ABSTRACT, abstractWord, INACTIVE, inactiveWord } from './terminology-schema.ts';

/** A concept that is to be stored: plain data that crosses threads. */
export interface ConceptRow {
  /** Its place among the system's codes. */
  readonly place: number;
  readonly key: string;
  readonly code: string;
  readonly display: string;
  readonly flags: number;
  readonly more: string | null;
  readonly words: string;
  /** The property's number and the value. */
  readonly properties: readonly (readonly [property: number, value: string])[];
}

/** What few concepts have. */
interface More {
  readonly definition?: string;
  readonly parents?: readonly string[];
  readonly properties?: readonly (readonly [code: string, value: string])[];
  readonly designations?: readonly Designation[];
}

/** The numbers of a system's properties. */
export function propertyNumbers({ properties }: Pick<LoadedSystem, 'properties'>): ReadonlyMap<string, number> {
  return new Map(['parent', ...properties.map(({ code }) => code)].map((code, number) => [code, number]));
}

export function rowOf(
  system: LoadedSystem,
  numbers: ReadonlyMap<string, number>,
  concept: LoadedConcept,
  place: number,
): ConceptRow {
  const { code, display, definition, parents, inactive, abstract, properties = [], designations = [] } = concept;
  const more: More = {
    ...(definition !== undefined && { definition }),
    ...(parents.length > 0 && { parents }),
    ...(properties.length > 0 && { properties }),
    ...(designations.length > 0 && { designations }),
  };
  const words = [...wordsOfConcept(concept)];
  if (inactive === true) words.push(inactiveWord);
  if (abstract === true) words.push(abstractWord);
  return {
    place,
    key: keyOf(system, code),
    code,
    display,
    flags: (inactive === true ? INACTIVE : 0) | (abstract === true ? ABSTRACT : 0),
    more: Object.keys(more).length === 0 ? null : JSON.stringify(more),
    words: words.join(' '),
    properties: [...parents.map((parent) => [0, parent] as const), ...numbered(properties, numbers)],
  };
}

function numbered(
  properties: readonly (readonly [code: string, value: string])[],
  numbers: ReadonlyMap<string, number>,
): readonly (readonly [property: number, value: string])[] {
  return properties.flatMap(([code, value]) => {
    const number = numbers.get(code);
    return number === undefined ? [] : [[number, value] as const];
  });
}

/** The columns of `conceptOf`. */
export const conceptColumns = 'c.number, c.code, c.display, c.flags, c.more';

export type StoredConcept = readonly [
  number: number,
  code: string,
  display: string,
  flags: number,
  more: string | null,
];

export function conceptOf([, code, display, flags, more]: StoredConcept): LoadedConcept {
  const found: More = more === null ? {} : JSON.parse(more);
  const { parents = [], ...rest } = found;
  return {
    code,
    display,
    parents,
    ...rest,
    ...((flags & INACTIVE) !== 0 && { inactive: true }),
    ...((flags & ABSTRACT) !== 0 && { abstract: true }),
  };
}

/** The columns of `systemOf`. */
export const systemColumns = 'number, url, version, title, case_sensitive, properties, concepts, inactive, abstract';

export type StoredSystem = readonly [
  number: number,
  url: string,
  version: string,
  title: string,
  caseSensitive: number,
  properties: string,
  concepts: number,
  inactive: number,
  abstract: number,
];

/** A system with what its reader needs to know. */
export interface NumberedSystem extends CountedSystem {
  readonly number: number;
  /** How many are inactive, and abstract. */
  readonly inactive: number;
  readonly abstract: number;
}

export function systemOf(row: StoredSystem): NumberedSystem {
  const [number, url, version, title, caseSensitive, properties, count, inactive, abstract] = row;
  const declared: LoadedSystem['properties'] = JSON.parse(properties);
  return {
    number,
    url,
    version,
    title,
    caseSensitive: caseSensitive === 1,
    properties: declared,
    count,
    revision: String(number),
    inactive,
    abstract,
  };
}

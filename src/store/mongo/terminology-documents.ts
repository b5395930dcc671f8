/** What the documents of loaded code systems look like. https://hl7.org/fhir/R4/codesystem.html */
import { wordsOfConcept } from '../concept-words.ts';
import { keyOf } from '../hierarchy.ts';
import type { CountedSystem, Designation, LoadedConcept, LoadedSystem } from '../terminology.ts';
import type { WantedIndex } from './index-plan.ts';

/** In `osteon_code_systems`: a version that is loaded. It is shown, replaced and hidden by one write of this. */
export interface SystemDocument extends CountedSystem {
  /** The url and the version. */
  readonly _id: string;
  /** The set of its concepts. */
  readonly set: number;
}

/** In `osteon_concept_sets`: a set that has, or had, concepts. One that no system names is removed. */
export interface SetDocument {
  readonly _id: number;
  /** When it was replaced or removed: reads that began before may go on for a while. Absent: never, or it is being loaded. */
  readonly gone?: Date;
}

/** In `osteon_concepts`. */
export interface ConceptDocument {
  /** `set * setSpan` and the place among the codes: rises with them. */
  readonly _id: number;
  readonly set: number;
  /** The code, folded where case doesn't count. */
  readonly key: string;
  readonly code: string;
  readonly display: string;
  readonly definition?: string;
  readonly parents: readonly string[];
  readonly inactive?: true;
  readonly abstract?: true;
  readonly properties?: readonly (readonly [code: string, value: string])[];
  readonly designations?: readonly Designation[];
  readonly words: readonly string[];
  /** `property=value`; the parents as `parent=`. */
  readonly values: readonly string[];
  /** The properties that it has. */
  readonly has: readonly string[];
  /** All above it, by `_id`. */
  readonly above: readonly number[];
}

/** Numbers of concepts that a set has. */
export const setSpan = 2 ** 26;

/** What the index on `_id` tells of a set: it gives the concepts in order. */
export function withinSet(set: number): { readonly _id: { readonly $gte: number; readonly $lt: number } } {
  return { _id: { $gte: set * setSpan, $lt: (set + 1) * setSpan } };
}

export const conceptIndexes: readonly WantedIndex[] = [
  // That a code comes once is seen to before a set is written (`readHierarchy`).
  { name: 'code', key: { key: 1, set: 1 } },
  { name: 'words', key: { set: 1, words: 1, _id: 1 } },
  { name: 'values', key: { set: 1, values: 1, _id: 1 } },
  { name: 'above', key: { above: 1, _id: 1, code: 1 } },
];

/** What of a concept is read. */
export const conceptProjection = { words: 0, values: 0, has: 0, above: 0 } as const;

/** What a concept is read as. */
export type FoundConcept = Omit<ConceptDocument, keyof typeof conceptProjection>;

export function nameOf(url: string, version: string): string {
  return `${url}|${version}`;
}

export function entryOf(property: string, value: string): string {
  return `${property}=${value}`;
}

/** @param above places. */
export function documentOf(
  system: LoadedSystem,
  set: number,
  concept: LoadedConcept,
  place: number,
  above: Iterable<number>,
): ConceptDocument {
  const { code, display, definition, parents, inactive, abstract, properties = [], designations = [] } = concept;
  const first = set * setSpan;
  const all = [...parents.map((parent) => ['parent', parent] as const), ...properties];
  return {
    _id: first + place,
    set,
    key: keyOf(system, code),
    code,
    display,
    ...(definition !== undefined && { definition }),
    parents,
    ...(inactive === true && { inactive }),
    ...(abstract === true && { abstract }),
    ...(properties.length > 0 && { properties }),
    ...(designations.length > 0 && { designations }),
    words: wordsOfConcept(concept),
    values: [...new Set(all.map(([property, value]) => entryOf(property, value)))],
    has: [...new Set(all.map(([property]) => property))],
    above: Array.from(above, (upper) => first + upper),
  };
}

export function conceptOf({ _id, set: _set, key: _key, ...concept }: FoundConcept): LoadedConcept {
  return concept;
}

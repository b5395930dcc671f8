/** The concepts of a code system, wherever they are: in a resource, or one by one in the store. https://hl7.org/fhir/R4/codesystem.html */
import type { Part } from './codes.ts';
import type { Work } from './work.ts';

/** A value, or a promise of it where the store has to be asked. */
export type Soon<T> = T | Promise<T>;

/** Goes on with a value as soon as it is there. */
export function andThen<T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

export interface Designation {
  readonly value: string;
  readonly language?: string;
  readonly use?: { readonly system?: string; readonly code?: string; readonly display?: string };
}

/** What is known of one concept. */
export interface ConceptDetail {
  readonly code: string;
  /** '' where it has none. */
  readonly display: string;
  readonly definition?: string;
  /** Codes right above it. */
  readonly parents: readonly string[];
  readonly inactive?: boolean;
  /** Not to be chosen itself: it groups others. */
  readonly abstract?: boolean;
  readonly properties?: readonly (readonly [code: string, value: string])[];
  readonly designations?: readonly Designation[];
}

/** https://hl7.org/fhir/R4/valueset-concept-property-type.html */
export type PropertyType = 'code' | 'Coding' | 'string' | 'integer' | 'boolean' | 'dateTime' | 'decimal';

/** A filter of an include. https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.filter */
export interface Filter {
  readonly property: string;
  readonly op: string;
  readonly value: string;
}

/** What is asked of a concept: all that is said must hold. */
export interface ConceptTest {
  readonly codes?: readonly string[];
  /** What a code subsumes; `self`: the code too. */
  readonly under?: { readonly code: string; readonly self: boolean };
  readonly properties?: readonly {
    readonly code: string;
    readonly op: '=' | 'in' | 'not-in' | 'exists';
    readonly values: readonly string[];
  }[];
  readonly allOf?: readonly ConceptTest[];
  readonly anyOf?: readonly ConceptTest[];
  readonly noneOf?: readonly ConceptTest[];
}

/** Which concepts are meant: all that hold together. */
export interface Selection extends ConceptTest {
  /** Each word begins a word of the code, the display or a designation; case and accents don't count. */
  readonly text?: string;
  readonly activeOnly?: boolean;
  readonly selectableOnly?: boolean;
}

export interface ConceptPage {
  readonly concepts: readonly ConceptDetail[];
  readonly total: number;
}

/** One version of a code system with its concepts. */
export interface Concepts {
  readonly url: string;
  /** '' where it has none. */
  readonly version: string;
  /** For people; '' where it has none. */
  readonly title: string;
  /** How much of the system its concepts are. https://hl7.org/fhir/R4/valueset-codesystem-content-mode.html */
  readonly content: string;
  /** Properties that concepts may have, by code. */
  readonly properties: ReadonlyMap<string, PropertyType>;
  readonly caseSensitive: boolean;
  /** Whether the store has to be asked for each of them. */
  readonly loaded: boolean;
  /** Canonicals of the supplements that add to its concepts. */
  readonly supplements?: readonly string[];
  /** Properties of which supplements have values. */
  readonly added?: ReadonlySet<string>;

  /** The concept of a code; where case doesn't count in the system, of one that differs by case alone. */
  readonly get: (code: string) => Soon<ConceptDetail | undefined>;
  /** Whether `get` finds one. */
  readonly has: (code: string) => Soon<boolean>;
  /** Those of the codes that there are, in the order of the codes. */
  readonly find: (codes: readonly string[]) => Soon<readonly ConceptDetail[]>;
  /** Whether `code` is below `ancestor`, or is it. */
  readonly subsumed: (ancestor: string, code: string) => Soon<boolean>;
  /** Concepts right below a code; undefined where they are too many to tell. */
  readonly children: (code: string) => Soon<readonly ConceptDetail[] | undefined>;
  /** A code with all codes that it subsumes, or that subsume it. Throws 400 `too-costly` where they are more than `limit`. */
  readonly related: (
    code: string,
    direction: 'above' | 'below',
    limit: number,
    work: Work,
  ) => Soon<ReadonlySet<string>>;
  /** All codes, in the system's order. Throws 400 `too-costly` where they are more than the work that is left. */
  readonly codes: (work: Work) => Soon<readonly string[]>;
  /** The codes that pass a filter that `checkFilter` has let pass. Throws as `codes` does. */
  readonly part: (filter: Filter, work: Work) => Soon<Part>;
  /** A page of the concepts that are meant, in an order that stays: the system's, or with a text how well they match. */
  readonly select: (selection: Selection, page: { offset: number; count: number }) => Soon<ConceptPage>;
}

/** Whether the concepts are those of the system, or the part of them that is meant to be used. */
export function hasConcepts({ content }: Pick<Concepts, 'content'>): boolean {
  return content === 'complete' || content === 'fragment';
}

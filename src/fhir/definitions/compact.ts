/** The snapshot's form: what the build writes and the server reads. https://hl7.org/fhir/R4/structuredefinition.html */

/** `flags` of an element are a sum of these. */
export const SUMMARY = 1;
export const MODIFIER = 2;
/** A value without `_name` beside it: the `id` of anything, `Extension.url`. */
export const BARE = 4;

/**
 * name (`value[x]` for a choice), types (`Reference(Patient|Group),CodeableConcept,Observation.component`), min,
 * max (-1 for `*`), flags, binding strength, canonical of the bound value set, that of the largest one; the last four left out
 * where 0 or absent.
 */
export type CompactElement = readonly [
  name: string,
  types: string,
  min: number,
  max: number,
  flags?: number,
  strength?: string,
  valueSet?: string,
  maxValueSet?: string,
];

export interface CompactType {
  readonly kind: 'resource' | 'complex' | 'primitive' | 'backbone';
  readonly abstract?: true;
  readonly base?: string;
  /** Its own elements, and inherited ones that it changes. */
  readonly elements: readonly CompactElement[];
}

/** As in R4; `url` without `http://hl7.org/fhir/SearchParameter/`, lists joined by spaces, '' where absent. */
export type CompactParameter = readonly [
  url: string,
  code: string,
  name: string,
  type: string,
  base: string,
  expression: string,
  target: string,
  description: string,
  ...components: string[],
];

export interface Snapshot {
  readonly types: Readonly<Record<string, CompactType>>;
  readonly parameters: readonly CompactParameter[];
  /** Compartment's type → resource type → codes joined by spaces. */
  readonly compartments: Readonly<
    Record<string, { readonly url: string; readonly types: Readonly<Record<string, string>> }>
  >;
  /** Canonical of a bound value set, without version → its one code system. */
  readonly systems: Readonly<Record<string, string>>;
  /** Code systems by whether case counts. */
  readonly caseSensitive: readonly string[];
  readonly caseInsensitive: readonly string[];
}

export const SEARCH_PARAMETER = 'http://hl7.org/fhir/SearchParameter/';

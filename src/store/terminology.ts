/** Code systems whose concepts lie in the store one by one, since they are too many for a resource. https://hl7.org/fhir/R4/codesystem.html */

/** One version of a loaded code system. */
export interface LoadedSystem {
  readonly url: string;
  /** '' where it has none. */
  readonly version: string;
  /** For people. */
  readonly title: string;
  readonly caseSensitive: boolean;
  /** Properties that its concepts may have, by code; `code` and `Coding` lead to concepts. */
  readonly properties: readonly { readonly code: string; readonly type: 'code' | 'string' | 'boolean' | 'integer' }[];
}

export interface Designation {
  readonly value: string;
  readonly language?: string;
  /** Code of the use, as the release names it. */
  readonly use?: string;
}

export interface LoadedConcept {
  readonly code: string;
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

/** Which concepts are meant: all that hold together. */
export interface ConceptFilter {
  /** Each word begins a word of the code, the display or a designation; case and accents don't count. */
  readonly text?: string;
  readonly codes?: readonly string[];
  /** What a code subsumes; `self`: the code too. */
  readonly under?: { readonly code: string; readonly self: boolean };
  readonly properties?: readonly {
    readonly code: string;
    readonly op: '=' | 'in' | 'not-in' | 'exists';
    readonly values: readonly string[];
  }[];
  readonly activeOnly?: boolean;
  readonly selectableOnly?: boolean;
}

export interface ConceptPage {
  readonly concepts: readonly LoadedConcept[];
  readonly total: number;
}

/** Loaded code systems. A system's version is there as a whole or not at all. */
export interface TerminologyStore {
  /** What is loaded, without what is being loaded. Cheap: asked for each request. */
  systems(): Promise<readonly (LoadedSystem & { readonly count: number })[]>;

  /**
   * Loads a version of a system in place of the same one; it is seen when all concepts are in. Resolves to their number. What a load that
   * was cut off has left is removed by the next one. Rejects with what `concepts` throws.
   */
  load(system: LoadedSystem, concepts: AsyncIterable<readonly LoadedConcept[]>): Promise<number>;

  /** Whether it was there. */
  remove(url: string, version: string): Promise<boolean>;

  /** The concepts of these codes that there are, in no order. */
  concepts(system: LoadedSystem, codes: readonly string[]): Promise<readonly LoadedConcept[]>;

  /** Concepts in the order of their codes; with `text`, those that match better first. */
  select(system: LoadedSystem, filter: ConceptFilter, page: { offset: number; count: number }): Promise<ConceptPage>;

  /** Codes that a code subsumes or is subsumed by, without itself; undefined where there are more than `limit`. */
  related(
    system: LoadedSystem,
    code: string,
    direction: 'above' | 'below',
    limit: number,
  ): Promise<readonly string[] | undefined>;

  /** Whether `code` is `ancestor` or below it. */
  subsumed(system: LoadedSystem, ancestor: string, code: string): Promise<boolean>;
}

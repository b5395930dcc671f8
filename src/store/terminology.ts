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
export interface ConceptFilter extends ConceptTest {
  /** Each word begins a word of the code, the display or a designation; case and accents don't count. */
  readonly text?: string;
  readonly activeOnly?: boolean;
  readonly selectableOnly?: boolean;
}

export interface ConceptPage {
  readonly concepts: readonly LoadedConcept[];
  readonly total: number;
}

/** Which of the selected concepts are wanted. */
export interface PageOfConcepts {
  readonly offset: number;
  /** 0 asks for the total alone. */
  readonly count: number;
  /** Milliseconds that it may take; a few seconds unless said otherwise. */
  readonly budget?: number;
}

/** A system as it is loaded. */
export interface CountedSystem extends LoadedSystem {
  readonly count: number;
  /** Another one after each load, also of what has been removed: what was made of the concepts holds while it is the same. */
  readonly revision: string;
}

/**
 * Reads concepts from their beginning each time it is called: some at a time, in whatever order. `only`: nothing but codes and parents is
 * looked at, so the rest may be left out.
 */
export type ReadConcepts = (only?: 'hierarchy') => AsyncIterable<readonly LoadedConcept[]>;

/** Loaded code systems. A system's version is there as a whole or not at all. */
export interface TerminologyStore {
  /** What is loaded, without what is being loaded, by url and version. Cheap: asked for each request. */
  systems(): Promise<readonly CountedSystem[]>;

  /**
   * Loads a version of a system in place of the same one; it is seen when all concepts are in, and other writes go on meanwhile.
   * Resolves to their number. What a load that was cut off has left is removed by the next one.
   * Concepts are read twice: once to see how they lie above each other, once to be stored.
   * Rejects with what `read` throws, and with UnusableConcepts.
   */
  load(system: LoadedSystem, read: ReadConcepts): Promise<number>;

  /** Whether it was there. */
  remove(url: string, version: string): Promise<boolean>;

  /** The concepts of these codes that there are, in no order. Without regard to case where the system says so. */
  concepts(system: LoadedSystem, codes: readonly string[]): Promise<readonly LoadedConcept[]>;

  /**
   * Concepts in the order of their codes. With `text` the one of that code comes first, then those that have all its words, then those
   * that have words which begin so. The property `parent` has the codes right above. Throws TooCostly past the budget.
   */
  select(system: LoadedSystem, filter: ConceptFilter, page: PageOfConcepts): Promise<ConceptPage>;

  /** All concepts in the order of their codes, some at a time. What is loaded anew meanwhile ends it early or late. */
  all(system: LoadedSystem): AsyncIterable<readonly LoadedConcept[]>;

  /**
   * Codes that a code subsumes or is subsumed by, without itself, in their order; undefined where there are more than `limit`; none where
   * there is no such code.
   */
  related(
    system: LoadedSystem,
    code: string,
    direction: 'above' | 'below',
    limit: number,
  ): Promise<readonly string[] | undefined>;

  /** Whether `code` is `ancestor` or below it; both must be there. */
  subsumed(system: LoadedSystem, ancestor: string, code: string): Promise<boolean>;
}

/** Concepts that can't be loaded: a code that comes twice, a parent that isn't there, a circle, a property that isn't declared. */
export class UnusableConcepts extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnusableConcepts';
  }
}

/** The lowered tree of criteria that stores compile: plain data, no text left to parse. https://hl7.org/fhir/R4/search.html */
import type { DecimalKey } from './entry.ts';

/** https://hl7.org/fhir/R4/valueset-search-param-type.html */
export type SearchParameterType =
  | 'number'
  | 'date'
  | 'string'
  | 'token'
  | 'reference'
  | 'composite'
  | 'quantity'
  | 'uri'
  | 'special';

/** What a store needs to know of a search parameter. Plain data: it crosses threads. */
export interface Parameter {
  /** The resource type that is searched, e.g. `Patient`; never `Resource`. */
  readonly type: string;
  readonly code: string;
  /** Which definition of the code is meant, where a store may have entries of several: those of R4 mostly have but one. */
  readonly definition?: string;
  readonly kind: SearchParameterType;
  /** Whether a resource may have more than one value. */
  readonly multiple: boolean;
  /** For tokens: whether values are kept as text (`IdentifierValue`), not through a dictionary (`TokenValue`). */
  readonly textual: boolean;
  /** For composites: the kinds of the components, in order. */
  readonly components: readonly ComponentKind[];
}

export interface ComponentKind {
  readonly kind: Exclude<SearchParameterType, 'composite' | 'special'>;
  readonly textual: boolean;
}

export type ComparisonOperator = '<' | '<=' | '>' | '>=';

/** A comparison of one end of a stored interval with a value (milliseconds, or a decimal key). */
export interface Comparison<V extends number | DecimalKey> {
  readonly end: 'low' | 'high';
  readonly operator: ComparisonOperator;
  readonly value: V;
}

/** A test of a stored interval: an OR of ANDs. Every prefix is lowered to one. */
export type IntervalTest<V extends number | DecimalKey> = readonly (readonly Comparison<V>[])[];

/** A test of one value of a parameter; a list of tests is an OR. */
export interface TokenTest {
  readonly kind: 'token';
  /** undefined: any system; '': values without a system. */
  readonly system?: string;
  /** undefined: any code. */
  readonly code?: string;
  /** Whether the code is compared by `foldToken` (`search/normalise.ts`), that is without case. */
  readonly fold: boolean;
  /** Whether codes that begin with `code` pass, which is not empty then. */
  readonly begins?: true;
}

export interface StringTest {
  readonly kind: 'string';
  /** `ends`, `equal` and the comparisons look at whole values alone, not at the words of longer ones. */
  readonly match: 'starts' | 'contains' | 'ends' | 'exact' | 'equal' | ComparisonOperator;
  /** Normalised, except for `exact`. */
  readonly value: string;
}

export interface DateTest {
  readonly kind: 'date';
  readonly interval: IntervalTest<number>;
}

export interface NumberTest {
  readonly kind: 'number';
  readonly interval: IntervalTest<DecimalKey>;
}

/** Holds in the unit that it names and, converted, in those that UCUM converts that one into (`intervalIn` in `units.ts`). */
export interface QuantityTest {
  readonly kind: 'quantity';
  readonly interval: IntervalTest<DecimalKey>;
  /** undefined: any system. */
  readonly system?: string;
  /** undefined: any; compared with the code, and with the unit's text too where no system is given. */
  readonly code?: string;
}

export interface ReferenceTest {
  readonly kind: 'reference';
  readonly type: string;
  readonly id: string;
}

export interface UriTest {
  readonly kind: 'uri';
  /** `canonical`: the value itself or the value followed by `|` and any version; `begins`: what begins with the value. */
  readonly match: 'exact' | 'canonical' | 'begins';
  readonly value: string;
}

export type SimpleTest = TokenTest | StringTest | DateTest | NumberTest | QuantityTest | ReferenceTest | UriTest;

/** A test of one repetition of a composite: each component's test holds for that component's value. */
export interface CompositeTest {
  readonly kind: 'composite';
  readonly components: readonly SimpleTest[];
}

/** A test of the texts that are kept beside a token parameter's values (`companion.ts`): one of them begins so. */
export interface TextTest {
  readonly kind: 'text';
  /** Normalised, not empty. */
  readonly value: string;
}

/** A test of a position: it lies within a distance in kilometres. */
export interface NearTest {
  readonly kind: 'near';
  /** Degrees. */
  readonly latitude: number;
  readonly longitude: number;
  readonly within: number;
}

/** A test of a canonical: it names this URL and this version, and perhaps a place in the resource (`#`). */
export interface CanonicalTest {
  readonly kind: 'canonical';
  readonly url: string;
  /** By `foldToken` (`search/normalise.ts`): versions are compared as the token parameter `version` compares them. */
  readonly version: string;
}

export type ValueTest = SimpleTest | CompositeTest | TextTest | NearTest | CanonicalTest;

/** Holds when any value of the parameter passes any of the tests. `anyOf` is never empty. */
export interface ValueCriterion {
  readonly kind: 'value';
  readonly parameter: Parameter;
  readonly anyOf: readonly ValueTest[];
}

/**
 * Holds when some whole value of the parameter (no word of a longer string, nor one in a composite) passes none of the
 * tests. `from` is never empty.
 */
export interface DiffersCriterion {
  readonly kind: 'differs';
  readonly parameter: Parameter;
  readonly from: readonly (TokenTest | StringTest | UriTest | CompositeTest)[];
}

/** Holds when the resource has no value of the parameter (`missing` true), or has one (false). */
export interface MissingCriterion {
  readonly kind: 'missing';
  readonly parameter: Parameter;
  readonly missing: boolean;
}

/** Holds for these logical ids. `ids` has no duplicates; empty: nothing. */
export interface IdCriterion {
  readonly kind: 'id';
  readonly ids: readonly string[];
}

/** A test of `meta.lastUpdated`, a point in milliseconds: both `low` and `high` are that instant. */
export interface LastUpdatedCriterion {
  readonly kind: 'lastUpdated';
  readonly interval: IntervalTest<number>;
}

/** Holds for what any of the sources refers to through the parameter (an `_include`). */
export interface ReferencedCriterion {
  readonly kind: 'referenced';
  /** The reference parameter of the sources' type. */
  readonly parameter: Parameter;
  /** Logical ids of the sources; all of the parameter's type. */
  readonly by: readonly string[];
}

/** Which words a full-text search looks at: the narrative's (`_text`), or all of the resource's (`_content`). */
export type WordsScope = 'narrative' | 'content';

/** A query on words (`search/words.ts`). `and` and `or` have at least two parts. */
export type WordsQuery =
  /** These words one after the other; with `prefix` the last one is the beginning of a word. */
  | { readonly kind: 'words'; readonly words: readonly string[]; readonly prefix: boolean }
  | { readonly kind: 'and' | 'or'; readonly of: readonly WordsQuery[] }
  | { readonly kind: 'except'; readonly of: WordsQuery; readonly but: WordsQuery };

/** Holds when the words of the resource pass the query. */
export interface WordsCriterion {
  readonly kind: 'words';
  readonly scope: WordsScope;
  readonly query: WordsQuery;
}

/** A type that canonical URLs lead to, with the parameters that hold its own. */
export interface CanonicalTarget {
  readonly type: string;
  readonly url: Parameter;
  readonly version: Parameter | undefined;
}

/** Holds when a value of the parameter leads to a current resource of the target's type for which `of` holds. */
export interface ChainCriterion {
  readonly kind: 'chain';
  /** A reference parameter of the tested type. */
  readonly parameter: Parameter;
  readonly target: string;
  /** How the parameter's canonicals lead to that type; undefined: it has none. */
  readonly canonical: CanonicalTarget | undefined;
  /** On resources of the target's type. */
  readonly of: Criterion;
}

/** Holds when a current resource for which `of` holds refers to the tested one through the parameter. */
export interface HasCriterion {
  readonly kind: 'has';
  /** A reference parameter of the type that refers. */
  readonly parameter: Parameter;
  /** How the parameter's canonicals lead to the tested type; undefined: it has none. */
  readonly canonical: CanonicalTarget | undefined;
  /** On resources of the parameter's type. */
  readonly of: Criterion;
}

/**
 * Holds for what refers through `parameter` to one of the resources `from`, or to what lies above or below one of them. All
 * of these are of the type that `by` belongs to; `by` leads from each to the next above.
 */
export interface HierarchyCriterion {
  readonly kind: 'hierarchy';
  readonly parameter: Parameter;
  readonly by: Parameter;
  readonly direction: 'above' | 'below';
  /** Logical ids without duplicates; never empty. */
  readonly from: readonly string[];
}

/** Holds when the resource contains one of that type for which `of` holds. https://hl7.org/fhir/R4/search.html#contained */
export interface ContainsCriterion {
  readonly kind: 'contains';
  readonly type: string;
  readonly of: Criterion;
}

export interface AndCriterion {
  readonly kind: 'and';
  readonly of: readonly Criterion[];
}

export interface OrCriterion {
  readonly kind: 'or';
  readonly of: readonly Criterion[];
}

export interface NotCriterion {
  readonly kind: 'not';
  readonly of: Criterion;
}

/** A criterion on resources of one type. `and` of nothing holds always, `or` of nothing never. */
export type Criterion =
  | AndCriterion
  | OrCriterion
  | NotCriterion
  | ValueCriterion
  | DiffersCriterion
  | MissingCriterion
  | IdCriterion
  | LastUpdatedCriterion
  | ReferencedCriterion
  | ChainCriterion
  | HasCriterion
  | WordsCriterion
  | HierarchyCriterion
  | ContainsCriterion;

/** What of a criterion says how well a resource matches (`search/score.ts`). */
export type Relevance = WordsCriterion | { readonly kind: 'and' | 'or'; readonly of: readonly Relevance[] };

/** What resources are sorted by. `lastUpdated` and `id` stand for `_lastUpdated` and `_id`. */
export type SortBy = Parameter | 'lastUpdated' | 'id' | SortThrough | SortByScore;

/** How well resources match. */
export interface SortByScore {
  readonly score: Relevance;
}

/** The values of the current resources that a reference parameter leads to. */
export interface SortThrough {
  readonly through: Parameter;
  /** By the type that is led to. Their values are of one kind. */
  readonly ends: readonly { readonly target: string; readonly by: SortBy }[];
}

/** One key of `_sort`. */
export interface SortKey {
  readonly by: SortBy;
  readonly descending: boolean;
}

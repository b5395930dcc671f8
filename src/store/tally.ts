/** How often values of search parameters occur: what statistics are made of. https://hl7.org/fhir/R4/search.html */
import type { Criterion, Parameter } from '../search/criteria.ts';
import type { IdentifierValue, NumberValue, QuantityValue, TokenValue } from '../search/entry.ts';

export interface TallyQuery {
  /** A resource type. */
  readonly type: string;
  readonly criterion: Criterion;
  /** Tokens, numbers and quantities of the type. */
  readonly fields: readonly Parameter[];
  /** A token that isn't kept as text: matches are told apart by its codes. */
  readonly by?: Parameter | undefined;
  /** Milliseconds the tally may take. */
  readonly budget: number;
}

export type TalliedValue = TokenValue | IdentifierValue | NumberValue | QuantityValue;

/** What the matches have of one field. */
export interface TalliedField {
  /** Matches that have a value. */
  readonly present: number;
  /** Each distinct value once, in no order; `count`: matches that have it. */
  readonly values: readonly { readonly value: TalliedValue; readonly count: number }[];
}

export interface TalliedGroup {
  /** The code of `by`; absent: without `by`, or matches that have no such code. */
  readonly by?: Pick<TokenValue, 'system' | 'value'>;
  /** Matches. */
  readonly total: number;
  /** In the order of the query's. */
  readonly fields: readonly TalliedField[];
}

export interface Tally {
  /** Matches; one with several codes of `by` counts once. */
  readonly total: number;
  /** Without `by` one; with it one for each code, and one for matches without, where there are any. In no order. */
  readonly groups: readonly TalliedGroup[];
}

/** Groups and distinct values beyond this many are no statistics. */
export const mostTallied = 100_000;

/** A `_filter` taken apart, before its names and values are looked at. https://hl7.org/fhir/R4/search_filter.html */

/** In the order of R4's table. */
export const filterOperators = [
  'eq',
  'ne',
  'co',
  'sw',
  'ew',
  'gt',
  'lt',
  'ge',
  'le',
  'ap',
  'sa',
  'eb',
  'pr',
  'po',
  'ss',
  'sb',
  'in',
  'ni',
  're',
] as const;

export type FilterOperator = (typeof filterOperators)[number];

/** One name of a path; `within` is the filter that stands in brackets behind it. */
export interface FilterStep {
  readonly name: string;
  readonly within: Filter | undefined;
}

/** What a path leads to compared with a value. The path isn't empty, and its last step has no brackets. */
export interface FilterTest {
  readonly kind: 'test';
  readonly path: readonly FilterStep[];
  readonly operator: FilterOperator;
  /** Without quotes and JSON's escapes. */
  readonly value: string;
}

/** All, or any, of two or more filters. */
export interface FilterJoin {
  readonly kind: 'and' | 'or';
  readonly of: readonly Filter[];
}

export interface FilterNot {
  readonly kind: 'not';
  readonly of: Filter;
}

export type Filter = FilterTest | FilterJoin | FilterNot;

/** How many comparisons a filter has, those in brackets included. */
export function testsOf(filter: Filter): number {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.of.reduce((sum, part) => sum + testsOf(part), 0);
    case 'not':
      return testsOf(filter.of);
    case 'test':
      return filter.path.reduce((sum, { within }) => sum + (within === undefined ? 0 : testsOf(within)), 1);
  }
}

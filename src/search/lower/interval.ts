/** What prefixes mean, as tests of stored intervals. https://hl7.org/fhir/R4/search.html#prefix */
import type { Comparison, ComparisonOperator, IntervalTest } from '../criteria.ts';
import type { Prefix } from '../parse/value.ts';

/** The range [low, high) that a search value means. */
export interface Span<V extends number | string> {
  readonly low: V;
  readonly high: V;
}

const low = <V extends number | string>(operator: ComparisonOperator, value: V): Comparison<V> => ({
  end: 'low',
  operator,
  value,
});
const high = <V extends number | string>(operator: ComparisonOperator, value: V): Comparison<V> => ({
  end: 'high',
  operator,
  value,
});

/**
 * A prefix as a test of stored half-open ranges [low, high), as dates are. `near`: the wider range that `ap` means.
 */
export function rangeTest(prefix: Prefix, range: Span<number>, near: Span<number>): IntervalTest<number> {
  switch (prefix) {
    case 'eq':
      return [[low('>=', range.low), high('<=', range.high)]];
    case 'ne':
      return [[low('<', range.low)], [high('>', range.high)]];
    case 'gt':
      return [[high('>', range.high)]];
    case 'lt':
      return [[low('<', range.low)]];
    // Above the range, or within it: R4 says "or the range of the search value fully contains the range of the target".
    case 'ge':
      return [[high('>', range.high)], [low('>=', range.low)]];
    case 'le':
      return [[low('<', range.low)], [high('<=', range.high)]];
    case 'sa':
      return [[low('>=', range.high)]];
    case 'eb':
      return [[high('<=', range.low)]];
    case 'ap':
      return [[low('<', near.high), high('>', near.low)]];
  }
}

/** The same for stored instants, whose low and high are one point: as `_lastUpdated` is. */
export function instantTest(prefix: Prefix, range: Span<number>, near: Span<number>): IntervalTest<number> {
  switch (prefix) {
    case 'eq':
      return [[low('>=', range.low), low('<', range.high)]];
    case 'ne':
      return [[low('<', range.low)], [low('>=', range.high)]];
    case 'gt':
    case 'sa':
      return [[low('>=', range.high)]];
    case 'lt':
    case 'eb':
      return [[low('<', range.low)]];
    case 'ge':
      return [[low('>=', range.low)]];
    case 'le':
      return [[low('<', range.high)]];
    case 'ap':
      return [[low('>=', near.low), low('<', near.high)]];
  }
}

/** A test of stored ranges [low, high) that have a time in common with the range: `po` of `_filter`. */
export function overlapTest(range: Span<number>): IntervalTest<number> {
  return [[low('<', range.high), high('>', range.low)]];
}

/** A test of stored ranges [low, high) that have the whole range in them: `co` of `_filter`. */
export function containsTest(range: Span<number>): IntervalTest<number> {
  return [[low('<=', range.low), high('>=', range.high)]];
}

/** A test of the ranges [low, high) that the precision of stored numbers means: one has the number in it. */
export function includesTest(number: string): IntervalTest<string> {
  return [[low('<=', number), high('>', number)]];
}

/**
 * The same for stored numbers, which are points, or closed ranges [low, high]. `exact`: the number as it stands, which all
 * prefixes but `eq`, `ne` and `ap` compare with; `precise`: the range [low, high) that its precision means; `near`: the
 * range [low, high] of `ap`.
 */
export function numberTest(
  prefix: Prefix,
  exact: string,
  precise: Span<string>,
  near: Span<string>,
): IntervalTest<string> {
  switch (prefix) {
    case 'eq':
      return [[low('>=', precise.low), high('<', precise.high)]];
    case 'ne':
      return [[low('<', precise.low)], [high('>=', precise.high)]];
    case 'gt':
      return [[high('>', exact)]];
    case 'lt':
      return [[low('<', exact)]];
    case 'ge':
      return [[high('>=', exact)]];
    case 'le':
      return [[low('<=', exact)]];
    case 'sa':
      return [[low('>', exact)]];
    case 'eb':
      return [[high('<', exact)]];
    case 'ap':
      return [[low('<=', near.high), high('>=', near.low)]];
  }
}

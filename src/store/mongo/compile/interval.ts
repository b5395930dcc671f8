/** Tests of stored intervals as bounds of their ends. https://hl7.org/fhir/R4/search.html#prefix */
import type { ComparisonOperator, IntervalTest } from '../../../search/criteria.ts';
import type { Filter } from '../filter.ts';

/** Bounds of one end. */
interface Bounds<V> {
  readonly from?: Bound<V>;
  readonly to?: Bound<V>;
}

interface Bound<V> {
  readonly value: V;
  readonly closed: boolean;
}

/**
 * A filter for each AND of a test, on the fields `l` and `h`. `l` never lies above `h`, so that a bound of one bounds the
 * other: said of both, either's index finds it. Text is compared by UTF-16 units, which is right for decimal keys.
 */
export function intervals<V extends number | string>(test: IntervalTest<V>): readonly Filter[] {
  return test.map((all) => {
    let low: Bounds<V> = {};
    let high: Bounds<V> = {};
    for (const { end, operator, value } of all) {
      const bounds = boundsOf(operator, value);
      if (end === 'low') low = tightened(low, bounds);
      else high = tightened(high, bounds);
    }
    return {
      ...comparisons('l', tightened(low, high.to === undefined ? {} : { to: high.to })),
      ...comparisons('h', tightened(high, low.from === undefined ? {} : { from: low.from })),
    };
  });
}

function boundsOf<V>(operator: ComparisonOperator, value: V): Bounds<V> {
  const bound = { value, closed: operator === '<=' || operator === '>=' };
  return operator === '<' || operator === '<=' ? { to: bound } : { from: bound };
}

function tightened<V extends number | string>(a: Bounds<V>, b: Bounds<V>): Bounds<V> {
  const from = tighter(a.from, b.from, (x, y) => x > y);
  const to = tighter(a.to, b.to, (x, y) => x < y);
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function tighter<V>(a: Bound<V> | undefined, b: Bound<V> | undefined, stricter: (x: V, y: V) => boolean) {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.value === b.value) return a.closed ? b : a;
  return stricter(a.value, b.value) ? a : b;
}

function comparisons<V>(field: string, { from, to }: Bounds<V>): Filter {
  if (from === undefined && to === undefined) return {};
  return {
    [field]: {
      ...(from === undefined ? {} : { [from.closed ? '$gte' : '$gt']: from.value }),
      ...(to === undefined ? {} : { [to.closed ? '$lte' : '$lt']: to.value }),
    },
  };
}

/** Values of date parameters. https://hl7.org/fhir/R4/search.html#date */
import { dateRange } from '../../fhir/period.ts';
import type { DateTest, IntervalTest } from '../criteria.ts';
import { type Prefix, takePrefix, unescaped } from '../parse/value.ts';
import { badValue, type LowerContext } from './context.ts';
import { instantTest, rangeTest, type Span } from './interval.ts';

/** A zone whose `+` was read as a space, as happens to links that aren't percent-encoded. */
const spacedZone = /^(\S+T\S+) ([0-9]{2}:[0-9]{2})$/;

/** A test of a date parameter's values. Throws 400 for what is no date. */
export function lowerDate(value: string, context: LowerContext): DateTest {
  const { prefix, range, near } = read(value, context);
  return { kind: 'date', interval: rangeTest(prefix, range, near) };
}

/** A test of an instant that stores know by themselves (`_lastUpdated`). Throws 400 for what is no date. */
export function lowerInstant(value: string, context: LowerContext): IntervalTest<number> {
  const { prefix, range, near } = read(value, context);
  return instantTest(prefix, range, near);
}

/** The time that a date without a prefix means. Throws 400 for what is no date. */
export function lowerSpan(text: string, context: LowerContext): Span<number> {
  const range = spanOf(text, context);
  if (range === undefined) throw badValue(context, text, 'a date; write one like 2026, 2026-01-31T08:00:00Z');
  return range;
}

function spanOf(text: string, { timezone }: LowerContext): Span<number> | undefined {
  return dateRange(text.replace(spacedZone, '$1+$2'), timezone);
}

function read(
  value: string,
  context: LowerContext,
): { readonly prefix: Prefix; readonly range: Span<number>; readonly near: Span<number> } {
  const { prefix, text } = takePrefix(unescaped(value));
  const range = spanOf(text, context);
  if (range === undefined) {
    throw badValue(context, value, 'a date; write one like 2026, 2026-01-31, ge2026-01 or 2026-01-31T08:00:00Z');
  }
  // Only what `ap` means depends on when it is asked.
  return { prefix, range, near: prefix === 'ap' ? around(range, context.now()) : range };
}

/** The range widened at both ends by 10 % of their distance to now. */
function around({ low, high }: Span<number>, now: number): Span<number> {
  return { low: low - Math.abs(now - low) / 10, high: high + Math.abs(now - high) / 10 };
}

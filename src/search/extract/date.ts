/** Index values of date parameters. https://hl7.org/fhir/R4/search.html#date */
import { dateRange } from '../../fhir/period.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../../fhir/resource.ts';
import { DATE_MAX, DATE_MIN, type IndexValue } from '../entry.ts';
import type { Converter } from './converter.ts';

interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The converter of a data type, undefined for types that have no dates. */
export function dateConverter(type: string, timezone: string): Converter | undefined {
  switch (type) {
    case 'date':
    case 'dateTime':
    case 'instant':
      return (value, out) => add(pointIn(value, timezone), out);
    case 'Period':
      return (value, out) => add(isObject(value) ? period(value, timezone) : undefined, out);
    case 'Timing':
      return (value, out) => add(isObject(value) ? timing(value, timezone) : undefined, out);
    default:
      return undefined;
  }
}

function add(interval: Interval | undefined, out: IndexValue[]): void {
  if (interval !== undefined) out.push({ kind: 'date', low: interval.low, high: interval.high });
}

function pointIn(value: JsonValue | undefined, timezone: string): Interval | undefined {
  return typeof value === 'string' ? dateRange(value, timezone) : undefined;
}

/** From the start of what `start` means to the end of what `end` means; a missing end is open. */
function period(value: JsonObject, timezone: string): Interval | undefined {
  const start = pointIn(value.start, timezone);
  const end = pointIn(value.end, timezone);
  const malformed =
    (value.start !== undefined && start === undefined) || (value.end !== undefined && end === undefined);
  if (malformed || (start === undefined && end === undefined)) return undefined;
  const low = start?.low ?? DATE_MIN;
  const high = end?.high ?? DATE_MAX;
  return low <= high ? { low, high } : undefined;
}

/** The outer bounds of the events and of `repeat.boundsPeriod`. */
function timing(value: JsonObject, timezone: string): Interval | undefined {
  const events = isArray(value.event) ? value.event : [];
  const parts = events.map((event) => pointIn(event, timezone));
  const bounds = isObject(value.repeat) ? value.repeat.boundsPeriod : undefined;
  if (isObject(bounds)) parts.push(period(bounds, timezone));
  let outer: Interval | undefined;
  for (const part of parts) {
    if (part === undefined) continue;
    outer = outer === undefined ? part : { low: Math.min(outer.low, part.low), high: Math.max(outer.high, part.high) };
  }
  return outer;
}

/** Local time in a time zone, for dates and times that name none. https://hl7.org/fhir/R4/search.html#date */

const MINUTE = 60_000;
const DAY = 86_400_000;
/** The calendar, and with it the rules that a zone follows from some year on, come again after 400 years. */
const CYCLE = { years: 400, length: 146_097 * DAY };
/** Beyond any rules that are for single years. */
const REGULAR = 2100;
const OFFSET = /^([+-])(0[0-9]|1[0-4]):([0-5][0-9])$/;

/** A span of time with one offset from UTC; it begins at an instant and ends where the next one begins. */
interface Span {
  readonly from: number;
  readonly offset: number;
}

type Zone =
  | { readonly fixed: number }
  | { readonly clock: Intl.DateTimeFormat; readonly years: Map<number, readonly Span[]> };

const zones = new Map<string, Zone>();

/** Whether a text is an IANA name that this runtime knows, or an offset (`+02:00`, `Z`). */
export function knowsZone(name: string): boolean {
  return zoneOf(name) !== undefined;
}

/**
 * The first instant at which a clock in the zone shows a local time or a later one: after a gap for times that were
 * skipped, the earlier one of times that came twice. Both in milliseconds, `local` as if it were in UTC.
 * Throws RangeError for an unknown zone.
 */
export function instantOf(local: number, timezone: string): number {
  const zone = zones.get(timezone) ?? zoneOf(timezone);
  if (zone === undefined) throw new RangeError(`unknown time zone ${timezone}`);
  if ('fixed' in zone) return local - zone.fixed;
  // Before 1800 every zone has the mean time of its city.
  const year = Math.max(new Date(local).getUTCFullYear(), 1800);
  if (year >= REGULAR + CYCLE.years) {
    const before = Math.floor((year - REGULAR) / CYCLE.years) * CYCLE.length;
    return instantOf(local - before, timezone) + before;
  }
  let spans = zone.years.get(year);
  if (spans === undefined) {
    spans = spansOf(year, zone.clock);
    zone.years.set(year, spans);
  }
  let instant = Number.NaN;
  for (let i = spans.length - 1; i >= 0; i--) {
    const span = spans[i];
    if (span === undefined) break;
    const there = Math.max(span.from, local - span.offset);
    const end = spans[i + 1]?.from ?? Number.POSITIVE_INFINITY;
    if (there < end) instant = there;
  }
  return instant;
}

function zoneOf(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const zone = fixedZone(name) ?? namedZone(name);
  if (zone !== undefined) zones.set(name, zone);
  return zone;
}

function fixedZone(name: string): Zone | undefined {
  if (name === 'UTC' || name === 'Z') return { fixed: 0 };
  const match = OFFSET.exec(name);
  if (match === null) return undefined;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return minutes > 14 * 60 ? undefined : { fixed: (match[1] === '-' ? -minutes : minutes) * MINUTE };
}

function namedZone(name: string): Zone | undefined {
  if (!/^[A-Za-z]/.test(name)) return undefined;
  try {
    const clock = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    return { clock, years: new Map() };
  } catch {
    return undefined;
  }
}

/** The spans of a local year, found by looking at the clock once a day and closing in on each change. */
function spansOf(year: number, clock: Intl.DateTimeFormat): readonly Span[] {
  const start = Date.UTC(year, 0, -1);
  const end = Date.UTC(year + 1, 0, 3);
  let offset = offsetAt(start, clock);
  const spans: Span[] = [{ from: Number.NEGATIVE_INFINITY, offset }];
  for (let day = start; day < end; day += DAY) {
    const next = offsetAt(day + DAY, clock);
    if (next === offset) continue;
    let before = day;
    let after = day + DAY;
    while (after - before > 1000) {
      const middle = before + Math.floor((after - before) / 2000) * 1000;
      if (offsetAt(middle, clock) === offset) before = middle;
      else after = middle;
    }
    spans.push({ from: after, offset: next });
    offset = next;
  }
  return spans;
}

function offsetAt(instant: number, clock: Intl.DateTimeFormat): number {
  const [month = 1, day = 1, year = 1970, hour = 0, minute = 0, second = 0] = (
    clock.format(instant).match(/\d+/g) ?? []
  ).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) - instant;
}

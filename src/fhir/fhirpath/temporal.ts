/** Dates and times compared by the precision they have. https://hl7.org/fhirpath/N1/#datetime-equality */

/** Years to milliseconds; seconds and their fractions are one precision. */
export interface Moment {
  /** Year, month, day, hour, minute, second: as many as are known. */
  readonly parts: readonly number[];
  /** Minutes from UTC; undefined: not known. */
  readonly offset: number | undefined;
}

const date =
  /^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?(?:T(?:([0-9]{2})(?::([0-9]{2})(?::([0-9]{2}(?:\.[0-9]+)?))?)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$/;
const time = /^T?([0-9]{2})(?::([0-9]{2})(?::([0-9]{2}(?:\.[0-9]+)?))?)?$/;

const MINUTE = 60_000;
/** Parts of a date, and of one whose minutes are known. */
const DAYS = 3;
const MINUTES = 5;

/** A date, dateTime or instant; undefined for another text. */
export function momentOf(text: string): Moment | undefined {
  const found = date.exec(text);
  if (found === null) return undefined;
  const [, year, month, day, hour, minute, second, zone] = found;
  return {
    parts: numbers(year, month, day, hour, minute, second),
    offset: zone === undefined ? undefined : minutes(zone),
  };
}

/** A time of day; undefined for another text. */
export function timeOf(text: string): Moment | undefined {
  const found = time.exec(text);
  return found === null ? undefined : { parts: numbers(found[1], found[2], found[3]), offset: undefined };
}

function numbers(...texts: readonly (string | undefined)[]): readonly number[] {
  const parts: number[] = [];
  for (const text of texts) {
    if (text === undefined) break;
    parts.push(Number(text));
  }
  return parts;
}

function minutes(zone: string): number {
  if (zone === 'Z') return 0;
  const size = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  return zone.startsWith('-') ? -size : size;
}

/** The parts in UTC, where an offset and at least minutes are known. */
function universal({ parts, offset }: Moment): readonly number[] {
  if (offset === undefined || offset === 0 || parts.length < MINUTES) return parts;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, ...seconds] = parts;
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  const moved = new Date(at.getTime() + (hour * 60 + minute - offset) * MINUTE);
  return [
    moved.getUTCFullYear(),
    moved.getUTCMonth() + 1,
    moved.getUTCDate(),
    moved.getUTCHours(),
    moved.getUTCMinutes(),
    ...seconds,
  ];
}

/** Less, equal or greater than 0; undefined where their precisions leave it open, or the zone of one of them does. */
export function compareMoments(a: Moment, b: Moment): number | undefined {
  const timed = a.parts.length > DAYS && b.parts.length > DAYS;
  const zoned = timed && a.offset !== undefined && b.offset !== undefined;
  // A zone moves a time by less than a day, so that what has none is compared by its own calendar.
  if (timed && (a.offset === undefined) !== (b.offset === undefined)) return undefined;
  const left = zoned ? universal(a) : a.parts;
  const right = zoned ? universal(b) : b.parts;
  const length = Math.min(left.length, right.length);
  for (let n = 0; n < length; n += 1) {
    const difference = (left[n] ?? 0) - (right[n] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length === right.length ? 0 : undefined;
}

/** A text that moments share where they are equal. */
export function momentKey(moment: Moment): string {
  return `${universal(moment).join(' ')}${moment.parts.length > DAYS && moment.offset !== undefined ? 'Z' : ''}`;
}

const units: Readonly<Record<string, number>> = {
  year: 0,
  month: 1,
  week: 2,
  day: 2,
  hour: 3,
  minute: 4,
  second: 5,
  millisecond: 5,
};

/**
 * A date or dateTime so many calendar units later, in the precision it has; undefined for a unit that isn't the calendar's.
 * https://hl7.org/fhirpath/N1/#datetime-arithmetic
 */
export function later(text: string, amount: number, unit: string): string | undefined {
  const moment = momentOf(text);
  const name = unit.replace(/s$/, '');
  const place = units[name];
  if (moment === undefined || place === undefined) return undefined;
  const { parts } = moment;
  const whole = Math.trunc(amount);
  const zone = /(?:Z|[+-][0-9]{2}:[0-9]{2})$/.exec(text.slice(10))?.[0] ?? '';
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  if (place < 2) {
    const months = year * 12 + month - 1 + (place === 0 ? whole * 12 : whole);
    const [toYear, toMonth] = [Math.floor(months / 12), (((months % 12) + 12) % 12) + 1];
    return written([toYear, toMonth, Math.min(day, lengthOfMonth(toYear, toMonth)), hour, minute, second], parts, zone);
  }
  // Units finer than the date is: only whole ones of the date's own count.
  const factor = name === 'week' ? 7 * 86_400 : ([0, 0, 86_400, 3_600, 60, name === 'second' ? 1 : 0.001][place] ?? 0);
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  at.setUTCHours(hour, minute, 0, 0);
  const milliseconds = Math.round((second + (place === 5 ? amount : whole) * factor) * 1000);
  const moved = new Date(at.getTime() + milliseconds);
  if (Number.isNaN(moved.getTime())) return undefined;
  return written(
    [
      moved.getUTCFullYear(),
      moved.getUTCMonth() + 1,
      moved.getUTCDate(),
      moved.getUTCHours(),
      moved.getUTCMinutes(),
      moved.getUTCSeconds() + moved.getUTCMilliseconds() / 1000,
    ],
    parts,
    zone,
  );
}

function lengthOfMonth(year: number, month: number): number {
  const at = new Date(0);
  at.setUTCFullYear(year, month, 0);
  return at.getUTCDate();
}

function written(values: readonly number[], like: readonly number[], zone: string): string | undefined {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = values;
  if (year < 1 || year > 9999) return undefined;
  const two = (value: number): string => String(value).padStart(2, '0');
  const texts = [String(year).padStart(4, '0'), `-${two(month)}`, `-${two(day)}`, `T${two(hour)}`, `:${two(minute)}`];
  const seconds = `:${second < 10 ? '0' : ''}${Number.isInteger(second) ? second : second.toFixed(3)}`;
  return [...texts, seconds].slice(0, like.length).join('') + zone;
}

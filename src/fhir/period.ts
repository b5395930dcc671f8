/** The time that a FHIR date, dateTime or instant means by its precision. https://hl7.org/fhir/R4/search.html#date */
import { instantOf, knowsZone } from './timezone.ts';

const SECOND = 1000;
const MINUTE = 60_000;
const DAY = 86_400_000;
const DASH = 0x2d;
const COLON = 0x3a;

/** Milliseconds since 1970 from `low` (inclusive) to `high` (exclusive). */
export interface DateRange {
  readonly low: number;
  readonly high: number;
}

/**
 * The range of a date, dateTime or instant; also of a time without seconds, which search allows. A text without a zone is
 * meant in `timezone` (an IANA name or an offset). Ends are the doubles nearest to the exact times, so that equal times give
 * equal ends, however many digits their seconds have; `high` is always greater than `low`, but for a day that a zone skipped. Undefined for a malformed text or a day that doesn't exist.
 * Throws RangeError for an unknown timezone.
 */
export function dateRange(text: string, timezone: string): DateRange | undefined {
  const length = text.length;
  const year = digits(text, 0, 4);
  if (!(year >= 1)) return undefined;
  if (length === 4) return localRange(daysBefore(year, 1, 1), daysBefore(year + 1, 1, 1), timezone);
  const month = digits(text, 5, 2);
  if (text.charCodeAt(4) !== DASH || !(month >= 1 && month <= 12)) return undefined;
  if (length === 7) {
    const next = month === 12 ? daysBefore(year + 1, 1, 1) : daysBefore(year, month + 1, 1);
    return localRange(daysBefore(year, month, 1), next, timezone);
  }
  const day = digits(text, 8, 2);
  if (text.charCodeAt(7) !== DASH || !(day >= 1 && day <= daysIn(year, month))) return undefined;
  const days = daysBefore(year, month, day);
  if (length === 10) return localRange(days, days + 1, timezone);
  return timeRange(text, days * DAY, timezone);
}

/** Whether a text names a time zone: an IANA name that this runtime knows, or an offset (`+02:00`, `Z`). */
export function isTimezone(name: string): boolean {
  return knowsZone(name);
}

/** The range of days since 1970, from `first` to before `next`, in a zone: some days have 23 or 25 hours. */
function localRange(first: number, next: number, timezone: string): DateRange {
  return { low: instantOf(first * DAY, timezone), high: instantOf(next * DAY, timezone) };
}

/** The range of a time behind a date: `Thh:mm`, then seconds with any fraction, then a zone, each of which may be missing. */
function timeRange(text: string, day: number, timezone: string): DateRange | undefined {
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  if (text.charCodeAt(10) !== 0x54 || text.charCodeAt(13) !== COLON || !(hour < 24 && minute < 60)) return undefined;
  let local = day + (hour * 60 + minute) * MINUTE;
  let precision = MINUTE;
  let at = 16;
  let fractionEnd = 0;
  if (text.charCodeAt(16) === COLON) {
    const second = digits(text, 17, 2);
    // 60 is a leap second.
    if (!(second <= 60)) return undefined;
    local += second * SECOND;
    precision = SECOND;
    at = 19;
    if (text.charCodeAt(19) === 0x2e) {
      at = 20;
      while (isDigit(text.charCodeAt(at))) at++;
      if (at === 20) return undefined;
      fractionEnd = at;
    }
  }
  const offset = zoneOffset(text, at);
  if (offset === undefined) return undefined;
  const whole = Number.isNaN(offset) ? instantOf(local, timezone) : local - offset;
  if (fractionEnd > 0) return fractionRange(whole, text.slice(20, fractionEnd));
  return { low: whole, high: whole + precision };
}

/** The offset from UTC in milliseconds; NaN where the text ends without a zone, undefined where it is malformed. */
function zoneOffset(text: string, at: number): number | undefined {
  if (at === text.length) return Number.NaN;
  const sign = text.charCodeAt(at);
  if (sign === 0x5a) return at + 1 === text.length ? 0 : undefined;
  if ((sign !== 0x2b && sign !== DASH) || at + 6 !== text.length || text.charCodeAt(at + 3) !== COLON) return undefined;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 4, 2);
  if (!(minutes < 60 && hours * 60 + minutes <= 14 * 60)) return undefined;
  return (sign === DASH ? -1 : 1) * (hours * 60 + minutes) * MINUTE;
}

/** The range that starts `0.fraction` seconds after a whole second, as long as the fraction's last digit. */
function fractionRange(second: number, fraction: string): DateRange {
  const places = fraction.length - 3;
  if (places <= 0) {
    const low = second + Number(fraction.padEnd(3, '0'));
    return { low, high: low + 10 ** -places };
  }
  const scale = 10 ** places;
  const units = second * scale + Number(fraction);
  // Two integers that doubles hold: their quotient is rounded once, that is correctly.
  if (places <= 15 && Math.abs(units) < 2 ** 53 - 1) {
    return notEmpty(units / scale, (units + 1) / scale);
  }
  const exact = BigInt(second) * 10n ** BigInt(places) + BigInt(fraction);
  // Number() rounds a decimal text correctly.
  return notEmpty(Number(`${exact}e${-places}`), Number(`${exact + 1n}e${-places}`));
}

/** A range of at least one double, however small the last digit is. */
function notEmpty(low: number, high: number): DateRange {
  if (high > low) return { low, high };
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, low);
  bits.setBigInt64(0, bits.getBigInt64(0) + (low < 0 ? -1n : 1n));
  return { low, high: bits.getFloat64(0) };
}

/** The number of so many digits at a place; NaN if something else stands there. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const c = text.charCodeAt(i);
    if (!isDigit(c)) return Number.NaN;
    value = value * 10 + c - 0x30;
  }
  return value;
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** Days from 1970-01-01 to a date of the Gregorian calendar, with years that begin in March, so that leap days come last. */
function daysBefore(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468;
}

/** Whether a text is a date, dateTime, instant or time of R4. https://hl7.org/fhir/R4/datatypes.html#dateTime */

const ZERO = 48;
const HYPHEN = 45;
const COLON = 58;
const POINT = 46;

const monthDays = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The value of two digits, or NaN. */
function two(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** Whether the text up to `length` (4, 7 or 10) is a year, month or day of the calendar. */
function dateHolds(text: string, length: number): boolean {
  const year = two(text, 0) * 100 + two(text, 2);
  if (!(year >= 1)) return false;
  if (length === 4) return true;
  const month = two(text, 5);
  if (text.charCodeAt(4) !== HYPHEN || !(month >= 1 && month <= 12)) return false;
  if (length === 7) return true;
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const day = two(text, 8);
  return text.charCodeAt(7) === HYPHEN && day >= 1 && day <= (monthDays[month] ?? 0) + (leap ? 1 : 0);
}

/** Where a time that begins at `at` ends, or -1: `hh:mm:ss` and any fraction. Leap seconds count, 24:00 doesn't. */
function timeEnd(text: string, at: number): number {
  if (text.charCodeAt(at + 2) !== COLON || text.charCodeAt(at + 5) !== COLON) return -1;
  if (!(two(text, at) <= 23 && two(text, at + 3) <= 59 && two(text, at + 6) <= 60)) return -1;
  let end = at + 8;
  if (text.charCodeAt(end) !== POINT) return end;
  do end += 1;
  while (text.charCodeAt(end) >= ZERO && text.charCodeAt(end) <= ZERO + 9);
  return end === at + 9 ? -1 : end;
}

/** Whether `Z` or an offset of at most 14 hours fills the text from `at`. */
function zoneHolds(text: string, at: number): boolean {
  const sign = text[at];
  if (sign === 'Z') return text.length === at + 1;
  if ((sign !== '+' && sign !== '-') || text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON) return false;
  const hours = two(text, at + 1);
  const minutes = two(text, at + 4);
  return (hours <= 13 && minutes <= 59) || (hours === 14 && minutes === 0);
}

/** https://hl7.org/fhir/R4/datatypes.html#date */
export function isDate(text: string): boolean {
  return (text.length === 4 || text.length === 7 || text.length === 10) && dateHolds(text, text.length);
}

/** https://hl7.org/fhir/R4/datatypes.html#instant */
export function isInstant(text: string): boolean {
  if (text[10] !== 'T' || !dateHolds(text, 10)) return false;
  const end = timeEnd(text, 11);
  return end > 0 && zoneHolds(text, end);
}

/** https://hl7.org/fhir/R4/datatypes.html#dateTime */
export function isDateTime(text: string): boolean {
  return text.length > 10 ? isInstant(text) : isDate(text);
}

/** https://hl7.org/fhir/R4/datatypes.html#time */
export function isTime(text: string): boolean {
  return timeEnd(text, 0) === text.length;
}

/** The limits of JSON texts, and which numbers a double holds. https://hl7.org/fhir/R4/json.html#decimal */
import { decimalKey, isDecimal } from './decimal.ts';

/** JSON nests at most this deep (BSON, which another store uses, allows 100). */
export const MAX_DEPTH = 90;
/** A number has at most so many characters, and an exponent within ± MAX_EXPONENT. */
export const MAX_NUMBER_LENGTH = 400;
export const MAX_EXPONENT = 400;

/** Whether a number is within the limits. The text need not be a valid number. */
export function isWithinLimits(number: string): boolean {
  if (number.length > MAX_NUMBER_LENGTH) return false;
  const e = Math.max(number.indexOf('e'), number.indexOf('E'));
  return e < 0 || !(Math.abs(Number(number.slice(e + 1))) > MAX_EXPONENT);
}

/** Whether the nearest double means the same number. True for a text that is no number. */
export function isHeldByDouble(text: string): boolean {
  const number = Number(text);
  const shortest = String(number);
  if (shortest === text || !isDecimal(text)) return true;
  return Number.isFinite(number) && decimalKey(shortest) === decimalKey(text);
}

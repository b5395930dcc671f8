/** Decimals of any size as text that sorts by value, and what their precision means. https://hl7.org/fhir/R4/search.html#number */

const DECIMAL = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const MAX_LENGTH = 400;
const MAX_EXPONENT = 400;

/**
 * The first character of a key: sign and exponent. In the order of this alphabet: negative numbers from the greatest
 * exponent to the least, zero, positive numbers from the least to the greatest.
 */
const HEADS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ZERO = 'V';
/** Places in HEADS for positive numbers; a negative number's place is MIRROR minus its opposite's. */
const TINY = 32;
const HUGE = 61;
const MIRROR = 62;
/** Exponents that need but the first character; those beyond have three digits more. */
const LEAST = -9;
const GREATEST = 18;
const BIAS = 999;
/** Greater than every digit: ends a negative key, so that -5 comes after -5.4. */
const END = '~';

/** A number as 0.`digits` × 10^`exponent`; `digits` neither begins nor ends with 0, and is empty for zero. */
interface Normal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

/** Whether a text is a decimal as R4 writes it, of at most 400 characters and with an exponent within ±400. */
export function isDecimal(text: string): boolean {
  if (text.length > MAX_LENGTH || !DECIMAL.test(text)) return false;
  const e = exponentIndex(text);
  return e < 0 || Math.abs(Number(text.slice(e + 1))) <= MAX_EXPONENT;
}

/**
 * A key of a decimal: keys compare, byte by byte or by UTF-16 units, as the numbers do; equal numbers (`1.0`, `1.00`,
 * `10e-1`) have the same key. ASCII letters and digits, and `~`. Throws RangeError for what isn't a decimal.
 */
export function decimalKey(text: string): string {
  const { negative, digits, exponent } = normalise(text);
  if (digits === '') return ZERO;
  let place: number;
  let far = '';
  if (exponent < LEAST || exponent > GREATEST) {
    const biased = exponent < LEAST ? exponent + BIAS : exponent;
    if (biased < 0 || biased > BIAS) throw new RangeError('a decimal with an exponent beyond the range of keys');
    place = exponent < LEAST ? TINY : HUGE;
    far = String(biased).padStart(3, '0');
  } else {
    place = TINY + 1 + exponent - LEAST;
  }
  if (!negative) return HEADS.charAt(place) + far + digits;
  return HEADS.charAt(MIRROR - place) + complement(far + digits) + END;
}

/** The key of a decimal of any size: what is beyond the range of keys has the first or the last one of its sign. */
export function nearestKey(text: string): string {
  const { negative, digits, exponent } = normalise(text);
  const sign = negative ? '-' : '';
  if (digits !== '' && exponent > BIAS) return decimalKey(`${sign}1e${BIAS - 1}`);
  if (digits !== '' && exponent < -BIAS) return decimalKey(`${sign}1e${-BIAS - 1}`);
  return decimalKey(text);
}

/** A decimal with that key, in its shortest digits. Throws RangeError for what isn't a key. */
export function decimalText(key: string): string {
  if (key === ZERO) return '0';
  const head = HEADS.indexOf(key.charAt(0));
  const negative = key.endsWith(END);
  const place = negative ? MIRROR - head : head;
  const rest = negative ? complement(key.slice(1, -1)) : key.slice(1);
  if (key === '' || head < 0 || place < TINY || place > HUGE || !/^[0-9]+$/.test(rest)) {
    throw new RangeError('not a key of a decimal');
  }
  const far = place === TINY || place === HUGE;
  const biased = far ? Number(rest.slice(0, 3)) : 0;
  const exponent = place === TINY ? biased - BIAS : place === HUGE ? biased : place - TINY - 1 + LEAST;
  return (negative ? '-' : '') + write(far ? rest.slice(3) : rest, exponent);
}

/**
 * The half-open range [low, high) that a decimal's precision means, as keys: half a unit of its last digit to both sides.
 * `5.40` is [5.395, 5.405). An integer with an exponent counts as one digit more precise, after R4's example: `1e2` is
 * [95, 105).
 */
export function precisionRange(text: string): { readonly low: string; readonly high: string } {
  const { units, exponent } = scaled(text);
  const tenths = units * 10n;
  return {
    low: decimalKey(`${tenths - 5n}e${exponent - 1}`),
    high: decimalKey(`${tenths + 5n}e${exponent - 1}`),
  };
}

/** The range [low, high] of 10 % around a decimal, as keys. */
export function approximateRange(text: string): { readonly low: string; readonly high: string } {
  const { units, exponent } = scaled(text);
  const nine = decimalKey(`${units * 9n}e${exponent - 1}`);
  const eleven = decimalKey(`${units * 11n}e${exponent - 1}`);
  return units < 0n ? { low: eleven, high: nine } : { low: nine, high: eleven };
}

function normalise(text: string): Normal {
  if (!DECIMAL.test(text)) throw new RangeError('not a decimal');
  const negative = text.charCodeAt(0) === 0x2d;
  const start = negative ? 1 : 0;
  const e = exponentIndex(text);
  const end = e < 0 ? text.length : e;
  const point = text.indexOf('.');
  const whole = text.slice(start, point < 0 ? end : point);
  let digits = point < 0 ? whole : whole + text.slice(point + 1, end);
  let exponent = whole.length + (e < 0 ? 0 : Number(text.slice(e + 1)));
  let first = 0;
  while (digits.charCodeAt(first) === 0x30) first++;
  let last = digits.length;
  while (last > first && digits.charCodeAt(last - 1) === 0x30) last--;
  if (first > 0 || last < digits.length) digits = digits.slice(first, last);
  exponent -= first;
  return { negative, digits, exponent };
}

/** The number as `units` × 10^`exponent`, where a unit is the last digit that its precision means. */
function scaled(text: string): { readonly units: bigint; readonly exponent: number } {
  if (!DECIMAL.test(text)) throw new RangeError('not a decimal');
  const e = exponentIndex(text);
  const mantissa = e < 0 ? text : text.slice(0, e);
  const exponent = e < 0 ? 0 : Number(text.slice(e + 1));
  const point = mantissa.indexOf('.');
  if (point >= 0) {
    const units = BigInt(mantissa.slice(0, point) + mantissa.slice(point + 1));
    return { units, exponent: exponent - (mantissa.length - point - 1) };
  }
  return e < 0 ? { units: BigInt(mantissa), exponent } : { units: BigInt(mantissa) * 10n, exponent: exponent - 1 };
}

/** 0.`digits` × 10^`exponent` as a decimal: without an exponent where it is short so. */
function write(digits: string, exponent: number): string {
  if (exponent > 0 && exponent <= 21) {
    if (digits.length <= exponent) return digits.padEnd(exponent, '0');
    return `${digits.slice(0, exponent)}.${digits.slice(exponent)}`;
  }
  if (exponent <= 0 && exponent > -6) return `0.${'0'.repeat(-exponent)}${digits}`;
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
  return `${digits.charAt(0)}${fraction}e${exponent - 1}`;
}

function complement(digits: string): string {
  let out = '';
  for (let i = 0; i < digits.length; i++) out += String.fromCharCode(0x69 - digits.charCodeAt(i));
  return out;
}

function exponentIndex(text: string): number {
  const e = text.indexOf('e');
  return e < 0 ? text.indexOf('E') : e;
}

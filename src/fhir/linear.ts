/** Linear maps of decimals of any size, as conversions of units are. https://hl7.org/fhir/R4/search.html#quantity */
import { decimalText, nearestKey } from './decimal.ts';

/** What a decimal x becomes: (x + `before`) × `times` ÷ `over` + `after`; each of them is a decimal as text. */
export interface LinearMap {
  readonly before: string;
  readonly times: string;
  readonly over: string;
  readonly after: string;
}

/** Digits of a quotient that has no end. */
const digits = 60;

/** `units` × 10^`exponent`. */
interface Exact {
  readonly units: bigint;
  readonly exponent: number;
}

/**
 * The key of what a map makes of the decimal of a key; exact but for quotients without an end. What is beyond the range of
 * keys is at its end, where no decimal of a resource is.
 */
export function mapKey(key: string, { before, times, over, after }: LinearMap): string {
  const moved = sum(exact(decimalText(key)), exact(before));
  const factor = exact(times);
  const product = { units: moved.units * factor.units, exponent: moved.exponent + factor.exponent };
  const { units, exponent } = sum(quotient(product, exact(over)), exact(after));
  return nearestKey(`${units}e${exponent}`);
}

function exact(text: string): Exact {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return { units: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

function sum(a: Exact, b: Exact): Exact {
  if (a.units === 0n) return b;
  if (b.units === 0n) return a;
  const exponent = Math.min(a.exponent, b.exponent);
  return { units: raised(a, exponent) + raised(b, exponent), exponent };
}

/** The units of the same number with a smaller exponent. */
function raised({ units, exponent }: Exact, to: number): bigint {
  return units * 10n ** BigInt(exponent - to);
}

function quotient(a: Exact, b: Exact): Exact {
  if (b.units === 1n) return { units: a.units, exponent: a.exponent - b.exponent };
  const more = digits + String(b.units).length;
  return { units: (a.units * 10n ** BigInt(more)) / b.units, exponent: a.exponent - b.exponent - more };
}

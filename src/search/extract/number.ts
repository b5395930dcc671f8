/** Index values of number parameters. https://hl7.org/fhir/R4/search.html#number */
import { decimalKey, isDecimal, precisionRange } from '../../fhir/decimal.ts';
import { isObject, type JsonObject, type JsonValue } from '../../fhir/resource.ts';
import { DECIMAL_MAX, DECIMAL_MIN, type DecimalKey } from '../entry.ts';
import type { Converter } from './converter.ts';

interface Bounds {
  readonly low: DecimalKey;
  readonly high: DecimalKey;
}

/** The converter of a data type, undefined for types that have no numbers. */
export function numberConverter(type: string): Converter | undefined {
  return converterBy(type, pointOf);
}

/**
 * The converter of a data type to the range [low, high) that a number's precision means, from the end of a Range to the
 * other one's; undefined for types that have no numbers. Zeros at the end of a fraction, and exponents, don't show in a JSON
 * number.
 */
export function precisionConverter(type: string): Converter | undefined {
  return converterBy(type, precisionRange);
}

/** `boundsOf`: those of a number's text. */
function converterBy(type: string, boundsOf: (text: string) => Bounds): Converter | undefined {
  switch (type) {
    case 'decimal':
    case 'integer':
    case 'positiveInt':
    case 'unsignedInt':
      return (value, out) => {
        const text = textOf(value);
        if (text === undefined) return;
        const { low, high } = boundsOf(text);
        out.push({ kind: 'number', low, high });
      };
    case 'Range':
      return (value, out) => {
        const bounds = isObject(value) ? rangeBounds(value, boundsOf) : undefined;
        if (bounds !== undefined) out.push({ kind: 'number', low: bounds.low, high: bounds.high });
      };
    default:
      return undefined;
  }
}

/** The key of a JSON number, or of one that a double can't hold and that is given as text; undefined for anything else. */
export function keyOf(value: JsonValue | undefined): DecimalKey | undefined {
  const text = textOf(value);
  return text === undefined ? undefined : decimalKey(text);
}

function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && isDecimal(value) ? value : undefined;
}

/** The bounds of a Range, a missing one open, each that of `boundsOf` its text; undefined if it has none, or malformed ones. */
export function rangeBounds(value: JsonObject, boundsOf: (text: string) => Bounds = pointOf): Bounds | undefined {
  const low = isObject(value.low) ? textOf(value.low.value) : undefined;
  const high = isObject(value.high) ? textOf(value.high.value) : undefined;
  if (low === undefined && high === undefined) return undefined;
  if (low !== undefined && high !== undefined && decimalKey(low) > decimalKey(high)) return undefined;
  return {
    low: low === undefined ? DECIMAL_MIN : boundsOf(low).low,
    high: high === undefined ? DECIMAL_MAX : boundsOf(high).high,
  };
}

function pointOf(text: string): Bounds {
  const key = decimalKey(text);
  return { low: key, high: key };
}

/** Index values of quantity parameters. https://hl7.org/fhir/R4/search.html#quantity */
import { decimalKey } from '../../fhir/decimal.ts';
import { isObject, type JsonObject, type JsonValue } from '../../fhir/resource.ts';
import { DECIMAL_MAX, DECIMAL_MIN, type DecimalKey, type QuantityValue } from '../entry.ts';
import type { Converter } from './converter.ts';
import { keyOf, rangeBounds } from './number.ts';

/** The system of the currencies of Money. https://hl7.org/fhir/R4/datatypes.html#Money */
const currencies = 'urn:iso:std:iso:4217';

/** The converter of a data type, undefined for types that have no quantities. */
export function quantityConverter(type: string): Converter | undefined {
  switch (type) {
    case 'Quantity':
    case 'SimpleQuantity':
    case 'MoneyQuantity':
    case 'Age':
    case 'Count':
    case 'Distance':
    case 'Duration':
      return (value, out) => {
        const key = isObject(value) ? keyOf(value.value) : undefined;
        if (isObject(value) && key !== undefined) out.push(quantity(compared(key, value.comparator), value));
      };
    case 'Money':
      return (value, out) => {
        const key = isObject(value) ? keyOf(value.value) : undefined;
        if (!isObject(value) || key === undefined) return;
        const code = text(value.currency);
        out.push({ kind: 'quantity', low: key, high: key, system: code === '' ? '' : currencies, code, unit: code });
      };
    case 'Range':
      return (value, out) => {
        const bounds = isObject(value) ? rangeBounds(value) : undefined;
        if (!isObject(value) || bounds === undefined) return;
        const named = [value.low, value.high]
          .filter(isObject)
          .find(({ code, unit }) => code !== undefined || unit !== undefined);
        out.push(quantity(bounds, named ?? {}));
      };
    case 'SampledData':
      return (value, out) => {
        const bounds = isObject(value) ? sampleBounds(value) : undefined;
        if (isObject(value) && bounds !== undefined)
          out.push(quantity(bounds, isObject(value.origin) ? value.origin : {}));
      };
    default:
      return undefined;
  }
}

interface Bounds {
  readonly low: DecimalKey;
  readonly high: DecimalKey;
}

function quantity({ low, high }: Bounds, { system, code, unit }: JsonObject): QuantityValue {
  return { kind: 'quantity', low, high, system: text(system), code: text(code), unit: text(unit) };
}

/** The interval that a value with a comparator stands for. */
function compared(key: DecimalKey, comparator: JsonValue | undefined): Bounds {
  switch (comparator) {
    case '<':
    case '<=':
      return { low: DECIMAL_MIN, high: key };
    case '>':
    case '>=':
      return { low: key, high: DECIMAL_MAX };
    default:
      return { low: key, high: key };
  }
}

/**
 * The least and greatest of the samples: R4 says of `value-quantity` "just search on the bounds of the values in sampled
 * data". A sample is a number times `factor` plus `origin`; `L` and `U` stand for the limits, `E` for an error.
 */
function sampleBounds(value: JsonObject): Bounds | undefined {
  if (typeof value.data !== 'string' || !isObject(value.origin)) return undefined;
  const origin = numberIn(value.origin.value ?? 0);
  const factor = numberIn(value.factor ?? 1);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const item of value.data.split(' ')) {
    const sample = item === 'L' ? value.lowerLimit : item === 'U' ? value.upperLimit : item;
    const number =
      sample === undefined || sample === '' || sample === 'E' ? Number.NaN : numberIn(sample) * factor + origin;
    if (number < low) low = number;
    if (number > high) high = number;
  }
  if (!Number.isFinite(low) || !Number.isFinite(high)) return undefined;
  return { low: decimalKey(plain(low)), high: decimalKey(plain(high)) };
}

/** A number, also where its text stands in its place; NaN for anything else. */
function numberIn(value: JsonValue): number {
  return typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
}

/** A sum of doubles without the noise of its last digits: SampledData is never more precise than fifteen digits. */
function plain(number: number): string {
  return number.toPrecision(15);
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Quantities by what they measure. https://hl7.org/fhirpath/N1/#quantity */
import { decimalKey, isDecimal } from '../decimal.ts';
import { mapKey } from '../linear.ts';
import { isObject, type JsonValue } from '../resource.ts';
import { conversion, ucumSystem } from '../ucum.ts';

export interface Amount {
  readonly value: number;
  /** A UCUM code; of another system its code or text, with that system. '' for a number without unit. */
  readonly unit: string;
  readonly ucum: boolean;
}

/** Calendar units as UCUM's, where they are the same length. https://hl7.org/fhirpath/N1/#time-valued-quantities */
const definite: Readonly<Record<string, string>> = {
  week: 'wk',
  day: 'd',
  hour: 'h',
  minute: 'min',
  second: 's',
  millisecond: 'ms',
};

/** A number, a Quantity of FHIR, or one of FHIRPath's `own`, whose unit is a code of UCUM; undefined for one without a value. */
export function amountOf(value: JsonValue | undefined, own: boolean): Amount | undefined {
  if (typeof value === 'number') return { value, unit: '', ucum: true };
  if (!isObject(value) || typeof value.value !== 'number') return undefined;
  const { system, code, unit } = value;
  if (system === ucumSystem && typeof code === 'string') return amount(value.value, code);
  if (own && typeof unit === 'string') return amount(value.value, unit);
  const text = typeof code === 'string' ? code : typeof unit === 'string' ? unit : '';
  return { value: value.value, unit: text === '' ? '' : `${String(system ?? '')}|${text}`, ucum: text === '' };
}

function amount(value: number, unit: string): Amount {
  return { value, unit: unit === '1' ? '' : (definite[unit.replace(/s$/, '')] ?? unit), ucum: true };
}

/** Less, equal or greater than 0; undefined where the units measure different things, or can't be told. */
export function compareAmounts(a: Amount, b: Amount): number | undefined {
  if (a.unit === b.unit) return a.value - b.value;
  if (!a.ucum || !b.ucum) return undefined;
  const map = conversion(a.unit === '' ? '1' : a.unit, b.unit === '' ? '1' : b.unit);
  const [left, right] = [String(a.value), String(b.value)];
  if (map === undefined || !isDecimal(left) || !isDecimal(right)) return undefined;
  const [converted, other] = [mapKey(decimalKey(left), map), decimalKey(right)];
  return converted < other ? -1 : converted > other ? 1 : 0;
}

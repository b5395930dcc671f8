/** Index values of the texts of tokens. https://hl7.org/fhir/R4/search.html#modifiers (:text) */
import { isArray, isObject, type JsonValue } from '../../fhir/resource.ts';
import { textSystem } from '../companion.ts';
import type { IndexValue } from '../entry.ts';
import { normaliseString } from '../normalise.ts';
import type { Converter } from './converter.ts';

/** The data types that have texts. */
export const typesWithText: ReadonlySet<string> = new Set(['CodeableConcept', 'Coding', 'Identifier']);

/** The converter of a data type, undefined for types that have no texts. */
export function textConverter(type: string): Converter | undefined {
  switch (type) {
    case 'Coding':
      return (value, out) => addDisplay(value, out);
    case 'CodeableConcept':
      return (value, out) => {
        if (!isObject(value)) return;
        add(value.text, out);
        if (isArray(value.coding)) for (const coding of value.coding) addDisplay(coding, out);
      };
    case 'Identifier':
      return (value, out) => {
        if (isObject(value) && isObject(value.type)) add(value.type.text, out);
      };
    default:
      return undefined;
  }
}

function addDisplay(coding: JsonValue, out: IndexValue[]): void {
  if (isObject(coding)) add(coding.display, out);
}

function add(text: JsonValue | undefined, out: IndexValue[]): void {
  if (typeof text !== 'string') return;
  const value = normalised(text);
  if (value !== '') out.push({ kind: 'token', system: textSystem, value });
}

/** The same displays come again and again. */
const seen = new Map<string, string>();
const most = 10_000;
const longest = 200;

function normalised(text: string): string {
  const known = seen.get(text);
  if (known !== undefined) return known;
  const value = normaliseString(text);
  if (text.length > longest) return value;
  if (seen.size >= most) seen.clear();
  seen.set(text, value);
  return value;
}

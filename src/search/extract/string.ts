/** Index values of string parameters. https://hl7.org/fhir/R4/search.html#string */
import { isArray, isObject, type JsonObject, type JsonValue } from '../../fhir/resource.ts';
import type { IndexValue } from '../entry.ts';
import { normaliseString } from '../normalise.ts';
import type { Converter } from './converter.ts';

const between = /[\s\p{Pd}]+/u;

const nameParts = ['family', 'given', 'prefix', 'suffix', 'text'];
const wordParts = new Set(['family', 'given']);
const addressParts = ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'];

/**
 * The converter of a data type, undefined for types that have no string values. `part`: whether the value is a family or
 * given name, whose words are found too.
 */
export function stringConverter(type: string, part: boolean): Converter | undefined {
  switch (type) {
    case 'HumanName':
      return (value, out) => {
        if (!isObject(value)) return;
        for (const name of nameParts) addTexts(value[name], wordParts.has(name), out);
        if (value.text === undefined) addWhole([...texts(value, 'given'), ...texts(value, 'family')], out);
      };
    case 'Address':
      return (value, out) => {
        if (!isObject(value)) return;
        for (const name of addressParts) addTexts(value[name], false, out);
        if (value.text === undefined)
          addWhole(
            addressParts.flatMap((name) => texts(value, name)),
            out,
          );
      };
    case 'string':
    case 'markdown':
    case 'code':
    case 'id':
    case 'uri':
    case 'url':
    case 'canonical':
      return (value, out) => addTexts(value, part, out);
    default:
      return undefined;
  }
}

function addTexts(value: JsonValue | undefined, words: boolean, out: IndexValue[]): void {
  if (typeof value === 'string') addText(value, words, out);
  else if (isArray(value)) for (const item of value) if (typeof item === 'string') addText(item, words, out);
}

function addText(text: string, words: boolean, out: IndexValue[]): void {
  out.push({ kind: 'string', norm: normaliseString(text), exact: text });
  if (!words) return;
  const found = text.trim().split(between);
  if (found.length < 2) return;
  for (const word of found) {
    const norm = normaliseString(word);
    if (norm !== '') out.push({ kind: 'string', norm, exact: null });
  }
}

/** The parts as a person writes them one after another, if there are several. */
function addWhole(parts: readonly string[], out: IndexValue[]): void {
  if (parts.length < 2) return;
  out.push({ kind: 'string', norm: normaliseString(parts.join(' ')), exact: null });
}

function texts(value: JsonObject, name: string): readonly string[] {
  const found = value[name];
  if (typeof found === 'string') return [found];
  return isArray(found) ? found.filter((item) => typeof item === 'string') : [];
}

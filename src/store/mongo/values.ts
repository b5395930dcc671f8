/** Index entries as documents have them, and back. https://hl7.org/fhir/R4/search.html */

import { isContained } from '../../search/contained.ts';
import type { IndexEntry, IndexValue, SimpleValue } from '../../search/entry.ts';
import { foldToken } from '../../search/normalise.ts';
import type { Indexed, SortEnds, StoredValue } from './document.ts';

/**
 * What a resource with these entries is found by.
 * @param fieldOf the field of an entry's name.
 * @throws Error for an entry that has none.
 */
export function indexedBy(entries: readonly IndexEntry[], fieldOf: (entry: string) => string | undefined): Indexed {
  if (entries.length === 0) return {};
  const index: Record<string, StoredValue[]> = {};
  const sort: Record<string, SortEnds> = {};
  for (const { parameter, value } of entries) {
    const field = fieldOf(parameter);
    if (field === undefined) throw new Error(`an entry of ${parameter}, which isn't indexed`);
    const values = index[field];
    if (values === undefined) index[field] = [storedValue(value)];
    else values.push(storedValue(value));
    const ends = widened(sort[field], value);
    if (ends !== undefined) sort[field] = ends;
  }
  return { index, present: Object.keys(index), ...(Object.keys(sort).length === 0 ? {} : { sort }) };
}

/** The entries of what `indexedBy` made; each one's `parameter` is its field. */
export function entriesOf({ index = {} }: Pick<Indexed, 'index'>): readonly IndexEntry[] {
  return Object.entries(index).flatMap(([parameter, values]) =>
    values.map((value) => ({ parameter, value: indexValue(value) })),
  );
}

export function storedValue(value: IndexValue): StoredValue {
  switch (value.kind) {
    case 'token':
      return { s: value.system, c: value.value, f: foldToken(value.value) };
    case 'identifier':
      return { s: value.system, c: value.value, f: foldToken(value.value), i: true };
    case 'string':
      return { n: value.norm, e: value.exact };
    case 'date':
    case 'number':
      return { l: value.low, h: value.high };
    case 'quantity':
      return { l: value.low, h: value.high, s: value.system, c: value.code, u: value.unit };
    case 'reference': {
      const r = referenceKey(value.type, value.id);
      return value.version === '' ? { r } : { r, v: value.version };
    }
    case 'uri':
      return { u: value.value };
    case 'composite': {
      const [a, b, d] = value.components.map(storedValue);
      if (a === undefined) throw new Error('a composite value without components');
      return { a, ...(b === undefined ? {} : { b }), ...(d === undefined ? {} : { d }) };
    }
    case 'position': {
      const { latitude, longitude } = value;
      return { lat: latitude, lon: longitude, p: { type: 'Point', coordinates: [longitude, latitude] } };
    }
  }
}

/** `Type/id`: what a reference is looked up by. */
export function referenceKey(type: string, id: string): string {
  return `${type}/${id}`;
}

/** The value that `storedValue` made. */
export function indexValue(stored: StoredValue): IndexValue {
  if ('lat' in stored) return { kind: 'position', latitude: Number(stored.lat), longitude: Number(stored.lon) };
  if (!('a' in stored)) return simpleValue(stored);
  const components = [stored.a, stored.b, stored.d].flatMap((part) => (isStored(part) ? [simpleValue(part)] : []));
  return { kind: 'composite', components };
}

function isStored(part: StoredValue[string] | undefined): part is StoredValue {
  return typeof part === 'object' && part !== null && !Array.isArray(part);
}

function simpleValue(stored: StoredValue): SimpleValue {
  if ('r' in stored) {
    const text = String(stored.r);
    const slash = text.indexOf('/');
    return { kind: 'reference', type: text.slice(0, slash), id: text.slice(slash + 1), version: textOf(stored.v) };
  }
  if ('n' in stored) {
    return { kind: 'string', norm: textOf(stored.n), exact: stored.e === null ? null : textOf(stored.e) };
  }
  if ('l' in stored) {
    const { l: low, h: high } = stored;
    if (typeof low === 'number' && typeof high === 'number') return { kind: 'date', low, high };
    const number = { low: textOf(low), high: textOf(high) };
    if (!('u' in stored)) return { kind: 'number', ...number };
    return { kind: 'quantity', ...number, system: textOf(stored.s), code: textOf(stored.c), unit: textOf(stored.u) };
  }
  if ('u' in stored) return { kind: 'uri', value: textOf(stored.u) };
  return { kind: stored.i === true ? 'identifier' : 'token', system: textOf(stored.s), value: textOf(stored.c) };
}

function textOf(part: StoredValue[string] | undefined): string {
  return typeof part === 'string' ? part : '';
}

/** The ends with a value more; as `sortForm` in `search/match.ts` sees it. */
function widened(ends: SortEnds | undefined, value: IndexValue): SortEnds | undefined {
  switch (value.kind) {
    case 'identifier':
      return { ...ends, il: least(ends?.il, value.value), ih: greatest(ends?.ih, value.value) };
    case 'token':
    case 'uri':
      return both(ends, value.value, value.value);
    case 'string':
      // Words of longer ones are for finding alone.
      return value.exact === null ? ends : both(ends, value.norm, value.norm);
    case 'date':
    case 'number':
    case 'quantity':
      return both(ends, value.low, value.high);
    case 'reference': {
      if (isContained(value.type)) return ends;
      const key = referenceKey(value.type, value.id);
      return both(ends, key, key);
    }
    default:
      return ends;
  }
}

function both(ends: SortEnds | undefined, low: string | number, high: string | number): SortEnds {
  if (ends === undefined) return { low, high };
  return { ...ends, low: least(ends.low, low), high: greatest(ends.high, high) };
}

function least(known: string | undefined, value: string): string;
function least(known: string | number | undefined, value: string | number): string | number;
function least(known: string | number | undefined, value: string | number): string | number {
  return known !== undefined && compare(known, value) <= 0 ? known : value;
}

function greatest(known: string | undefined, value: string): string;
function greatest(known: string | number | undefined, value: string | number): string | number;
function greatest(known: string | number | undefined, value: string | number): string | number {
  return known !== undefined && compare(known, value) >= 0 ? known : value;
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareTexts(String(a), String(b));
}

/** Half of a character beyond the first 65,536. */
const surrogate = /[\ud800-\udfff]/;

/** Texts in the order of their bytes, as MongoDB has them. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  // Without such characters the order of UTF-16 units is the same.
  if (surrogate.test(a) || surrogate.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}

/** The order of a walk and the place in it after which a page begins. https://hl7.org/fhir/R4/search.html#sort */
import { allOf, always, anyOf, type Filter, never } from './filter.ts';

/** A value by which a walk is ordered. */
export interface OrderColumn {
  /** Where documents have it; undefined: none has a value. */
  readonly path: string | undefined;
  readonly descending: boolean;
  /** Whether it may be missing; what is missing comes last in both directions. */
  readonly nullable: boolean;
  /** `instant`: a date in documents, milliseconds in keys. */
  readonly of: 'text' | 'number' | 'instant';
}

/** The place of a match in its walk: a value for each column, the place of its part, its id. */
export type Key = readonly KeyValue[];
export type KeyValue = string | number | null;

/** What of the matches with the same values as a key lies beyond it: all, none, or those with other ids than this. */
export type Ties = 'all' | 'none' | { readonly path: string; readonly id: string; readonly falling: boolean };

/** Whether a document comes after the values and the ties, or before them when going backwards. */
export function beyond(columns: readonly OrderColumn[], values: Key, ties: Ties, backwards: boolean): Filter {
  const ways: Filter[] = [];
  const same: Filter[] = [];
  for (const [place, column] of columns.entries()) {
    const value = values[place] ?? null;
    ways.push(allOf([...same, past(column, value, backwards)]));
    same.push(equal(column, value));
  }
  if (ties === 'all') ways.push(allOf(same));
  else if (ties !== 'none') {
    const operator = ties.falling === backwards ? '$gt' : '$lt';
    ways.push(allOf([...same, { [ties.path]: { [operator]: ties.id } }]));
  }
  return anyOf(ways);
}

function past({ path, descending, nullable, of }: OrderColumn, value: KeyValue, backwards: boolean): Filter {
  if (path === undefined) return value !== null && !backwards ? always : never;
  if (value === null) return backwards ? { [path]: { $ne: null } } : never;
  const operator = descending === backwards ? '$gt' : '$lt';
  const later = { [path]: { [operator]: stored(of, value) } };
  return nullable && !backwards ? anyOf([later, { [path]: null }]) : later;
}

function equal({ path, of }: OrderColumn, value: KeyValue): Filter {
  if (path === undefined) return value === null ? always : never;
  return { [path]: value === null ? null : stored(of, value) };
}

function stored(of: OrderColumn['of'], value: string | number): unknown {
  return of === 'instant' ? new Date(Number(value)) : value;
}

/** Documents that have a value of a column. */
export function present({ path, of }: OrderColumn): Filter {
  if (path === undefined) return never;
  // A bound of the values' own type, so that an index isn't read from what is missing on.
  return { [path]: { $gte: of === 'text' ? '' : of === 'number' ? Number.NEGATIVE_INFINITY : new Date(-8.64e15) } };
}

/** Documents that have no value of a column. */
export function absent({ path }: OrderColumn): Filter {
  return path === undefined ? always : { [path]: null };
}

/** A value of a document at a path as keys have it. */
export function keyValue(document: object, path: string | undefined): KeyValue {
  if (path === undefined) return null;
  let value: unknown = document;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null) return null;
    value = Reflect.get(value, part);
  }
  if (value instanceof Date) return value.getTime();
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

/** The order of two keys of the same walk. The last two values, the part's place and the id, are never missing. */
export function compareKeys(columns: readonly Pick<OrderColumn, 'descending'>[], a: Key, b: Key): number {
  const last = columns.length;
  for (let place = 0; place < last + 2; place++) {
    const left = a[place] ?? null;
    const right = b[place] ?? null;
    if (left === right) continue;
    if (left === null) return 1;
    if (right === null) return -1;
    const order = compareValues(left, right);
    const descending = place < last ? columns[place]?.descending : place > last && isFalling(columns);
    if (order !== 0) return descending ? -order : order;
  }
  return 0;
}

/** Whether ties go by falling ids: so that an index on the last column and the id has that order too. */
export function isFalling(columns: readonly Pick<OrderColumn, 'descending'>[]): boolean {
  return columns.at(-1)?.descending === true;
}

/** Numbers by size, texts by the bytes of their UTF-8. */
export function compareValues(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}

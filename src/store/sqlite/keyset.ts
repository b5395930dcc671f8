/** The order of a walk and the place in it after which a page begins. https://hl7.org/fhir/R4/search.html#sort */
import { all, any, join, raw, type Sql, sql } from './sql.ts';

/** A value by which a walk is ordered. */
export interface OrderColumn {
  readonly value: Sql;
  readonly descending: boolean;
  /** Whether it may be missing; what is missing comes last in both directions. */
  readonly nullable: boolean;
}

/** A position's values, one for each column. */
export type Key = readonly KeyValue[];
export type KeyValue = string | number | null;

/** `ORDER BY` these columns, or backwards. */
export function orderBy(columns: readonly OrderColumn[], backwards: boolean): Sql {
  return join(
    columns.map(({ value, descending, nullable }) => {
      const falling = descending !== backwards;
      // NULL is SQLite's least value, so that these are said only where they differ from that.
      const nulls = nullable && falling === backwards ? (backwards ? ' NULLS FIRST' : ' NULLS LAST') : '';
      return sql`${value}${raw(falling ? ' DESC' : '')}${raw(nulls)}`;
    }),
    ', ',
  );
}

/** Whether a row comes after the key, or before it when going backwards. */
export function beyond(columns: readonly OrderColumn[], key: Key, backwards: boolean): Sql {
  if (!backwards && columns.every((column) => !column.descending && !column.nullable)) return tuple(columns, key, '>');
  if (backwards && columns.every((column) => !column.descending && !column.nullable)) return tuple(columns, key, '<');
  const [first, ...rest] = columns;
  if (first === undefined) return raw('0');
  const at = key[0] ?? null;
  const past = columnBeyond(first, at, backwards);
  if (rest.length === 0) return past;
  const same = at === null ? sql`${first.value} IS NULL` : equal(first.value, at);
  const later = any([past, all([same, beyond(rest, key.slice(1), backwards)])]);
  // Said apart, a bound of the first column can be found by an index.
  if (first.nullable || at === null) return later;
  const operator = first.descending !== backwards ? '<=' : '>=';
  return all([compared(first.value, operator, at), later]);
}

function columnBeyond({ value, descending, nullable }: OrderColumn, at: KeyValue, backwards: boolean): Sql {
  if (at === null) return backwards ? sql`${value} IS NOT NULL` : raw('0');
  const past = compared(value, descending !== backwards ? '<' : '>', at);
  return nullable && !backwards ? any([past, sql`${value} IS NULL`]) : past;
}

function tuple(columns: readonly OrderColumn[], key: Key, operator: '<' | '>'): Sql {
  const [first] = columns;
  if (first !== undefined && columns.length === 1) return compared(first.value, operator, key[0] ?? null);
  const values = join(
    columns.map(({ value }) => value),
    ', ',
  );
  const bound = { text: columns.map(() => '?').join(', '), values: columns.map((_, place) => key[place] ?? null) };
  return sql`(${values}) ${raw(operator)} (${bound})`;
}

function compared(value: Sql, operator: '<' | '<=' | '>' | '>=', at: KeyValue): Sql {
  return sql`${value} ${raw(operator)} ${{ text: '?', values: [at] }}`;
}

function equal(value: Sql, at: KeyValue): Sql {
  return sql`${value} = ${{ text: '?', values: [at] }}`;
}

/** The order of two keys of the same walk, as SQLite orders them by these columns. */
export function compareKeys(columns: readonly Pick<OrderColumn, 'descending'>[], a: Key, b: Key): number {
  for (const [place, { descending }] of columns.entries()) {
    const left = a[place] ?? null;
    const right = b[place] ?? null;
    if (left === right) continue;
    if (left === null) return 1;
    if (right === null) return -1;
    const order = compareValues(left, right);
    if (order !== 0) return descending ? -order : order;
  }
  return 0;
}

/** Numbers by size, texts by the bytes of their UTF-8. */
function compareValues(a: KeyValue, b: KeyValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}

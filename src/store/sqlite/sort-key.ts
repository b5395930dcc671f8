/** What resources are sorted by, as SQL. https://hl7.org/fhir/R4/search.html#sort */
import { containedType } from '../../search/contained.ts';
import type { Parameter, SortBy, SortKey, SortThrough } from '../../search/criteria.ts';
import { type Context, indexed, type Subject } from './compile/condition.ts';
import type { IndexTable } from './schema.ts';
import { all, always, join, raw, type Sql, sql } from './sql.ts';

/** A sort key with the numbers that it needs. */
export interface SortColumn {
  readonly key: SortKey;
  /** The parameter's number; undefined for `_id`, `_lastUpdated`, and what isn't indexed. */
  readonly number: number | undefined;
  readonly descending: boolean;
  readonly nullable: boolean;
  /**
   * What orders resources of the same value, where this is the last key and an index has them in that order: the other
   * columns of the row that the value stands in, by name.
   */
  readonly ties: readonly Tie[];
  /** The table where a resource has at most one row, with the columns of the value and of the ties; absent: it may have several. */
  readonly row?: { readonly table: 'date' | 'quantity'; readonly columns: readonly string[] };
  /** The resource's value: the lowest, or the highest where the order is descending; NULL where it has none. */
  value(subject: Subject): Sql;
}

export interface Tie {
  readonly column: string;
  value(subject: Subject): Sql;
}

/**
 * @param context of the searched type; undefined where there never was such a resource.
 * @param last whether no further key follows, so that ties may be in any stable order.
 * @param alone whether one type is searched, so that its values needn't compare with others'.
 */
export function sortColumn(key: SortKey, context: Context | undefined, last: boolean, alone: boolean): SortColumn {
  const { by, descending } = key;
  const value = (subject: Subject) =>
    context === undefined ? raw('NULL') : bestValueOf(by, descending, subject, context);
  const column = { key, number: undefined, descending, ties: [] };
  if (by === 'id') return { ...column, nullable: false, value };
  if (by === 'lastUpdated') {
    // Change numbers rise with it; several changes may have the same instant, though.
    return { ...column, nullable: false, value: last ? ({ row }) => raw(`${row}.vid`) : value };
  }
  if ('score' in by) return { ...column, nullable: false, value };
  if ('through' in by) return { ...column, nullable: true, value };
  const number = context?.numberOf(by);
  const ties = last && alone ? tiesOf(by, number, descending) : [];
  const row = rowOf(by, descending, 1 + ties.length);
  return { key, number, descending, nullable: true, ties, ...(row === undefined ? {} : { row }), value };
}

/** The only row that a resource has of a parameter, and so many of its columns, the value first. */
function rowOf({ kind, multiple }: Parameter, descending: boolean, length: number): SortColumn['row'] {
  if (multiple) return undefined;
  if (kind === 'number' || kind === 'quantity')
    return { table: 'quantity', columns: quantityColumns(descending).slice(0, length) };
  if (kind !== 'date') return undefined;
  return { table: 'date', columns: (descending ? ['high', 'low'] : ['low', 'high']).slice(0, length) };
}

/** A resource's lowest or highest value. */
function bestValueOf(by: SortBy, descending: boolean, subject: Subject, context: Context): Sql {
  const { prefix, row, number: rid } = subject;
  if (by === 'id') return raw(prefix === '' ? `${row}.id` : `(SELECT e.id FROM entity e WHERE e.rid = ${row}.rid)`);
  if (by === 'lastUpdated') return raw(`(SELECT v.updated FROM version v WHERE v.vid = ${row}.vid)`);
  if ('score' in by) {
    const body = raw(`(SELECT v.body FROM version v WHERE v.vid = ${row}.vid)`);
    return sql`score(${raw(`${row}.vid`)}, ${body}, ${JSON.stringify(by.score)})`;
  }
  if ('through' in by) return valueThrough(by, descending, subject, context);
  const number = context.numberOf(by);
  if (number === undefined) return raw('NULL');
  const best = descending ? 'max' : 'min';
  const selected = valuesOf(by, descending).map(({ table, value: column, also }) => {
    const from = raw(`${indexed(prefix, table, 'by_resource', 's')}${also ?? ''}`);
    const where = all([sql`s.rid = ${rid} AND s.param = ${number}`, isSorted(table, 's')]);
    return sql`(SELECT ${raw(`${best}(${column})`)} FROM ${from} WHERE ${where})`;
  });
  return bestOf(selected, descending);
}

/** The best value of the resources that a parameter leads to, as they were when the walk began. */
function valueThrough({ through, ends }: SortThrough, descending: boolean, subject: Subject, context: Context): Sql {
  const number = context.numberOf(through);
  if (number === undefined) return raw('NULL');
  const references = raw(indexed(subject.prefix, 'reference', 'by_resource', 'x'));
  const best = raw(descending ? 'max' : 'min');
  const selected = ends.flatMap(({ target, by }): readonly Sql[] => {
    const there = context.on(target);
    if (there === undefined) return [];
    const { alias: row, at, typeNumber } = there;
    const [rid, vid] = [raw(`${row}.rid`), raw(`${row}.vid`)];
    const value = (found: Subject) => bestValueOf(by, descending, found, there);
    const of = sql`x.rid = ${subject.number} AND x.param = ${number} AND ${raw(`${row}.type`)} = ${typeNumber}`;
    const current = sql`(SELECT ${best}(${value({ prefix: '', row, number: rid })})
      FROM ${references} CROSS JOIN ${raw(`entity ${row}`)} ON ${rid} = x.target
      WHERE ${of} AND ${raw(`${row}.state`)} = 1 AND ${vid} <= ${at ?? Number.MAX_SAFE_INTEGER})`;
    if (at === undefined) return [current];
    const kept = sql`(SELECT ${best}(${value({ prefix: 'kept_', row, number: vid })})
      FROM ${references} CROSS JOIN ${raw(`kept ${row}`)} INDEXED BY kept_by_resource ON ${rid} = x.target
      WHERE ${of} AND ${vid} <= ${at} AND ${raw(`${row}.replaced`)} > ${at})`;
    return [current, kept];
  });
  return bestOf(selected, descending);
}

function bestOf(values: readonly Sql[], descending: boolean): Sql {
  const [first, ...rest] = values;
  if (first === undefined) return raw('NULL');
  if (rest.length === 0) return first;
  return sql`(SELECT ${raw(descending ? 'max(column1)' : 'min(column1)')} FROM (VALUES (${join(values, '), (')})))`;
}

/** An index that has a parameter's values in order, and the columns that tell a resource's rows apart, the value first. */
export interface SortIndex {
  readonly table: 'identifier' | 'string' | 'date' | 'quantity' | 'uri';
  readonly index: 'by_high' | undefined;
  readonly columns: readonly string[];
}

/** Which rows of a table resources are sorted by: words of longer strings are for finding alone. */
export function isSorted(table: IndexTable, alias: string): Sql {
  return table === 'string' ? raw(`${alias}.exact <> ''`) : always;
}

/** The index by which resources come in the order of a parameter; undefined where there is none. */
export function sortIndex({ kind, textual }: Parameter, descending: boolean): SortIndex | undefined {
  switch (kind) {
    case 'token':
      return textual ? { table: 'identifier', index: undefined, columns: ['value', 'system'] } : undefined;
    case 'string':
      return { table: 'string', index: undefined, columns: ['norm', 'exact'] };
    case 'date':
      return descending
        ? { table: 'date', index: 'by_high', columns: ['high', 'low'] }
        : { table: 'date', index: undefined, columns: ['low', 'high'] };
    case 'number':
    case 'quantity':
      // Read by its lower end in both directions, where all are points.
      return { table: 'quantity', index: undefined, columns: ['low', 'unit', 'high'] };
    case 'uri':
      return { table: 'uri', index: undefined, columns: ['value'] };
    case 'reference':
    case 'composite':
    case 'special':
      return undefined;
  }
}

/** The other columns of the row that a resource is sorted by. */
function tiesOf(by: Parameter, number: number | undefined, descending: boolean): readonly Tie[] {
  const found = sortIndex(by, descending);
  if (found === undefined) return [];
  const columns = by.kind === 'quantity' || by.kind === 'number' ? quantityColumns(descending) : found.columns;
  const order = columns.map((column) => `s.${column}${descending ? ' DESC' : ''}`).join(', ');
  // Of a single row there is nothing to sort.
  const first = by.multiple ? ` ORDER BY ${order} LIMIT 1` : ' LIMIT 1';
  return columns.slice(1).map((column, place): Tie => {
    return {
      column: found.columns[place + 1] ?? column,
      value: ({ prefix, number: rid }) =>
        number === undefined
          ? raw('NULL')
          : sql`(SELECT ${raw(`s.${column}`)} FROM ${raw(indexed(prefix, found.table, 'by_resource', 's'))}
              WHERE ${all([sql`s.rid = ${rid} AND s.param = ${number}`, isSorted(found.table, 's')])}${raw(first)})`,
    };
  });
}

/** Quantities are sorted by their upper end where the order is descending; for points that is the lower one too. */
export function quantityColumns(descending: boolean): readonly string[] {
  return descending ? ['high', 'unit', 'low'] : ['low', 'unit', 'high'];
}

interface Values {
  readonly table: 'token' | 'identifier' | 'string' | 'date' | 'quantity' | 'reference' | 'uri';
  readonly value: string;
  /** A join that the value needs. */
  readonly also?: string;
}

/**
 * Where the values of a parameter lie. References may be to other servers; logical ones, those to contained resources and
 * composites don't sort.
 */
function valuesOf({ kind, textual }: Parameter, descending: boolean): readonly Values[] {
  const end = descending ? 's.high' : 's.low';
  switch (kind) {
    case 'token':
      if (textual) return [{ table: 'identifier', value: 's.value' }];
      return [{ table: 'token', value: 'c.value', also: ' CROSS JOIN code c ON c.num = s.code' }];
    case 'string':
      return [{ table: 'string', value: 's.norm' }];
    case 'date':
      return [{ table: 'date', value: end }];
    case 'number':
    case 'quantity':
      return [{ table: 'quantity', value: end }];
    case 'reference':
      return [
        {
          table: 'reference',
          value: "t.name || '/' || e.id",
          also: ` CROSS JOIN entity e ON e.rid = s.target
            CROSS JOIN type t ON t.num = e.type AND t.name NOT GLOB '${containedType('*')}'`,
        },
        { table: 'uri', value: 's.value' },
      ];
    case 'uri':
      return [{ table: 'uri', value: 's.value' }];
    case 'composite':
    case 'special':
      return [];
  }
}

/** What resources are sorted by, as SQL. https://hl7.org/fhir/R4/search.html#sort */
import type { Parameter, SortKey } from '../../search/criteria.ts';
import { indexed, type Subject } from './compile/condition.ts';
import type { LookUp } from './look-up.ts';
import { join, raw, type Sql, sql } from './sql.ts';

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
  /** The resource's value: the lowest, or the highest where the order is descending; NULL where it has none. */
  value(subject: Subject): Sql;
}

export interface Tie {
  readonly column: string;
  value(subject: Subject): Sql;
}

/**
 * @param last whether no further key follows, so that ties may be in any stable order.
 * @param alone whether one type is searched, so that its values needn't compare with others'.
 */
export function sortColumn(key: SortKey, lookUp: LookUp, last: boolean, alone: boolean): SortColumn {
  const { by, descending } = key;
  if (by === 'id') {
    const value = ({ prefix }: Subject) =>
      raw(prefix === '' ? 'r.id' : '(SELECT e.id FROM entity e WHERE e.rid = r.rid)');
    return { key, number: undefined, descending, nullable: false, ties: [], value };
  }
  if (by === 'lastUpdated') {
    // Change numbers rise with it; several changes may have the same instant, though.
    const value = () => raw(last ? 'r.vid' : '(SELECT v.updated FROM version v WHERE v.vid = r.vid)');
    return { key, number: undefined, descending, nullable: false, ties: [], value };
  }
  const number = lookUp.parameter(by);
  const pieces = number === undefined ? [] : valuesOf(by, descending);
  const best = descending ? 'max' : 'min';
  const value = (subject: Subject): Sql => {
    const selected = pieces.map(({ table, value: column, also }) => {
      const from = raw(`${indexed(subject.prefix, table, 'by_resource', 's')}${also ?? ''}`);
      return sql`(SELECT ${raw(`${best}(${column})`)} FROM ${from} WHERE s.rid = ${subject.number} AND s.param = ${number ?? 0})`;
    });
    const [first, ...rest] = selected;
    if (first === undefined) return raw('NULL');
    if (rest.length === 0) return first;
    return sql`(SELECT ${raw(`${best}(column1)`)} FROM (VALUES (${join(selected, '), (')})))`;
  };
  const ties = last && alone ? tiesOf(by, number, descending) : [];
  return { key, number, descending, nullable: true, ties, value };
}

/** An index that has a parameter's values in order, and the columns that tell a resource's rows apart, the value first. */
export interface SortIndex {
  readonly table: 'identifier' | 'string' | 'date' | 'quantity' | 'uri';
  readonly index: 'by_high' | undefined;
  readonly columns: readonly string[];
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
              WHERE s.rid = ${rid} AND s.param = ${number}${raw(first)})`,
    };
  });
}

/** Quantities are sorted by their upper end where the order is descending; for points that is the lower one too. */
function quantityColumns(descending: boolean): readonly string[] {
  return descending ? ['high', 'unit', 'low'] : ['low', 'unit', 'high'];
}

interface Values {
  readonly table: 'token' | 'identifier' | 'string' | 'date' | 'quantity' | 'reference' | 'uri';
  readonly value: string;
  /** A join that the value needs. */
  readonly also?: string;
}

/** Where the values of a parameter lie. References may be to other servers; logical ones and composites don't sort. */
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
          also: ' CROSS JOIN entity e ON e.rid = s.target CROSS JOIN type t ON t.num = e.type',
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

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
  /** The resource's value: the lowest, or the highest where the order is descending; NULL where it has none. */
  value(subject: Subject): Sql;
}

/** @param last whether no further key follows, so that ties may be in any stable order. */
export function sortColumn(key: SortKey, lookUp: LookUp, last: boolean): SortColumn {
  const { by, descending } = key;
  if (by === 'id') {
    const value = ({ prefix }: Subject) =>
      raw(prefix === '' ? 'r.id' : '(SELECT e.id FROM entity e WHERE e.rid = r.rid)');
    return { key, number: undefined, descending, nullable: false, value };
  }
  if (by === 'lastUpdated') {
    // Change numbers rise with it; several changes may have the same instant, though.
    const value = () => raw(last ? 'r.vid' : '(SELECT v.updated FROM version v WHERE v.vid = r.vid)');
    return { key, number: undefined, descending, nullable: false, value };
  }
  const number = lookUp.parameter(by.type, by.code);
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
  return { key, number, descending, nullable: true, value };
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

/** Counts how often values occur among current matches. https://hl7.org/fhir/R4/search.html */
import type { Parameter } from '../../search/criteria.ts';
import { TooCostly } from '../errors.ts';
import {
  mostTallied,
  type TalliedField,
  type TalliedGroup,
  type TalliedValue,
  type Tally,
  type TallyQuery,
} from '../tally.ts';
import type { Row } from './open.ts';
import { type Connection, Part } from './part.ts';
import { always, raw, type Sql, sql, tick } from './sql.ts';

/** The group of matches that have no code of `by`, or of all where there is none: codes' numbers begin at 1. */
const noGroup = 0;

/** Matches may be listed in a table that only this connection sees, in memory: one row for each of their groups. */
const table = raw('temp.tallied');
const makeTable = raw(
  'CREATE TEMP TABLE IF NOT EXISTS tallied (rid INTEGER, grp INTEGER, PRIMARY KEY (rid, grp)) WITHOUT ROWID',
);

/** A match in this many of a type's resources, and it is cheaper to go through the rows of a parameter than through matches. */
const fewOf = 8;

/** What rows are counted of: of all resources of the type, or of those that are listed. */
interface Counting {
  readonly connection: Connection;
  /** Number of the type. */
  readonly type: number;
  /** undefined: all are meant, in one group. */
  readonly listed: 'few' | 'many' | undefined;
}

type Counted = TalliedField['values'][number];

/** A tally of the state that the connection reads. Throws TooCostly. */
export function tallyOf(connection: Connection, query: TallyQuery): Tally {
  const { statements, lookUp } = connection;
  const { type, criterion, fields, by } = query;
  const part = new Part(connection, { type, criterion, sort: [] }, undefined, { bodies: false, alone: true });
  const number = lookUp.type(type);
  const matched = part.matched();
  if (number === undefined || matched === undefined) {
    return {
      total: 0,
      groups:
        by === undefined
          ? [
              groupOf(
                0,
                fields.map(() => nothing),
              ),
            ]
          : [],
    };
  }
  if (matched === 'all' && by === undefined) return assembled({ connection, type: number, listed: undefined }, query);
  statements.all(makeTable);
  statements.all(sql`DELETE FROM ${table}`);
  try {
    list(connection, number, matched, by);
    const live = Number(statements.get(sql`SELECT live FROM type WHERE num = ${number}`)?.[0]);
    const rows = Number(statements.get(sql`SELECT count(*) FROM ${table}`)?.[0]);
    return assembled({ connection, type: number, listed: rows * fewOf < live ? 'few' : 'many' }, query);
  } finally {
    statements.all(sql`DELETE FROM ${table}`);
  }
}

/** Lists the matches, each in its groups. */
function list({ statements, lookUp }: Connection, type: number, matched: Sql | 'all', by: Parameter | undefined): void {
  const all = sql`SELECT rid FROM entity INDEXED BY entity_by_change WHERE type = ${type} AND state = 1`;
  const parameter = by === undefined ? undefined : lookUp.parameter(by);
  const from = sql`(${matched === 'all' ? all : matched}) m`;
  statements.all(
    parameter === undefined
      ? sql`INSERT OR IGNORE INTO ${table} SELECT m.rid, ${noGroup} FROM ${from} WHERE ${tick(raw('m.rid'))}`
      : sql`INSERT OR IGNORE INTO ${table} SELECT m.rid, coalesce(t.code, ${noGroup}) FROM ${from}
          LEFT JOIN token t INDEXED BY token_by_resource ON t.rid = m.rid AND t.param = ${parameter}
          WHERE ${tick(raw('m.rid'))}`,
  );
}

function assembled(counting: Counting, { fields, by }: TallyQuery): Tally {
  const { statements } = counting.connection;
  const present = presence(counting);
  const values = fields.map((field) => valuesOf(counting, field));
  const totals = new Map<number, number>();
  for (const [group, patterns] of present) {
    let sum = 0;
    for (const { count } of patterns) sum += count;
    totals.set(group, sum);
  }
  if (by === undefined && totals.size === 0) totals.set(noGroup, 0);
  const codes = tokens(counting.connection, [...totals.keys()]);
  const groups = [...totals].map(([group, total]): TalliedGroup => {
    const tallied = fields.map((field, place): TalliedField => {
      const parameter = counting.connection.lookUp.parameter(field);
      const patterns = present.get(group) ?? [];
      const having = parameter === undefined ? [] : patterns.filter(({ parameters }) => parameters.has(parameter));
      return { present: having.reduce((sum, { count }) => sum + count, 0), values: values[place]?.get(group) ?? [] };
    });
    const code = codes.get(group);
    return groupOf(total, tallied, code === undefined ? undefined : { system: code.system, value: code.value });
  });
  const once =
    by === undefined ? totals.get(noGroup) : statements.get(sql`SELECT count(DISTINCT rid) FROM ${table}`)?.[0];
  return { total: Number(once ?? 0), groups };
}

interface PatternCount {
  readonly parameters: ReadonlySet<number>;
  readonly count: number;
}

/** How many matches of each group have values of the same parameters. */
function presence({
  connection: { statements },
  type,
  listed,
}: Counting): ReadonlyMap<number, readonly PatternCount[]> {
  const known = new Map(
    statements
      .all(sql`SELECT num, params FROM pattern WHERE type = ${type}`)
      .map(([number, parameters]) => [Number(number), new Set<number>(JSON.parse(String(parameters)))]),
  );
  const counted =
    listed === undefined
      ? sql`SELECT ${noGroup}, e.pattern, count(*) FROM entity e INDEXED BY entity_by_pattern
          WHERE e.type = ${type} AND e.state = 1 AND ${tick(raw('e.rid'))} GROUP BY e.pattern`
      : sql`SELECT h.grp, e.pattern, count(*) FROM ${table} h CROSS JOIN entity e ON e.rid = h.rid
          WHERE ${tick(raw('h.rid'))} GROUP BY h.grp, e.pattern`;
  const result = new Map<number, PatternCount[]>();
  for (const [group, pattern, count] of statements.all(counted)) {
    const counts = result.get(Number(group)) ?? [];
    result.set(Number(group), counts);
    counts.push({ parameters: known.get(Number(pattern)) ?? new Set(), count: Number(count) });
    if (result.size > mostTallied) throw tooMany();
  }
  return result;
}

/** The distinct values that matches of each group have of a field. */
function valuesOf(counting: Counting, field: Parameter): ReadonlyMap<number, readonly Counted[]> {
  const { lookUp } = counting.connection;
  const parameter = lookUp.parameter(field);
  if (parameter === undefined) return new Map();
  const read = (of: 'token' | 'identifier' | 'quantity', columns: readonly string[]): readonly Row[] =>
    counted(counting, of, columns, parameter);
  if (field.kind !== 'token') return quantities(counting.connection, read('quantity', ['unit', 'low', 'high']));
  if (field.textual) return identifiers(counting.connection, read('identifier', ['value', 'system']));
  const rows = read('token', ['code']);
  const codes = tokens(
    counting.connection,
    rows.map(([, code]) => Number(code)),
  );
  return grouped(rows, ([, code]) => codes.get(Number(code)));
}

/** Rows of an index table by group and columns, with how many there are. */
function counted(
  { connection: { statements }, listed }: Counting,
  of: string,
  columns: readonly string[],
  parameter: number,
): readonly Row[] {
  const names = raw(columns.map((column) => `t.${column}`).join(', '));
  const named = raw(of);
  const rows = statements.all(
    listed === undefined
      ? sql`SELECT ${noGroup}, ${names}, count(*) FROM ${named} t WHERE t.param = ${parameter}
          AND ${tick(raw('t.rid'))} GROUP BY ${names} LIMIT ${mostTallied + 1}`
      : listed === 'many'
        ? sql`SELECT h.grp, ${names}, count(*) FROM ${named} t CROSS JOIN ${table} h ON h.rid = t.rid
          WHERE t.param = ${parameter} AND ${tick(raw('t.rid'))} GROUP BY h.grp, ${names} LIMIT ${mostTallied + 1}`
        : sql`SELECT h.grp, ${names}, count(*) FROM ${table} h
          CROSS JOIN ${named} t INDEXED BY ${raw(`${of}_by_resource`)} ON t.rid = h.rid AND t.param = ${parameter}
          WHERE ${tick(raw('h.rid'))} GROUP BY h.grp, ${names} LIMIT ${mostTallied + 1}`,
  );
  if (rows.length > mostTallied) throw tooMany();
  return rows;
}

function grouped(
  rows: readonly Row[],
  read: (row: Row) => TalliedValue | undefined,
): ReadonlyMap<number, readonly Counted[]> {
  const result = new Map<number, Counted[]>();
  for (const row of rows) {
    const value = read(row);
    if (value === undefined) continue;
    const group = Number(row[0]);
    const values = result.get(group) ?? [];
    result.set(group, values);
    values.push({ value, count: Number(row.at(-1)) });
  }
  return result;
}

function quantities({ lookUp }: Connection, rows: readonly Row[]): ReadonlyMap<number, readonly Counted[]> {
  const units = new Map(lookUp.units().map((unit) => [unit.number, unit]));
  return grouped(rows, ([, number, low, high]): TalliedValue => {
    const ends = { low: String(low), high: String(high) };
    const unit = units.get(Number(number));
    if (unit === undefined) return { kind: 'number', ...ends };
    return { kind: 'quantity', ...ends, system: unit.system, code: unit.code, unit: unit.unit };
  });
}

function identifiers({ statements }: Connection, rows: readonly Row[]): ReadonlyMap<number, readonly Counted[]> {
  const numbers = [...new Set(rows.map(([, , system]) => Number(system)))];
  const systems = new Map(
    statements
      .all(sql`SELECT num, uri FROM system WHERE num IN (SELECT value FROM json_each(${JSON.stringify(numbers)}))`)
      .map(([number, uri]) => [Number(number), String(uri)]),
  );
  return grouped(rows, ([, value, system]) => {
    return { kind: 'identifier', system: systems.get(Number(system)) ?? '', value: String(value) };
  });
}

/** The tokens of codes' numbers. */
function tokens(
  { statements }: Connection,
  codes: readonly number[],
): ReadonlyMap<number, TalliedValue & { kind: 'token' }> {
  const rows = statements.all(sql`SELECT c.num, coalesce(s.uri, ''), c.value
    FROM json_each(${JSON.stringify([...new Set(codes)])}) j CROSS JOIN code c ON c.num = j.value
    LEFT JOIN system s ON s.num = c.system WHERE ${always}`);
  return new Map(
    rows.map(([number, system, value]) => [
      Number(number),
      { kind: 'token', system: String(system), value: String(value) },
    ]),
  );
}

const nothing: TalliedField = { present: 0, values: [] };

function groupOf(total: number, fields: readonly TalliedField[], by?: TalliedGroup['by']): TalliedGroup {
  return by === undefined ? { total, fields } : { by, total, fields };
}

function tooMany(): TooCostly {
  return new TooCostly(
    `There are more than ${mostTallied} distinct values: ask for other fields, or of fewer resources.`,
  );
}

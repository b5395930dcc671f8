/** Coded values, kept by the numbers of a dictionary. https://hl7.org/fhir/R4/search.html#token */
import type { Parameter, TokenTest } from '../../../search/criteria.ts';
import { foldToken } from '../../../search/normalise.ts';
import { all, always, any, isIn, negated, never, raw, type Sql, sql } from '../sql.ts';
import { type Columns, columnsOf } from './columns.ts';
import { type Condition, type Context, indexed, type Prefix, type Range, rowsOf, type Subject } from './condition.ts';
import { filtered, type Matcher, mostMerged } from './matcher.ts';

/** The codes and systems that tests name, as numbers; `any`: every value passes. */
interface Numbers {
  readonly codes: readonly number[];
  readonly systems: readonly number[];
  readonly any: boolean;
}

/** How many codes are looked up one by one. */
const few = 8;

function numbersOf(tests: readonly TokenTest[], { lookUp }: Context): Numbers {
  const codes = new Set<number>();
  const systems = new Set<number>();
  const listed = new Map<number | undefined, string[]>();
  const folded = new Map<number | undefined, string[]>();
  let every = false;
  for (const { system: uri, code, fold, begins } of tests) {
    const system = uri === undefined ? undefined : lookUp.system(uri);
    if (uri !== undefined && system === undefined) continue;
    if (code !== undefined && begins === true) {
      for (const number of lookUp.codesBeginning(fold ? foldToken(code) : code, system, fold)) codes.add(number);
    } else if (code !== undefined && tests.length > few) {
      const lists = fold ? folded : listed;
      const list = lists.get(system);
      const text = fold ? foldToken(code) : code;
      if (list === undefined) lists.set(system, [text]);
      else list.push(text);
    } else if (code !== undefined) {
      for (const number of lookUp.codes(fold ? foldToken(code) : code, system, fold)) codes.add(number);
    } else if (system !== undefined) {
      systems.add(system);
    } else {
      every = true;
    }
  }
  for (const [lists, fold] of [[listed, false] as const, [folded, true] as const]) {
    for (const [system, list] of lists) for (const number of lookUp.manyCodes(list, system, fold)) codes.add(number);
  }
  return { codes: [...codes].sort((a, b) => a - b), systems: [...systems], any: every };
}

/** Whether a value in these columns passes any of the tests. */
export function tokenTest(tests: readonly TokenTest[], { a }: Columns, context: Context): Sql {
  const { codes, systems, any: every } = numbersOf(tests, context);
  if (every) return always;
  return any([isIn(a, codes), ofSystems(a, systems)]);
}

/** The numbers of the codes that pass, where they are all known and few enough for an index look-up each. */
export function tokenCodes(tests: readonly TokenTest[], context: Context): readonly number[] | undefined {
  const { codes, systems, any: every } = numbersOf(tests, context);
  return every || systems.length > 0 ? undefined : codes;
}

function ofSystems(code: Sql, systems: readonly number[]): Sql {
  if (systems.length === 0) return never;
  return isIn(sql`(SELECT c.system FROM code c WHERE c.num = ${code})`, systems);
}

export function token(tests: readonly TokenTest[], context: Context): Matcher | undefined {
  const { codes, systems, any: every } = numbersOf(tests, context);
  if (!every && codes.length === 0 && systems.length === 0) return undefined;
  const test = (alias: string) => {
    const { a } = columnsOf('token', alias);
    return every ? always : any([isIn(a, codes), ofSystems(a, systems)]);
  };
  const { a } = columnsOf('token', 'd');
  if (every) {
    return { table: 'token', test, stretches: [filtered('token', always)], byNumber: [], pinned: false, rank: 8 };
  }
  if (systems.length > 0) {
    const where = sql`${a} IN (SELECT c.num FROM code c INDEXED BY code_by_system
      WHERE c.system IN (SELECT value FROM json_each(${JSON.stringify(systems)}))
      UNION ALL SELECT value FROM json_each(${JSON.stringify(codes)}))`;
    const stretches = [{ index: undefined, where, order: ['code'], fixed: [], bounded: true }];
    return { table: 'token', test, stretches, byNumber: [], pinned: false, rank: 7 };
  }
  const fixed = codes.length === 1 ? codes : [];
  const stretch = { index: undefined, where: isIn(a, codes), order: ['code'], fixed, bounded: true };
  const byNumber =
    codes.length > mostMerged
      ? []
      : codes.map((code) => ({ ...stretch, where: isIn(a, [code]), order: [], fixed: [] }));
  const stretches = [{ ...stretch, counts: { codes } }];
  const matcher = { table: 'token', test, stretches, byNumber, pinned: fixed.length > 0, rank: 4 } as const;
  if (codes.length > fewGaps) return matcher;
  const others = gaps(a, codes).map((where) => ({ ...stretch, where, fixed: [] }));
  return { ...matcher, others };
}

/** Codes up to which the others are looked for between them. A code without a system has a number for each system that it is of. */
const fewGaps = 8;

/** What lies between some codes, before and after them. */
function gaps(column: Sql, rising: readonly number[]): readonly Sql[] {
  return [undefined, ...rising].map((low, place) => {
    const high = rising[place];
    const above = low === undefined ? always : sql`${column} > ${low}`;
    return all([above, high === undefined ? always : sql`${column} < ${high}`]);
  });
}

/**
 * Resources with one of these codes (which share a text) and no code of the parameter whose text comes before (`<`) or
 * after (`>`) it.
 */
export function ofCodes(
  codes: readonly number[],
  number: number,
  { multiple }: Parameter,
  operator: '<' | '>',
  text: string,
): Condition {
  const from = (prefix: Prefix) => raw(indexed(prefix, 'token', 'by_resource', 'x'));
  const ranges = codes.map((code): Range => {
    return {
      table: 'token',
      index: undefined,
      where: sql`d.param = ${number} AND d.code = ${code}`,
      order: [],
      fixed: [],
    };
  });
  const other = ({ prefix, number: rid }: Subject) =>
    sql`EXISTS (SELECT 1 FROM ${from(prefix)} CROSS JOIN code c ON c.num = x.code
      WHERE x.rid = ${rid} AND x.param = ${number} AND c.value ${raw(operator)} ${text})`;
  return {
    test: (subject) =>
      all([
        sql`EXISTS (SELECT 1 FROM ${from(subject.prefix)}
          WHERE x.rid = ${subject.number} AND x.param = ${number} AND ${isIn(raw('x.code'), codes)})`,
        multiple ? negated(other(subject)) : always,
      ]),
    drive: {
      rows: (prefix) => rowsOf(ranges, prefix, 0),
      exact: !multiple,
      ranges: [],
      unique: codes.length === 1 || !multiple,
      first: (prefix) =>
        sql`NOT EXISTS (SELECT 1 FROM ${from(prefix)}
          WHERE x.rid = d.rid AND x.param = ${number} AND x.code < d.code AND ${isIn(raw('x.code'), codes)})`,
      byNumber: ranges,
      single: undefined,
      rank: 4,
    },
    usesResource: false,
  };
}

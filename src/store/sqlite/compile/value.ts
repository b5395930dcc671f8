/** Criteria on the values of one parameter. https://hl7.org/fhir/R4/search.html#ptypes */

import { namesVersion } from '../../../search/canonical-target.ts';
import { isContained } from '../../../search/contained.ts';
import type { DiffersCriterion, Parameter, ValueCriterion, ValueTest } from '../../../search/criteria.ts';
import { type IndexTable, indexTables } from '../schema.ts';
import { all, any, filters, negated, never, raw, type Sql, sql } from '../sql.ts';
import { namesOf } from './canonical.ts';
import { componentColumns } from './columns.ts';
import { composite } from './composite.ts';
import {
  type Condition,
  type Context,
  type Drive,
  finding,
  impossible,
  indexed,
  isImpossible,
  type Prefix,
  type Range,
  rowsOf,
} from './condition.ts';
import { date } from './date.ts';
import { identifier } from './identifier.ts';
import { filtered, type Matcher, type Stretch } from './matcher.ts';
import { ofPatterns } from './missing.ts';
import { near } from './near.ts';
import { quantity } from './quantity.ts';
import { reference } from './reference.ts';
import { string } from './string.ts';
import { text } from './text.ts';
import { token } from './token.ts';
import { uri } from './uri.ts';

/** What values are compared with: canonicals are compared as the texts that there are of them. */
type Compared = Exclude<ValueTest, { kind: 'canonical' }>;
type Of<K extends Compared['kind']> = Extract<Compared, { kind: K }>;

/** For each kind of test what an OR of them compiles to; undefined where no value can pass. */
const matchers: {
  readonly [K in Compared['kind']]: (
    tests: readonly Of<K>[],
    context: Context,
    parameter: Parameter,
  ) => Matcher | undefined;
} = {
  token: (tests, context, { textual }) => (textual ? identifier(tests, context) : token(tests, context)),
  string: (tests, context, parameter) => string(tests, context, context.numberOf(parameter)),
  date: (tests, context, parameter) => date(tests, context, context.numberOf(parameter)),
  number: (tests, context) => quantity(tests, context),
  quantity: (tests, context) => quantity(tests, context),
  reference: (tests, context) => reference(tests, context),
  uri: (tests) => uri(tests),
  composite: (tests, context, parameter) => composite(tests, context, parameter),
  text: (tests, context) => text(tests, context),
  near: (tests) => near(tests),
};

function matcherOf<K extends Compared['kind']>(
  kind: K,
  tests: readonly Compared[],
  context: Context,
  parameter: Parameter,
): Matcher | undefined {
  const ofKind = tests.filter((test): test is Of<K> => test.kind === kind);
  return matchers[kind](ofKind, context, parameter);
}

export function value({ parameter, anyOf }: ValueCriterion, context: Context): Condition {
  const number = context.numberOf(parameter);
  if (number === undefined) return impossible;
  const tests = anyOf.flatMap((test) => compared(test, number, context));
  const kinds = [...new Set(tests.map(({ kind }) => kind))];
  const conditions = kinds
    .map((kind) => matcherOf(kind, tests, context, parameter))
    .map((matcher) => (matcher === undefined ? impossible : conditionOf(matcher, number, parameter, context)));
  if (conditions.every(isImpossible)) return impossible;
  const [only] = conditions;
  return conditions.length === 1 && only !== undefined ? only : eitherOf(conditions);
}

/** Without case no index finds a version: the canonicals that are there are few. */
function compared(test: ValueTest, number: number, context: Context): readonly Compared[] {
  if (test.kind !== 'canonical') return [test];
  return namesOf(test.url, number, context)
    .filter((named) => namesVersion(named, test))
    .map((named) => ({ kind: 'uri', match: 'exact', value: named }));
}

/** Criteria on a value that is none of these: its rows are all of the parameter's but those that pass. */
export function differs({ parameter, from }: DiffersCriterion, context: Context): Condition {
  const number = context.numberOf(parameter);
  const [first] = from;
  if (number === undefined || first === undefined) return impossible;
  const matcher = matcherOf(first.kind, from, context, parameter);
  // Tests that no value passes are of codes that nothing has.
  const table =
    matcher?.table ?? (first.kind === 'composite' ? first.kind : parameter.textual ? 'identifier' : 'token');
  const test = (alias: string): Sql => {
    const passing = matcher === undefined ? never : matcher.test(alias);
    return all([...texts(parameter, table, alias).map((text) => sql`${text} <> ''`), negated(passing)]);
  };
  const stretches = [filtered(table, test('d'))];
  return conditionOf({ table, test, stretches, byNumber: [], pinned: false, rank: 9 }, number, parameter, context);
}

/** Where strings stand as they are written: words of longer ones have no text of their own. */
function texts({ components }: Parameter, table: IndexTable, alias: string): readonly Sql[] {
  if (table === 'string') return [raw(`${alias}.exact`)];
  if (table !== 'composite') return [];
  return components.flatMap(({ kind }, place) => (kind === 'string' ? [componentColumns(place, alias).b] : []));
}

/** Values in the order of whose resources' numbers a resource is looked for: each takes as long as to look at what it has. */
const mostSought = 4;

/** The rows of a parameter that a matcher finds, as a condition. */
export function conditionOf(matcher: Matcher, number: number, parameter: Parameter, context: Context): Condition {
  const { table, others } = matcher;
  if (matcher.test('x') === never) return impossible;
  const ofParameter = (stretch: Stretch): Range => {
    return {
      table,
      index: stretch.index,
      where: all([sql`d.param = ${number}`, stretch.where]),
      order: stretch.order,
      fixed: stretch.fixed,
      ...(stretch.number !== undefined && { number: stretch.number }),
      bounded: stretch.bounded === true,
      ...(stretch.extent !== undefined && { extent: stretch.extent }),
      ...(stretch.counts !== undefined && number > 0 && { counts: { ...stretch.counts, param: number } }),
    };
  };
  const ranges = matcher.stretches.map(ofParameter);
  const drive: Drive = {
    rows: (prefix) => matcher.rows?.(prefix, number) ?? rowsOf(ranges, prefix, context.typeNumber),
    exact: true,
    live: !isContained(context.type),
    ranges,
    unique: ranges.length > 0 && (matcher.pinned || !parameter.multiple),
    first: (prefix) => firstOf(matcher, number, prefix),
    byNumber: matcher.byNumber.map(ofParameter),
    ...(matcher.counted !== undefined && { counted: () => matcher.counted?.().map(ofParameter) ?? [] }),
    ...(matcher.inOrder !== undefined && { inOrder: (end) => matcher.inOrder?.(end).map(ofParameter) ?? [] }),
    ...(matcher.boxesIn !== undefined && { boxesIn: matcher.boxesIn }),
    single: parameter.multiple ? undefined : number,
    rank: matcher.rank,
  };
  // What lies in the order of the numbers is found there: those rows lie together, where those of each resource lie anywhere.
  const sought = matcher.byNumber.length > 0 && matcher.byNumber.length <= mostSought;
  return {
    test: ({ prefix, number: rid }) => {
      const from = raw(indexed(prefix, table, sought ? undefined : 'by_resource', 'x'));
      const test = matcher.test('x');
      return sql`EXISTS (SELECT 1 FROM ${from}
        WHERE x.rid = ${rid} AND x.param = ${number} AND ${sought ? test : filters([test])})`;
    },
    drive,
    ...(others !== undefined &&
      !isContained(context.type) && { others: () => without(others.map(ofParameter), number, context) }),
    usesResource: false,
  };
}

/** Finds the resources with values in the stretches, and those without any value of the parameter. */
function without(stretches: readonly Range[], number: number, context: Context): Drive {
  const missing = ofPatterns(context.lookUp.patterns(context.typeNumber, number, false), context);
  const values = finding((prefix) => rowsOf(stretches, prefix, context.typeNumber), 9, true);
  return missing.drive === undefined ? values : union([values, missing.drive]);
}

/** No other row of the resource that passes comes before `d`. */
function firstOf({ table, test }: Matcher, number: number, prefix: Prefix): Sql {
  const columns: readonly string[] = indexTables[table];
  const tuple = (alias: string) => columns.map((column) => `${alias}.${column}`).join(', ');
  return sql`NOT EXISTS (SELECT 1 FROM ${raw(indexed(prefix, table, 'by_resource', 'x'))}
    WHERE x.rid = d.rid AND x.param = ${number} AND (${raw(tuple('x'))}) < (${raw(tuple('d'))}) AND ${filters([test('x')])})`;
}

/** Values of different kinds lie in different tables (a reference here and one to another server). */
function eitherOf(conditions: readonly Condition[]): Condition {
  const drives = conditions.flatMap(({ drive }) => (drive === undefined ? [] : [drive]));
  return {
    test: (subject) => any(conditions.map((condition) => condition.test(subject))),
    drive: union(drives),
    usesResource: false,
  };
}

/** The rows of all drives. */
export function union(drives: readonly Drive[]): Drive {
  const rows = (prefix: Prefix): Sql => {
    const pieces = drives.map((drive) => drive.rows(prefix));
    return {
      text: pieces.map(({ text }) => `SELECT rid FROM (${text})`).join(' UNION ALL '),
      values: pieces.flatMap(({ values }) => values),
    };
  };
  const rank = Math.max(...drives.map((drive) => drive.rank));
  const exact = drives.every((drive) => drive.exact);
  return { ...finding(rows, rank, exact), live: drives.every(({ live }) => live === true) };
}

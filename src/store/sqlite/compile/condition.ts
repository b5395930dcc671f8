/** What a criterion compiles to: a test of a resource, and ways to find the resources that pass it. https://hl7.org/fhir/R4/search.html */
import { isContained } from '../../../search/contained.ts';
import type { Criterion, Parameter } from '../../../search/criteria.ts';
import type { DecimalKey } from '../../../search/entry.ts';
import type { LookUp } from '../look-up.ts';
import type { Row } from '../open.ts';
import type { IndexTable } from '../schema.ts';
import { always, never, raw, type Sql, sql, tick } from '../sql.ts';
import type { Box } from './interval.ts';

/** Current index rows, or those of kept versions. */
export type Prefix = '' | 'kept_';

/** The resource that is tested. */
export interface Subject {
  readonly prefix: Prefix;
  /** The alias of its row of `entity` or of `kept`, which both have `rid`, `vid`, `type` and `pattern`. */
  readonly row: string;
  /** The column that holds its number in the index tables. */
  readonly number: Sql;
}

/**
 * A stretch of an index. In a table of index rows its rows are called `d` and `where` includes the parameter; in
 * `entity` they are `r`.
 */
export interface Range {
  readonly table: IndexTable | 'entity';
  /** What comes after the table's name in the index's; undefined: the primary key; `number`: no index but the resource's number. */
  readonly index: 'by_high' | 'wide' | 'ranged' | 'by_change' | 'by_pattern' | 'number' | undefined;
  readonly where: Sql;
  /**
   * The columns that the rows of the stretch are ordered by, before the resource's number. They depend on the criterion
   * alone, since they are what a position is made of.
   */
  readonly order: readonly string[];
  /** The values of those columns, from the first on, that have but one. */
  readonly fixed: readonly (string | number)[];
  /**
   * Its number in a position, rising from stretch to stretch; undefined: its place among the stretches. Where there may be
   * more stretches on the next page, since what is stored has a say in it, they tell the old ones from the new. Where it goes by
   * patterns, it tells the order: in another one a place has no meaning.
   */
  readonly number?: number;
  /** Between which values the first column of the order lies, where that is known. */
  readonly extent?: Extent;
  /** Whether `where` is bounds of the index alone, so that hardly a row is read that isn't in the stretch. */
  readonly bounded?: boolean;
  /** Which of the counts of rows (`row-counts.ts`) are of its rows; undefined where none are, as of contained resources. */
  readonly counts?: CountsOf & { readonly param: number };
}

/** Rows of codes; or of dates whose `low` lies in an extent, and all that do. */
export type CountsOf = { readonly codes: readonly number[] } | { readonly low: Extent };

/** Values that others lie between, themselves perhaps included; undefined: no bound. */
export interface Extent {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** Ways to find the resources that pass. */
export interface Drive {
  /** A query for numbers of resources (column `rid`; those of the index tables), perhaps repeated. */
  rows(prefix: Prefix): Sql;
  /** Whether each found resource passes; otherwise the condition's test says so. */
  readonly exact: boolean;
  /** Whether `rows('')` are of nothing but current resources of the searched type, so that they needn't be looked up. */
  readonly live?: boolean;
  /** Stretches without a row in common that together have the same rows; a walk goes through them in order. */
  readonly ranges: readonly Range[];
  /** Whether no resource has two of these rows. */
  readonly unique: boolean;
  /** For rows that aren't unique: whether a row `d` is the first of its resource in the order of the primary key. */
  first(prefix: Prefix): Sql;
  /** The numbers of the resources that it finds, rising, where they are known and all of them current. */
  readonly numbers?: readonly number[];
  /** Stretches as `ranges`, each in the order of the resources' numbers alone; empty where that isn't possible. */
  readonly byNumber: readonly Range[];
  /** Stretches as `ranges`, where the rows are dates: such that most of what many have is counted already. */
  counted?(): readonly Range[];
  /** Stretches as `ranges`, where the rows are dates: such that few rows are read in the order of this end. */
  inOrder?(end: 'low' | 'high'): readonly Range[];
  /** Where the rows are quantities: the intervals in a unit that pass, by its number. */
  boxesIn?(unit: number): readonly Box<DecimalKey>[];
  /** The number of the parameter whose values these are, if a resource can have but one of them. */
  readonly single: number | undefined;
  /** Lower is likelier to be few: what decides between drives with more rows than were counted. */
  readonly rank: number;
}

/** A query for all current resources that pass, for who needs each of them. */
export interface AllThatPass {
  /** Gives numbers of live resources of the searched type (column `rid`), each once. */
  readonly rows: Sql;
  /** What it goes through. */
  readonly read: Drive;
  /** How many rows of that cost as much as to test every resource. */
  readonly most: number;
}

/** A compiled criterion. */
export interface Condition {
  test(subject: Subject): Sql;
  /** undefined: only a test. */
  readonly drive?: Drive;
  /** Beside a test alone. */
  readonly all?: AllThatPass;
  /** Finds all current resources of the type that don't pass, and perhaps some that do. */
  others?(): Drive;
  /** The condition of which it is the opposite, for who counts: it passes all resources of the type but those. */
  readonly opposite?: Condition;
  /** Whether the test reads the resource's own row. */
  readonly usesResource: boolean;
}

/** What compiling needs to know. */
export interface Context {
  /** The searched type, or what its contained resources go by (`containedType`). */
  readonly type: string;
  readonly typeNumber: number;
  readonly lookUp: LookUp;
  /** The number of the tested resources' parameter; undefined where it isn't indexed. Negative for contained resources. */
  numberOf(parameter: Parameter): number | undefined;
  /** Runs a query on the connection. */
  rows(query: Sql): readonly Row[];
  /** The same for rows of numbers. */
  numbers(query: Sql): readonly number[];
  /** The change number of the walk; undefined: what is current. */
  readonly at: number | undefined;
  /** The alias of the rows of tested resources: other than those of the statements around. */
  readonly alias: string;
  /** Resources of another type that are listed at most; of more each is tested. */
  readonly most: number;
  /** The same for the resources of another type that a criterion looks at; undefined where there never were any. */
  on(type: string): Context | undefined;
  /** Compiles a criterion that is part of another. */
  compile(criterion: Criterion): Condition;
}

/** Whether what is read is what is current: then resources that aren't live needn't be found. */
export function readsCurrent({ at, type }: Context): boolean {
  return at === undefined && !isContained(type);
}

/** A drive that only finds resources, in no order. */
export function finding(rows: (prefix: Prefix) => Sql, rank: number, exact: boolean, unique = false): Drive {
  return { rows, rank, exact, ranges: [], unique, first: () => always, byNumber: [], single: undefined };
}

/** Stretches of `entity`, where each row is a resource. */
export function ofEntities(
  ranges: readonly Range[],
  byNumber: readonly Range[],
  rank: number,
  typeNumber: number,
): Drive {
  const rows = (prefix: Prefix) => rowsOf(ranges, prefix, typeNumber);
  return {
    rows,
    exact: true,
    live: true,
    ranges,
    unique: true,
    first: () => always,
    byNumber,
    single: undefined,
    rank,
  };
}

/** Passed by none. */
export const impossible: Condition = { test: () => never, usesResource: false };

/** Whether it is known that no resource passes. */
export function isImpossible(condition: Condition): boolean {
  return condition === impossible;
}

/** The stretches as a query for numbers of resources. */
export function rowsOf(ranges: readonly Range[], prefix: Prefix, typeNumber: number): Sql {
  const pieces = ranges
    .filter(({ where }) => where !== never)
    .map((range) => {
      if (range.table === 'entity') {
        if (prefix === '') {
          const from = raw(`entity r ${entityIndex(range, 'entity_by_change')}`);
          return sql`SELECT r.rid AS rid FROM ${from}
          WHERE ${tick(raw('r.rid'))} AND r.type = ${typeNumber} AND r.state = 1 AND ${range.where}`;
        }
        return sql`SELECT r.vid AS rid FROM kept r WHERE r.type = ${typeNumber} AND ${range.where}`;
      }
      return sql`SELECT d.rid AS rid FROM ${raw(indexed(prefix, range.table, range.index, 'd'))}
      WHERE ${tick(raw('d.rid'))} AND ${range.where}`;
    });
  if (pieces.length === 0) return raw('SELECT 0 AS rid WHERE 0');
  const values = pieces.flatMap((piece) => piece.values);
  return { text: pieces.map((piece) => piece.text).join(' UNION ALL '), values };
}

/** How a stretch of `entity` is read; `primary`: the index where none is named. */
export function entityIndex({ index }: Range, primary: string): string {
  if (index === 'number') return 'NOT INDEXED';
  return `INDEXED BY ${index === undefined ? primary : `entity_${index}`}`;
}

/** A table of index rows with its alias and the index to read it by: never left to the planner. */
export function indexed(
  prefix: Prefix,
  table: IndexTable,
  index: Range['index'] | 'by_resource',
  alias: string,
): string {
  const name = `${prefix}${table}`;
  const by = index === undefined ? `sqlite_autoindex_${name}_1` : `${name}_${index}`;
  return `${name} ${alias} INDEXED BY ${by}`;
}

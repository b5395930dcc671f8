/** What the tests of one kind of value compile to. https://hl7.org/fhir/R4/search.html#ptypes */
import type { DecimalKey } from '../../../search/entry.ts';
import type { IndexTable } from '../schema.ts';
import { indexTables } from '../schema.ts';
import { always, type Sql } from '../sql.ts';
import type { CountsOf, Prefix, Range } from './condition.ts';
import type { Box } from './interval.ts';

/** A stretch of an index table; its rows are called `d`, and `where` doesn't mention the parameter. */
export interface Stretch {
  readonly index: Range['index'];
  readonly where: Sql;
  readonly order: readonly string[];
  /** The values of those that have but one. */
  readonly fixed: readonly (string | number)[];
  /** As in `Range`. */
  readonly number?: number;
  /** As in `Range`. */
  readonly bounded?: boolean;
  /** As in `Range`. */
  readonly extent?: Range['extent'];
  /** As in `Range`. */
  readonly counts?: CountsOf;
}

/** An OR of tests on the rows of one parameter. */
export interface Matcher {
  readonly table: IndexTable;
  /** Whether a row under the alias passes. */
  test(alias: string): Sql;
  /** Stretches without a row in common that together have the rows that pass. Empty: only `rows` finds them. */
  readonly stretches: readonly Stretch[];
  /** Where there are too many stretches: a query for the numbers of the resources, column `rid`. */
  rows?(prefix: Prefix, parameter: number): Sql;
  /** The same rows, each stretch in the order of the resources' numbers alone; empty where that isn't possible. */
  readonly byNumber: readonly Stretch[];
  /** Where they are few bounds of the index: stretches with the values that don't pass. */
  readonly others?: readonly Stretch[];
  /** For dates: stretches as `stretches`, such that most of what many have is counted already. */
  counted?(): readonly Stretch[];
  /** For dates: stretches as `stretches`, such that few rows are read in the order of this end. */
  inOrder?(end: 'low' | 'high'): readonly Stretch[];
  /** For quantities: the intervals in a unit that pass, by its number. */
  boxesIn?(unit: number): readonly Box<DecimalKey>[];
  /** Whether a resource can have but one row that passes, since the whole value is given. */
  readonly pinned: boolean;
  readonly rank: number;
}

/** How many stretches a drive has at most, so that statements stay few and short. */
export const mostStretches = 8;

/** How many stretches are merged by the resources' numbers at most. */
export const mostMerged = 24;

/** All rows of a parameter, filtered by a test. */
export function filtered(table: IndexTable, test: Sql): Stretch {
  return { index: undefined, where: test, order: indexTables[table], fixed: [], bounded: test === always };
}

/** What is known of the rows of stretches by their counts, without looking at them. https://hl7.org/fhir/R4/search.html#total */
import type { Range } from './compile/condition.ts';
import { stretchMilliseconds, stretchOf } from './row-counts.ts';
import { all, always, isIn, never, raw, type Sql, sql } from './sql.ts';
import type { Statements } from './statements.ts';

const part = raw('part');

/** All rows of stretches, where these are of codes. */
export function rowsOfCodes(ranges: readonly Range[], statements: Statements): number | undefined {
  const [{ counts } = {}, ...others] = ranges;
  if (counts === undefined || others.length > 0 || !('codes' in counts)) return undefined;
  return rowsOf(counts.param, isIn(part, counts.codes), statements);
}

/**
 * The resources with rows in stretches, where these are of codes of which at most one is the code of any row: codes of one text
 * in several systems. No resource has such a row twice.
 */
export function resourcesOfCode(ranges: readonly Range[], statements: Statements): number | undefined {
  const [{ counts } = {}, ...others] = ranges;
  if (counts === undefined || others.length > 0 || !('codes' in counts)) return undefined;
  const codes = isIn(part, counts.codes);
  const found = statements.all(sql`SELECT rows FROM row_count WHERE param = ${counts.param} AND ${codes} LIMIT 2`);
  return found.length > 1 ? undefined : Number(found[0]?.[0] ?? 0);
}

/** Rows that are counted already, and a stretch with others. */
export interface Piece {
  readonly rows: number;
  readonly range: Range | undefined;
}

/** A stretch in pieces without a row in common. */
export function byCounts(range: Range, statements: Statements): readonly Piece[] {
  const { counts, where } = range;
  const counted = rowsOfCodes([range], statements);
  if (counted !== undefined) return [{ rows: counted, range: undefined }];
  if (counts === undefined || where === never || !('low' in counts)) return [{ rows: 0, range }];
  const { from, to } = counts.low;
  // The counts of what lies wholly between the bounds; those in which the bounds themselves lie are of other rows too.
  const first = from === undefined ? undefined : stretchOf(from) + 1;
  const end = to === undefined ? undefined : stretchOf(to);
  if (first !== undefined && end !== undefined && first >= end) return [{ rows: 0, range }];
  const rows = rowsOf(counts.param, between(part, first, end), statements);
  return [
    { rows, range: undefined },
    ...(first === undefined ? [] : [{ rows: 0, range: within(range, undefined, first) }]),
    ...(end === undefined ? [] : [{ rows: 0, range: within(range, end, undefined) }]),
  ];
}

/** What of a stretch of dates begins in parts from one on and before another. */
function within(range: Range, first: number | undefined, end: number | undefined): Range {
  const instant = (stretch: number | undefined) => (stretch === undefined ? undefined : stretch * stretchMilliseconds);
  // Of two bounds of a column SQLite seeks the one that stands first.
  return { ...range, where: all([between(raw('d.low'), instant(first), instant(end)), range.where]) };
}

/** A column from a number on and before another. */
function between(column: Sql, first: number | undefined, end: number | undefined): Sql {
  return all([
    first === undefined ? always : sql`${column} >= ${first}`,
    end === undefined ? always : sql`${column} < ${end}`,
  ]);
}

function rowsOf(param: number, parts: Sql, statements: Statements): number {
  return statements.number(sql`SELECT coalesce(sum(rows), 0) FROM row_count WHERE param = ${param} AND ${parts}`);
}

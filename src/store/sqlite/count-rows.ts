/** Counts index rows, by what is counted already where that is known. https://hl7.org/fhir/R4/search.html#total */
import { type Drive, indexed, type Range } from './compile/condition.ts';
import { byCounts, type Piece } from './counted.ts';
import type { Probes } from './probe.ts';
import { all, eachRow, join, never, raw, type Sql, sql, tick } from './sql.ts';
import type { Statements } from './statements.ts';

/** What counting is done with. */
export interface Counting {
  readonly statements: Statements;
  readonly probes: Probes;
  /** Rows that may be counted from now on without looking at the time. */
  readonly unwatched: () => number;
  /** Rows that are counted or looked at in no time. */
  readonly few: number;
  /** Throws where another thread counts what takes long. */
  readonly passOn: () => void;
}

/**
 * The rows that a drive finds, at most `bound`. SQLite counts twice as fast where it needn't look at each row's number, and half
 * as fast again where there is no limit. So the time isn't looked at where few rows are read; how many are is known only of
 * stretches that are bounds of their index alone.
 * @param live it finds no more rows.
 */
export function countRows(drive: Drive, bound: number, live: number, counting: Counting): number {
  const { statements, passOn } = counting;
  let counted = 0;
  const watched: Sql[] = [];
  for (const { rows, range } of piecesOf(drive, statements)) {
    counted += rows;
    if (counted >= bound) return bound;
    if (range === undefined || range.where === never || range.table === 'entity') continue;
    const from = raw(indexed('', range.table, range.index, 'd'));
    const seen = sql`SELECT 1 FROM ${from} WHERE ${all([tick(raw('d.rid')), range.where])}`;
    if (range.bounded !== true) {
      watched.push(seen);
      continue;
    }
    const left = bound - counted;
    const unwatched = counting.unwatched();
    const unseen = sql`FROM ${from} WHERE ${eachRow} ${range.where}`;
    const most = Math.min(left, unwatched);
    const query = live <= most ? unseen : sql`FROM (SELECT 1 ${unseen} LIMIT ${most})`;
    const found = statements.number(sql`SELECT count(*) ${query}`);
    const goesOn = found >= unwatched && found < left && live > unwatched;
    if (goesOn) passOn();
    counted += goesOn ? countSeen([seen], left, statements) : found;
    if (counted >= bound) return bound;
  }
  return watched.length === 0 ? counted : Math.min(bound, counted + countSeen(watched, bound - counted, statements));
}

/** What a drive finds, by stretches of which most is counted already where anything in them is. */
function piecesOf({ ranges, counted }: Drive, statements: Statements): readonly Piece[] {
  const of = (some: readonly Range[]) => some.flatMap((range) => byCounts(range, statements));
  const pieces = of(counted?.() ?? []);
  return pieces.some(({ rows }) => rows > 0) ? pieces : of(ranges);
}

/** The rows of all queries together, at most `most`. */
function countSeen(queries: readonly Sql[], most: number, statements: Statements): number {
  const seen = join(queries, ' UNION ALL ');
  return statements.number(sql`SELECT count(*) FROM (${Number.isFinite(most) ? sql`${seen} LIMIT ${most}` : seen})`);
}

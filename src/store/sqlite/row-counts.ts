/**
 * How many index rows there are of each code of a parameter, and of each stretch of time: what many resources have is
 * counted without looking at each. https://hl7.org/fhir/R4/search.html#total
 *
 * Changed in the transaction that changes the rows, so that both are read in one state. Only of the rows that live
 * resources have under parameters of their own type: those of contained resources (negative numbers) have no counts.
 */
import type { Database, Row, Statement } from './open.ts';
import type { IndexTable } from './schema.ts';
import { transaction } from './transaction.ts';

/** Rows of a date with the same `low` divided by that have one count: 25 days. */
const stretchBits = 31;
export const stretchMilliseconds: number = 2 ** stretchBits;

/** `stretchOf` in SQL, where a CAST cuts off: before 1970, and south of the equator, it goes towards zero. */
const stretchOfLow = `(CAST(low AS INTEGER) - (low < CAST(low AS INTEGER))) >> ${stretchBits}`;

/** The counts as the rows are now. `part`: the number of a code; of a date the number of its stretch. */
const counted = `SELECT param, code AS part, count(*) AS rows FROM token WHERE param > 0 GROUP BY param, part
  UNION ALL SELECT param, ${stretchOfLow} AS part, count(*) FROM date WHERE param > 0 GROUP BY param, part`;

/** The table, filled with what is there. */
export const rowCountSchema = `
CREATE TABLE row_count (param INTEGER NOT NULL, part INTEGER NOT NULL, rows INTEGER NOT NULL,
  PRIMARY KEY (param, part)) WITHOUT ROWID;
INSERT INTO row_count ${counted};
`;

/** How many counts are wrong, missing or too many. */
export function wrongCounts(db: Database): number {
  const stored = 'SELECT param, part, rows FROM row_count';
  const [wrong] =
    db
      .prepare<[number]>(`WITH counted AS MATERIALIZED (${counted})
        SELECT count(DISTINCT param || ' ' || part) FROM (
          SELECT * FROM (SELECT * FROM counted EXCEPT ${stored}) UNION ALL SELECT * FROM (${stored} EXCEPT SELECT * FROM counted))`)
      .get() ?? [];
  return wrong ?? 0;
}

/** Makes the counts those of the rows that are there. */
export function countAnew(db: Database): void {
  transaction(db, () => {
    db.exec(`DELETE FROM row_count; INSERT INTO row_count ${counted}; DELETE FROM setting WHERE name = 'uncounted'`);
  });
}

/** The number of the stretch in which an instant lies. */
export function stretchOf(milliseconds: number): number {
  return Math.floor(milliseconds / stretchMilliseconds);
}

/** Counts a row of an index table that came (1) or went (-1). */
export type CountRow = (row: Row, change: 1 | -1) => void;

/** Changes by parameter and part. */
type Changes = Map<number, Map<number, number>>;

/** Counts rows on the writer's connection, in its transaction. */
export class RowCounts {
  readonly #add: Statement;
  readonly #removeNone: Statement;
  /** Those of commits that are done, and those of the one that goes on. */
  #done: Changes = new Map();
  #pending: Changes = new Map();

  constructor(db: Database) {
    this.#add = db.prepare(`INSERT INTO row_count (param, part, rows) VALUES (?, ?, ?)
      ON CONFLICT (param, part) DO UPDATE SET rows = rows + excluded.rows`);
    this.#removeNone = db.prepare('DELETE FROM row_count WHERE param = ? AND part = ? AND rows = 0');
  }

  /** Counts the rows of a table; undefined where they have no counts. */
  of(table: IndexTable): CountRow | undefined {
    if (table !== 'token' && table !== 'date') return undefined;
    const partOf = table === 'token' ? (code: number) => code : stretchOf;
    return (row, change) => {
      const param = Number(row[0]);
      if (param > 0) addTo(this.#pending, param, partOf(Number(row[1])), change);
    };
  }

  /** What was counted so far stays: `drop` takes nothing of it back. */
  keep(): void {
    for (const [param, parts] of this.#pending) {
      for (const [part, change] of parts) addTo(this.#done, param, part, change);
    }
    this.#pending.clear();
  }

  /** Forgets what was counted since `keep`. */
  drop(): void {
    this.#pending.clear();
  }

  /** Writes what was counted. */
  write(): void {
    this.keep();
    for (const [param, parts] of this.#done) {
      for (const [part, change] of parts) {
        if (change !== 0) this.#add.get(param, part, change);
        if (change < 0) this.#removeNone.get(param, part);
      }
    }
    this.#done.clear();
  }
}

function addTo(changes: Changes, param: number, part: number, change: number): void {
  let parts = changes.get(param);
  if (parts === undefined) {
    parts = new Map();
    changes.set(param, parts);
  }
  parts.set(part, (parts.get(part) ?? 0) + change);
}

/** Writes the rows of the index tables. https://hl7.org/fhir/R4/search.html */
import type { Database, Row, SqlValue, Statement } from './open.ts';
import type { CountRow, RowCounts } from './row-counts.ts';
import { type IndexRow, type ResourceRows, tableNames } from './rows.ts';
import { indexTables } from './schema.ts';

/** The statements of one index table. */
interface TableStatements {
  /** Counts a row that came or went; undefined where rows aren't counted. */
  readonly count: CountRow | undefined;
  readonly insert: Statement;
  readonly insertMany: () => Statement;
  /** How many values a row has, `rid` too. */
  readonly width: number;
  readonly select: Statement;
  readonly remove: Statement;
  readonly removeAll: Statement;
  readonly keep: Statement;
  readonly removeKept: Statement;
}

/** A resource's number and its rows. */
export interface NewRows {
  readonly rid: number;
  readonly rows: ResourceRows;
}

/** How many rows one statement inserts where there are so many: what a statement costs by itself is half of a narrow row. */
const many = 16;

/** Writes index rows on the writer's connection, in its transaction. */
export class IndexRows {
  readonly #tables: readonly TableStatements[];

  /**
   * @param prefix `kept_` to write the rows of kept versions, owned by their change number.
   * @param counts counts the rows; absent for those of kept versions, and where they are counted anew afterwards.
   */
  constructor(db: Database, prefix: '' | 'kept_' = '', counts?: RowCounts) {
    this.#tables = tableNames.map((name) => {
      const table = `${prefix}${name}`;
      const columns = ['param', ...indexTables[name]];
      const list = columns.join(', ');
      const marks = `(${columns.map(() => '?').join(', ')}, ?)`;
      // A resource that names the same value twice has one row.
      const insert = `INSERT OR IGNORE INTO ${table} (${list}, rid) VALUES ${marks}`;
      let insertMany: Statement | undefined;
      return {
        count: counts?.of(name),
        insert: db.prepare(insert),
        // Large, so prepared only where it is needed.
        insertMany: () => {
          insertMany ??= db.prepare(insert + `, ${marks}`.repeat(many - 1));
          return insertMany;
        },
        width: columns.length + 1,
        select: db.prepare(`SELECT ${list} FROM ${table} INDEXED BY ${table}_by_resource WHERE rid = ?`),
        remove: db.prepare(
          `DELETE FROM ${table} WHERE ${columns.map((column) => `${column} = ?`).join(' AND ')} AND rid = ?`,
        ),
        removeAll: db.prepare(`DELETE FROM ${table} WHERE rid = ?`),
        keep: db.prepare(`INSERT INTO kept_${name} (${list}, rid) SELECT ${list}, ? FROM ${name} WHERE rid = ?`),
        removeKept: db.prepare(`DELETE FROM kept_${name} WHERE rid = ?`),
      };
    });
  }

  /** Inserts the rows of resources that have none. */
  insert(resources: readonly NewRows[]): void {
    this.#tables.forEach(({ count, insert, insertMany, width }, table) => {
      const full = many * width;
      let values: SqlValue[] = [];
      for (const { rid, rows } of resources) {
        const list = rows[table] ?? [];
        if (count !== undefined) for (const row of distinct(list)) count(row, 1);
        for (const row of list) {
          for (const value of row) values.push(value);
          values.push(rid);
          if (values.length < full) continue;
          // `get` gives nothing here and, unlike `run`, builds no answer: a fifth of the time of a narrow row.
          insertMany().get(...values);
          values = [];
        }
      }
      for (let start = 0; start < values.length; start += width) insert.get(...values.slice(start, start + width));
    });
  }

  /** Makes `rows` the rows of a resource whose present rows lie in the tables of the bits `present`. */
  replace(rid: number, present: number, rows: ResourceRows): void {
    this.#tables.forEach((statements, table) => {
      const wanted = new Map<string, Row>();
      for (const row of rows[table] ?? []) wanted.set(rowKey(row), row);
      if ((present & (1 << table)) !== 0) {
        for (const row of statements.select.all(rid)) {
          if (!wanted.delete(rowKey(row))) removeRow(statements, row, rid);
        }
      }
      for (const row of wanted.values()) insertRow(statements, row, rid);
    });
  }

  /**
   * Makes `rows` the rows of some of a resource's parameters (undefined: of all), whose present rows lie in the tables of
   * the bits `present`.
   * @returns the bits of the tables in which it has rows then, and whether anything was different.
   */
  refill(
    rid: number,
    present: number,
    parameters: ReadonlySet<number> | undefined,
    rows: ResourceRows,
  ): { readonly tables: number; readonly changed: boolean } {
    let tables = 0;
    let changed = false;
    this.#tables.forEach((statements, table) => {
      const wanted = new Map<string, Row>();
      for (const row of rows[table] ?? []) wanted.set(rowKey(row), row);
      let others = false;
      const filled = wanted.size > 0;
      for (const row of (present & (1 << table)) === 0 ? [] : statements.select.all(rid)) {
        if (parameters?.has(Number(row[0])) === false) {
          others = true;
        } else if (!wanted.delete(rowKey(row))) {
          removeRow(statements, row, rid);
          changed = true;
        }
      }
      if (filled || others) tables |= 1 << table;
      if (wanted.size > 0) changed = true;
      for (const row of wanted.values()) insertRow(statements, row, rid);
    });
    return { tables, changed };
  }

  remove(rid: number, present: number): void {
    this.#each(present, ({ count, select, removeAll }) => {
      if (count !== undefined) for (const row of select.all(rid)) count(row, -1);
      removeAll.run(rid);
    });
  }

  /** Copies the rows of a resource to those of its version `vid`, for walks that began before it is replaced. */
  keep(rid: number, present: number, vid: number): void {
    this.#each(present, (statements) => statements.keep.run(vid, rid));
  }

  removeKept(vid: number): void {
    for (const statements of this.#tables) statements.removeKept.run(vid);
  }

  #each(present: number, act: (statements: TableStatements) => void): void {
    this.#tables.forEach((statements, table) => {
      if ((present & (1 << table)) !== 0) act(statements);
    });
  }
}

function insertRow({ count, insert }: TableStatements, row: Row, rid: number): void {
  insert.get(...row, rid);
  count?.(row, 1);
}

function removeRow({ count, remove }: TableStatements, row: Row, rid: number): void {
  remove.run(...row, rid);
  count?.(row, -1);
}

/** Rows that are compared with each other: most resources have no more, and none of them twice. */
const few = 16;

/** The rows of a resource, each once. */
function distinct(rows: readonly IndexRow[]): Iterable<IndexRow> {
  if (rows.length <= few && !rows.some((row, place) => isAmong(row, rows, place))) return rows;
  return new Map(rows.map((row) => [rowKey(row), row])).values();
}

/** Whether a row is one of the first `end` of some. */
function isAmong(row: IndexRow, rows: readonly IndexRow[], end: number): boolean {
  for (let place = 0; place < end; place += 1) {
    const other = rows[place];
    if (other?.every((value, column) => value === row[column]) === true) return true;
  }
  return false;
}

/** A row as a text that is equal for equal rows alone. */
function rowKey(row: readonly SqlValue[]): string {
  return row.join('\u0000');
}

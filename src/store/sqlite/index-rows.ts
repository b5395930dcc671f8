/** Writes the rows of the index tables. https://hl7.org/fhir/R4/search.html */
import type { Database, Row, SqlValue, Statement } from './open.ts';
import { type ResourceRows, tableNames } from './rows.ts';
import { indexTables } from './schema.ts';

/** The statements of one index table. */
interface TableStatements {
  readonly insert: Statement;
  readonly select: Statement;
  readonly remove: Statement;
  readonly removeAll: Statement;
  readonly keep: Statement;
  readonly removeKept: Statement;
}

/** Writes index rows on the writer's connection, in its transaction. */
export class IndexRows {
  readonly #tables: readonly TableStatements[];

  /** @param prefix `kept_` to write the rows of kept versions, owned by their change number. */
  constructor(db: Database, prefix: '' | 'kept_' = '') {
    this.#tables = tableNames.map((name) => {
      const table = `${prefix}${name}`;
      const columns = ['param', ...indexTables[name]];
      const list = columns.join(', ');
      const marks = columns.map(() => '?').join(', ');
      return {
        // A resource that names the same value twice has one row.
        insert: db.prepare(`INSERT OR IGNORE INTO ${table} (${list}, rid) VALUES (${marks}, ?)`),
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

  insert(rid: number, rows: ResourceRows): void {
    rows.forEach((list, table) => {
      const statement = this.#tables[table]?.insert;
      // `get` gives nothing here and, unlike `run`, builds no answer: a fifth of the time of a narrow row.
      for (const row of list) statement?.get(...row, rid);
    });
  }

  /** Makes `rows` the rows of a resource whose present rows lie in the tables of the bits `present`. */
  replace(rid: number, present: number, rows: ResourceRows): void {
    this.#tables.forEach((statements, table) => {
      const wanted = new Map<string, Row>();
      for (const row of rows[table] ?? []) wanted.set(rowKey(row), row);
      if ((present & (1 << table)) !== 0) {
        for (const row of statements.select.all(rid)) {
          if (!wanted.delete(rowKey(row))) statements.remove.run(...row, rid);
        }
      }
      for (const row of wanted.values()) statements.insert.get(...row, rid);
    });
  }

  remove(rid: number, present: number): void {
    this.#each(present, (statements) => statements.removeAll.run(rid));
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

/** A row as a text that is equal for equal rows alone. */
function rowKey(row: readonly SqlValue[]): string {
  return row.join('\u0000');
}

/**
 * Opens connections to the embedded store: the only file that names the binding, whose API is that of `node:sqlite`.
 * https://hl7.org/fhir/R4/http.html#transaction (a commit that was answered stays: WAL with full synchronisation).
 */
import { DatabaseSync } from '@photostructure/sqlite';

/** What SQLite takes and gives. Integers beyond 2^53 are never stored. */
export type SqlValue = null | number | string | Uint8Array;

/** A row: the values of the selected columns in order. */
export type Row = readonly SqlValue[];

/** A prepared statement. Rows come as arrays; `R` names their columns' types. */
export interface Statement<R extends Row = Row> {
  run(...values: readonly SqlValue[]): { readonly changes: number };
  get(...values: readonly SqlValue[]): R | undefined;
  all(...values: readonly SqlValue[]): R[];
  iterate(...values: readonly SqlValue[]): IterableIterator<R>;
}

/** A connection. Keep it referenced as long as one of its statements is used: a statement alone doesn't hold it. */
export interface Database {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  prepare<R extends Row = Row>(sql: string): Statement<R>;
  exec(sql: string): void;
  function(
    name: string,
    options: { readonly deterministic?: boolean },
    body: (...values: SqlValue[]) => SqlValue,
  ): void;
  close(): void;
}

export interface OpenOptions {
  /** Only a connection that was opened for writing makes the file, and puts it into WAL mode. */
  readonly readOnly?: boolean;
  /** Mebibytes of page cache. */
  readonly cache?: number;
  /** Milliseconds to wait for another connection's lock. */
  readonly timeout?: number;
  /** A database that is only there to be locked: no WAL, and no waiting for who holds it. */
  readonly lock?: boolean;
}

/** Bytes of a page of a new file. Narrow index rows are written at random: smaller pages make a smaller log. */
const pageSize = 4096;
/** Bytes that the log keeps when it starts anew: making a file longer costs more than writing over what it has. At rest it is emptied. */
const keptLog = 128 * 1024 * 1024;
/** Milliseconds a connection waits for another's lock before it fails, unless it says otherwise. */
const busyTimeout = 10_000;

/**
 * Opens a connection.
 * @param path a file's path, or `:memory:` for a database of this connection alone.
 * @returns the connection; whoever opened it closes it.
 * @throws Error when the file can't be opened or is no database.
 */
export function openDatabase(path: string, options: OpenOptions = {}): Database {
  const readOnly = options.readOnly ?? false;
  const database: Database = new DatabaseSync(path, {
    readOnly,
    timeout: options.lock === true ? 0 : (options.timeout ?? busyTimeout),
    enableForeignKeyConstraints: false,
    returnArrays: true,
  });
  try {
    database.exec(`PRAGMA cache_size = ${-1024 * (options.cache ?? 8)}; PRAGMA temp_store = MEMORY`);
    if (!readOnly && options.lock !== true) {
      // The writer checkpoints between groups of commits, not SQLite inside one.
      database.exec(`PRAGMA page_size = ${pageSize}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${keptLog}`);
    }
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** The embedded store: one SQLite file, or one in memory. https://hl7.org/fhir/R4/http.html */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Criterion, Parameter } from '../../search/criteria.ts';
import type { SimpleValue } from '../../search/entry.ts';
import type { AuditLog } from '../audit-log.ts';
import { Conflict, StoreUnavailable } from '../errors.ts';
import type { Operation, StoredParameters, WantedParameters } from '../opening.ts';
import type { ParameterIndex } from '../parameter-index.ts';
import type { Explanation, HistoryPage, HistoryQuery, SearchPage, SearchQuery, Store, Version } from '../port.ts';
import type { Tally, TallyQuery } from '../tally.ts';
import type { TerminologyStore } from '../terminology.ts';
import type { Commit, Committed } from '../write.ts';
import { Histories } from './history.ts';
import { type Lock, takeLock } from './lock.ts';
import { migrate } from './migrate.ts';
import { Notes } from './notes.ts';
import { type Database, openDatabase, type Statement } from './open.ts';
import { SqliteParameterIndex } from './parameter-index.ts';
import { type ParameterRow, parameterRows, registerParameters } from './parameters.ts';
import { inMemory, pathOf } from './path.ts';
import { PointReads, TypeNumbers } from './read.ts';
import { type ReadSide, readSide } from './read-side.ts';
import { getSetting, setSetting } from './settings.ts';
import { Snapshot } from './snapshot.ts';
import { TextCatchUp } from './text-catch-up.ts';
import { refreshTextIndex } from './text-index.ts';
import { Values } from './values.ts';
import { InlineWriter, ThreadWriter, type Writer } from './writer.ts';
import { writerEngine } from './writer-engine.ts';

export interface SqliteOptions {
  /** Milliseconds since 1970; the system's clock unless a test gives one. */
  readonly clock?: () => number;
  /** Milliseconds for which a walk of pages can go on. */
  readonly cursorLifetime: number;
  /** The time zone that dates without one were indexed with; the store records it. */
  readonly timezone: string;
  /** What else entries depend on, as its owner spells it; the store records it for whoever checks them. */
  readonly extraction?: string;
  /** They may depend on what the store has. */
  readonly parameters: WantedParameters;
  /** Milliseconds after which audit records are removed; absent: never. */
  readonly auditRetention?: number;
  /** Hears of the newest hash (hexadecimal) of this opening's audit chain, once a minute and at the end. */
  readonly onAuditHead?: (process: string, sequence: number, hash: string) => void;
  /** Hears of what went wrong and was passed over. */
  readonly report?: (text: string, error?: unknown) => void;
  /** Hears of each operation and the milliseconds it took. */
  readonly onTiming?: (operation: Operation, milliseconds: number) => void;
}

/** Milliseconds by which the mark for walks goes beyond what is needed, so that it is seldom written. */
const walksAhead = 600_000;
/** Mebibytes of page cache of the connection that serves reads. */
const readCache = 16;

/**
 * Opens the store, makes or migrates its file, and takes its lock.
 * @throws StoreUnavailable when another process writes to it, when it is of a newer release or another time zone, when
 * it is damaged or no database.
 */
export async function openSqliteStore(url: string, options: SqliteOptions): Promise<Store> {
  const path = pathOf(url);
  const clock = options.clock ?? Date.now;
  if (path === inMemory) {
    const db = openDatabase(path);
    const parameters = prepare(db, options);
    const engine = writerEngine(db, { ...options, clock });
    return new SqliteStore(path, db, new InlineWriter(engine), { parameters }, options);
  }
  mkdirSync(dirname(path), { recursive: true });
  const lock = takeLock(path);
  try {
    const parameters = prepareFile(path, options);
    const db = openDatabase(path, { readOnly: true, cache: readCache });
    const start = {
      path,
      cursorLifetime: options.cursorLifetime,
      systemClock: options.clock === undefined,
      ...(options.auditRetention === undefined ? {} : { auditRetention: options.auditRetention }),
    };
    const snapshot = new Snapshot(db);
    const writer = await ThreadWriter.start(start, clock, {
      onGroup: (milliseconds) => {
        snapshot.release();
        options.onTiming?.('group', milliseconds);
      },
      onAuditHead: options.onAuditHead,
      report: options.report,
    });
    return new SqliteStore(path, db, writer, { parameters, lock, snapshot }, options);
  } catch (error) {
    lock.release();
    if (!isSqlite(error)) throw error;
    throw new StoreUnavailable(`${path} can't be opened as a store: ${error.message}.`);
  }
}

/** Whether SQLite itself said so: the file is damaged, or no database. */
function isSqlite(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).includes('SQLITE');
}

function prepareFile(path: string, options: SqliteOptions): readonly ParameterRow[] {
  const db = openDatabase(path);
  try {
    return prepare(db, options);
  } finally {
    db.close();
  }
}

/** Brings the file to this release's schema, the time zone and the search parameters, which it gives. */
function prepare(db: Database, options: SqliteOptions): readonly ParameterRow[] {
  migrate(db);
  const recorded = getSetting(db, 'timezone');
  if (recorded === undefined) setSetting(db, 'timezone', options.timezone);
  else if (recorded !== options.timezone) {
    throw new StoreUnavailable(
      `The store's dates are indexed with TIMEZONE=${recorded}, the configuration says ${options.timezone}: ` +
        `set it back, or load the data into a new store.`,
    );
  }
  if (options.extraction !== undefined && getSetting(db, 'extraction') !== options.extraction) {
    setSetting(db, 'extraction', options.extraction);
  }
  refreshTextIndex(db);
  const { parameters } = options;
  const rows = parameterRows(db);
  const wanted = typeof parameters === 'function' ? parameters(storedParameters(db, rows)) : parameters;
  return registerParameters(db, wanted, rows);
}

function storedParameters(db: Database, rows: readonly ParameterRow[]): StoredParameters {
  const resources = db.prepare<[string, Uint8Array]>(`SELECT entity.id, version.body FROM type
    CROSS JOIN entity INDEXED BY entity_by_change ON entity.type = type.num AND entity.state = 1
    CROSS JOIN version ON version.vid = entity.vid WHERE type.name = 'SearchParameter' ORDER BY entity.vid`);
  return {
    resources: resources.all().map(([id, body]) => ({ id, body })),
    current: rows.filter(({ status }) => status === 'current'),
  };
}

/** What opening a store came to; the rest only a store in a file has. */
interface Opened {
  readonly parameters: readonly ParameterRow[];
  readonly lock?: Lock;
  readonly snapshot?: Snapshot;
}

class SqliteStore implements Store {
  readonly name: string;
  readonly secret: Uint8Array;
  readonly audit: AuditLog;
  readonly parameters: ParameterIndex;
  readonly terminology: TerminologyStore;
  readonly #db: Database;
  readonly #writer: Writer;
  readonly #side: ReadSide;
  readonly #text: TextCatchUp;
  readonly #lock: Lock | undefined;
  readonly #snapshot: Snapshot | undefined;
  readonly #options: SqliteOptions;
  readonly #clock: () => number;
  readonly #reads: PointReads;
  readonly #histories: Histories;
  readonly #values: Values;
  readonly #counts: Statement<[string, number]>;
  readonly #note: Statement<[string]>;
  readonly #notes: Notes;
  /** Until when (milliseconds) the writer is known to keep replaced versions. */
  #walksUntil: number;
  #closed: Promise<void> | undefined;
  /** Calls that are not answered yet, and who waits for them. */
  #working = 0;
  #atRest: (() => void) | undefined;

  constructor(path: string, db: Database, writer: Writer, opened: Opened, options: SqliteOptions) {
    const { parameters, lock, snapshot } = opened;
    const secret = getSetting(db, 'secret');
    if (!(secret instanceof Uint8Array)) throw new StoreUnavailable('The store has lost its secret: restore a backup.');
    this.name = path === inMemory ? 'sqlite in memory' : `sqlite ${path}`;
    this.secret = secret;
    this.#db = db;
    this.#writer = writer;
    this.#lock = lock;
    this.#snapshot = snapshot;
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    const types = new TypeNumbers(db);
    this.#reads = new PointReads(db, types);
    this.#histories = new Histories(db, types, this.#clock);
    this.#values = new Values(db);
    this.#counts = db.prepare('SELECT name, live FROM type WHERE live > 0 ORDER BY name');
    this.#note = db.prepare('SELECT text FROM note WHERE key = ? AND until > ?');
    this.#notes = new Notes(writer, this.#clock, options.report);
    this.#walksUntil = Number(getSetting(db, 'walks') ?? 0);
    const { cursorLifetime } = options;
    const searching = { clock: this.#clock, cursorLifetime, ...(snapshot === undefined ? {} : { snapshot }) };
    this.#side = readSide(path, db, writer, searching);
    this.#text = new TextCatchUp(db, writer, options.report);
    this.audit = this.#side.audit;
    this.terminology = this.#side.terminology;
    this.parameters = new SqliteParameterIndex(db, writer, parameters);
  }

  read(type: string, id: string): Promise<Version | undefined> {
    return this.#timed('read', () => {
      this.#snapshot?.hold();
      return this.#reads.read(type, id);
    });
  }

  vread(type: string, id: string, versionId: number): Promise<Version | undefined> {
    return this.#timed('vread', () => this.#reads.vread(type, id, versionId));
  }

  history(query: HistoryQuery): Promise<HistoryPage> {
    return this.#timed('history', () => this.#histories.page(query));
  }

  search(query: SearchQuery): Promise<SearchPage> {
    return this.#timed('search', async () => {
      await this.#text.ready(query.parts.map(({ criterion }) => criterion));
      const page = await this.#side.search(query);
      if (query.position !== undefined || page.next === undefined) return page;
      // Before a walk's first cursor goes out, the writer must be keeping what the walk may still show.
      const needed = this.#clock() + this.#options.cursorLifetime;
      if (needed <= this.#walksUntil) return page;
      const until = needed + walksAhead;
      await this.#writer.walks(until);
      this.#walksUntil = Math.max(this.#walksUntil, until);
      return this.#side.search(query);
    });
  }

  explain(query: SearchQuery): Promise<Explanation> {
    return this.#timed('search', async () => {
      await this.#text.ready(query.parts.map(({ criterion }) => criterion));
      return this.#side.explain(query);
    });
  }

  matches(type: string, criterion: Criterion, limit: number): Promise<readonly string[]> {
    return this.#timed('matches', async () => {
      await this.#text.ready([criterion]);
      return this.#side.matches(type, criterion, limit);
    });
  }

  commit(commit: Commit): Promise<Committed> {
    return this.#timed('commit', () => {
      const { generation = this.parameters.generation } = commit;
      if (generation !== this.parameters.generation) throw new Conflict('parameters', 0);
      return this.#writer.commit(commit);
    });
  }

  values(parameter: Parameter): Promise<readonly SimpleValue[]> {
    return this.#timed('values', () => this.#values.of(parameter));
  }

  tally(query: TallyQuery): Promise<Tally> {
    return this.#timed('tally', async () => {
      await this.#text.ready([query.criterion]);
      return this.#side.tally(query);
    });
  }

  counts(): Promise<ReadonlyMap<string, number>> {
    return this.#timed('counts', () => new Map(this.#counts.all()));
  }

  async keep(key: string, text: string, until: number, soon = false): Promise<void> {
    this.#check();
    await (soon ? this.#notes.keep(key, text, until) : this.#writer.note(key, text, until));
  }

  async kept(key: string): Promise<string | undefined> {
    this.#check();
    return this.#notes.kept(key) ?? this.#note.get(key, this.#clock())?.[0];
  }

  async ready(): Promise<void> {
    this.#check();
    this.#counts.get();
    this.#writer.check();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#working > 0) await new Promise<void>((resolve) => (this.#atRest = resolve));
    await this.#notes.close();
    await this.#text.close();
    await this.#side.close();
    this.#snapshot?.release();
    // The connection that closes last removes the log, which only a writing one can: the writer's, where it has its own.
    if (this.#lock !== undefined) this.#db.close();
    await this.#writer.close();
    if (this.#lock === undefined) this.#db.close();
    this.#lock?.release();
  }

  async #timed<T>(operation: Operation, act: () => T | Promise<T>): Promise<T> {
    this.#check();
    const before = performance.now();
    this.#working++;
    try {
      return await act();
    } finally {
      this.#working--;
      if (this.#working === 0) this.#atRest?.();
      this.#options.onTiming?.(operation, performance.now() - before);
    }
  }

  #check(): void {
    if (this.#closed !== undefined) throw new StoreUnavailable('The store is closed.');
  }
}

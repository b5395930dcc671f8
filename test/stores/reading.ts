/** The embedded store as a test of searches opens it: as it is, or so that it reads in ways that it rarely chooses. */
import type { Store } from '../../src/store/port.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';
import { currentParameters, registerParameters } from '../../src/store/sqlite/parameters.ts';
import { PointReads, TypeNumbers } from '../../src/store/sqlite/read.ts';
import { Searcher } from '../../src/store/sqlite/search.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { Thresholds } from '../../src/store/sqlite/thresholds.ts';
import { InlineWriter } from '../../src/store/sqlite/writer.ts';
import { writerEngine } from '../../src/store/sqlite/writer-engine.ts';
import type { Searchable, SearchSubject } from '../contract/library.ts';
import type { Settings } from '../contract/subject.ts';

export function openSearched(url: string, { clock, cursorLifetime, parameters }: Settings): Promise<Store> {
  return openSqliteStore(url, {
    ...(clock === undefined ? {} : { clock }),
    cursorLifetime,
    timezone: 'UTC',
    parameters: parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
  });
}

export const inMemory: SearchSubject = { open: (settings) => openSearched('sqlite::memory:', settings) };

export const byIndexes: Thresholds = {
  probes: [1, 2],
  sorted: 0,
  kept: 1,
  listed: 0,
  unwatched: 2,
  counted: 0,
  few: 100,
  gathered: 0,
};
export const bySorting: Thresholds = {
  probes: [64],
  sorted: 1000,
  kept: 1,
  listed: 1000,
  unwatched: 1000,
  counted: 0,
  few: 1000,
  gathered: 1000,
};

/** A store in memory whose searches choose the rarer ways; of several thresholds each page takes the next. */
export function choosing(...each: readonly Thresholds[]): SearchSubject {
  return {
    open: async ({ clock = Date.now, cursorLifetime, parameters }) => {
      const db = openDatabase(':memory:');
      migrate(db);
      const definitions = parameters.map(({ type, code }) => ({ type, code, definition: '1' }));
      registerParameters(db, definitions);
      const writer = new InlineWriter(writerEngine(db, { clock, cursorLifetime }), currentParameters(db));
      await writer.walks(Number.MAX_SAFE_INTEGER);
      const searchers = each.map((thresholds) => new Searcher(db, { clock, cursorLifetime, thresholds }));
      return new Choosing(db, writer, searchers);
    },
  };
}

class Choosing implements Searchable {
  readonly #db: Database;
  readonly #writer: InlineWriter;
  readonly #searchers: readonly Searcher[];
  readonly #reads: PointReads;
  #turn = 0;

  constructor(db: Database, writer: InlineWriter, searchers: readonly Searcher[]) {
    this.#db = db;
    this.#writer = writer;
    this.#searchers = searchers;
    this.#reads = new PointReads(db, new TypeNumbers(db));
  }

  search: Store['search'] = async (query) => {
    // So that searches by words meet an index that has all, some or nothing of what there is.
    if (this.#turn % 3 === 0) await this.#writer.words(5);
    return this.#next().search(query);
  };
  matches: Store['matches'] = async (type, criterion, limit) => this.#next().matches(type, criterion, limit);
  commit: Store['commit'] = (commit) => this.#writer.commit(commit);
  read: Store['read'] = async (type, id) => this.#reads.read(type, id);

  #next(): Searcher {
    const searcher = this.#searchers[this.#turn++ % this.#searchers.length];
    if (searcher === undefined) throw new Error('there is no searcher');
    return searcher;
  }

  async close(): Promise<void> {
    await this.#writer.close();
    this.#db.close();
  }
}

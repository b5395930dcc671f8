/** The store on MongoDB: a replica set, a sharded cluster, or a server of its own. https://hl7.org/fhir/R4/http.html */
import { MongoError } from 'mongodb';
import type { Criterion, Parameter } from '../../search/criteria.ts';
import type { SimpleValue } from '../../search/entry.ts';
import type { AuditLog } from '../audit-log.ts';
import { StoreUnavailable } from '../errors.ts';
import type { Operation, StoredParameters, WantedParameters } from '../opening.ts';
import type { ParameterIndex } from '../parameter-index.ts';
import type { Explanation, HistoryPage, HistoryQuery, SearchPage, SearchQuery, Store, Version } from '../port.ts';
import { parametersLease, type SharedStore } from '../shared.ts';
import type { Tally, TallyQuery } from '../tally.ts';
import type { TerminologyStore } from '../terminology.ts';
import type { Commit, Committed } from '../write.ts';
import { asUnavailable, connect } from './open.ts';
import { type Opened, openParts, type PartsOptions } from './parts.ts';
import { terminologyOf } from './terminology.ts';

export interface MongoOptions extends PartsOptions {
  /** They may depend on what the store has. */
  readonly parameters: WantedParameters;
  /** Hears of each operation and the milliseconds it took. */
  readonly onTiming?: (operation: Operation, milliseconds: number) => void;
}

/**
 * Opens the store, and makes its collections where they aren't there.
 * @param url `mongodb://` or `mongodb+srv://`.
 * @throws StoreUnavailable when no server answers, or when the store is of a newer release or another time zone.
 */
export async function openMongoStore(url: string, options: MongoOptions): Promise<Store> {
  const connection = await connect(url);
  try {
    const opened = await openParts(connection, options);
    const { parameters } = options;
    // What another process defines in between would be retired.
    await opened.shared.alone(parametersLease, async () => {
      const wanted = typeof parameters === 'function' ? parameters(await stored(opened)) : parameters;
      await opened.parameters.declare(
        () => wanted,
        () => undefined,
      );
    });
    await opened.processes.start();
    opened.indexes.start();
    opened.upkeep.start();
    return new MongoStore(opened, options);
  } catch (error) {
    await connection.client.close();
    throw error instanceof MongoError
      ? new StoreUnavailable(`${connection.name} can't be opened: ${error.message}`)
      : error;
  }
}

async function stored(opened: Opened): Promise<StoredParameters> {
  return { resources: await opened.searchParameters(), current: opened.parameters.current() };
}

/** What an act gives. @throws StoreUnavailable where no server answers. */
async function reached<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asUnavailable(error);
  }
}

/** The same, with StoreUnavailable where no server answers: parts that call each other tell such failures apart themselves. */
function sharedOf(shared: SharedStore): SharedStore {
  return {
    alone: (name, act) => reached(() => shared.alone(name, act)),
    ifAlone: (name, act) => reached(() => shared.ifAlone(name, act)),
    onParameters: (changed) => shared.onParameters(changed),
    renewParameters: () => reached(() => shared.renewParameters()),
  };
}

/** The same, with StoreUnavailable where no server answers. */
function auditOf(audit: AuditLog): AuditLog {
  return {
    append: (records) => reached(() => audit.append(records)),
    find: async function* (...asked) {
      try {
        yield* audit.find(...asked);
      } catch (error) {
        throw asUnavailable(error);
      }
    },
    last: () => reached(() => audit.last()),
    heads: () => reached(() => audit.heads()),
  };
}

class MongoStore implements Store {
  readonly name: string;
  readonly secret: Uint8Array;
  readonly audit: AuditLog;
  readonly parameters: ParameterIndex;
  readonly shared: SharedStore;
  readonly terminology: TerminologyStore;
  readonly #parts: Opened;
  readonly #options: MongoOptions;
  #closed: Promise<void> | undefined;
  /** Calls that are not answered yet, and who waits for them. */
  #working = 0;
  #atRest: (() => void) | undefined;

  constructor(parts: Opened, options: MongoOptions) {
    this.name = parts.connection.name;
    this.secret = parts.secret;
    this.audit = auditOf(parts.audit);
    this.parameters = parts.parameters;
    this.shared = sharedOf(parts.shared);
    this.terminology = terminologyOf(parts.terminology, (act) => this.#timed(undefined, act));
    this.#parts = parts;
    this.#options = options;
  }

  read(type: string, id: string): Promise<Version | undefined> {
    return this.#timed('read', () => this.#parts.reads.read(type, id));
  }

  vread(type: string, id: string, versionId: number): Promise<Version | undefined> {
    return this.#timed('vread', () => this.#parts.reads.vread(type, id, versionId));
  }

  history(query: HistoryQuery): Promise<HistoryPage> {
    return this.#timed('history', () => this.#parts.histories.page(query));
  }

  search(query: SearchQuery): Promise<SearchPage> {
    return this.#timed('search', () => this.#parts.searcher.search(query));
  }

  explain(query: SearchQuery): Promise<Explanation> {
    return this.#timed('search', () => this.#parts.searcher.explain(query));
  }

  matches(type: string, criterion: Criterion, limit: number): Promise<readonly string[]> {
    return this.#timed('matches', () => this.#parts.searcher.matches(type, criterion, limit));
  }

  commit(commit: Commit): Promise<Committed> {
    return this.#timed('commit', async () => {
      const leave = this.#parts.parameters.enter(commit.generation);
      try {
        return await this.#parts.committer.commit(commit);
      } finally {
        leave();
      }
    });
  }

  tally(query: TallyQuery): Promise<Tally> {
    return this.#timed('tally', () => this.#parts.searcher.tally(query));
  }

  values(parameter: Parameter): Promise<readonly SimpleValue[]> {
    return this.#timed('values', () => this.#parts.values(parameter));
  }

  counts(): Promise<ReadonlyMap<string, number>> {
    return this.#timed('counts', () => this.#parts.counts());
  }

  keep(key: string, text: string, until: number): Promise<void> {
    return this.#timed(undefined, () => this.#parts.notes.keep([{ key, text, until }]));
  }

  kept(key: string): Promise<string | undefined> {
    return this.#timed(undefined, () => this.#parts.notes.kept(key));
  }

  ready(): Promise<void> {
    return this.#timed(undefined, async () => {
      await this.#parts.connection.db.command({ ping: 1 });
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#working > 0) await new Promise<void>((resolve) => (this.#atRest = resolve));
    await this.#parts.close();
  }

  /** @throws StoreUnavailable when the store is closed or no server answers. */
  async #timed<T>(operation: Operation | undefined, act: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw new StoreUnavailable('The store is closed.');
    const before = performance.now();
    this.#working++;
    try {
      return await act();
    } catch (error) {
      throw asUnavailable(error);
    } finally {
      this.#working--;
      if (this.#working === 0) this.#atRest?.();
      if (operation !== undefined) this.#options.onTiming?.(operation, performance.now() - before);
    }
  }
}

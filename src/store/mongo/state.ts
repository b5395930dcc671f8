/** Reads documents of one state of the store, within a time budget. https://hl7.org/fhir/R4/http.html#paging */
import type { AggregateOptions, ClientSession, Db, Document, Filter as DriverFilter, FindOptions, Sort } from 'mongodb';
import { isContained } from '../../search/contained.ts';
import type { Criterion, Relevance } from '../../search/criteria.ts';
import type { ContainedEntries } from '../../search/entry.ts';
import { matches, type Indexed as Tested } from '../../search/match.ts';
import { score } from '../../search/score.ts';
import { looksAtWords, type Words, wordsOf } from '../../search/words.ts';
import { StoreUnavailable, TooCostly } from '../errors.ts';
import { type AtOnceOptions, countAtOnce, findAtOnce, isOutOfTime, millisecondsUntil } from './at-once.ts';
import type { Bodies } from './bodies.ts';
import { type Snapshot, superseded, visible } from './clock.ts';
import { type Condition, ofLive } from './compile/condition.ts';
import { historyName, type VersionFields, type VersionKey } from './document.ts';
import { allOf, beginsWith, type Filter, isNever, ofHistory } from './filter.ts';
import { projectionOf, withTest } from './projection.ts';
import { entriesOf } from './values.ts';

/** A document as it was read: what its projection names. */
export interface Found extends Partial<VersionFields> {
  readonly _id: string | VersionKey;
}

/** Current versions, or superseded ones. */
export type Branch = 'current' | 'history';

export interface StateOptions {
  /** The state that a walk shows; absent: what is current. */
  readonly snapshot?: Snapshot | undefined;
  /** The transaction to read in. */
  readonly session?: ClientSession | undefined;
  /** By the clock of `performance`. */
  readonly deadline: number;
  readonly bodies: Bodies;
  /** Whether documents of a collection may lie on several shards. */
  readonly sharded?: boolean;
  /** Whether to give up whatever is being read. */
  readonly stopped?: (() => boolean) | undefined;
  readonly watch?: Watch | undefined;
}

/** Hears what is read. */
export interface Watch {
  /** @param explain asks the server how it reads this. */
  read(
    collection: string,
    filter: Filter,
    found: number,
    milliseconds: number,
    explain: () => Promise<Document>,
  ): Promise<void>;
}

/** What is asked of a branch. */
export interface Asked {
  readonly filter: Filter;
  readonly sort?: Sort;
  readonly limit?: number;
  readonly projection: Filter;
  /** Fields to sort by that documents don't have, and how they are made. */
  readonly marks?: Readonly<Record<string, Document>> | undefined;
}

/** Distinct texts that are listed. */
const mostTexts = 200;
/** Documents that a cursor reads at a time. */
const batch = 500;

const hint =
  'Add a criterion that few resources match, such as a patient, an identifier, a code or a shorter period, ' +
  'or leave out _sort or _total=accurate.';

export class State {
  readonly snapshot: Snapshot | undefined;
  readonly #db: Db;
  readonly #options: StateOptions;
  #commands = 0;

  constructor(db: Db, options: StateOptions) {
    this.#db = db;
    this.#options = options;
    this.snapshot = options.snapshot;
  }

  /** Documents of a type that passed when the walk began, once each; those deleted since too. */
  async *documents(type: string, condition: Condition, paths: readonly string[]): AsyncGenerator<Found> {
    if (isNever(condition.filter)) return;
    const projection = withTest(projectionOf(paths), condition);
    const filter = ofLive(condition);
    const seen = new Set<string>();
    for (const branch of this.branches) {
      for await (const document of this.#stream(type, branch, { filter, projection })) {
        const id = idOf(document);
        // What is replaced between the two reads is in both.
        if (branch === 'history' && seen.has(id)) continue;
        if (!(await this.passes(type, condition, document))) continue;
        if (this.snapshot !== undefined) seen.add(id);
        yield document;
      }
    }
  }

  /** How many commands have read what is found: others may have written between two of them. */
  get commands(): number {
    return this.#commands;
  }

  get branches(): readonly Branch[] {
    return this.snapshot === undefined ? ['current'] : ['current', 'history'];
  }

  /** What a branch has, all at once. */
  async find(type: string, branch: Branch, asked: Asked): Promise<readonly Found[]> {
    const name = nameOf(type, branch);
    const filter = this.#filterOf(branch, asked.filter);
    const start = performance.now();
    const { sort, limit, projection, marks } = asked;
    return this.#within(async (options) => {
      const collection = this.#db.collection(name);
      if (marks !== undefined) {
        const pipeline = [
          { $match: filter },
          // Only what is needed further on is sorted.
          { $project: { ...projection, ...marks } },
          ...(sort === undefined ? [] : [{ $sort: sort }]),
          ...(limit === undefined ? [] : [{ $limit: limit }]),
        ];
        const found = await collection.aggregate<Found>(pipeline, { ...options, allowDiskUse: true }).toArray();
        this.check();
        await this.#options.watch?.read(name, filter, found.length, performance.now() - start, () => {
          return collection.aggregate(pipeline, options).explain('executionStats');
        });
        return found;
      }
      const cursor = () =>
        collection.find<Found>(filter, {
          ...options,
          ...(sort === undefined ? {} : { sort }),
          ...(limit === undefined ? {} : { limit }),
          projection,
        });
      const found =
        limit === undefined
          ? await cursor().toArray()
          : await findAtOnce<Found>(this.#db, name, { filter, projection, sort, limit }, options, () => {
              this.#commands += 1;
            });
      this.check();
      await this.#options.watch?.read(name, filter, found.length, performance.now() - start, () => {
        return cursor().explain('executionStats');
      });
      return found;
    });
  }

  /**
   * The distinct references of a field that begin so, of current resources that pass, at most `limit`; undefined where the
   * server alone can't tell.
   */
  async references(
    type: string,
    condition: Condition,
    field: string,
    beginning: string,
    limit: number,
  ): Promise<readonly string[] | undefined> {
    if (this.snapshot !== undefined || !condition.exact) return undefined;
    const filter = ofLive(condition);
    const pipeline = [
      { $match: filter },
      { $project: { _id: 0, value: `$index.${field}` } },
      { $unwind: '$value' },
      { $match: { 'value.r': beginsWith(beginning) } },
      { $group: { _id: '$value.r' } },
      { $limit: limit },
    ];
    const start = performance.now();
    return this.#within(async (options) => {
      const collection = this.#db.collection(type);
      const found = await collection.aggregate<{ readonly _id: string }>(pipeline, options).toArray();
      this.check();
      await this.#options.watch?.read(type, filter, found.length, performance.now() - start, () => {
        return collection.aggregate(pipeline, options).explain('executionStats');
      });
      return found.map(({ _id }) => _id);
    });
  }

  /**
   * The distinct texts at some paths of all versions that may be shown; undefined where they are many, or in a transaction
   * on shards, where MongoDB doesn't tell them.
   */
  async texts(type: string, paths: readonly string[]): Promise<readonly string[] | undefined> {
    if (this.#options.session !== undefined && this.#options.sharded === true) return undefined;
    const { snapshot } = this;
    const found = new Set<string>();
    for (const path of paths) {
      const asked: [string, DriverFilter<Document>][] = [[type, {}]];
      if (snapshot !== undefined) asked.push([historyName(type), superseded(snapshot)]);
      for (const [name, filter] of asked) {
        const values = await this.#within(({ maxTimeMS = 0, session }) => {
          const options = session === undefined ? { maxTimeMS } : { maxTimeMS, session };
          return this.#db.collection(name).distinct(path, filter, options);
        });
        for (const value of values) if (typeof value === 'string') found.add(value);
      }
      if (found.size > mostTexts) return undefined;
    }
    return [...found];
  }

  /** What stages make of the current documents that pass; the condition must be exact. */
  async aggregate<T extends Document>(
    type: string,
    condition: Condition,
    stages: readonly Document[],
  ): Promise<readonly T[]> {
    if (this.snapshot !== undefined || !condition.exact) throw new Error('the server alone can not tell');
    return this.#within(async (options) => {
      const pipeline = [{ $match: ofLive(condition) }, ...stages];
      const found = await this.#db
        .collection(type)
        .aggregate<T>(pipeline, { ...options, allowDiskUse: true })
        .toArray();
      this.check();
      return found;
    });
  }

  /** Documents of any state. */
  async findAny(type: string, branch: Branch, filter: Filter, projection: Filter): Promise<readonly Found[]> {
    return this.#within((options) => {
      return this.#db
        .collection(nameOf(type, branch))
        .find<Found>(filter, { ...options, projection })
        .toArray();
    });
  }

  /** Matches of a branch's filter, counted no further than a limit. */
  async count(type: string, filter: Filter, limit: number): Promise<number> {
    const name = nameOf(type, 'current');
    const whole = this.#filterOf('current', filter);
    const start = performance.now();
    return this.#within(async (options) => {
      const collection = this.#db.collection(name);
      const counted = await countAtOnce(this.#db, name, whole, limit, options);
      this.check();
      await this.#options.watch?.read(name, whole, counted, performance.now() - start, () => {
        return collection.find(whole, options).explain('executionStats');
      });
      return counted;
    });
  }

  /** All current resources of a type, as what all documents are without deletions: an index has each of the two. */
  async countAll(type: string): Promise<number> {
    const collection = this.#db.collection(type);
    const all = await this.#within((options) => collection.countDocuments({}, { ...options, hint: '_id_' }));
    const deleted = await this.#within((options) => collection.countDocuments({ deleted: true }, options));
    this.check();
    return all - deleted;
  }

  /** Whether a document that passes the condition's filter passes the condition itself. */
  async passes(type: string, { exact, local }: Condition, document: Found): Promise<boolean> {
    if (exact) return true;
    return passesLocally(local, await this.tested(type, document, looksAtWords(local)));
  }

  /** A document as criteria are tested on it. */
  async tested(type: string, document: Found, withWords: boolean): Promise<Tested> {
    const { updated, contained } = document;
    return {
      type,
      id: idOf(document),
      lastUpdated: updated?.getTime() ?? 0,
      entries: entriesOf(document),
      contained: contained?.map((each): ContainedEntries => {
        return { type: each.type, id: each.id, entries: entriesOf(each) };
      }),
      words: withWords ? await this.#words(document) : undefined,
    };
  }

  async #words(document: Found): Promise<Words | undefined> {
    const bytes = await this.bytes(document);
    return bytes === undefined ? undefined : wordsOf(JSON.parse(Buffer.from(bytes).toString('utf8')));
  }

  /** How well a version answers a search by words; a contained resource has no words of its own. */
  async scoreOf(document: object, relevance: Relevance): Promise<number> {
    this.check();
    const words = isFound(document) ? await this.#words(document) : undefined;
    return score(relevance, words ?? { narrative: [], content: [] });
  }

  /** The exact bytes of a version; undefined for a deletion. */
  bytes(document: Found): Promise<Uint8Array | undefined> {
    return this.#options.bodies.bytesOf(document);
  }

  /** Throws when the time is up. */
  check(): void {
    if (this.#options.stopped?.() === true) throw new StoreUnavailable('The store is closing.');
    if (performance.now() > this.#options.deadline) throw new TooCostly(hint);
  }

  async *#stream(type: string, branch: Branch, { filter, projection }: Asked): AsyncGenerator<Found> {
    const name = nameOf(type, branch);
    const whole = this.#filterOf(branch, filter);
    const start = performance.now();
    let found = 0;
    const collection = this.#db.collection(name);
    this.#commands += 1;
    const options = { ...this.#limits(), batchSize: batch, projection };
    const cursor = collection.find<Found>(whole, options);
    try {
      for await (const document of cursor) {
        if (++found % 100 === 0) this.check();
        if (found % batch === 0) this.#commands += 1;
        yield document;
      }
    } catch (error) {
      throw asTooCostly(error);
    } finally {
      await cursor.close();
    }
    await this.#options.watch?.read(name, whole, found, performance.now() - start, () => {
      return collection.find(whole, { projection }).explain('executionStats');
    });
  }

  #within<T>(read: (options: AggregateOptions & FindOptions) => Promise<T>): Promise<T> {
    this.#commands += 1;
    return this.within(read);
  }

  /**
   * What is asked beside what is found, in the same time and the same transaction.
   * @throws TooCostly
   */
  async within<T>(ask: (options: AtOnceOptions) => Promise<T>): Promise<T> {
    try {
      return await ask(this.#limits());
    } catch (error) {
      throw asTooCostly(error);
    }
  }

  /** Those of one command. */
  #limits(): { readonly maxTimeMS: number; readonly session?: ClientSession } {
    this.check();
    const { deadline, session } = this.#options;
    return { maxTimeMS: millisecondsUntil(deadline), ...(session === undefined ? {} : { session }) };
  }

  #filterOf(branch: Branch, filter: Filter): DriverFilter<Document> {
    const { snapshot } = this;
    if (branch === 'history') {
      if (snapshot === undefined) throw new Error('only walks read superseded versions');
      return allOf([superseded(snapshot), { deleted: null }, ofHistory(filter)]);
    }
    return snapshot === undefined ? filter : allOf([filter, visible(snapshot)]);
  }
}

/** Whether a criterion that looks at no others holds for a document, and what is contained in it. */
export function passesLocally(local: Criterion, resource: Tested): boolean {
  // What refers to a contained resource is the one that it lies in.
  const whole = resource.container ?? resource;
  return matches(local, resource, { get: () => undefined, of: (type) => (type === whole.type ? [whole] : []) });
}

function isFound(document: object): document is Found {
  return '_id' in document;
}

/** The logical id. */
export function idOf({ _id }: Found): string {
  return typeof _id === 'string' ? _id : _id.id;
}

function nameOf(type: string, branch: Branch): string {
  if (isContained(type)) throw new Error(`${type} has no collection`);
  return branch === 'current' ? type : historyName(type);
}

/** TooCostly where MongoDB ended a command that took too long, otherwise the error itself. */
export function asTooCostly(error: unknown): unknown {
  return isOutOfTime(error) ? new TooCostly(hint) : error;
}

/** The types of which there are collections, with the indexes that each needs. https://hl7.org/fhir/R4/resourcelist.html */
import { type Db, MongoServerError } from 'mongodb';
import { type AtOnceOptions, findAtOnce, millisecondsUntil } from './at-once.ts';
import { historyName, typeOfCollection, type VersionFields } from './document.ts';
import type { WantedIndex } from './index-plan.ts';

/** Indexes of every collection with current versions. */
const current: readonly WantedIndex[] = [
  { name: 'change', key: { change: 1 } },
  { name: 'updated', key: { updated: 1, _id: 1 } },
  { name: 'refs', key: { refs: 1, _id: 1 } },
  { name: 'deleted', key: { deleted: 1 }, partialFilterExpression: { deleted: true } },
  { name: 'pending', key: { pending: 1 }, partialFilterExpression: { pending: { $exists: true } } },
  { name: 'contained', key: { 'contained.type': 1, _id: 1 }, sparse: true },
];

/** Indexes of every collection with superseded versions. */
const history: readonly WantedIndex[] = [
  { name: 'change', key: { change: 1 } },
  { name: 'until', key: { until: 1 } },
  { name: 'updated', key: { updated: 1 } },
  { name: 'kept', key: { replaced: 1 }, partialFilterExpression: { kept: true } },
];

const newestFirst = { filter: {}, projection: { change: 1 }, sort: { change: -1 }, limit: 1 } as const;

const namespaceExists = 48;

export class Types {
  readonly #db: Db;
  readonly #made = new Map<string, Promise<void>>();
  /** Of the last erasure of each type by this process, the change number. */
  readonly #erased = new Map<string, number>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** Types that have, or had, resources, in any process; sorted. @throws MongoError */
  async known(options: Pick<AtOnceOptions, 'maxTimeMS'> = {}): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const { name } of this.#db.listCollections({}, { ...options, nameOnly: true })) {
      const type = typeOfCollection(name);
      if (type !== undefined) found.push(type);
    }
    return found.sort();
  }

  /** The indexes that each type's collections always have, by the names of the collections that are there. */
  async indexes(): Promise<ReadonlyMap<string, readonly WantedIndex[]>> {
    const types = await this.known();
    return new Map(
      types.flatMap(
        (type) =>
          [
            [type, current],
            [historyName(type), history],
          ] as const,
      ),
    );
  }

  /** Makes a type's collections, if they aren't there: transactions shall not have to. */
  async ensure(type: string): Promise<void> {
    let made = this.#made.get(type);
    if (made === undefined) {
      made = this.#make(type);
      this.#made.set(type, made);
      made.catch(() => this.#made.delete(type));
    }
    await made;
  }

  /** To be called before resources of a type are erased, which leaves no document that tells of it. */
  erasing(type: string, change: number): void {
    this.#erased.set(type, change);
  }

  /**
   * The greatest change number of some types, 0 where there is none; also of what this process erased.
   * @throws MongoError
   */
  async newest(types: readonly string[], options: AtOnceOptions = {}): Promise<number> {
    const newestOf = async (type: string) => {
      const [found] = await findAtOnce<Pick<VersionFields, 'change'>>(this.#db, type, newestFirst, options);
      return found?.change ?? 0;
    };
    const found: number[] = [];
    if (options.session === undefined) found.push(...(await Promise.all(types.map(newestOf))));
    // A transaction does one thing after the other.
    else for (const type of types) found.push(await newestOf(type));
    const erased = types.map((type) => this.#erased.get(type) ?? 0);
    return Math.max(0, ...found, ...erased);
  }

  /**
   * Asks each shard for something, so that a transaction that begins now reads all that was acknowledged before: its time is the
   * router's, which has heard of no more than was read and written through it, or through this process.
   * https://www.mongodb.com/docs/manual/core/read-isolation-consistency-recency/
   * @param deadline by the clock of `performance`: one of them may be stuck.
   * @throws MongoError
   */
  async hearOfAllShards(deadline: number): Promise<void> {
    const types = await this.known({ maxTimeMS: millisecondsUntil(deadline) });
    await this.newest(types, { maxTimeMS: millisecondsUntil(deadline) });
  }

  async #make(type: string): Promise<void> {
    // The history first: whoever sees the type's collection finds both.
    await makeCollection(this.#db, historyName(type), history);
    await makeCollection(this.#db, type, current);
  }
}

/**
 * Makes a collection with its indexes, if it isn't there: by one command, so that none is there without them if that fails.
 * Indexes that one that is there lacks are made by `Indexes.start`.
 */
export async function makeCollection(db: Db, name: string, indexes: readonly WantedIndex[]): Promise<void> {
  // Nothing else is asked of a collection that is there: commands for indexes wait for one that is being made.
  const found = await db.listCollections({ name }, { nameOnly: true }).toArray();
  if (found.length > 0) return;
  if (indexes.length > 0) {
    await db.collection(name).createIndexes(indexes.map((index) => ({ ...index })));
    return;
  }
  try {
    await db.createCollection(name);
  } catch (error) {
    // Another process was quicker.
    if (!(error instanceof MongoServerError && error.code === namespaceExists)) throw error;
  }
}

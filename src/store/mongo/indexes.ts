/**
 * Indexes on what is really searched: the first search by a path of a type that isn't small makes one, in the background.
 * https://hl7.org/fhir/R4/search.html
 */
import type { Collection, Db } from 'mongodb';
import { MongoServerError } from 'mongodb';
import { names } from './document.ts';
import { type IndexThere, namesOf, planOf, type WantedIndex } from './index-plan.ts';

/** That a path of a type is searched by. */
interface UseDocument {
  /** The type and the path. */
  readonly _id: string;
  readonly type: string;
  readonly path: string;
  /** When it was searched by last, within `noted`. */
  readonly used: Date;
}

export interface IndexesOptions {
  /** Documents below which a collection is read as fast without an index. */
  readonly small?: number;
  /** How many of these indexes a collection has at most: MongoDB allows 64, some of which every collection has. */
  readonly most?: number;
  /**
   * Hears of an index that isn't there at the start, or is another one than it should be, before it is made anew.
   * @param collection a type, or another collection.
   * @param instead what is there of that name; nothing where the index is missing.
   */
  readonly onMissing?: ((collection: string, name: string, instead: readonly string[]) => void) | undefined;
  /** Hears why an index couldn't be made; it is tried again when it is next searched by. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

/** What indexes need of the rest of the store. */
export interface IndexesSurroundings {
  /** The collections that are there, with the indexes that they always have. */
  readonly always: () => Promise<ReadonlyMap<string, readonly WantedIndex[]>>;
  /** Resolves when nothing is read, behind which the making of an index would wait, and whatever comes after behind that. */
  readonly atRest: () => Promise<void>;
}

const usualSmall = 1000;
const usualMost = 50;
/** Milliseconds after which it is noted again that a path is searched by, or looked again whether a type is still small. */
const noted = 600_000;
const lookAgain = 60_000;

/** Paths that every collection has an index on (`types.ts`). */
const always: ReadonlySet<string> = new Set(['_id', 'change', 'updated']);

const namespaceNotFound = 26;
const indexNotFound = 27;
/** IndexOptionsConflict, IndexKeySpecsConflict: the server takes the two for one index. */
const conflicting: ReadonlySet<unknown> = new Set([85, 86]);

export class Indexes {
  readonly #db: Db;
  readonly #uses: Collection<UseDocument>;
  readonly #options: IndexesOptions;
  readonly #around: IndexesSurroundings;
  /** By type and path until when nothing needs to be done. */
  readonly #settled = new Map<string, number>();
  #working: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(db: Db, around: IndexesSurroundings, options: IndexesOptions = {}) {
    this.#db = db;
    this.#around = around;
    this.#uses = db.collection<UseDocument>(names.indexes);
    this.#options = options;
  }

  /** Says that documents of a type are found or sorted by a path, or by several (`keysOf`). Returns at once. */
  uses(type: string, path: string): void {
    if (always.has(path) || this.#closed) return;
    const key = keyOf(type, path);
    const now = Date.now();
    if ((this.#settled.get(key) ?? 0) > now) return;
    this.#settled.set(key, now + lookAgain);
    this.#inBackground(() => this.#see(type, path));
  }

  /**
   * Makes, in the background, the indexes that are missing: those that collections always have, and the recorded ones. One
   * that is another than it should be is dropped when the right one is there.
   */
  start(): void {
    this.#inBackground(async () => {
      const recorded = await this.#uses.find().toArray();
      const wanted = new Map(await this.#around.always());
      for (const { type, path } of recorded) wanted.set(type, [...(wanted.get(type) ?? []), searched(path)]);
      for (const [collection, indexes] of wanted) await this.#mend(collection, indexes);
    });
  }

  async #mend(collection: string, indexes: readonly WantedIndex[]): Promise<void> {
    const existing = await this.#existing(collection);
    // Where there are no resources there is nothing to find.
    if (existing === undefined) return;
    for (const index of indexes) {
      if (this.#closed) return;
      const { make, found, outdated } = planOf(index, existing);
      if (make === undefined && outdated.length === 0) continue;
      if (make !== undefined) this.#options.onMissing?.(collection, index.name, outdated);
      try {
        await this.#replace(collection, make ?? found, outdated);
      } catch (error) {
        // The others are made all the same.
        this.#options.onFault?.(error);
      }
    }
  }

  /** Resolves when all that was said so far is done. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
  }

  #inBackground(work: () => Promise<void>): void {
    this.#working = this.#working.then(async () => {
      if (this.#closed) return;
      try {
        await work();
      } catch (error) {
        this.#options.onFault?.(error);
      }
    });
  }

  async #see(type: string, path: string): Promise<void> {
    const existing = await this.#existing(type);
    if (existing === undefined) return;
    const { make, outdated } = planOf(searched(path), existing);
    if (make !== undefined) {
      const { small = usualSmall, most = usualMost } = this.#options;
      if ((await this.#db.collection(type).estimatedDocumentCount()) < small) return;
      await this.#makeRoom(type, existing, most);
      await this.#note(type, path);
      await this.#replace(type, make, outdated);
    }
    await this.#note(type, path);
    this.#settled.set(keyOf(type, path), Date.now() + noted);
  }

  /** A collection's indexes; undefined where there is no collection. */
  async #existing(collection: string): Promise<readonly IndexThere[] | undefined> {
    try {
      return await this.#db.collection(collection).listIndexes().toArray();
    } catch (error) {
      if (error instanceof MongoServerError && error.code === namespaceNotFound) return undefined;
      throw error;
    }
  }

  /** Drops the index that hasn't been used for longest, where there would be too many. */
  async #makeRoom(type: string, existing: readonly IndexThere[], most: number): Promise<void> {
    const recorded = await this.#uses.find({ type }).sort({ used: 1 }).toArray();
    const made = recorded
      .map(({ _id, path }) => ({ _id, there: namesOf(searched(path), existing) }))
      .filter(({ there }) => there.length > 0);
    for (const { _id, there } of made.slice(0, Math.max(0, made.length - most + 1))) {
      await this.#uses.deleteOne({ _id });
      for (const name of there) await this.#drop(type, name);
      this.#settled.delete(_id);
    }
  }

  /** Makes an index, or waits for the process that makes it, and drops those that it is made for. */
  async #replace(collection: string, make: WantedIndex | undefined, outdated: readonly string[]): Promise<void> {
    if (make !== undefined) {
      const { key, ...options } = make;
      const create = async () => {
        await this.#around.atRest();
        await this.#db.collection(collection).createIndex({ ...key }, options);
      };
      try {
        await create();
      } catch (error) {
        const conflict = error instanceof MongoServerError && conflicting.has(error.code);
        if (!conflict || outdated.length === 0) throw error;
        // The two can't be there at once.
        for (const name of outdated) await this.#drop(collection, name);
        await create();
      }
    }
    for (const name of outdated) await this.#drop(collection, name);
  }

  async #drop(collection: string, name: string): Promise<void> {
    await this.#around.atRest();
    try {
      await this.#db.collection(collection).dropIndex(name);
    } catch (error) {
      // Another process was quicker.
      if (!(error instanceof MongoServerError && error.code === indexNotFound)) throw error;
    }
  }

  async #note(type: string, path: string): Promise<void> {
    const set = { type, path, used: new Date() };
    await this.#uses.updateOne({ _id: keyOf(type, path) }, { $set: set }, { upsert: true });
  }
}

/** What a path is searched by. Each ends in the id, so that what has the same value comes in the order of walks. */
function searched(path: string): WantedIndex {
  return { name: path, key: Object.fromEntries([...keysOf(path), '_id'].map((key) => [key, 1] as const)) };
}

/** `index.weight.c,l`: two fields of the same values. */
function keysOf(path: string): readonly string[] {
  const [first = '', ...others] = path.split(',');
  const values = first.slice(0, first.lastIndexOf('.') + 1);
  return [first, ...others.map((other) => values + other)];
}

function keyOf(type: string, path: string): string {
  return `${type} ${path}`;
}

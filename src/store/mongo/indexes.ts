/**
 * Indexes on what is really searched: the first search by a path of a type that isn't small makes one, in the background.
 * https://hl7.org/fhir/R4/search.html
 */
import type { Collection, Db } from 'mongodb';
import { MongoServerError } from 'mongodb';
import { names } from './document.ts';

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
  /** Hears of a recorded index that isn't there at the start, before it is made anew. */
  readonly onMissing?: ((type: string, path: string) => void) | undefined;
  /** Hears why an index couldn't be made; it is tried again when it is next searched by. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

const usualSmall = 1000;
const usualMost = 50;
/** Milliseconds after which it is noted again that a path is searched by, or looked again whether a type is still small. */
const noted = 600_000;
const lookAgain = 60_000;

/** Paths that every collection has an index on (`types.ts`). */
const always: ReadonlySet<string> = new Set(['_id', 'change', 'updated']);

const namespaceNotFound = 26;

export class Indexes {
  readonly #db: Db;
  readonly #uses: Collection<UseDocument>;
  readonly #options: IndexesOptions;
  /** By type and path until when nothing needs to be done. */
  readonly #settled = new Map<string, number>();
  #working: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(db: Db, options: IndexesOptions = {}) {
    this.#db = db;
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

  /** Makes the recorded indexes that are missing, in the background. */
  start(): void {
    this.#inBackground(async () => {
      const recorded = await this.#uses.find().toArray();
      for (const type of new Set(recorded.map((use) => use.type))) {
        const existing = await this.#existing(type);
        // Where there are no resources there is nothing to find.
        if (existing === undefined) continue;
        for (const { path } of recorded.filter((use) => use.type === type && !existing.has(use.path))) {
          if (this.#closed) return;
          this.#options.onMissing?.(type, path);
          await this.#make(type, path);
        }
      }
    });
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
    if (!existing.has(path)) {
      const { small = usualSmall, most = usualMost } = this.#options;
      if ((await this.#db.collection(type).estimatedDocumentCount()) < small) return;
      await this.#makeRoom(type, existing, most);
      await this.#make(type, path);
    }
    await this.#note(type, path);
    this.#settled.set(keyOf(type, path), Date.now() + noted);
  }

  /** The names of a collection's indexes, which are their paths; undefined where there is no collection. */
  async #existing(type: string): Promise<ReadonlySet<string> | undefined> {
    try {
      const indexes = await this.#db.collection(type).listIndexes().toArray();
      return new Set(indexes.map(({ name }) => String(name)));
    } catch (error) {
      if (error instanceof MongoServerError && error.code === namespaceNotFound) return undefined;
      throw error;
    }
  }

  /** Drops the index that hasn't been used for longest, where there would be too many. */
  async #makeRoom(type: string, existing: ReadonlySet<string>, most: number): Promise<void> {
    const recorded = await this.#uses.find({ type }).sort({ used: 1 }).toArray();
    const made = recorded.filter(({ path }) => existing.has(path));
    for (const { _id, path } of made.slice(0, Math.max(0, made.length - most + 1))) {
      await this.#uses.deleteOne({ _id });
      await this.#db.collection(type).dropIndex(path);
      this.#settled.delete(_id);
    }
  }

  /** Each ends in the id, so that what has the same value comes in the order of walks. */
  async #make(type: string, path: string): Promise<void> {
    await this.#note(type, path);
    const keys = [...keysOf(path), '_id'].map((key) => [key, 1] as const);
    await this.#db.collection(type).createIndex(Object.fromEntries(keys), { name: path });
  }

  async #note(type: string, path: string): Promise<void> {
    const set = { type, path, used: new Date() };
    await this.#uses.updateOne({ _id: keyOf(type, path) }, { $set: set }, { upsert: true });
  }
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

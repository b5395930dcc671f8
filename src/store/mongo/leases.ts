/** What only one process does at a time, whichever that is. https://hl7.org/fhir/R4/async.html */
import { setTimeout as wait } from 'node:timers/promises';
import { type Collection, MongoServerError } from 'mongodb';
import { StoreUnavailable } from '../errors.ts';

/** In the collection of leases. */
export interface LeaseDocument {
  /** What is done. */
  readonly _id: string;
  /** The process that does it; null: none. */
  readonly holder: string | null;
  /** Rises while its holder lives. */
  readonly beat: number;
}

export interface LeaseOptions {
  /** This process. */
  readonly holder: string;
  /** Milliseconds after which a holder that shows no sign of life has lost its lease; it shows four in that time. */
  readonly lifetime?: number;
  /** Milliseconds to wait for a lease, and between two looks at it. */
  readonly patience?: number;
  readonly pause?: number;
}

/** A lease that another process holds, as it was first seen. */
interface Seen {
  readonly holder: string;
  readonly beat: number;
  /** By this process's own clock: the clocks of two are never compared. */
  readonly at: number;
}

/** A lease of this process. */
interface Held {
  /** How many act under it. */
  users: number;
  readonly timer: NodeJS.Timeout;
}

const duplicateKey = 11000;

export class Leases {
  readonly #documents: Collection<LeaseDocument>;
  readonly #options: Required<LeaseOptions>;
  readonly #held = new Map<string, Held>();
  readonly #seen = new Map<string, Seen>();
  /** By name, what takes or gives back a lease: one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(documents: Collection<LeaseDocument>, options: LeaseOptions) {
    this.#documents = documents;
    this.#options = { lifetime: 10_000, patience: 60_000, pause: 100, ...options };
  }

  /** As `SharedStore.alone` says. */
  async alone<T>(name: string, act: () => Promise<T>): Promise<T> {
    const { patience, pause } = this.#options;
    const begun = performance.now();
    for (;;) {
      const acted = await this.ifAlone(name, act);
      if (acted !== undefined) return acted.result;
      if (performance.now() - begun > patience)
        throw new StoreUnavailable(`Another process has been at work on ${name} for too long. Try again later.`);
      await wait(pause);
    }
  }

  /** As `SharedStore.ifAlone` says. */
  async ifAlone<T>(name: string, act: () => Promise<T>): Promise<{ readonly result: T } | undefined> {
    if (!(await this.#inTurn(name, () => this.#take(name)))) return undefined;
    try {
      return { result: await act() };
    } finally {
      // A lease that can't be given back ends by itself.
      await this.#inTurn(name, () => this.#giveBack(name)).catch(() => undefined);
    }
  }

  async #take(name: string): Promise<boolean> {
    const held = this.#held.get(name);
    if (held !== undefined) {
      held.users += 1;
      return true;
    }
    const { holder, lifetime } = this.#options;
    const seen = this.#seen.get(name);
    const dead =
      seen !== undefined && performance.now() - seen.at >= lifetime
        ? { holder: seen.holder, beat: seen.beat }
        : undefined;
    const free = [{ holder: null }, { holder }, ...(dead === undefined ? [] : [dead])];
    try {
      await this.#documents.updateOne(
        { _id: name, $or: free },
        { $set: { holder }, $inc: { beat: 1 } },
        { upsert: true },
      );
    } catch (error) {
      // The document is there, but none that may be taken.
      if (!(error instanceof MongoServerError) || error.code !== duplicateKey) throw error;
      await this.#look(name);
      return false;
    }
    this.#seen.delete(name);
    const timer = setInterval(() => this.#beat(name), lifetime / 4);
    timer.unref();
    this.#held.set(name, { users: 1, timer });
    return true;
  }

  /** Notes since when the holder has shown no sign of life. */
  async #look(name: string): Promise<void> {
    const found = await this.#documents.findOne({ _id: name });
    if (found === null || found.holder === null) return;
    const { holder, beat } = found;
    const seen = this.#seen.get(name);
    if (seen?.holder === holder && seen.beat === beat) return;
    this.#seen.set(name, { holder, beat, at: performance.now() });
  }

  #beat(name: string): void {
    const { holder } = this.#options;
    // One that doesn't arrive is as good as none: the next may.
    this.#documents.updateOne({ _id: name, holder }, { $inc: { beat: 1 } }).catch(() => undefined);
  }

  async #giveBack(name: string): Promise<void> {
    const held = this.#held.get(name);
    if (held === undefined) return;
    held.users -= 1;
    if (held.users > 0) return;
    clearInterval(held.timer);
    this.#held.delete(name);
    await this.#documents.updateOne({ _id: name, holder: this.#options.holder }, { $set: { holder: null } });
  }

  #inTurn<T>(name: string, act: () => Promise<T>): Promise<T> {
    const running = (this.#turns.get(name) ?? Promise.resolve()).then(act);
    this.#turns.set(
      name,
      running.catch(() => undefined),
    );
    return running;
  }
}

/**
 * The processes that write to one database: each has a number of its own while it lives, and says how far its commits are.
 * https://hl7.org/fhir/R4/http.html#history
 */
import { randomUUID } from 'node:crypto';
import type { Collection, Db } from 'mongodb';
import { MongoServerError } from 'mongodb';
import { StoreUnavailable } from '../errors.ts';
import { type Clock, processes as mostProcesses } from './clock.ts';
import { names } from './document.ts';

interface ProcessDocument {
  readonly _id: number;
  /** Whose number it is now. */
  readonly owner: string;
  /** Until when, by the owner's clock, unless it says so again. */
  readonly until: Date;
  /** No commit that it answers from now on has a change number up to this one; null: none is in flight. */
  readonly floor: number | null;
  /** The generation of search parameters by which all of its commits in flight bring entries. */
  readonly generation: number;
  /** Owners of the others that it knows to live. */
  readonly knows: readonly string[];
}

/** A number and who has it. */
export interface Leased {
  readonly number: number;
  readonly owner: string;
}

/**
 * Milliseconds for which a number is leased: for so long at most others stay behind the commits of a process that was killed.
 * One that stood still for longer makes its commits anew.
 */
const lease = 3_000;
/** Milliseconds before the end of the lease in which nothing is committed, since that takes a while. */
const margin = 1000;
/** Milliseconds after which the lease is renewed, and after which the rest of the store hears of it. */
const beat = 500;
const told = 1000;
/** Milliseconds between two words of a process that writes while others live. */
const activeBeat = 50;
/** Milliseconds without a commit after which a process is idle. */
const idleAfter = 500;
/** Milliseconds for which a history waits for commits in flight before it stays behind them. */
const patience = 400;

/** What the rest of the store gives to say, and wants to hear. */
export interface Heartbeat {
  /** The generation that is settled here: `ProcessDocument.generation`. */
  readonly generation: () => number;
  /** The greatest change number that is stored. */
  readonly newest: () => Promise<number>;
  /** Called once a second. */
  readonly onBeat: () => Promise<void>;
}

/** Takes a free number. @throws StoreUnavailable when all are taken. */
export async function takeNumber(db: Db): Promise<Leased> {
  const collection = db.collection<ProcessDocument>(names.processes);
  const owner = randomUUID();
  for (;;) {
    const now = Date.now();
    const known = new Map((await collection.find().toArray()).map((each) => [each._id, each.until.getTime()]));
    // One that was never used first, then the one that has been free for longest.
    const free = Array.from({ length: mostProcesses }, (_, n) => n)
      .filter((n) => (known.get(n) ?? 0) < now)
      .sort((a, b) => (known.get(a) ?? 0) - (known.get(b) ?? 0) || a - b);
    const [number] = free;
    if (number === undefined) throw new StoreUnavailable(`${mostProcesses} processes use the database already.`);
    try {
      const set = { owner, until: new Date(now + lease), floor: null, generation: -1, knows: [] };
      const free = { _id: number, until: { $lt: new Date(now) } };
      const { upsertedCount, modifiedCount } = await collection.updateOne(free, { $set: set }, { upsert: true });
      if (upsertedCount + modifiedCount === 1) return { number, owner };
    } catch (error) {
      // Another process was quicker.
      if (!(error instanceof MongoServerError && error.code === 11000)) throw error;
    }
  }
}

export class Processes {
  readonly #collection: Collection<ProcessDocument>;
  readonly #number: number;
  readonly #owner: string;
  readonly #clock: Clock;
  readonly #heartbeat: Heartbeat;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  /** Until when (milliseconds) the number is surely ours. */
  #until = Date.now() + lease - margin;
  /** The greatest change number that was given when a lease that was over was renewed. */
  #revived = 0;
  /** Whether others may have to learn that this process lives after all. */
  #forgotten = false;
  #told = 0;
  #others: readonly ProcessDocument[] = [];
  #looked = 0;
  /** Whether the others know that commits may be in flight. */
  #active = false;
  #lastCommit = 0;
  #publishing: Promise<void> | undefined;
  #closed = false;

  constructor(db: Db, { number, owner }: Leased, clock: Clock, heartbeat: Heartbeat) {
    this.#collection = db.collection<ProcessDocument>(names.processes);
    this.#number = number;
    this.#owner = owner;
    this.#clock = clock;
    this.#heartbeat = heartbeat;
  }

  /** Learns who else lives; resolves when they know of this one, or seem to be dead. */
  async start(): Promise<void> {
    await this.#introduce(false);
    this.#schedule();
  }

  async #introduce(active: boolean): Promise<void> {
    await this.#look();
    await this.#publish(active);
    const limit = Date.now() + 4 * beat;
    const known = () => this.#others.every(({ knows }) => knows.includes(this.#owner));
    while (!known() && Date.now() < limit) {
      await new Promise((resolve) => setTimeout(resolve, beat / 10));
      await this.#look();
    }
  }

  /** Whether no other process is known to live. */
  get alone(): boolean {
    return this.#others.length === 0;
  }

  /**
   * To be awaited before a commit takes its numbers, so that the others know that some may be in flight, and before it is
   * made: a process that was still for so long that it counts as dead must not go on.
   * @throws StoreUnavailable when another process may have this one's number.
   */
  async committing(): Promise<void> {
    if (Date.now() > this.#until) {
      await this.#publish(this.#active);
      if (Date.now() > this.#until) throw new StoreUnavailable('The process has lost its place in the database.');
    }
    if (this.#forgotten) {
      await this.#introduce(this.#active);
      this.#forgotten = false;
    }
    this.#lastCommit = Date.now();
    if (this.alone || this.#active) return;
    this.#publishing ??= this.#publish(true).finally(() => {
      this.#publishing = undefined;
      this.#schedule();
    });
    await this.#publishing;
  }

  /** Whether others may have gone past a number that was given, since the lease was over in between: it must not be used. */
  isLost(change: number): boolean {
    return change <= this.#revived;
  }

  /**
   * The change number up to which a history is complete: nothing at or below it comes any more, from any process. It has
   * all that was acknowledged before, unless a commit with a lower number takes longer than some tenths of a second.
   * @param newest asks for the greatest change number that is stored.
   */
  async safe(newest: () => Promise<number>): Promise<number> {
    const alone = this.alone;
    if (!alone) this.#clock.observe(await newest());
    const last = this.#clock.last();
    const limit = Date.now() + patience;
    await this.#clock.passed(last, patience);
    if (alone) return Math.min(last, this.#clock.floor());
    for (;;) {
      await this.#look();
      const safe = Math.min(last, this.#clock.floor(), ...this.#others.map(({ floor }) => floor ?? last));
      if (safe >= last || Date.now() >= limit) return safe;
      await new Promise((resolve) => setTimeout(resolve, activeBeat / 2));
    }
  }

  /** Whether all other processes that live bring entries by this generation of search parameters. */
  async follow(generation: number): Promise<boolean> {
    await this.#look();
    return this.#others.every((each) => each.generation >= generation);
  }

  /** Gives the number back. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#beating;
    await this.#publishing;
    await this.#collection.updateOne(this.#own(), { $set: { until: new Date(0), floor: null } });
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(
      () => {
        // What fails is tried again; commits are refused once the lease is over.
        this.#beating = this.#beat()
          .catch(() => undefined)
          .finally(() => this.#schedule());
      },
      this.#active ? activeBeat : beat,
    );
    this.#timer.unref();
  }

  async #beat(): Promise<void> {
    const due = this.#looked + beat * 0.9 < Date.now();
    if (due) await this.#look();
    const busy = Date.now() - this.#lastCommit < idleAfter || this.#clock.floor() < this.#clock.last();
    await this.#publish(!this.alone && busy);
    if (this.#told + told * 0.9 > Date.now()) return;
    this.#told = Date.now();
    await this.#heartbeat.onBeat();
  }

  async #publish(active: boolean): Promise<void> {
    const now = Date.now();
    // Alone, a process seldom says how far it is, so that whoever comes must not take it for idle.
    const floor = active || this.alone ? this.#clock.horizon() : null;
    const knows = this.#others.map(({ owner }) => owner);
    const set = { generation: this.#heartbeat.generation(), until: new Date(now + lease), floor, knows };
    const { matchedCount } = await this.#collection.updateOne(this.#own(), { $set: set });
    if (matchedCount === 1) {
      // Looked at afterwards: until this arrived, others may have taken the process for dead.
      if (Date.now() > this.#until) await this.#revive();
      this.#until = now + lease - margin;
    }
    this.#active = active;
  }

  /** What was given may have been gone past, if there is anybody else. */
  async #revive(): Promise<void> {
    const given = this.#clock.last();
    await this.#look();
    if (this.alone) return;
    this.#revived = given;
    this.#forgotten = true;
  }

  #own(): { readonly _id: number; readonly owner: string } {
    return { _id: this.#number, owner: this.#owner };
  }

  async #look(): Promise<void> {
    this.#others = await this.#collection.find({ _id: { $ne: this.#number }, until: { $gt: new Date() } }).toArray();
    this.#looked = Date.now();
  }
}

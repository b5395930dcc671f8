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
import { givenBack, isGivenBack, Living, lease, type Sign } from './living.ts';

/** Its `until` is a time of its owner's clock, and rises with each word of it. */
interface ProcessDocument extends Sign {
  /** No commit that it answers from now on has a change number up to this one; null: none is in flight. */
  readonly floor: number | null;
  /** The generation of search parameters by which all of its commits in flight bring entries. */
  readonly generation: number;
  /** Owners of the others that it knows to live. */
  readonly knows: readonly string[];
  /** When the number was given back, by the clock of whoever did. */
  readonly freed?: Date;
}

/** A number and who has it. */
export interface Leased {
  readonly number: number;
  readonly owner: string;
}

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
/** Milliseconds for which a commit waits until the others know of it. */
const longest = 30_000;

/** What the rest of the store gives to say, and wants to hear. */
export interface Heartbeat {
  /** The generation that is settled here: `ProcessDocument.generation`. */
  readonly generation: () => number;
  /** The greatest change number that is stored. */
  readonly newest: () => Promise<number>;
  /** Called once a second. */
  readonly onBeat: () => Promise<void>;
  /** Hears that another process has this one's number, and which one it has from now on. */
  readonly onNumber?: ((lost: number, taken: number) => void) | undefined;
  /** Milliseconds that never go back; those of this process unless a test gives some. */
  readonly now?: () => number;
}

/** Takes a free number, of those that were used the one that is free for longest. @throws StoreUnavailable when all are taken. */
export async function takeNumber(db: Db, now = () => performance.now()): Promise<Leased> {
  const collection = db.collection<ProcessDocument>(names.processes);
  const owner = randomUUID();
  const seen = new Living(now);
  const limit = now() + lease + beat;
  for (;;) {
    const documents = await collection.find().toArray();
    const { dead } = await seen.among(async () => documents);
    const known = new Set(documents.map(({ _id }) => _id));
    const unused = Array.from({ length: mostProcesses }, (_, n) => n).find((n) => !known.has(n));
    // A process that stood still may yet come back to the number that it had.
    const free = documents.filter(isGivenBack).sort((a, b) => freedAt(a) - freedAt(b));
    const one = free[0] ?? dead[0];
    // One that was never used first.
    const number = unused ?? one?._id;
    if (number === undefined) {
      if (now() > limit) throw new StoreUnavailable(`${mostProcesses} processes use the database already.`);
      await new Promise((resolve) => setTimeout(resolve, beat / 10));
      continue;
    }
    try {
      const set = { owner, until: new Date(Date.now() + lease), floor: null, generation: -1, knows: [] };
      const used = unused === undefined ? one : undefined;
      const filter = {
        _id: number,
        until: used?.until ?? givenBack,
        ...(used === undefined ? {} : { owner: used.owner }),
      };
      const upsert = used === undefined;
      const { upsertedCount, modifiedCount } = await collection.updateOne(filter, { $set: set }, { upsert });
      if (upsertedCount + modifiedCount === 1) return { number, owner };
    } catch (error) {
      // Another process was quicker.
      if (!(error instanceof MongoServerError && error.code === 11000)) throw error;
    }
  }
}

/** What says that a number is free from now on. */
function backNow(): Pick<ProcessDocument, 'until' | 'floor' | 'freed'> {
  return { until: givenBack, floor: null, freed: new Date() };
}

function freedAt({ freed }: ProcessDocument): number {
  return freed?.getTime() ?? 0;
}

export class Processes {
  readonly #db: Db;
  readonly #collection: Collection<ProcessDocument>;
  #number: number;
  #owner: string;
  readonly #clock: Clock;
  readonly #heartbeat: Heartbeat;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  readonly #now: () => number;
  readonly #living: Living;
  /** When the others were last told that this process lives, by two clocks: one of them may stand still with the machine. */
  #told: Instant;
  /** `until` of this process's document. */
  #until = 0;
  /** The greatest change number that was given when a lease that was over was renewed. */
  #revived = 0;
  /** Whether others may have to learn that this process lives after all. */
  #forgotten = false;
  /** Whether there ever was another process. */
  #accompanied = false;
  #beaten = Number.NEGATIVE_INFINITY;
  #others: readonly ProcessDocument[] = [];
  /** How many looks were begun, and which of them told of the others. */
  #looks = 0;
  #shown = 0;
  #looked = Number.NEGATIVE_INFINITY;
  /** Whether the others know that commits may be in flight. */
  #active = false;
  #lastCommit = Number.NEGATIVE_INFINITY;
  /** How many commits wait until the others know. */
  #entering = 0;
  /** The word that is being said, and the one after it. */
  #saying: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #closed = false;

  constructor(db: Db, { number, owner }: Leased, clock: Clock, heartbeat: Heartbeat) {
    this.#db = db;
    this.#collection = db.collection<ProcessDocument>(names.processes);
    this.#number = number;
    this.#owner = owner;
    this.#clock = clock;
    this.#heartbeat = heartbeat;
    this.#now = heartbeat.now ?? (() => performance.now());
    this.#living = new Living(this.#now);
    this.#told = this.#instant();
  }

  /** Learns who else lives; resolves when they know of this one, or are dead. */
  async start(): Promise<void> {
    await this.#introduce();
    this.#schedule();
  }

  async #introduce(): Promise<void> {
    await this.#look();
    await this.#publish();
    const limit = this.#now() + lease + beat;
    const known = () => this.#others.every(({ knows }) => knows.includes(this.#owner));
    while (!known() && this.#now() < limit) {
      await new Promise((resolve) => setTimeout(resolve, beat / 10));
      await this.#look();
    }
  }

  /** Whether no other process is known to live. */
  get alone(): boolean {
    return this.#others.length === 0;
  }

  /**
   * To be awaited right before a commit takes its numbers, so that the others know that some may be in flight, and before it
   * is made: a process that was still for so long that it counts as dead must not go on until the others know that it lives.
   * @throws StoreUnavailable when the database is too slow to tell the others, or has no number for this process any more.
   */
  async committing(): Promise<void> {
    const limit = this.#now() + longest;
    this.#entering += 1;
    try {
      for (;;) {
        if (this.#isOver()) await this.#publish();
        else if (this.#forgotten) await this.#returnAmongOthers();
        else if (!this.alone && !this.#active) await this.#publish();
        else return;
        if (this.#now() > limit) throw new StoreUnavailable('The database is too slow to know of a commit.');
      }
    } finally {
      this.#entering -= 1;
      // The numbers are taken before anything else can look.
      this.#lastCommit = this.#now();
    }
  }

  /** To be awaited before AuditEvents by themselves take numbers: whoever stood still may have another one from then on. */
  async confirm(): Promise<void> {
    if (this.#isOver()) await this.#publish();
  }

  async #returnAmongOthers(): Promise<void> {
    const revived = this.#revived;
    await this.#introduce();
    // Unless it was forgotten once more meanwhile.
    if (this.#revived === revived) this.#forgotten = false;
    // What they did until they knew is looked at again.
    this.#active = false;
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
    await this.#next?.catch(() => undefined);
    await this.#collection.updateOne(this.#own(), { $set: backNow() });
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
    if (this.#looked + beat * 0.9 < this.#now()) await this.#look();
    await this.#publish();
    if (this.#beaten + told * 0.9 > this.#now()) return;
    this.#beaten = this.#now();
    await this.#heartbeat.onBeat();
  }

  /**
   * Says that this process lives, and how far it is. What is said is what is so after the call; one word comes after the
   * other, so that none that is older arrives later. Where another process has the number, this one takes another.
   * @throws StoreUnavailable when there is none.
   */
  #publish(): Promise<void> {
    this.#next ??= this.#saying
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        this.#saying = this.#say();
        return this.#saying;
      });
    return this.#next;
  }

  async #say(): Promise<void> {
    const instant = this.#instant();
    const active = !this.alone && this.#isBusy();
    // Whoever wants to commit from now on has to say so first.
    if (!active) this.#active = false;
    // Alone, a process seldom says how far it is, so that whoever comes must not take it for idle.
    const floor = active || this.alone ? this.#clock.horizon() : null;
    const knows = this.#others.map(({ owner }) => owner);
    this.#until = Math.max(instant.wall + lease, this.#until + 1);
    const set = { generation: this.#heartbeat.generation(), until: new Date(this.#until), floor, knows };
    const { matchedCount } = await this.#collection.updateOne(this.#own(), { $set: set });
    if (matchedCount === 0) {
      await this.#takeAnother();
      return this.#say();
    }
    // Looked at afterwards: until this arrived, others may have taken the process for dead.
    if (this.#isOver()) await this.#revive();
    this.#told = instant;
    const begins = active && !this.#active;
    // Those that took this process for idle or dead may be ahead of its clock.
    if (begins) this.#clock.observe(await this.#heartbeat.newest());
    this.#active = active;
    if (begins) this.#schedule();
  }

  /** Goes on with another number: this one's was given to another process, which took this one for dead. */
  async #takeAnother(): Promise<void> {
    const { number, owner } = await takeNumber(this.#db, this.#now);
    // Whoever had it before may have been ahead of this clock.
    this.#clock.observe(await this.#heartbeat.newest());
    this.#heartbeat.onNumber?.(this.#number, number);
    this.#number = number;
    this.#owner = owner;
    this.#clock.become(number);
    // What is in flight with the other number is made anew.
    this.#revived = this.#clock.last();
    this.#forgotten = true;
    // Looks that were begun before take this process for another.
    this.#shown = this.#looks;
    await this.#look();
  }

  /** What was given may have been gone past, if there is anybody else. */
  async #revive(): Promise<void> {
    const given = this.#clock.last();
    await this.#look();
    // Others that seem to be dead may be so slow as this one was.
    if (!this.#accompanied) return;
    this.#revived = given;
    this.#forgotten = true;
  }

  #isBusy(): boolean {
    const recently = this.#now() - this.#lastCommit < idleAfter;
    return this.#entering > 0 || recently || this.#clock.floor() < this.#clock.last();
  }

  /** Whether others may take this process for dead, or will before a commit is done. */
  #isOver(): boolean {
    const { wall, steady } = this.#instant();
    return Math.max(wall - this.#told.wall, steady - this.#told.steady) > lease - margin;
  }

  #instant(): Instant {
    return { wall: Date.now(), steady: this.#now() };
  }

  #own(): { readonly _id: number; readonly owner: string } {
    return { _id: this.#number, owner: this.#owner };
  }

  async #look(): Promise<void> {
    this.#looks += 1;
    const look = this.#looks;
    const others = { _id: { $ne: this.#number } };
    const { living, dead } = await this.#living.among(() => this.#collection.find(others).toArray());
    if (living.length > 0) this.#accompanied = true;
    // What an older look tells may not be so any more.
    if (look > this.#shown) {
      this.#shown = look;
      this.#others = living;
      this.#looked = this.#now();
    }
    // So that who starts later needn't find out. One that isn't dead after all says so again.
    for (const { _id, owner, until } of dead) {
      await this.#collection.updateOne({ _id, owner, until }, { $set: backNow() }).catch(() => undefined);
    }
  }
}

interface Instant {
  readonly wall: number;
  readonly steady: number;
}

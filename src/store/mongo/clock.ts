/**
 * Change numbers from a hybrid clock: they follow the time, and never go back. https://hl7.org/fhir/R4/resource.html#Meta
 *
 * A number has the milliseconds since 2020 (41 bits), a counter (7) and the number of the process (5), so that processes
 * need no common counter and a double holds it. `meta.lastUpdated` is the time of a commit's first number. A clock that has
 * seen a greater number than its time goes on from that one.
 */
import type { Document, Filter } from 'mongodb';

/** 2020-01-01T00:00:00Z. */
const epoch = 1_577_836_800_000;
/** How many processes may write at once. */
export const processes = 32;
const perMillisecond = 4096;

/** The numbers of a commit. */
export interface Block {
  readonly first: number;
  /** `meta.lastUpdated`, in milliseconds. */
  readonly updated: number;
  /** The n-th number. */
  at(n: number): number;
}

/** The state that a walk shows: changes up to `at`, but for those of commits that were in flight then. */
export interface Snapshot {
  readonly at: number;
  readonly except: readonly number[];
}

/** The first instant of a change number, in milliseconds since 1970. */
export function instantOf(change: number): number {
  return Math.floor(change / perMillisecond) + epoch;
}

/** The least change number of an instant (milliseconds since 1970). */
export function changeAt(instant: number): number {
  return Math.max(instant - epoch, 1) * perMillisecond;
}

/** The number of the process that gave a change number. */
export function processOf(change: number): number {
  return change % processes;
}

export class Clock {
  readonly #now: () => number;
  #process: number;
  /** The greatest number that was given or seen. */
  #last = 0;
  /** First numbers of commits in flight, in rising order. */
  readonly #inFlight = new Set<number>();
  /** Who waits for a commit to end. */
  readonly #waiting = new Set<() => void>();
  /** Who hears of commits that begin. */
  readonly #hearing = new Set<number[]>();

  /**
   * @param now milliseconds since 1970; may go back.
   * @param process 0 to 31; no other process that lives has it.
   */
  constructor(now: () => number, process: number) {
    this.#now = now;
    this.#process = process;
  }

  /** Whose the numbers are from now on. */
  get process(): number {
    return this.#process;
  }

  /** Gives the numbers of another process from now on; those in flight stay as they are. */
  become(process: number): void {
    this.#process = process;
  }

  /** Numbers for a commit, greater than all given or seen before. It is in flight until `end`. */
  begin(count: number): Block {
    const earliest = Math.max(changeAt(this.#now()), this.#last + 1);
    // The least number from there on that is this process's.
    const step = processes;
    const first = earliest + ((this.#process - (earliest % step) + step) % step);
    this.#last = first + Math.max(count - 1, 0) * step;
    this.#inFlight.add(first);
    for (const heard of this.#hearing) heard.push(first);
    return { first, updated: instantOf(first), at: (n) => first + n * step };
  }

  /** The first numbers of the commits that begin from now on, until `end`; those that are done by then too. */
  hear(): { readonly begun: readonly number[]; readonly end: () => void } {
    const begun: number[] = [];
    this.#hearing.add(begun);
    return { begun, end: () => this.#hearing.delete(begun) };
  }

  /** The commit is done, or has failed. */
  end({ first }: Block): void {
    this.#inFlight.delete(first);
    for (const look of this.#waiting) look();
  }

  /** Resolves when no commit in flight has a number up to this one, or after some milliseconds. */
  async passed(change: number, limit: number): Promise<void> {
    if (this.floor() >= change) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = () => {
        if (this.floor() >= change) done();
      };
      const timer = setTimeout(done, limit);
      this.#waiting.add(look);
    });
  }

  /** The greatest number that was given or seen. */
  last(): number {
    return this.#last;
  }

  /** A number that another process gave: those of this one will be greater. */
  observe(change: number): void {
    if (change > this.#last) this.#last = change;
  }

  /** What is acknowledged now, and will be shown as it is. */
  snapshot(): Snapshot {
    return { at: this.#last, except: [...this.#inFlight] };
  }

  /** No commit of this process that isn't acknowledged has a number up to this one. */
  floor(): number {
    const [oldest] = this.#inFlight;
    return oldest === undefined ? this.#last : oldest - 1;
  }

  /** No commit that this process answers from now on has a number up to this one; rises with time. */
  horizon(): number {
    const [oldest] = this.#inFlight;
    return (oldest ?? Math.max(changeAt(this.#now()), this.#last + 1)) - 1;
  }
}

/** Versions that the walk may show: of current documents those that it does show. */
export function visible({ at, except }: Snapshot): Filter<Document> {
  return except.length === 0 ? { change: { $lte: at } } : { change: { $lte: at }, commit: { $nin: [...except] } };
}

/** Superseded versions that the walk shows in the place of current ones. */
export function superseded(snapshot: Snapshot): Filter<Document> {
  const { at, except } = snapshot;
  const later =
    except.length === 0
      ? { until: { $gt: at } }
      : { $or: [{ until: { $gt: at } }, { untilCommit: { $in: [...except] } }] };
  return { ...visible(snapshot), ...later };
}

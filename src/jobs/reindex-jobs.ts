/** Jobs that write stored resources' index entries anew, one after the other. https://hl7.org/fhir/R4/async.html */
import type { Reextract, Rewritten } from '../store/parameter-index.ts';
import type { Store } from '../store/port.ts';
import { Loop } from './loop.ts';

/** A job as it is remembered. */
interface Job {
  readonly id: string;
  readonly types: readonly string[];
  readonly started: number;
  readonly ended?: number;
  readonly done: number;
  readonly total: number;
  readonly changed: number;
  readonly failed: number;
  readonly failures: readonly string[];
  /** The types that are left; the first one is in work, from the place on. */
  readonly left: readonly string[];
  readonly place?: readonly number[];
}

export interface ReindexOptions {
  readonly store: Store;
  /** The entries of a stored resource; throws where there can't be any. */
  readonly extract: Reextract;
  readonly clock: () => number;
  readonly newId: () => string;
  readonly report: (text: string, error: unknown) => void;
}

/** The note under which the store keeps the jobs; where several processes have it open, one at a time changes them. */
const key = 'reindex jobs';
/** Milliseconds after which to look for jobs of other processes, and whether one is still at work. */
const lookForOthers = 5000;
const lookAgain = 1000;
/** Jobs that are remembered when they are over, and milliseconds for which they are. */
const remembered = 20;
const lifetime = 30 * 86_400_000;
/** Failures that a job names. */
const named = 100;

export class ReindexJobs {
  readonly #options: ReindexOptions;
  readonly #loop: Loop;
  #jobs: readonly Job[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReindexOptions) {
    this.#options = options;
    this.#loop = new Loop(
      () => this.#advance(),
      (error) => options.report('Reindexing fails for now; it is tried again.', error),
    );
  }

  /** Goes on with what the last process left. */
  async resume(): Promise<void> {
    await this.#load();
    this.#loop.start();
    if (this.#options.store.shared === undefined) return;
    this.#timer = setInterval(() => this.#loop.start(), lookForOthers);
    this.#timer.unref();
  }

  readonly resource = (type: string, id: string): Promise<Rewritten> => {
    const { store, extract } = this.#options;
    return store.parameters.rewrite(type, id, extract);
  };

  readonly start = async (types: readonly string[]): Promise<Job> => {
    const { store, clock, newId } = this.#options;
    const counts = await store.counts();
    // One that hasn't begun does what this one would do.
    const waiting = this.#jobs.filter(({ ended }) => ended === undefined).slice(1);
    const same = waiting.find((job) => job.types.join() === types.join());
    if (same !== undefined) return same;
    const total = types.reduce((sum, type) => sum + (counts.get(type) ?? 0), 0);
    const started = clock();
    const left = types.filter((type) => counts.has(type));
    const counted = { done: 0, total, changed: 0, failed: 0, failures: [] };
    const job: Job = { id: newId(), types, started, ...counted, left };
    const { shared } = store;
    if (shared === undefined) await this.#save(job);
    else {
      await shared.alone(key, async () => {
        await this.#load();
        await this.#save(job);
      });
    }
    this.#loop.start();
    return job;
  };

  readonly job = async (id: string): Promise<Job | undefined> => {
    // Another process may have begun it, or be at it.
    if (this.#options.store.shared !== undefined) await this.#load();
    return this.#jobs.find((job) => job.id === id);
  };

  /** Resolves when all jobs are over. */
  settled(): Promise<void> {
    return this.#loop.settled();
  }

  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.#loop.close();
  }

  async #load(): Promise<void> {
    const text = await this.#options.store.kept(key);
    this.#jobs = text === undefined ? [] : JSON.parse(text);
  }

  async #advance(): Promise<boolean | number> {
    const { shared } = this.#options.store;
    if (shared === undefined) return this.#advanceFirst();
    await this.#load();
    if (this.#jobs.every(({ ended }) => ended !== undefined)) return false;
    const acted = await shared.ifAlone(key, async () => {
      await this.#load();
      return this.#advanceFirst();
    });
    return acted === undefined ? lookAgain : acted.result;
  }

  async #advanceFirst(): Promise<boolean> {
    const job = this.#jobs.find(({ ended }) => ended === undefined);
    if (job === undefined) return false;
    await this.#save(await this.#step(job));
    return true;
  }

  async #step(job: Job): Promise<Job> {
    const { store, extract, clock } = this.#options;
    const [type, ...others] = job.left;
    const { place: before, ...rest } = job;
    if (type === undefined) return { ...rest, ended: clock() };
    const { looked, changed, failed, next } = await store.parameters.rewriteSome(type, before, extract);
    return {
      ...rest,
      done: job.done + looked,
      changed: job.changed + changed,
      failed: job.failed + failed.length,
      failures: [...job.failures, ...failed.map((id) => `${type}/${id}`)].slice(0, named),
      left: next === undefined ? others : job.left,
      ...(next === undefined ? {} : { place: next }),
    };
  }

  async #save(job: Job): Promise<void> {
    const known = this.#jobs.some(({ id }) => id === job.id);
    const jobs = known ? this.#jobs.map((each) => (each.id === job.id ? job : each)) : [...this.#jobs, job];
    const over = jobs.filter(({ ended }) => ended !== undefined).slice(-remembered);
    this.#jobs = jobs.filter((each) => each.ended === undefined || over.includes(each));
    const { store, clock } = this.#options;
    await store.keep(key, JSON.stringify(this.#jobs), clock() + lifetime);
  }
}

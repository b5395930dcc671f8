/**
 * Brings the full-text index up to date before searches that need it: at once where little is missing, else in the
 * background. https://hl7.org/fhir/R4/search.html#content
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Criterion } from '../../search/criteria.ts';
import { looksAtWords } from '../../search/words.ts';
import { NotReady } from '../errors.ts';
import type { Database, Statement } from './open.ts';
import type { Writer } from './writer.ts';

/** Versions that searches look at one by one sooner than wait for the writer. */
const few = 100;
/** Versions that a search waits for. */
const atOnce = 2000;
/** Versions of one step: other writes go between two. */
const step = 100;
/** Seconds. */
const longestWait = 600;

export class TextCatchUp {
  readonly #writer: Writer;
  readonly #missing: Statement<[number]>;
  readonly #done: Statement<[number]>;
  readonly #newest: Statement<[number]>;
  #stepping: Promise<void> | undefined;
  #job: Promise<void> | undefined;
  /** Milliseconds that a version takes. */
  #pace = 1;
  #closed = false;
  readonly #report: (text: string, error: unknown) => void;

  /**
   * @param db a connection that reads.
   * @param report is told why the index could not be made in the background.
   */
  constructor(db: Database, writer: Writer, report: (text: string, error: unknown) => void = () => undefined) {
    this.#writer = writer;
    this.#report = report;
    const done = "coalesce((SELECT value FROM setting WHERE name = 'words'), 0)";
    this.#missing = db.prepare(`SELECT count(*) FROM (SELECT 1 FROM version WHERE vid > ${done} LIMIT ?)`);
    this.#done = db.prepare(`SELECT ${done}`);
    this.#newest = db.prepare('SELECT coalesce(max(vid), 0) FROM version');
  }

  /**
   * Resolves when a search by words is cheap.
   * @throws NotReady when the index lacks too much to wait for it; it is then being made.
   */
  async ready(criteria: readonly Criterion[]): Promise<void> {
    if (!criteria.some(looksAtWords)) return;
    const missing = this.#missing.get(atOnce + 1)?.[0] ?? 0;
    if (missing <= few) return;
    const target = this.#newest.get()?.[0] ?? 0;
    if (missing <= atOnce) return this.#reach(target);
    this.#job ??= this.#reach(target)
      .catch((error: unknown) => {
        if (!this.#closed) this.#report('The full-text index could not be brought up to date.', error);
      })
      .finally(() => {
        this.#job = undefined;
      });
    const done = this.#done.get()?.[0] ?? 0;
    const seconds = Math.min(Math.max(Math.ceil(((target - done) * this.#pace) / 1000), 1), longestWait);
    const percent = Math.floor((100 * done) / target);
    throw new NotReady(`The full-text index is being made: ${percent} % of the changes are in it. Try again.`, seconds);
  }

  /** Lets nothing go on. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#job;
    await this.#stepping?.catch(() => undefined);
  }

  async #reach(target: number): Promise<void> {
    while (!this.#closed && (this.#done.get()?.[0] ?? 0) < target) {
      this.#stepping ??= this.#step().finally(() => {
        this.#stepping = undefined;
      });
      await this.#stepping;
    }
  }

  async #step(): Promise<void> {
    const before = performance.now();
    await this.#writer.words(step);
    this.#pace = (performance.now() - before) / step;
    // The writer of a store in memory works on this thread.
    await turn();
  }
}

/** Work that goes on beside requests, step by step, as long as there is some. https://hl7.org/fhir/R4/async.html */
import { setTimeout as wait } from 'node:timers/promises';

/** Of the time that a step takes, so much goes to others before the next one. */
export const yielded = 0.5;
/** Milliseconds after which a step that failed is tried again. */
const retryAfter = 10_000;

export class Loop {
  readonly #step: () => Promise<boolean | number>;
  readonly #report: (error: unknown) => void;
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;
  #more = false;

  /**
   * @param step resolves to whether there is more to do, or after how many milliseconds there may be; what it throws is
   * reported, and it is tried again.
   */
  constructor(step: () => Promise<boolean | number>, report: (error: unknown) => void) {
    this.#step = step;
    this.#report = report;
  }

  /** There may be something to do. */
  start(): void {
    this.#more = true;
    if (!this.#isRunning) this.#running = this.#run();
  }

  /** Resolves when there is nothing more to do. */
  settled(): Promise<void> {
    return this.#running;
  }

  /** Resolves when the step in work is over; none comes after it. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    this.#isRunning = true;
    while (this.#more && !signal.aborted) {
      this.#more = false;
      const started = performance.now();
      let pause = retryAfter;
      try {
        const more = await this.#step();
        if (more !== false) this.#more = true;
        pause = typeof more === 'number' ? more : (performance.now() - started) * yielded;
      } catch (error) {
        this.#more = true;
        if (!signal.aborted) this.#report(error);
      }
      // A process that has nothing else to do ends; the next one goes on.
      if (this.#more) await wait(pause, undefined, { signal, ref: false }).catch(() => undefined);
    }
    this.#isRunning = false;
  }
}

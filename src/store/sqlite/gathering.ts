/**
 * When bulk commits go to the writer: several together, since a page of an index that they share is then written once.
 * https://hl7.org/fhir/R4/http.html#transaction
 */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** Writes that are enough for one group. */
const enough = 1000;
/** Milliseconds between two looks at what the thread does. */
const interval = 3;
/** Milliseconds of idleness, of that interval, that mean that nothing follows before these are written. */
const idle = 1;
/** Milliseconds that the first commit waits at most. */
const longest = 500;

/** Watches over bulk commits that wait: they go when they are enough, or as soon as this thread has nothing else to do. */
export class Gathering {
  readonly #go: () => void;
  #writes = 0;
  #timer: NodeJS.Timeout | undefined;
  #since = 0;
  #seen: EventLoopUtilization | undefined;

  constructor(go: () => void) {
    this.#go = go;
  }

  /** A commit of so many writes joins. */
  add(writes: number): void {
    this.#writes += writes;
    if (this.#writes >= enough) {
      setImmediate(this.#go);
    } else if (this.#timer === undefined) {
      this.#since = performance.now();
      this.#watch();
    }
  }

  /** They have gone. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writes = 0;
  }

  #watch(): void {
    this.#seen = performance.eventLoopUtilization();
    this.#timer = setTimeout(() => {
      const rested = performance.eventLoopUtilization(this.#seen).idle >= idle;
      if (rested || performance.now() - this.#since > longest) this.#go();
      else this.#watch();
    }, interval);
  }
}

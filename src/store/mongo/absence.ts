/** How long no server took commands, as the driver hears of it. https://hl7.org/fhir/R4/http.html#Status-Codes */
import { StoreUnavailable, TooCostly } from '../errors.ts';

export class Absence {
  readonly #now: () => number;
  #total = 0;
  #since: number | undefined;

  /**
   * To begin with there is none.
   * @param now milliseconds that never go back.
   */
  constructor(now = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  /** Whether one of the servers takes commands from now on. */
  hear(servers: Iterable<{ readonly isWritable: boolean }>): void {
    const { total } = this;
    const present = [...servers].some(({ isWritable }) => isWritable);
    this.#total = total;
    this.#since = present ? undefined : this.#now();
  }

  /** Milliseconds so far. */
  get total(): number {
    return this.#total + (this.#since === undefined ? 0 : this.#now() - this.#since);
  }

  /**
   * What is read within a time budget. Where most of its time went by without a server, it isn't the search that is too costly.
   * @throws StoreUnavailable then, else what `read` throws.
   */
  async within<T>(read: () => Promise<T>): Promise<T> {
    const [start, before] = [this.#now(), this.total];
    try {
      return await read();
    } catch (error) {
      throw insteadOf(error, this.total - before, this.#now() - start);
    }
  }
}

/** StoreUnavailable in place of TooCostly where more than half of the time was lost, otherwise the error itself. */
export function insteadOf(error: unknown, lost: number, took: number): unknown {
  if (!(error instanceof TooCostly) || lost * 2 <= took) return error;
  return new StoreUnavailable('MongoDB was away for most of the time that the search has.');
}

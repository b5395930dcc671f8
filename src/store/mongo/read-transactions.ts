/**
 * Transactions that only read, of this process. An index is made and dropped behind what is open on its collection, and until
 * then MongoDB lets no transaction begin there: so what is in no hurry waits until none is open.
 * https://www.mongodb.com/docs/manual/core/transactions-production-consideration/
 */
import type { ClientSession, MongoClient } from 'mongodb';
import { StoreUnavailable } from '../errors.ts';
import { insteadOf } from './absence.ts';
import { isOutOfTime } from './at-once.ts';
import { ofOneState } from './transaction.ts';

/**
 * Milliseconds that what is read in a transaction may take: less than those for which a commit is tried again, so that no
 * commit fails because an index that another process makes has to wait for it.
 */
export const transactionBudget = 20_000;

export class ReadTransactions {
  readonly #client: MongoClient;
  readonly #prepare: (deadline: number) => Promise<void>;
  #open = 0;
  readonly #waiting = new Set<() => void>();

  /** @param prepare called before each; is to end by the deadline. */
  constructor(client: MongoClient, prepare: (deadline: number) => Promise<void> = async () => {}) {
    this.#client = client;
    this.#prepare = prepare;
  }

  /**
   * As `ofOneState`. Where most of the time went by before the last try, it is StoreUnavailable that what was left was too little,
   * not TooCostly; so it is where it couldn't begin in time.
   * @param deadline of what is read, by the clock of `performance`.
   */
  async run<T>(deadline: number, read: (session: ClientSession) => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      await this.#prepare(deadline);
    } catch (error) {
      // Nothing has been searched by then.
      throw isOutOfTime(error)
        ? new StoreUnavailable('MongoDB did not answer in the time that the search has.')
        : error;
    }
    this.#open += 1;
    try {
      return await ofOneState(this.#client, async (session) => {
        const lost = performance.now() - start;
        try {
          return await read(session);
        } catch (error) {
          throw insteadOf(error, lost, performance.now() - start);
        }
      });
    } finally {
      this.#open -= 1;
      if (this.#open === 0) for (const go of this.#waiting) go();
    }
  }

  /** Resolves when none is open, or after some milliseconds. */
  async over(patience: number): Promise<void> {
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, patience);
      this.#waiting.add(go);
    });
  }
}

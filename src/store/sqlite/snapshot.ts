/** One state of the store for what is read in one turn of the event loop. https://hl7.org/fhir/R4/http.html#search */
import type { Database, Statement } from './open.ts';

/**
 * To begin and end a read costs as much as a short one: two locks of the log's index, and a look at what the page cache
 * still holds. So the reads of all requests that arrive together share them. The state that they see is never older than
 * this turn, nor than what the writer or a reader's thread has answered.
 */
export class Snapshot {
  readonly #db: Database;
  readonly #begin: Statement;
  readonly #end: Statement;
  readonly #release = (): void => this.release();
  #number = 0;
  #held = false;

  /** @param db a connection that only reads: another's transaction would be taken for this one's. */
  constructor(db: Database) {
    this.#db = db;
    this.#begin = db.prepare('BEGIN');
    this.#end = db.prepare('COMMIT');
  }

  /**
   * What is read from here on in this turn is of one state, unless it is released before.
   * @returns the state's number: the same where it is the same state.
   */
  hold(): number {
    // An error of the file may have ended it.
    if (this.#held && this.#db.isTransaction) return this.#number;
    this.#begin.run();
    if (!this.#held) setImmediate(this.#release);
    this.#held = true;
    this.#number += 1;
    return this.#number;
  }

  /** What is read from here on is of the newest state: something was written. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    if (this.#db.isTransaction) this.#end.run();
  }
}

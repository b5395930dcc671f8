/**
 * Moves the write-ahead log into the file, by the writer alone and between groups of commits: another connection that
 * did it was seen to let the log grow without bound. https://hl7.org/fhir/R4/http.html#transaction
 */
import { statSync } from 'node:fs';
import type { Database, Statement } from './open.ts';

/** Bytes of the log beyond which it is moved while writes go on. */
const limit = 24 * 1024 * 1024;
/** Bytes beyond which the writer waits for readers to let the log start anew. */
const hardLimit = 256 * 1024 * 1024;
const frame = 4096 + 24;

export class Checkpoints {
  readonly #log: string;
  readonly #passive: Statement<[number, number, number]>;
  readonly #restart: Statement<[number, number, number]>;
  readonly #truncate: Statement<[number, number, number]>;
  readonly #changes: Statement<[number]>;
  #before: number;

  constructor(db: Database, path: string) {
    this.#log = `${path}-wal`;
    this.#passive = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
    this.#restart = db.prepare('PRAGMA wal_checkpoint(RESTART)');
    this.#truncate = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)');
    this.#changes = db.prepare('SELECT total_changes()');
    this.#before = 0;
  }

  /** After a group of commits: moves the log when enough was written since. */
  afterGroup(): void {
    const changes = this.#changes.get()?.[0] ?? 0;
    // A changed row dirties about a page; asking the log's length itself would be a checkpoint.
    if (changes - this.#before < limit / frame) return;
    this.#before = changes;
    const frames = this.#passive.get()?.[1] ?? 0;
    if (frames * frame > hardLimit) this.#restart.get();
  }

  /** At rest: empties the log. */
  atRest(): void {
    if ((statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0) > 0) this.#truncate.get();
  }
}

/**
 * Moves the write-ahead log into the file, by the writer alone and between groups of commits: another connection that
 * did it was seen to let the log grow without bound. https://hl7.org/fhir/R4/http.html#transaction
 */
import { statSync } from 'node:fs';
import type { Database, Statement } from './open.ts';

/** Bytes of the log beyond which it is moved while writes go on: seldom, since a page that many groups change is moved once. */
const limit = 96 * 1024 * 1024;
/** Bytes beyond which the writer waits for readers to let the log start anew. */
const hardLimit = 256 * 1024 * 1024;
/** Milliseconds between two attempts. */
const patience = 5_000;
const frame = 4096 + 24;

/** About how many pages a group of so many changed rows writes to the log: few share pages, many do. */
function pagesOf(changes: number): number {
  return Math.min(2 * changes, 300 + changes / 4);
}

export class Checkpoints {
  readonly #log: string;
  readonly #passive: Statement<[number, number, number]>;
  readonly #restart: Statement<[number, number, number]>;
  readonly #truncate: Statement<[number, number, number]>;
  readonly #changes: Statement<[number]>;
  #before = 0;
  #pages = 0;
  #patience = 0;

  constructor(db: Database, path: string) {
    this.#log = `${path}-wal`;
    this.#passive = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
    this.#restart = db.prepare('PRAGMA wal_checkpoint(RESTART)');
    this.#truncate = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)');
    this.#changes = db.prepare('SELECT total_changes()');
  }

  /** After a group of commits: moves the log when enough was written since. */
  afterGroup(): void {
    const changes = this.#changes.get()?.[0] ?? 0;
    // Estimated: asking for the log's length would itself be a checkpoint.
    this.#pages += pagesOf(changes - this.#before);
    this.#before = changes;
    if (this.#pages < limit / frame) return;
    this.#pages = 0;
    const frames = this.#passive.get()?.[1] ?? 0;
    if (frames * frame < hardLimit || performance.now() < this.#patience) return;
    // A long read, such as a backup, holds the log: it is asked again after a while, not at every group.
    this.#restart.get();
    this.#patience = performance.now() + patience;
  }

  /** At rest: empties the log, unless a long read holds it. */
  atRest(): void {
    if ((statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0) > 0) this.#truncate.get();
  }
}

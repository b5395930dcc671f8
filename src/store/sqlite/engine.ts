/**
 * Runs the tasks that arrived together in one transaction, which is on disk before any is answered.
 * https://hl7.org/fhir/R4/http.html#transaction
 *
 * The same in the writer's thread and, for a store in memory, on the calling one.
 */
import { StoreUnavailable } from '../errors.ts';
import type { AuditAppender } from './audit-append.ts';
import { type CommitOptions, Commits, keepNote, Unfinished } from './commit.ts';
import type { Database, Statement } from './open.ts';
import type { Task, TaskResult } from './tasks.ts';
import { TerminologyWrites } from './terminology-write.ts';

export interface EngineOptions extends CommitOptions {
  readonly audit: AuditAppender;
}

/** How many expired versions or notes one step of `tidy` removes. */
const purgeStep = 100;
/** How many expired versions a group removes beyond one for each task, so that a steady load can't outrun the purge. */
const purgeBeside = 10;
/** Groups after which one removes expired notes too. */
const groupsBetweenNotes = 64;
/** How many changes one step of `tidy` takes into the full-text index. */
const textStep = 50;
const nothing = new Float64Array();

export class Engine {
  readonly #db: Database;
  readonly #options: EngineOptions;
  #groups = 0;
  #commits: Commits;
  #terminology: TerminologyWrites;
  #keepNote: Statement;
  #purgeNotes: Statement;

  constructor(db: Database, options: EngineOptions) {
    this.#db = db;
    this.#options = options;
    this.#commits = new Commits(db, options);
    this.#terminology = new TerminologyWrites(db);
    this.#keepNote = db.prepare(keepNote);
    this.#purgeNotes = db.prepare(
      'DELETE FROM note WHERE key IN (SELECT key FROM note INDEXED BY note_by_until WHERE until <= ? LIMIT ?)',
    );
  }

  /**
   * Runs all tasks in one transaction. A task that fails leaves the others alone.
   * @param savepoints whether each commit gets one, so that a failure nobody expects of it leaves the others alone too.
   * @returns a result for each task, in order, when everything is on disk.
   */
  run(tasks: readonly Task[], savepoints = false): readonly TaskResult[] {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const audit: Uint8Array[] = [];
      const results = tasks.map((task) => this.#attempt(task, savepoints, audit));
      this.#commits.finish();
      this.#options.audit.appendParts(audit);
      this.#commits.kept.purge(this.#options.clock(), tasks.length + purgeBeside);
      if (++this.#groups % groupsBetweenNotes === 0) this.#purgeNotes.run(this.#options.clock(), purgeStep);
      this.#db.exec('COMMIT');
      this.#commits.committed();
      return results;
    } catch (error) {
      this.#startAgain();
      // What nobody expected of one commit is no fault of the others.
      if (error instanceof Unfinished) return this.run(tasks, true);
      const reason = error instanceof Error ? error.message : String(error);
      const failure = new StoreUnavailable(`The store could not write: ${reason}`);
      return tasks.map(() => ({ ok: false, error: failure }));
    }
  }

  /** Removes a little of what has expired, and takes a little into a full-text index that is in use. @returns whether there is more. */
  tidy(): boolean {
    const now = this.#options.clock();
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const versions = this.#commits.kept.purge(now, purgeStep);
      const notes = this.#purgeNotes.run(now, purgeStep).changes;
      const { text } = this.#commits;
      const texts = text.used && text.advance(textStep);
      this.#db.exec('COMMIT');
      return versions === purgeStep || notes === purgeStep || texts;
    } catch (error) {
      this.#startAgain();
      throw error;
    }
  }

  #attempt(task: Task, savepoint: boolean, audit: Uint8Array[]): TaskResult {
    try {
      switch (task.kind) {
        case 'commit': {
          const written = this.#commits.apply(task, savepoint);
          audit.push(...task.audit);
          return { ok: true, written };
        }
        case 'audit':
          audit.push(...task.parts);
          break;
        case 'note':
          this.#keepNote.run(task.key, task.text, task.until);
          break;
        case 'walks':
          this.#commits.kept.walksUntil(task.until);
          break;
        case 'words':
          this.#commits.text.advance(task.limit);
          break;
        case 'index':
          return { ok: true, written: this.#commits.index(task.work) };
        case 'terminology':
          return { ok: true, written: Float64Array.of(this.#terminology.run(task.work)) };
      }
      return { ok: true, written: nothing };
    } catch (error) {
      if (error instanceof Unfinished || !this.#db.isTransaction) throw error;
      return { ok: false, error };
    }
  }

  /** Nothing may run afterwards. */
  close(): void {
    this.#options.audit.close();
  }

  /** Ends a transaction that failed and forgets what was remembered of it. */
  #startAgain(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.#commits = new Commits(this.#db, this.#options);
    this.#terminology = new TerminologyWrites(this.#db);
    this.#options.audit.rolledBack();
  }
}

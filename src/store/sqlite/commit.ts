/**
 * One commit in the transaction of a group: conditions, then preconditions, then writes, then integrity.
 * https://hl7.org/fhir/R4/http.html#transaction, https://hl7.org/fhir/R4/http.html#concurrency
 */
import { bodyBytes, sameContent } from '../../fhir/body.ts';
import type { Criterion } from '../../search/criteria.ts';
import { Conflict, PreconditionFailed } from '../errors.ts';
import type { Condition, Precondition } from '../write.ts';
import { Contained, readContained } from './contained.ts';
import { Entities, type Entity } from './entities.ts';
import { IndexRows, type NewRows } from './index-rows.ts';
import { type IndexWork, IndexWorker } from './index-work.ts';
import { Integrity } from './integrity.ts';
import { KeptVersions } from './kept-versions.ts';
import { Numbers } from './numbers.ts';
import type { Database, Statement } from './open.ts';
import { DELETE, ERASE, FieldReader, methods, type PackedWrites, PUT } from './pack.ts';
import { RowCounts } from './row-counts.ts';
import { patternOf, type RowNumbers, readRows, rowNumbers } from './rows.ts';
import { getSetting, setSetting } from './settings.ts';
import { type CommitTask, CREATED, DELETED, UNCHANGED, UPDATED } from './tasks.ts';
import { TextIndex } from './text-index.ts';

/** Evaluates a criterion on the writer's own connection: the first `limit` logical ids, sorted. */
export type Matches = (type: string, criterion: Criterion, limit: number) => readonly string[];

export interface CommitOptions {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Milliseconds for which replaced versions are kept while walks may be alive. */
  readonly cursorLifetime: number;
  readonly matches: Matches;
  /** Hears of what went wrong and was passed over. */
  readonly report?: ((text: string) => void) | undefined;
}

/** A write that was read from its packed form, with the resource as it is before the commit. */
interface Planned {
  readonly kind: number;
  readonly type: number;
  readonly id: string;
  readonly method: number;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  /** How many fields its entries take. */
  readonly length: number;
  readonly entity: Entity | undefined;
}

/** Keeps a note; the same key again prolongs it. */
export const keepNote = `INSERT INTO note (key, text, until) VALUES (?, ?, ?)
  ON CONFLICT (key) DO UPDATE SET text = excluded.text, until = max(until, excluded.until)`;

const LIVE = 1;
const GONE = 2;
const empty = new Uint8Array();
const deleteMethod = methods.indexOf('DELETE');

/** A commit failed while it wrote, without a savepoint to go back to: the transaction has to be rolled back. */
export class Unfinished extends Error {}

/** What a commit changed beside rows, merged when it is complete. */
interface Pending {
  readonly live: Map<number, number>;
  vid: number;
}

export class Commits {
  readonly #options: CommitOptions;
  readonly #db: Database;
  readonly #numbers: Numbers;
  readonly #entities: Entities;
  readonly #rowNumbers: RowNumbers;
  readonly #counts: RowCounts;
  readonly #index: IndexRows;
  readonly #contained: Contained;
  readonly #kept: KeptVersions;
  readonly #integrity: Integrity;
  readonly #text: TextIndex;
  readonly #insertVersion: Statement;
  readonly #selectVersion: Statement<[updated: number, body: Uint8Array | null]>;
  readonly #removeVersions: Statement;
  readonly #addLive: Statement;
  readonly #keepNote: Statement;
  #worker: IndexWorker | undefined;
  #vid: number;
  #updated: number;
  /** Changes of `type.live` by the commits of this transaction. */
  #live = new Map<number, number>();

  constructor(db: Database, options: CommitOptions) {
    this.#db = db;
    this.#options = options;
    this.#numbers = new Numbers(db);
    this.#entities = new Entities(db);
    this.#rowNumbers = rowNumbers(this.#numbers, this.#entities);
    this.#counts = new RowCounts(db);
    this.#index = new IndexRows(db, '', this.#counts);
    this.#contained = new Contained(db, this.#numbers, this.#entities, this.#index);
    this.#kept = new KeptVersions(db, this.#index, this.#contained);
    this.#integrity = new Integrity(db);
    this.#text = new TextIndex(db, options.report);
    this.#insertVersion = db.prepare(
      'INSERT INTO version (vid, rid, type, number, updated, method, body) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#selectVersion = db.prepare('SELECT updated, body FROM version WHERE vid = ?');
    this.#removeVersions = db.prepare('DELETE FROM version WHERE rid = ?');
    this.#addLive = db.prepare('UPDATE type SET live = live + ? WHERE num = ?');
    this.#keepNote = db.prepare(keepNote);
    const last = db.prepare<[number, number]>('SELECT vid, updated FROM version ORDER BY vid DESC LIMIT 1').get();
    this.#vid = Math.max(last?.[0] ?? 0, Number(getSetting(db, 'greatest change') ?? 0));
    this.#updated = last?.[1] ?? 0;
  }

  /** Replaced versions; the engine sets their mark and purges them. */
  get kept(): KeptVersions {
    return this.#kept;
  }

  /** What searches by words read; the engine fills it. */
  get text(): TextIndex {
    return this.#text;
  }

  /**
   * Applies a commit inside the caller's transaction. For a savepoint SQLite copies each page that is changed in it, so
   * there is one only for a commit that can be refused after it wrote, or where it is asked for.
   * @returns for each write version id, last updated and outcome, as in `TaskResult`.
   * @throws PreconditionFailed, Conflict, IntegrityViolation; nothing is left of the commit then. Unfinished.
   */
  apply(task: CommitTask, savepoint: boolean): Float64Array<ArrayBuffer> {
    const mark = this.#numbers.mark();
    const entityMark = this.#entities.mark();
    const pending: Pending = { live: new Map(), vid: this.#vid };
    const guarded = savepoint || task.mustExist.length > 0 || task.mustBeUnreferenced.length > 0;
    let writing = false;
    if (guarded) this.#db.exec('SAVEPOINT one');
    try {
      task.conditions.forEach((condition, index) => {
        this.#checkCondition(condition, index);
      });
      const plans = this.#plans(task.writes);
      writing = true;
      const written = this.#write(task, plans, pending);
      for (let n = 0; n < task.mustExist.length; n += 2) {
        const { [n]: type = '', [n + 1]: id = '' } = task.mustExist;
        this.#integrity.mustExist(this.#numbers.type(type), { type, id });
      }
      for (const key of task.mustBeUnreferenced) this.#integrity.mustBeUnreferenced(this.#numbers.type(key.type), key);
      for (const { key, text, until } of task.notes) this.#keepNote.run(key, text, until);
      if (guarded) this.#db.exec('RELEASE one');
      this.#entities.release();
      this.#vid = pending.vid;
      this.#counts.keep();
      for (const [type, change] of pending.live) this.#live.set(type, (this.#live.get(type) ?? 0) + change);
      return written;
    } catch (error) {
      if (writing && !guarded) throw new Unfinished('a commit failed while it wrote', { cause: error });
      // A full disk may already have ended the whole transaction.
      if (guarded && this.#db.isTransaction) this.#db.exec('ROLLBACK TO one; RELEASE one');
      this.#counts.drop();
      this.#numbers.rollback(mark);
      this.#entities.rollback(entityMark);
      throw error;
    }
  }

  /**
   * Works on the index, in the caller's transaction. Where that changes what searches find, it takes a change number: what
   * was remembered of searches is found out again then.
   * @returns as in `IndexWorker.run`. Nothing is left of the work where it throws.
   */
  index(work: IndexWork): Float64Array<ArrayBuffer> {
    const mark = this.#numbers.mark();
    const entityMark = this.#entities.mark();
    this.#db.exec('SAVEPOINT one');
    try {
      this.#worker ??= new IndexWorker(this.#db, this.#numbers, this.#rowNumbers, this.#index, this.#contained);
      const result = this.#worker.run(work);
      if (result[0] !== 0) setSetting(this.#db, 'greatest change', this.#vid + 1);
      this.#db.exec('RELEASE one');
      this.#counts.keep();
      if (result[0] !== 0) this.#vid += 1;
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK TO one; RELEASE one');
      this.#counts.drop();
      this.#numbers.rollback(mark);
      this.#entities.rollback(entityMark);
      throw error;
    }
  }

  /** The last statements of the transaction. */
  finish(): void {
    for (const [type, change] of this.#live) if (change !== 0) this.#addLive.run(change, type);
    this.#live.clear();
    this.#counts.write();
  }

  /** The transaction is on disk. */
  committed(): void {
    this.#numbers.commit();
    this.#entities.commit();
  }

  #checkCondition({ type, criterion, matches, limit }: Condition, index: number): void {
    const now = this.#options.matches(type, criterion, limit);
    if (now.length !== matches.length || now.some((id, place) => id !== matches[place])) {
      throw new Conflict('condition', index);
    }
  }

  /** What is to be done, with all preconditions checked: nothing but numbers is written by then. */
  #plans(runs: readonly PackedWrites[]): readonly (readonly Planned[])[] {
    let offset = 0;
    return runs.map((run) => {
      const planned = this.#plan(run, offset);
      offset += run.count;
      return planned;
    });
  }

  #write(
    { writes: runs, times }: CommitTask,
    plans: readonly (readonly Planned[])[],
    pending: Pending,
  ): Float64Array<ArrayBuffer> {
    const written = new Float64Array(3 * runs.reduce((sum, { count }) => sum + count, 0));
    let updated = Math.max(times === undefined ? this.#options.clock() : 0, this.#updated);
    let place = 0;
    runs.forEach((run, index) => {
      const entries = new FieldReader(run.entries);
      const created: NewRows[] = [];
      for (const planned of plans[index] ?? []) {
        if (times !== undefined) updated = Math.max(times[place / 3] ?? 0, updated);
        const [versionId, instant, outcome] =
          planned.kind === PUT
            ? this.#put(planned, entries, updated, pending, created)
            : this.#remove(planned, updated, pending);
        written[place] = versionId;
        written[place + 1] = instant;
        written[place + 2] = outcome;
        place += 3;
      }
      this.#index.insert(created);
    });
    if (pending.vid !== this.#vid) this.#updated = updated;
    return written;
  }

  /** Reads a run of writes, finds the resources they are about, and checks the preconditions. */
  #plan(run: PackedWrites, offset: number): readonly Planned[] {
    const fields = new FieldReader(run.fields);
    const preconditions = new Map(run.preconditions);
    const plans: Planned[] = [];
    let byte = 0;
    for (let index = 0; index < run.count; index++) {
      const kind = fields.number();
      const type = this.#numbers.type(fields.text());
      const id = fields.text();
      let entity = this.#entities.find(type, id);
      const precondition = preconditions.get(index);
      if (precondition !== undefined) checkPrecondition(precondition, entity, offset + index);
      if (kind !== PUT) {
        plans.push({ kind, type, id, method: deleteMethod, head: empty, tail: empty, length: 0, entity });
        continue;
      }
      if (entity === undefined) {
        entity = { rid: this.#entities.reserve(type, id), state: -1, vid: null, number: 0, pattern: null };
      }
      const method = fields.number();
      const middle = byte + fields.number();
      const end = middle + fields.number();
      const head = run.bytes.subarray(byte, middle);
      plans.push({
        kind,
        type,
        id,
        method,
        head,
        tail: run.bytes.subarray(middle, end),
        length: fields.number(),
        entity,
      });
      byte = end;
    }
    return plans;
  }

  #put(
    { type, id, method, head, tail, length, entity }: Planned,
    entries: FieldReader,
    updated: number,
    pending: Pending,
    created: NewRows[],
  ): readonly [number, number, number] {
    if (entity === undefined) throw new Error('a put was planned without a resource');
    const live = entity.state === LIVE;
    const body = { head, tail };
    if (live) {
      const stored = this.#selectVersion.get(entity.vid);
      if (stored?.[1] != null && sameContent(body, stored[1])) {
        entries.skip(length);
        return [entity.number, stored[0], UNCHANGED];
      }
    }
    const vid = ++pending.vid;
    const number = entity.number + 1;
    this.#insertVersion.get(vid, entity.rid, type, number, updated, method, bodyBytes(body, number, updated));
    const rows = readRows(entries, this.#rowNumbers, vid);
    const contained = readContained(entries, this.#rowNumbers, vid);
    const { params, tables } = patternOf(rows, contained.length > 0);
    const pattern = this.#numbers.pattern(type, params, tables);
    const next = { rid: entity.rid, state: LIVE, vid, number, pattern };
    if (live) {
      this.#kept.replace(entity, type, vid, this.#options.clock(), this.#options.cursorLifetime);
      this.#index.replace(entity.rid, this.#kept.tablesOf(entity.pattern), rows);
    } else {
      created.push({ rid: entity.rid, rows });
      pending.live.set(type, (pending.live.get(type) ?? 0) + 1);
    }
    for (const one of contained) created.push({ rid: this.#contained.add(vid, one), rows: one.rows });
    if (entity.state === -1) this.#entities.create(type, id, next);
    else this.#entities.update(next);
    return [number, updated, live ? UPDATED : CREATED];
  }

  #remove(planned: Planned, updated: number, pending: Pending): readonly [number, number, number] {
    const { kind, type, entity } = planned;
    if (entity === undefined || entity.vid === null) return [0, 0, UNCHANGED];
    const erase = kind === ERASE;
    if (kind === DELETE && entity.state !== LIVE) {
      return [entity.number, this.#selectVersion.get(entity.vid)?.[0] ?? 0, UNCHANGED];
    }
    // What an erasure removes is overwritten in the file.
    if (erase) this.#db.exec('PRAGMA secure_delete = ON');
    try {
      const vid = ++pending.vid;
      if (entity.state === LIVE) {
        if (erase) this.#kept.dropContained(entity.vid, entity.pattern);
        else this.#kept.replace(entity, type, vid, this.#options.clock(), this.#options.cursorLifetime);
        this.#index.remove(entity.rid, this.#kept.tablesOf(entity.pattern));
        pending.live.set(type, (pending.live.get(type) ?? 0) - 1);
      }
      if (erase) this.#kept.forget(entity.rid);
      else this.#kept.deleted(entity.rid);
      if (erase) {
        this.#erase(planned.id, type, entity, vid);
        return [0, updated, DELETED];
      }
      const number = entity.number + 1;
      this.#insertVersion.run(vid, entity.rid, type, number, updated, deleteMethod, null);
      this.#entities.update({ rid: entity.rid, state: GONE, vid, number, pattern: null });
      return [number, updated, DELETED];
    } finally {
      if (erase) this.#db.exec('PRAGMA secure_delete = OFF');
    }
  }

  /** Removes every version; the number stays where others refer to the resource. */
  #erase(id: string, type: number, entity: Entity, vid: number): void {
    this.#text.erase(entity.rid);
    this.#removeVersions.run(entity.rid);
    setSetting(this.#db, 'greatest change', vid);
    if (this.#integrity.isReferenced(entity.rid)) {
      this.#entities.update({ rid: entity.rid, state: 0, vid: null, number: 0, pattern: null });
    } else {
      this.#entities.remove(type, id, entity.rid);
    }
  }
}

/** Throws PreconditionFailed or Conflict when the precondition of the write at `index` doesn't hold. */
function checkPrecondition(precondition: Precondition, entity: Entity | undefined, index: number): void {
  const { ifMatch, ifNoneMatch, computedFrom } = precondition;
  const number = entity?.number ?? 0;
  const live = entity?.state === LIVE;
  const current = number === 0 ? undefined : number;
  if (ifMatch !== undefined && !(live && (ifMatch === '*' || ifMatch.includes(String(number))))) {
    throw new PreconditionFailed(index, 'ifMatch', current);
  }
  if (ifNoneMatch !== undefined && live) throw new PreconditionFailed(index, 'ifNoneMatch', current);
  if (computedFrom !== undefined && computedFrom !== number) throw new Conflict('write', index);
}

/** Reads the server's own AuditEvents back: by the index of batches, then record by record. https://hl7.org/fhir/R4/auditevent.html */
import { setImmediate as turn } from 'node:timers/promises';
import type { AuditLog, AuditQuery, StoredAuditRecord } from '../audit-log.ts';
import type { AuditRecord } from '../audit-record.ts';
import { columnsOf, readLinks } from './audit-batch.ts';
import { DamagedAudit } from './audit-bytes.ts';
import { linkOf } from './audit-chain.ts';
import type { AuditColumns } from './audit-columns.ts';
import { AuditIndex } from './audit-index.ts';
import { textKey } from './audit-key.ts';
import { AuditMatcher } from './audit-match.ts';
import { Packer, packRecords } from './audit-pack.ts';
import type { Database, Statement } from './open.ts';

/** Hands packed records (`packRecords`) to the writer; resolves when they are on disk. */
export type AppendThroughWriter = (parts: readonly Uint8Array[]) => Promise<void>;

/** Unpacked batches that are kept, of an eighth of a megabyte each. */
const cachedBatches = 32;
/** Batches that a walk looks up at once. */
const lookAhead = 64;
/** Records that are made and given at once. */
const sliceSize = 256;
/** Milliseconds after which a search lets others go first. */
const turnAfter = 5;

/** Consecutive records. */
interface Stretch {
  readonly first: number;
  readonly columns: AuditColumns;
}

/** What a search begins with: unsealed records, the newest sequence, the batches to open (undefined: all). */
interface Plan {
  readonly recent: Stretch | undefined;
  readonly last: number;
  readonly batches: readonly number[] | undefined;
}

type RecentRow = [link: number, kind: number, first: number, count: number, body: Uint8Array];

/**
 * The audit log of a store.
 * @param db a connection that reads; nothing else may hold a transaction open on it between turns of the event loop.
 */
export function createAuditLog(db: Database, appendThroughWriter: AppendThroughWriter): AuditLog {
  return new SqliteAuditLog(db, appendThroughWriter);
}

class SqliteAuditLog implements AuditLog {
  readonly #db: Database;
  readonly #appendThroughWriter: AppendThroughWriter;
  /** Kept: each write hands over what reads left before it, and a new one takes longer than to pack that. */
  readonly #packer = new Packer();
  readonly #index: AuditIndex;
  readonly #recent: Statement<RecentRow>;
  readonly #recentEnd: Statement<[process: number, link: number, last: number, hash: Uint8Array]>;
  readonly #batchEnd: Statement<[last: number]>;
  readonly #bytes: Statement<[count: number, packed: Uint8Array, plain: Uint8Array]>;
  readonly #at: Statement<[first: number]>;
  readonly #during: Statement<[first: number]>;
  readonly #rising: Statement<[first: number]>;
  readonly #falling: Statement<[first: number]>;
  readonly #before: Statement<[first: number | null]>;
  readonly #cache = new Map<number, AuditColumns>();
  #cachedRecent: { readonly process: number; readonly link: number; readonly stretch: Stretch } | undefined;

  constructor(db: Database, appendThroughWriter: AppendThroughWriter) {
    this.#db = db;
    this.#appendThroughWriter = appendThroughWriter;
    this.#index = new AuditIndex(db);
    this.#recent = db.prepare('SELECT link, kind, first, count, body FROM audit_recent ORDER BY link');
    this.#recentEnd = db.prepare(
      'SELECT process, link, first + count - 1, hash FROM audit_recent ORDER BY link DESC LIMIT 1',
    );
    this.#batchEnd = db.prepare('SELECT first + count - 1 FROM audit_batch ORDER BY first DESC LIMIT 1');
    this.#bytes = db.prepare('SELECT count, packed, plain FROM audit_batch WHERE first = ?');
    this.#at = db.prepare('SELECT first FROM audit_batch WHERE low <= ? AND high >= ?');
    this.#during = db.prepare('SELECT first FROM audit_batch WHERE low < ? AND high >= ?');
    this.#rising = db.prepare(`SELECT first FROM audit_batch WHERE first >= ? ORDER BY first LIMIT ${lookAhead}`);
    this.#before = db.prepare('SELECT max(first) FROM audit_batch WHERE first <= ?');
    this.#falling = db.prepare(`SELECT first FROM audit_batch WHERE first < ? ORDER BY first DESC LIMIT ${lookAhead}`);
  }

  async append(records: readonly AuditRecord[]): Promise<void> {
    if (records.length > 0) await this.#appendThroughWriter(packRecords(records, this.#packer));
  }

  async *find(
    query: AuditQuery,
    order: 'ascending' | 'descending',
    after?: number,
    upTo?: number,
  ): AsyncGenerator<readonly StoredAuditRecord[]> {
    const matcher = new AuditMatcher(query);
    const plan = this.#plan(query, matcher);
    const rising = order === 'ascending';
    // Sequences in [low, high).
    const low = rising ? (after ?? 0) + 1 : 1;
    const high = Math.min(plan.last, upTo ?? plan.last, rising ? plan.last : (after ?? plan.last + 1) - 1) + 1;
    let turned = performance.now();
    for (const { first, columns } of this.#stretches(plan, rising, low, high)) {
      const from = Math.max(low - first, 0);
      const places = matcher.places(columns, from, Math.min(high - first, columns.count));
      if (!rising) places.reverse();
      for (let start = 0; start < places.length; start += sliceSize) {
        yield places.slice(start, start + sliceSize).map((n) => ({ sequence: first + n, record: columns.record(n) }));
      }
      if (performance.now() - turned < turnAfter) continue;
      await turn();
      turned = performance.now();
      yield [];
    }
  }

  async last(): Promise<number> {
    return this.#last();
  }

  async heads(): Promise<ReadonlyMap<string, string>> {
    const heads = new Map<string, string>();
    const rows = this.#snapshot(() => [
      ...this.#db
        .prepare<[string, Uint8Array]>(
          `SELECT p.id, b.hash FROM audit_process p
           JOIN audit_batch b ON b.first = (SELECT max(first) FROM audit_batch WHERE process = p.num)`,
        )
        .all(),
      ...this.#db
        .prepare<[string, Uint8Array]>(
          'SELECT p.id, r.hash FROM audit_recent r JOIN audit_process p ON p.num = r.process ORDER BY r.link DESC LIMIT 1',
        )
        .all(),
    ]);
    for (const [process, hash] of rows) heads.set(process, Buffer.from(hash).toString('hex'));
    return heads;
  }

  #last(): number {
    return this.#recentEnd.get()?.[2] ?? this.#batchEnd.get()?.[0] ?? 0;
  }

  #plan(query: AuditQuery, matcher: AuditMatcher): Plan {
    return this.#snapshot(() => ({
      recent: this.#recentStretch(),
      last: this.#last(),
      batches: this.#candidates(query, matcher),
    }));
  }

  /** Sequences that batches begin with which may have what is sought, rising; undefined: nothing narrows it. */
  #candidates(query: AuditQuery, matcher: AuditMatcher): readonly number[] | undefined {
    const sets = matcher.keys().map((keys) => this.#index.find(keys));
    const { recorded, ids } = query;
    if (recorded !== undefined) {
      sets.push(new Set(this.#during.all(recorded.high, recorded.low).map(([first]) => first)));
    }
    if (ids !== undefined) {
      const found = this.#index.find(ids.map((id) => textKey('id', id)));
      for (const time of matcher.times) for (const [first] of this.#at.all(time, time)) found.add(first);
      sets.push(found);
    }
    const [smallest, ...others] = sets.sort((a, b) => a.size - b.size);
    if (smallest === undefined) return undefined;
    return [...smallest].filter((first) => others.every((set) => set.has(first))).sort((a, b) => a - b);
  }

  *#stretches(plan: Plan, rising: boolean, low: number, high: number): Generator<Stretch> {
    const { recent } = plan;
    if (!rising && recent !== undefined) yield recent;
    for (const first of this.#firsts(plan.batches, rising, low, high)) {
      if (recent !== undefined && first >= recent.first) continue;
      const columns = this.#columns(first, low);
      if (columns !== undefined) yield { first, columns };
    }
    if (rising && recent !== undefined) yield recent;
  }

  /** The batches to open, in order; the first of rising ones may end before `low`. */
  *#firsts(batches: readonly number[] | undefined, rising: boolean, low: number, high: number): Generator<number> {
    if (batches !== undefined) {
      // Only the last one that begins up to `low` may have it.
      const start = Math.max(
        batches.findLastIndex((first) => first <= low),
        0,
      );
      const inOrder = rising ? batches.slice(start) : [...batches].reverse();
      for (const first of inOrder) if (first < high) yield first;
      return;
    }
    let from = rising ? (this.#before.get(low)?.[0] ?? 0) : high;
    for (;;) {
      const rows = rising ? this.#rising.all(from) : this.#falling.all(from);
      for (const [first] of rows) if (first < high) yield first;
      const last = rows.at(-1)?.[0];
      if (last === undefined || last >= high) return;
      from = rising ? last + 1 : last;
    }
  }

  /** A batch's records, undefined where it was removed meanwhile or ends before `low`. */
  #columns(first: number, low: number): AuditColumns | undefined {
    const cached = this.#cache.get(first);
    if (cached !== undefined) {
      this.#cache.delete(first);
      this.#cache.set(first, cached);
      return cached;
    }
    const row = this.#bytes.get(first);
    if (row === undefined || first + row[0] <= low) return undefined;
    const columns = columnsOf(readLinks(row[1], row[2]));
    if (columns.count !== row[0]) throw new DamagedAudit(`audit events ${first} to ${first + row[0] - 1} are damaged`);
    this.#cache.set(first, columns);
    const [oldest] = this.#cache.keys();
    if (this.#cache.size > cachedBatches && oldest !== undefined) this.#cache.delete(oldest);
    return columns;
  }

  #recentStretch(): Stretch | undefined {
    const end = this.#recentEnd.get();
    if (end === undefined) return undefined;
    const [process, link] = end;
    if (this.#cachedRecent?.process === process && this.#cachedRecent.link === link) return this.#cachedRecent.stretch;
    const rows = this.#recent.all();
    const columns = columnsOf(rows.map(([, kind, , count, body]) => linkOf(kind, count, body)));
    const stretch = { first: rows[0]?.[2] ?? 0, columns };
    this.#cachedRecent = { process, link, stretch };
    return stretch;
  }

  /** Runs reads that belong together on one state of the file. */
  #snapshot<T>(read: () => T): T {
    if (this.#db.isTransaction) return read();
    this.#db.exec('BEGIN');
    try {
      return read();
    } finally {
      this.#db.exec('COMMIT');
    }
  }
}

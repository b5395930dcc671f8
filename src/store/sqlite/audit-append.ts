/** Appends audit records to the store, in the transaction of the change they describe. https://hl7.org/fhir/R4/auditevent.html */
import { randomUUID } from 'node:crypto';
import type { AuditRecord } from '../audit-record.ts';
import { BatchWriter, columnsOf, keysOf } from './audit-batch.ts';
import { DamagedAudit } from './audit-bytes.ts';
import { type ChainHead, hashLink, headsLink, type Link, linkBody, linkKind, linkOf, noHash } from './audit-chain.ts';
import { Packer, packRecords } from './audit-pack.ts';
import { type Part, readPart } from './audit-part.ts';
import { removeOld } from './audit-retain.ts';
import type { Database, Statement } from './open.ts';

export interface AppenderOptions {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Names the chain of this opening of the store; by default a new UUID. */
  readonly process?: string;
  /** Told of the chain's newest hash (hexadecimal) once a minute while records come, and at the end. */
  readonly onHead?: (process: string, sequence: number, hash: string) => void;
  /** Milliseconds after which records are removed; absent: never. */
  readonly retention?: number;
}

/** Links wait in rows of their own until one of these is reached. */
const sealRecords = 2048;
const sealLinks = 1024;
const sealBytes = 256 * 1024;
const longestOpen = 24 * 3_600_000;
const headsInterval = 60_000;
const retentionInterval = 3_600_000;

/** Links that no batch has yet, and the state of the chain before them. */
interface OpenBatch {
  readonly first: number;
  readonly link: number;
  readonly before: Uint8Array;
  readonly links: Link[];
  readonly keys: Uint32Array[];
  count: number;
  bytes: number;
  low: number;
  high: number;
}

interface Chain {
  /** Number of the process. */
  readonly process: number;
  /** Place of the next link. */
  link: number;
  hash: Uint8Array;
  /** Sequence of the next record. */
  next: number;
  /** Where the chain before it ended. */
  readonly previous: ChainHead | undefined;
  open: OpenBatch;
}

/** The newest batch: its process by number and id, its last link, record and hash. */
interface LastBatch {
  readonly process: number;
  readonly id: string;
  readonly link: number;
  readonly sequence: number;
  readonly hash: Uint8Array;
}

type RecentRow = [
  process: number,
  link: number,
  kind: number,
  first: number,
  count: number,
  body: Uint8Array,
  hash: Uint8Array,
];

/** The one that appends; it belongs to the connection that writes. */
export class AuditAppender {
  /** The id of this opening of the store. */
  readonly process: string;
  readonly #db: Database;
  readonly #options: AppenderOptions;
  readonly #packer = new Packer();
  readonly #batches: BatchWriter;
  readonly #insertRecent: Statement;
  readonly #clearRecent: Statement;
  #chain: Chain | undefined;
  #headsWritten = Number.NEGATIVE_INFINITY;
  #retained = Number.NEGATIVE_INFINITY;
  /** A head to tell of once its transaction is committed. */
  #told: { readonly sequence: number; readonly hash: Uint8Array } | undefined;

  constructor(db: Database, options: AppenderOptions) {
    this.process = options.process ?? randomUUID();
    this.#db = db;
    this.#options = options;
    this.#batches = new BatchWriter(db);
    this.#insertRecent = db.prepare(
      'INSERT INTO audit_recent (process, link, kind, first, count, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#clearRecent = db.prepare('DELETE FROM audit_recent');
  }

  /**
   * Appends records inside the caller's transaction, which must be synchronous. Best called once a group of commits.
   * After a rollback the caller calls `rolledBack`.
   */
  append(records: readonly AuditRecord[]): void {
    this.appendParts(packRecords(records, this.#packer));
  }

  /** The same for records that were packed elsewhere (`packRecords`). */
  appendParts(parts: readonly Uint8Array[]): void {
    if (parts.length === 0) return;
    const chain = this.#ready();
    const now = this.#options.clock();
    this.#retain(chain, now);
    // What waits unsealed can't be removed by AUDIT_RETENTION.
    if (chain.open.count > 0 && now - chain.open.low > longestOpen) this.#seal(chain);
    if (now - this.#headsWritten >= headsInterval) {
      this.#headsWritten = now;
      this.#addText(chain, headsLink(linkKind.heads, this.#heads(chain)));
      queueMicrotask(() => this.#tell());
    }
    let some: Part[] = [];
    let count = 0;
    for (const part of parts.map(readPart)) {
      if (count > 0 && count + part.count > sealRecords) {
        this.#addRecords(chain, some, count);
        some = [];
        count = 0;
      }
      some.push(part);
      count += part.count;
    }
    this.#addRecords(chain, some, count);
    this.#told = { sequence: chain.next - 1, hash: chain.hash };
  }

  /** The caller's transaction was rolled back: what was appended in it is forgotten. */
  rolledBack(): void {
    this.#chain = undefined;
    this.#told = undefined;
    this.#headsWritten = Number.NEGATIVE_INFINITY;
    this.#retained = Number.NEGATIVE_INFINITY;
  }

  /** Tells of the last head. Nothing may be appended afterwards. */
  close(): void {
    this.#tell();
  }

  #tell(): void {
    const told = this.#told;
    this.#told = undefined;
    if (told !== undefined) this.#options.onHead?.(this.process, told.sequence, Buffer.from(told.hash).toString('hex'));
  }

  /** The chain, taken up from the file at first; what an earlier opening left unsealed is sealed. */
  #ready(): Chain {
    if (this.#chain !== undefined) return this.#chain;
    this.#sealLeftovers();
    const last = this.#lastBatch();
    const known = this.#db.prepare<[number]>('SELECT num FROM audit_process WHERE id = ?').get(this.process)?.[0];
    const process = known ?? this.#newProcess();
    const own = last?.process === process;
    const link = own ? last.link + 1 : 0;
    const hash = own ? last.hash : noHash;
    const next = last === undefined ? 1 : last.sequence + 1;
    const previous = own || last === undefined ? undefined : headOf(last.id, last.link, last.sequence, last.hash);
    this.#chain = { process, link, hash, next, previous, open: emptyBatch(next, link, hash) };
    return this.#chain;
  }

  #newProcess(): number {
    const insert = this.#db.prepare<[number]>('INSERT INTO audit_process (id, started) VALUES (?, ?) RETURNING num');
    return insert.get(this.process, this.#options.clock())?.[0] ?? 0;
  }

  #sealLeftovers(): void {
    const rows = this.#db
      .prepare<RecentRow>('SELECT process, link, kind, first, count, body, hash FROM audit_recent ORDER BY link')
      .all();
    const [start] = rows;
    const end = rows.at(-1);
    if (start === undefined || end === undefined) return;
    const [process, link] = start;
    // Its sealed batches, if any, are the newest ones.
    const last = this.#lastBatch();
    const before = last !== undefined && last.process === process ? last.hash : noHash;
    const first = (last?.sequence ?? 0) + 1;
    const sealed = { first, process, link, before, hash: end[6] };
    try {
      const links = rows.map(([, , kind, , count, body]) => linkOf(kind, count, body));
      const columns = columnsOf(links);
      if (start[3] !== first || columns.count === 0) throw new DamagedAudit('unsealed audit records are missing');
      const times = columns.recorded;
      const low = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
      const high = times.reduce((greatest, time) => Math.max(greatest, time), Number.NEGATIVE_INFINITY);
      this.#batches.write({ ...sealed, links, count: columns.count, low, high }, keysOf(columns));
    } catch (error) {
      if (!(error instanceof DamagedAudit)) throw error;
      // Damage to what tells of the past must not stop the server from writing: it is kept as it is.
      const links = rows.map(([, , , , , body]) => ({ kind: linkKind.damaged, count: 0, parts: [], text: body }));
      const count = Math.max(1, end[3] + end[4] - first);
      this.#batches.write({ ...sealed, links, count, low: 0, high: this.#options.clock() }, new Uint32Array());
    }
    this.#clearRecent.run();
  }

  #lastBatch(): LastBatch | undefined {
    const row = this.#db
      .prepare<[number, string, number, number, Uint8Array]>(
        `SELECT b.process, p.id, b.link + b.links - 1, b.first + b.count - 1, b.hash
         FROM audit_batch b JOIN audit_process p ON p.num = b.process ORDER BY b.first DESC LIMIT 1`,
      )
      .get();
    if (row === undefined) return undefined;
    const [process, id, link, sequence, hash] = row;
    return { process, id, link, sequence, hash };
  }

  /** The newest hash of this chain; at its start the last one of the chain before it, whose end is thereby fixed. */
  #heads(chain: Chain): readonly ChainHead[] {
    if (chain.link > 0) return [headOf(this.process, chain.link - 1, chain.next - 1, chain.hash)];
    return chain.previous === undefined ? [] : [chain.previous];
  }

  #retain(chain: Chain, now: number): void {
    const { retention } = this.#options;
    if (retention === undefined || now - this.#retained < retentionInterval) return;
    const { heads, more } = removeOld(this.#db, now - retention);
    if (!more) this.#retained = now;
    if (heads.length > 0) this.#addText(chain, headsLink(linkKind.removed, heads));
  }

  /** A link without records never ends a batch: one with records follows it in the same transaction. */
  #addText(chain: Chain, link: Link): void {
    this.#hash(chain, link, linkBody(link), true);
  }

  #addRecords(chain: Chain, parts: readonly Part[], count: number): void {
    const link: Link = { kind: linkKind.records, count, parts, text: undefined };
    const body = linkBody(link);
    const { open } = chain;
    const full =
      open.count + count >= sealRecords || open.links.length + 1 >= sealLinks || open.bytes + body.length >= sealBytes;
    this.#hash(chain, link, body, !full);
    for (const { low, high, keys } of parts) {
      open.low = Math.min(open.low, low);
      open.high = Math.max(open.high, high);
      open.keys.push(keys);
    }
    open.count += count;
    chain.next += count;
    if (full) this.#seal(chain);
  }

  #hash(chain: Chain, link: Link, body: Uint8Array, recent: boolean): void {
    chain.hash = hashLink(chain.hash, this.process, chain.link, chain.next, link, body);
    chain.open.links.push(link);
    chain.open.bytes += body.length;
    if (recent) this.#insertRecent.run(chain.process, chain.link, link.kind, chain.next, link.count, body, chain.hash);
    chain.link++;
  }

  #seal(chain: Chain): void {
    const { first, link, before, links, count, low, high, keys } = chain.open;
    const all = new Uint32Array(keys.reduce((sum, of) => sum + of.length, 0));
    let at = 0;
    for (const of of keys) {
      all.set(of, at);
      at += of.length;
    }
    this.#batches.write(
      { first, count, process: chain.process, link, links, low, high, before, hash: chain.hash },
      all,
    );
    this.#clearRecent.run();
    chain.open = emptyBatch(chain.next, chain.link, chain.hash);
  }
}

function headOf(process: string, link: number, sequence: number, hash: Uint8Array): ChainHead {
  return { process, link, sequence, hash: Buffer.from(hash).toString('hex') };
}

function emptyBatch(first: number, link: number, before: Uint8Array): OpenBatch {
  return {
    first,
    link,
    before,
    links: [],
    keys: [],
    count: 0,
    bytes: 0,
    low: Number.POSITIVE_INFINITY,
    high: Number.NEGATIVE_INFINITY,
  };
}

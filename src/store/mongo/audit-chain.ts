/**
 * Chains the server's own AuditEvents, so that a change shows. https://hl7.org/fhir/R4/security.html#audit
 *
 * Commits write their records beside each other, so a record can't name the one before it. Once all records of a process up
 * to a number are there, they are sealed: a seal has the hash of them and of the seal before. Each process number has its
 * own chain; whoever has the number next goes on with it.
 */
import { createHash } from 'node:crypto';
import { type Collection, type Db, type Filter, MongoServerError } from 'mongodb';
import type { ChainHead } from '../audit-verification.ts';
import { type AuditDocument, auditRecord } from './audit-append.ts';
import { type Clock, processes } from './clock.ts';
import { names } from './document.ts';

export interface SealKey {
  /** The number of the process. */
  readonly chain: number;
  /** Its place in the chain, from 0. */
  readonly place: number;
}

export interface SealDocument {
  readonly _id: SealKey;
  /** Sequences of the first and the last record. */
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Of the seal before, and of this one; hexadecimal. */
  readonly before: string;
  readonly hash: string;
  /** Whether the records were removed because of their age. */
  readonly removed?: true;
}

/** What a chain begins with. */
export const noHash = '0'.repeat(64);
/** Records that one seal covers at most. */
const most = 10_000;
/** Milliseconds after which the newest hash is told. */
const tellEvery = 60_000;

/** The name of a process's chain. */
export function chainName(chain: number): string {
  return `process-${chain}`;
}

/** The seals of a chain between places. */
export function sealsOf(chain: number): { readonly _id: { readonly $gte: SealKey; readonly $lte: SealKey } } {
  return { _id: { $gte: { chain, place: 0 }, $lte: { chain, place: Number.MAX_SAFE_INTEGER } } };
}

/** Records of a chain beyond a sequence and up to another. */
export function recordsOf(chain: number, after: number, upTo: number): Filter<AuditDocument> {
  return { by: chain, _id: { $gt: after, $lte: upTo } };
}

/** Takes records one by one, and gives the hash of all and of the seal before. */
export class Sealing {
  readonly #hash = createHash('sha256');
  #first = 0;
  #last = 0;
  #count = 0;

  constructor({ chain, place }: SealKey, before: string) {
    this.#hash.update(`${chainName(chain)} ${place} ${before}\n`);
  }

  add(document: AuditDocument): void {
    if (this.#count === 0) this.#first = document._id;
    this.#last = document._id;
    this.#count++;
    this.#hash.update(`${JSON.stringify([document._id, ...Object.entries(auditRecord(document)).flat()])}\n`);
  }

  get count(): number {
    return this.#count;
  }

  end(): Pick<SealDocument, 'first' | 'last' | 'count' | 'hash'> {
    return { first: this.#first, last: this.#last, count: this.#count, hash: this.#hash.digest('hex') };
  }
}

/** What a chain tells of its newest hash. */
export type OnAuditHead = (process: string, sequence: number, hash: string) => void;

export class AuditChains {
  readonly #records: Collection<AuditDocument>;
  readonly #seals: Collection<SealDocument>;
  readonly #clock: Clock;
  readonly #confirm: () => Promise<void>;
  readonly #onHead: OnAuditHead | undefined;
  #sealing: Promise<void> = Promise.resolve();
  /** The newest seal of this process's chain; undefined: not read yet, null: there is none. */
  #newest: SealDocument | null | undefined;
  /** The chain that it was read of: that of the number that the process had then. */
  #read: number | undefined;
  #told: { readonly at: number; readonly hash: string } = { at: 0, hash: noHash };

  /** @param confirm to be awaited before records are sealed, since another process may have the number by then. */
  constructor(db: Db, clock: Clock, confirm: () => Promise<void>, onHead: OnAuditHead | undefined) {
    this.#records = db.collection<AuditDocument>(names.audit);
    this.#seals = db.collection<SealDocument>(names.seals);
    this.#clock = clock;
    this.#confirm = confirm;
    this.#onHead = onHead;
  }

  /** Seals all records of this process that are complete. */
  seal(): Promise<void> {
    const sealing = this.#sealing.then(async () => {
      do await this.#confirm();
      while (await this.#sealSome());
    });
    this.#sealing = sealing.catch(() => undefined);
    return sealing;
  }

  /** Tells of the newest hash, once a minute or, `now`, at once. */
  tell(now: boolean): void {
    const seal = this.#newest;
    if (seal === undefined || seal === null || seal.hash === this.#told.hash) return;
    if (!now && Date.now() - this.#told.at < tellEvery) return;
    this.#told = { at: Date.now(), hash: seal.hash };
    this.#onHead?.(chainName(seal._id.chain), seal.last, seal.hash);
  }

  /** The newest seal of each chain. */
  async heads(): Promise<readonly ChainHead[]> {
    const found = await Promise.all(
      Array.from({ length: processes }, (_, chain) =>
        this.#seals.find(sealsOf(chain)).sort({ _id: -1 }).limit(1).next(),
      ),
    );
    return found.flatMap((seal) =>
      seal === null ? [] : [{ process: chainName(seal._id.chain), sequence: seal.last, hash: seal.hash }],
    );
  }

  /** @returns whether there may be more. */
  async #sealSome(): Promise<boolean> {
    // Both at once: what another process writes with the number is complete when that says so.
    const [chain, floor] = [this.#clock.process, this.#clock.floor()];
    if (this.#newest === undefined || this.#read !== chain) {
      this.#newest = await this.#seals.find(sealsOf(chain)).sort({ _id: -1 }).limit(1).next();
      this.#read = chain;
    }
    const before = this.#newest;
    const key = { chain, place: before === null ? 0 : before._id.place + 1 };
    const sealing = new Sealing(key, before?.hash ?? noHash);
    const complete = recordsOf(chain, before?.last ?? 0, floor);
    for await (const record of this.#records.find(complete).sort({ _id: 1 }).limit(most)) sealing.add(record);
    if (sealing.count === 0) return false;
    const seal = { _id: key, ...sealing.end(), before: before?.hash ?? noHash };
    try {
      await this.#seals.insertOne(seal);
      this.#newest = seal;
    } catch (error) {
      // It was made, but the answer was lost, or another process had the number meanwhile: it is read anew.
      if (!(error instanceof MongoServerError && error.code === 11000)) throw error;
      this.#newest = undefined;
    }
    return true;
  }
}

/** What is done now and then, a little at a time: removes what nobody can ask for any more. https://hl7.org/fhir/R4/http.html#paging */
import type { Db } from 'mongodb';
import type { AuditDocument } from './audit-append.ts';
import { recordsOf, type SealDocument } from './audit-chain.ts';
import { type HistoryDocument, historyName, names } from './document.ts';
import { forgetGuards } from './guards.ts';
import type { Notes } from './notes.ts';
import type { Orphans } from './orphans.ts';
import type { TerminologyWrites } from './terminology-write.ts';
import type { Types } from './types.ts';

export interface UpkeepOptions {
  readonly clock: () => number;
  readonly cursorLifetime: number;
  readonly auditRetention: number | undefined;
}

/** What knows itself what it can remove. */
interface Kept {
  readonly notes: Pick<Notes, 'forget'>;
  readonly terminology: Pick<TerminologyWrites, 'forget'>;
  readonly files: Pick<Orphans, 'forget'>;
}

/** Milliseconds between two times. */
const every = 60_000;
/** Documents that are looked at in one step. */
const step = 1000;

export class Upkeep {
  readonly #db: Db;
  readonly #types: Types;
  readonly #kept: Kept;
  readonly #options: UpkeepOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(db: Db, types: Types, kept: Kept, options: UpkeepOptions) {
    this.#db = db;
    this.#types = types;
    this.#kept = kept;
    this.#options = options;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      // What fails is tried the next time.
      this.#running = this.run()
        .catch(() => undefined)
        .finally(() => {
          if (!this.#closed) this.start();
        });
    }, every);
    this.#timer.unref();
  }

  /** All of it, once. */
  async run(): Promise<void> {
    await this.#forgetWalks();
    await this.#kept.notes.forget();
    await this.#kept.terminology.forget();
    await this.#kept.files.forget(() => this.#closed);
    await forgetGuards(this.#db);
    await this.#retainAudit();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Superseded versions need nothing to be found by once no walk can show them. */
  async #forgetWalks(): Promise<void> {
    const { clock, cursorLifetime } = this.#options;
    const old = { kept: true, replaced: { $lt: new Date(clock() - cursorLifetime) } } as const;
    const gone = { index: '', present: '', sort: '', refs: '', words: '', contained: '', kept: '' } as const;
    for (const type of await this.#types.known()) {
      const collection = this.#db.collection<HistoryDocument>(historyName(type));
      while (!this.#closed) {
        const found = await collection
          .find(old, { projection: { _id: 1 } })
          .limit(step)
          .toArray();
        if (found.length === 0) break;
        await collection.updateMany({ _id: { $in: found.map(({ _id }) => _id) } }, { $unset: gone });
      }
    }
  }

  /** Removes audit records that are old enough, seal by seal, so that the chains stay whole. */
  async #retainAudit(): Promise<void> {
    const { clock, auditRetention } = this.#options;
    if (auditRetention === undefined) return;
    const oldest = new Date(clock() - auditRetention);
    const records = this.#db.collection<AuditDocument>(names.audit);
    const seals = this.#db.collection<SealDocument>(names.seals);
    for await (const { _id, first, last } of seals.find({ removed: { $exists: false } }).sort({ last: 1 })) {
      if (this.#closed) return;
      const own = recordsOf(_id.chain, first - 1, last);
      const young = await records.findOne({ $and: [own, { at: { $gte: oldest } }] }, { projection: { _id: 1 } });
      if (young !== null) return;
      // The mark first: records that are missing without one are a fault.
      await seals.updateOne({ _id }, { $set: { removed: true } });
      await records.deleteMany(own);
    }
  }
}

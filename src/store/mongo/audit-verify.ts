/** Verifies the chains of the server's own AuditEvents, also beside servers. https://hl7.org/fhir/R4/security.html#audit */
import type { Collection, Db } from 'mongodb';
import {
  type AuditFault,
  type AuditVerification,
  advice,
  type ChainHead,
  type VerifyOptions,
} from '../audit-verification.ts';
import type { AuditDocument } from './audit-append.ts';
import { chainName, noHash, recordsOf, type SealDocument, Sealing, sealsOf } from './audit-chain.ts';
import { processes } from './clock.ts';
import { names } from './document.ts';
import { connect } from './open.ts';

/** Verifies the database of a `STORE_URL`. @throws StoreUnavailable where no server answers. */
export async function verifyDatabase(url: string, options: VerifyOptions = {}): Promise<AuditVerification> {
  const { client, db } = await connect(url);
  try {
    return await new Verifier(db).run(options);
  } finally {
    await client.close();
  }
}

/** What the walk along a chain knows of the seals before. */
interface Before {
  readonly place: number;
  readonly last: number;
  readonly hash: string;
  readonly removed: boolean;
}

class Verifier {
  readonly #records: Collection<AuditDocument>;
  readonly #seals: Collection<SealDocument>;
  readonly #seen = new Set<string>();
  readonly #heads: ChainHead[] = [];
  #batches = 0;
  #events = 0;

  constructor(db: Db) {
    this.#records = db.collection<AuditDocument>(names.audit);
    this.#seals = db.collection<SealDocument>(names.seals);
  }

  async run({ heads = [] }: VerifyOptions): Promise<AuditVerification> {
    const faults: AuditFault[] = [];
    let chains = 0;
    for (let chain = 0; chain < processes; chain += 1) {
      const events = this.#events;
      const fault = await this.#verifyChain(chain);
      if (fault !== undefined) faults.push(fault);
      if (fault !== undefined || this.#events > events || this.#heads.at(-1)?.process === chainName(chain)) chains += 1;
    }
    const stray = await this.#records.findOne({ by: { $nin: Array.from({ length: processes }, (_, n) => n) } });
    if (stray !== null) faults.push(faultAt(-1, stray._id, stray.id, 'An event belongs to no chain.'));
    const [first] = await this.#records
      .find({}, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(1)
      .toArray();
    const [fault = this.#missingHead(heads)] = faults.sort((a, b) => a.sequence - b.sequence);
    const counts = { events: this.#events, batches: this.#batches, chains, first: first?._id ?? 0, heads: this.#heads };
    return fault === undefined ? counts : { ...counts, fault };
  }

  async #verifyChain(chain: number): Promise<AuditFault | undefined> {
    let before: Before = { place: -1, last: 0, hash: noHash, removed: true };
    for await (const seal of this.#seals.find(sealsOf(chain)).sort({ _id: 1 })) {
      const fault = await this.#verifySeal(seal, before);
      if (fault !== undefined) return fault;
      before = { place: seal._id.place, last: seal.last, hash: seal.hash, removed: seal.removed === true };
      this.#seen.add(seal.hash);
      this.#batches += 1;
    }
    if (before.place >= 0) this.#heads.push({ process: chainName(chain), sequence: before.last, hash: before.hash });
    // What was written last is sealed within seconds.
    this.#events += await this.#records.countDocuments(recordsOf(chain, before.last, Number.MAX_SAFE_INTEGER));
    return undefined;
  }

  async #verifySeal(seal: SealDocument, before: Before): Promise<AuditFault | undefined> {
    const { chain, place } = seal._id;
    const faulty = (text: string, sequence = seal.first, id?: string) => faultAt(chain, sequence, id, text);
    if (place !== before.place + 1 || seal.before !== before.hash)
      return faulty('Events before it, or their seal, are missing or were changed.');
    // What AUDIT_RETENTION removes is the oldest.
    if (seal.removed === true && !before.removed) return faulty('Events were removed, but not those before them.');
    if (seal.removed === true) return undefined;
    const sealing = new Sealing(seal._id, before.hash);
    let outside: AuditDocument | undefined;
    for await (const record of this.#records.find(recordsOf(chain, before.last, seal.last)).sort({ _id: 1 })) {
      if (record._id < seal.first) outside ??= record;
      sealing.add(record);
    }
    const { first, last, count, hash } = sealing.end();
    if (hash === seal.hash && first === seal.first && last === seal.last && count === seal.count) {
      this.#events += count;
      return undefined;
    }
    // AUDIT_RETENTION may have come to it meanwhile.
    if ((await this.#seals.findOne({ _id: seal._id, removed: true })) !== null) return undefined;
    if (outside !== undefined) return faulty('An event was added.', outside._id, outside.id);
    const text =
      count === seal.count
        ? `One of the events up to ${seal.last} was changed.`
        : `Of ${seal.count} events up to ${seal.last} there are ${count}.`;
    return faulty(text);
  }

  /** A head that was shown and that no chain has: the tail was cut off. */
  #missingHead(heads: readonly string[]): AuditFault | undefined {
    for (const head of heads) {
      const [hash = '', , process = ''] = head.toLowerCase().split(':').reverse();
      if (this.#seen.has(hash)) continue;
      const last = this.#heads.find((each) => each.process === process)?.sequence ?? 0;
      const text = `The head ${hash} that was shown is in no chain. Events were cut off, or chains rewritten. ${advice}`;
      return { process, batch: 0, sequence: last + 1, text };
    }
    return undefined;
  }
}

function faultAt(chain: number, sequence: number, id: string | undefined, text: string): AuditFault {
  const process = chain < 0 ? 'none' : chainName(chain);
  return { process, batch: sequence, sequence, ...(id === undefined ? {} : { id }), text: `${text} ${advice}` };
}

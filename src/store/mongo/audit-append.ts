/** Writes the server's own AuditEvents, in the transactions that they tell of or by themselves. https://hl7.org/fhir/R4/auditevent.html */
import { type ClientSession, type Collection, type Db, MongoBulkWriteError, MongoServerError } from 'mongodb';
import type { AuditRecord } from '../audit-record.ts';
import { type Block, type Clock, processOf } from './clock.ts';
import { names } from './document.ts';
import type { WantedIndex } from './index-plan.ts';

/** A record. The names are short, since there are many. */
export interface AuditDocument {
  /** Its sequence: a change number, so that those of several processes don't meet. */
  readonly _id: number;
  /** The number of the process that wrote it, in whose chain it is. */
  readonly by: number;
  readonly id: string;
  /** Recorded. */
  readonly at: Date;
  /** Subtype, action, outcome, status. */
  readonly sub: string;
  readonly act: AuditRecord['action'];
  readonly out: AuditRecord['outcome'];
  readonly status: number;
  readonly agent: string;
  readonly address: string;
  readonly request: string;
  readonly type: string;
  readonly entity: string;
  readonly patient: string;
  readonly query: string;
  /** What it names, each as `Type/id`: the entity, the patient. */
  readonly of: readonly string[];
}

export const auditIndexes: readonly WantedIndex[] = [
  { name: 'by', key: { by: 1, _id: 1 } },
  { name: 'id', key: { id: 1 } },
  { name: 'at', key: { at: 1, _id: 1 } },
  { name: 'agent', key: { agent: 1, _id: 1 } },
  { name: 'of', key: { of: 1, _id: 1 } },
];

/** Records that one insertion takes. */
const batch = 1000;
const duplicateKey = 11000;

export class AuditAppender {
  readonly #collection: Collection<AuditDocument>;
  readonly #clock: Clock;
  readonly #confirm: () => Promise<void>;

  /** @param confirm to be awaited before AuditEvents by themselves take numbers. */
  constructor(db: Db, clock: Clock, confirm: () => Promise<void>) {
    this.#collection = db.collection<AuditDocument>(names.audit);
    this.#clock = clock;
    this.#confirm = confirm;
  }

  /** Writes records with a block's numbers from a place on. */
  async write(records: readonly AuditRecord[], block: Block, place: number, session?: ClientSession): Promise<void> {
    const documents = this.documents(records, block, place);
    for (let start = 0; start < documents.length; start += batch) {
      const some = documents.slice(start, start + batch);
      await this.#collection.insertMany(some, session === undefined ? {} : { session });
    }
  }

  /** The documents of records, with a block's numbers from a place on. */
  documents(records: readonly AuditRecord[], block: Block, place: number): readonly AuditDocument[] {
    return records.map((record, n) => auditDocument(record, block.at(place + n)));
  }

  /** Inserts documents that may be there already. */
  async insert(documents: readonly AuditDocument[]): Promise<void> {
    if (documents.length === 0) return;
    try {
      await this.#collection.insertMany([...documents], { ordered: false });
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError && error.code === duplicateKey)) throw error;
    }
  }

  /**
   * Writes records of interactions that wrote nothing. Where this process stood still for so long that another one has its
   * number, that may have used the same change numbers: what isn't stored then gets others.
   */
  async append(records: readonly AuditRecord[]): Promise<void> {
    let left = records;
    while (left.length > 0) {
      await this.#confirm();
      const block = this.#clock.begin(left.length);
      try {
        await this.write(left, block, 0);
        return;
      } catch (error) {
        if (!(error instanceof MongoServerError && error.code === duplicateKey)) throw error;
      } finally {
        this.#clock.end(block);
      }
      left = await this.#missing(left, block);
    }
  }

  /** Those of records with a block's numbers that aren't stored. */
  async #missing(records: readonly AuditRecord[], block: Block): Promise<readonly AuditRecord[]> {
    const own = { _id: { $in: records.map((_, n) => block.at(n)) } };
    const stored = await this.#collection.find(own, { projection: { id: 1 } }).toArray();
    const ids = new Set(stored.map(({ id }) => id));
    return records.filter(({ id }) => !ids.has(id));
  }

  /** Whether records with a block's numbers are stored: all are, or none. */
  async has(records: readonly AuditRecord[], block: Block): Promise<boolean> {
    if (records.length === 0) return false;
    return (await this.#collection.findOne({ _id: block.first }, { projection: { _id: 1 } })) !== null;
  }
}

export function auditDocument(record: AuditRecord, sequence: number): AuditDocument {
  const { id, recorded, subtype, action, outcome, status, agent, address, requestId, type, entity, patient, query } =
    record;
  const of = new Set([
    ...(entity === '' ? [] : [`${type}/${entity}`]),
    ...(patient === '' ? [] : [`Patient/${patient}`]),
  ]);
  return {
    _id: sequence,
    by: processOf(sequence),
    id,
    at: new Date(recorded),
    sub: subtype,
    act: action,
    out: outcome,
    status,
    agent,
    address,
    request: requestId,
    type,
    entity,
    patient,
    query,
    of: [...of],
  };
}

export function auditRecord(document: AuditDocument): AuditRecord {
  const { id, at, sub, act, out, status, agent, address, request, type, entity, patient, query } = document;
  return {
    id,
    recorded: at.getTime(),
    subtype: sub,
    action: act,
    outcome: out,
    status,
    agent,
    address,
    requestId: request,
    type,
    entity,
    patient,
    query,
  };
}

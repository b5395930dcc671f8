/** Reads the server's own AuditEvents back. https://hl7.org/fhir/R4/auditevent.html */
import type { Collection, Db, Filter } from 'mongodb';
import type { AuditLog, AuditQuery, StoredAuditRecord } from '../audit-log.ts';
import type { AuditRecord } from '../audit-record.ts';
import { type AuditAppender, type AuditDocument, auditRecord } from './audit-append.ts';
import type { AuditChains } from './audit-chain.ts';
import { dateOf } from './dates.ts';
import { names } from './document.ts';

/** Records that are given at once. */
const sliceSize = 256;

/** What only reads needs no more than the database. */
export class AuditReads implements Pick<AuditLog, 'find' | 'last'> {
  readonly #collection: Collection<AuditDocument>;

  constructor(db: Db) {
    this.#collection = db.collection<AuditDocument>(names.audit);
  }

  async *find(
    query: AuditQuery,
    order: 'ascending' | 'descending',
    after?: number,
    upTo?: number,
  ): AsyncGenerator<readonly StoredAuditRecord[]> {
    const rising = order === 'ascending';
    const end = Math.min(await this.last(), upTo ?? Number.MAX_SAFE_INTEGER);
    const range: Filter<AuditDocument> =
      after === undefined
        ? { _id: { $lte: end } }
        : { _id: rising ? { $gt: after, $lte: end } : { $lt: after, $lte: end } };
    const cursor = this.#collection
      .find({ $and: [range, ...testsOf(query)] })
      .sort({ _id: rising ? 1 : -1 })
      .batchSize(sliceSize);
    try {
      let slice: StoredAuditRecord[] = [];
      for await (const document of cursor) {
        slice.push({ sequence: document._id, record: auditRecord(document) });
        if (slice.length < sliceSize) continue;
        yield slice;
        slice = [];
      }
      if (slice.length > 0) yield slice;
    } finally {
      await cursor.close();
    }
  }

  async last(): Promise<number> {
    const [newest] = await this.#collection
      .find({}, { projection: { _id: 1 } })
      .sort({ _id: -1 })
      .limit(1)
      .toArray();
    return newest?._id ?? 0;
  }
}

export class MongoAuditLog extends AuditReads implements AuditLog {
  readonly #appender: AuditAppender;
  readonly #chains: AuditChains;

  constructor(db: Db, appender: AuditAppender, chains: AuditChains) {
    super(db);
    this.#appender = appender;
    this.#chains = chains;
  }

  append(records: readonly AuditRecord[]): Promise<void> {
    return this.#appender.append(records);
  }

  async heads(): Promise<ReadonlyMap<string, string>> {
    await this.#chains.seal();
    return new Map((await this.#chains.heads()).map(({ process, hash }) => [process, hash]));
  }
}

/** As `fits` in `audit-log.ts` of the port. */
function testsOf({
  ids,
  recorded,
  agents,
  patients,
  entities,
  actions,
  subtypes,
  outcomes,
}: AuditQuery): Filter<AuditDocument>[] {
  const tests: Filter<AuditDocument>[] = [];
  const among = (name: string, values: readonly string[] | undefined) => {
    if (values !== undefined) tests.push({ [name]: { $in: [...values] } });
  };
  among('id', ids);
  if (recorded !== undefined) tests.push({ at: { $gte: dateOf(recorded.low), $lt: dateOf(recorded.high) } });
  among('agent', agents);
  if (patients !== undefined) {
    const named = patients.map((id) => `Patient/${id}`);
    tests.push({ $or: [{ of: { $in: named } }, { agent: { $in: named } }] });
  }
  among('of', entities);
  among('act', actions);
  among('sub', subtypes);
  among('out', outcomes);
  return tests;
}

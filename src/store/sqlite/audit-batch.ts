/** Batches of audit records: some thousand in one compressed row. https://hl7.org/fhir/R4/auditevent.html */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { DamagedAudit } from './audit-bytes.ts';
import { joinLinks, type Link, splitLinks } from './audit-chain.ts';
import { AuditColumns } from './audit-columns.ts';
import { AuditIndex, sortedKeys } from './audit-index.ts';
import { entityKey, patientKey, textHash, textKey } from './audit-key.ts';
import type { Database, Statement } from './open.ts';

/** A batch's links and what is known of them. */
export interface Batch {
  /** Sequence of its first record. */
  readonly first: number;
  /** Records, at least one. */
  readonly count: number;
  /** Number of the process. */
  readonly process: number;
  /** Place of its first link in the chain. */
  readonly link: number;
  readonly links: readonly Link[];
  /** The least and greatest instant recorded, in milliseconds. */
  readonly low: number;
  readonly high: number;
  /** The chain's hash before and after it. */
  readonly before: Uint8Array;
  readonly hash: Uint8Array;
}

/** Unpacked bytes of a batch at most: a guard against a damaged length. */
const unpackedLimit = 512 * 1024 * 1024;

/** Writes batches, inside the caller's transaction. */
export class BatchWriter {
  readonly #insert: Statement;
  readonly #index: AuditIndex;

  constructor(db: Database) {
    this.#insert =
      db.prepare(`INSERT INTO audit_batch (first, count, process, link, links, low, high, before, hash, packed, plain)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#index = new AuditIndex(db);
  }

  /** @param keys of everything its records name, in any order. */
  write(batch: Batch, keys: Uint32Array): void {
    const { first, count, process, link, links, low, high, before, hash } = batch;
    const { fields, raw } = joinLinks(links);
    const packed = deflateRawSync(fields, { level: 1 });
    this.#insert.run(first, count, process, link, links.length, low, high, before, hash, packed, raw);
    this.#index.add(first, sortedKeys(keys));
  }
}

/** The links of a stored batch. Throws DamagedAudit where its bytes make no sense. */
export function readLinks(packed: Uint8Array, plain: Uint8Array): readonly Link[] {
  let fields: Uint8Array;
  try {
    fields = inflateRawSync(packed, { maxOutputLength: unpackedLimit });
  } catch {
    throw new DamagedAudit('an audit batch does not unpack');
  }
  return splitLinks({ fields, raw: plain });
}

/** The records of links as columns. Throws DamagedAudit where their bytes make no sense. */
export function columnsOf(links: readonly Link[]): AuditColumns {
  const columns = new AuditColumns(links.reduce((sum, { count }) => sum + count, 0));
  for (const { parts } of links) for (const part of parts) columns.add(part);
  return columns;
}

/** Keys of everything that records name, sorted and without duplicates: what `Packer` collects as it packs. */
export function keysOf(columns: AuditColumns): Uint32Array {
  const keys = new Set<number>();
  const types = columns.shapes.map(({ type }) => textHash(type));
  for (const { subtype, action, outcome, agent } of columns.shapes) {
    keys.add(textKey('subtype', subtype)).add(textKey('action', action));
    keys.add(textKey('outcome', outcome)).add(textKey('agent', agent));
  }
  for (let n = 0; n < columns.count; n++) {
    const entity = columns.entity[n] ?? -1;
    const patient = columns.patient[n] ?? -1;
    if (entity >= 0) keys.add(entityKey(types[columns.shape[n] ?? 0] ?? 0, columns.ids.hash(entity)));
    const own = entity === patient && columns.shapeOf(n).type === 'Patient';
    if (patient >= 0 && !own) keys.add(patientKey(columns.ids.hash(patient)));
    const odd = columns.oddId(n);
    if (odd !== undefined) keys.add(textKey('id', odd));
  }
  return sortedKeys(Uint32Array.from(keys));
}

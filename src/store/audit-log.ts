/** The part of a store that keeps the server's own AuditEvents, compactly and chained. https://hl7.org/fhir/R4/auditevent.html */
import type { AuditRecord } from './audit-record.ts';

/** Which records to find. All given fields must hold; a field's values are an OR. */
export interface AuditQuery {
  readonly ids?: readonly string[];
  /** `recorded` in [low, high), milliseconds. */
  readonly recorded?: { readonly low: number; readonly high: number };
  readonly agents?: readonly string[];
  /** Logical ids of patients: of the patient concerned, of a Patient that was read or written, or of one who asked. */
  readonly patients?: readonly string[];
  /** `Type/id` of entities: of the resource, or of the patient concerned. */
  readonly entities?: readonly string[];
  readonly actions?: readonly string[];
  readonly subtypes?: readonly string[];
  readonly outcomes?: readonly string[];
}

export interface StoredAuditRecord {
  /** Rises with the order of appending; a walk's position. */
  readonly sequence: number;
  readonly record: AuditRecord;
}

export interface AuditLog {
  /** Appends records of interactions that wrote nothing. Resolves when they are on disk, within a second. */
  append(records: readonly AuditRecord[]): Promise<void>;

  /**
   * Records in `order` of appending, beyond `after` (exclusive, in that order) and up to `upTo` (inclusive sequence).
   * Yields some at a time, and now and then none, so that a caller that filters further or has a time budget can stop.
   */
  find(
    query: AuditQuery,
    order: 'ascending' | 'descending',
    after?: number,
    upTo?: number,
  ): AsyncIterable<readonly StoredAuditRecord[]>;

  /** The sequence of the newest record, 0 where there is none. */
  last(): Promise<number>;

  /** The newest hash of each process's chain, hexadecimal. */
  heads(): Promise<ReadonlyMap<string, string>>;
}

/** Whether a query finds the record: what every `AuditLog.find` must agree with. */
export function fits(query: AuditQuery, record: AuditRecord): boolean {
  const { ids, recorded, agents, patients, entities, actions, subtypes, outcomes } = query;
  const { type, entity, patient, agent } = record;
  const named = [...(entity === '' ? [] : [`${type}/${entity}`]), ...(patient === '' ? [] : [`Patient/${patient}`])];
  return (
    ids?.includes(record.id) !== false &&
    (recorded === undefined || (record.recorded >= recorded.low && record.recorded < recorded.high)) &&
    agents?.includes(agent) !== false &&
    patients?.some((id) => named.includes(`Patient/${id}`) || agent === `Patient/${id}`) !== false &&
    entities?.some((entity) => named.includes(entity)) !== false &&
    actions?.includes(record.action) !== false &&
    subtypes?.includes(record.subtype) !== false &&
    outcomes?.includes(record.outcome) !== false
  );
}

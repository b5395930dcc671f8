/** What verification of the audit chains finds. https://hl7.org/fhir/R4/security.html#audit */
import type { ChainHead } from './audit-chain.ts';

/** Where the stored events first differ from what was written. */
export interface AuditFault {
  /** The chain: id of the opening of the store. */
  readonly process: string;
  /** Sequence that the batch begins with; 0 for events that no batch has yet. */
  readonly batch: number;
  /** Sequence of the first faulty event. */
  readonly sequence: number;
  /** Its id, where it can still be told. */
  readonly id?: string;
  /** What is wrong and what to do, for a person. */
  readonly text: string;
}

/** Something that is only right if events before it were removed by AUDIT_RETENTION, which a later mark tells. */
export interface Gap {
  readonly fault: AuditFault;
  readonly justified: (removed: ReadonlyMap<string, ChainHead>) => boolean;
}

/** What to do, at the end of each text. */
export const advice = 'Restore a backup that verifies, and compare.';

/** The first fault; ends the walk. */
export class FaultFound extends Error {
  readonly fault: AuditFault;
  constructor(fault: AuditFault) {
    super(fault.text);
    this.fault = fault;
  }
}

/** Sequences from the first to the last, and a verb: `Events 3 to 5 are`. */
export function eventsAre(first: number, last: number): string {
  return first >= last ? `Event ${last} is` : `Events ${first} to ${last} are`;
}

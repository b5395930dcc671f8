/** What verification of the audit chains finds. https://hl7.org/fhir/R4/security.html#audit */
import type { AuditFault } from '../audit-verification.ts';
import type { ChainHead } from './audit-chain.ts';

/** Something that is only right if events before it were removed by AUDIT_RETENTION, which a later mark tells. */
export interface Gap {
  readonly fault: AuditFault;
  readonly justified: (removed: ReadonlyMap<string, ChainHead>) => boolean;
}

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

/** What verification of the audit chains tells. https://hl7.org/fhir/R4/security.html#audit */

/** The newest hash of a chain. */
export interface ChainHead {
  readonly process: string;
  readonly sequence: number;
  readonly hash: string;
}

/** Where the stored events first differ from what was written. */
export interface AuditFault {
  /** The chain. */
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

export interface AuditVerification {
  readonly events: number;
  readonly batches: number;
  readonly chains: number;
  /** Sequence of the first event that is kept; earlier ones were removed by AUDIT_RETENTION. */
  readonly first: number;
  /** The newest hash of each chain. */
  readonly heads: readonly ChainHead[];
  /** Absent: every event is as it was written. */
  readonly fault?: AuditFault;
}

export interface VerifyOptions {
  /** Heads that the log or the metrics showed: `<hash>`, or `<process>:<sequence>:<hash>`. */
  readonly heads?: readonly string[];
}

/** What to do, at the end of each text. */
export const advice = 'Restore a backup that verifies, and compare.';

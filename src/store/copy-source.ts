/** All that a store has, for a copy of it: read beside the server that writes to it. https://hl7.org/fhir/R4/http.html#history */
import type { AuditLog } from './audit-log.ts';
import type { Version } from './port.ts';
import type { TerminologyStore } from './terminology.ts';

/** A version with its change number. */
export interface ChangedVersion extends Version {
  readonly change: number;
}

export interface CopySource {
  /** For people, never with a password. */
  readonly name: string;
  /** Tells the store from all others. */
  readonly identity: string;
  /** The greatest change number up to which nothing is missing. */
  last(): Promise<number>;
  /** Versions after a change number and up to another one, some at a time, in the order of their changes; 0 is before all. */
  versions(after: number, upTo: number): AsyncIterable<readonly ChangedVersion[]>;
  /** The server's own AuditEvents; they can't be appended to here. */
  readonly audit: Pick<AuditLog, 'find' | 'last'>;
  /** Loaded code systems. */
  readonly terminology: Pick<TerminologyStore, 'systems' | 'all'>;
  close(): Promise<void>;
}

/** What the server notes of an interaction; made into an AuditEvent when read. https://hl7.org/fhir/R4/auditevent.html */

export interface AuditRecord {
  /** Logical id of the AuditEvent: a UUID version 7. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly recorded: number;
  /** https://hl7.org/fhir/R4/valueset-audit-event-sub-type.html, system `http://hl7.org/fhir/restful-interaction`. */
  readonly subtype: string;
  /** https://hl7.org/fhir/R4/valueset-audit-event-action.html */
  readonly action: 'C' | 'R' | 'U' | 'D' | 'E';
  /** https://hl7.org/fhir/R4/valueset-audit-event-outcome.html: success, minor, serious, major failure. */
  readonly outcome: '0' | '4' | '8' | '12';
  /** HTTP status, for `outcomeDesc`; 0 where there was no HTTP. */
  readonly status: number;
  /** Who asked: a name or a reference; `anonymous` without access control. */
  readonly agent: string;
  /** The network address of the agent; '' where there is none. */
  readonly address: string;
  readonly requestId: string;
  /** The resource that was read or written, '' for both where there is none (a search, a batch). */
  readonly type: string;
  readonly entity: string;
  /** Logical id of the patient concerned, '' where unknown or none. */
  readonly patient: string;
  /** The query as the client spelled it, '' where there is none. */
  readonly query: string;
}

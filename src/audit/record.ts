/** What an AuditEvent tells of an interaction. https://hl7.org/fhir/R4/auditevent.html */
import type { AuditRecord } from '../store/audit-record.ts';

/** An interaction that somebody asked for, and what it came to. */
export interface Interacted {
  readonly call: {
    /** https://hl7.org/fhir/R4/valueset-type-restful-interaction.html, `operation`, or another word for what has none. */
    readonly interaction: string;
    /** The operation's name with its `$`. */
    readonly operation?: string | undefined;
    readonly method: string;
    /** As the client spelled it, without `?`; '' where there is none. */
    readonly query: string;
    readonly origin: { readonly agent: string; readonly address: string; readonly requestId: string };
  };
  /** HTTP status; 0 where there was no HTTP. */
  readonly status: number;
  /** The resource that was read or written, '' where there is none. */
  readonly type: string;
  readonly id: string;
  /** Logical id of the patient concerned, '' where unknown or none. */
  readonly patient: string;
}

/** `AUDIT`: every interaction, only those that may write, or none. */
export type AuditMode = 'all' | 'writes' | 'off';

const actions: Readonly<Record<string, AuditRecord['action']>> = {
  create: 'C',
  update: 'U',
  patch: 'U',
  delete: 'D',
  read: 'R',
  vread: 'R',
  'history-instance': 'R',
  'history-type': 'R',
  'history-system': 'R',
  capabilities: 'R',
};

const writing: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'transaction', 'batch', 'import']);

/** Whether the mode has an interaction audited. Operations by GET don't write. */
export function isAudited(mode: AuditMode, { interaction, method }: Interacted['call']): boolean {
  if (mode !== 'writes') return mode === 'all';
  return writing.has(interaction) || (interaction === 'operation' && method !== 'GET' && method !== 'HEAD');
}

/** https://hl7.org/fhir/R4/valueset-audit-event-outcome.html: what the client did wrong is minor, what the server did serious. */
export function outcomeOf(status: number): AuditRecord['outcome'] {
  if (status < 400) return '0';
  return status < 500 ? '4' : '8';
}

/**
 * The record of an interaction.
 * @param id the AuditEvent's logical id, a UUID of version 7 that begins with `recorded`.
 * @param recorded milliseconds since 1970.
 */
export function auditRecord(
  { call, status, type, id: entity, patient }: Interacted,
  id: string,
  recorded: number,
): AuditRecord {
  const { interaction, query, origin } = call;
  // One literal with all properties: records of one hidden class are packed several times faster.
  return {
    id,
    recorded,
    subtype: interaction,
    action: actions[interaction] ?? 'E',
    outcome: outcomeOf(status),
    status,
    agent: origin.agent,
    address: origin.address,
    requestId: origin.requestId,
    type,
    entity,
    patient: patient === '' && type === 'Patient' ? entity : patient,
    query: call.operation === undefined ? query : operationQuery(call.operation, query),
  };
}

function operationQuery(operation: string, query: string): string {
  return query === '' ? operation : `${operation}?${query}`;
}

/** What a store's test gives the contract tests, and what they write into it. https://hl7.org/fhir/R4/http.html */
import { makeBody } from '../../src/fhir/body.ts';
import { containedType } from '../../src/search/contained.ts';
import type { Criterion, Parameter } from '../../src/search/criteria.ts';
import type { IndexEntry } from '../../src/search/entry.ts';
import type { AuditRecord } from '../../src/store/audit-record.ts';
import type { Store } from '../../src/store/port.ts';
import type { Commit, Committed, Delete, Erase, Precondition, Put, Write, Written } from '../../src/store/write.ts';

/** A kind of store under test: its test opens it, empty. */
export interface Subject {
  readonly name: string;
  open(settings: Settings): Promise<Store>;
}

export interface Settings {
  /** Milliseconds; absent: the system's. */
  readonly clock?: () => number;
  /** Milliseconds. */
  readonly cursorLifetime: number;
  readonly parameters: readonly Parameter[];
}

export const day = 86_400_000;

export const code: Parameter = {
  type: 'Observation',
  code: 'code',
  kind: 'token',
  multiple: true,
  textual: false,
  components: [],
};
export const subject: Parameter = {
  type: 'Observation',
  code: 'subject',
  kind: 'reference',
  multiple: false,
  textual: false,
  components: [],
};
export const identifier: Parameter = {
  type: 'Patient',
  code: 'identifier',
  kind: 'token',
  multiple: true,
  textual: true,
  components: [],
};
export const link: Parameter = {
  type: 'Patient',
  code: 'link',
  kind: 'reference',
  multiple: true,
  textual: false,
  components: [],
};

/** The settings of most tests. */
export const usual: Settings = { cursorLifetime: day, parameters: [code, subject, identifier, link] };

/** A patient with an identifier; `note` makes one content differ from another. */
export function patient(id: string, value: string, note = '', precondition?: Precondition): Put {
  return put(
    'Patient',
    id,
    { identifier: [{ system: 'urn:mrn', value }], language: note || 'en' },
    [identifierEntry(value)],
    precondition,
  );
}

/** An observation of a patient. */
export function observation(id: string, patientId: string, coding = 'weight'): Put {
  return put(
    'Observation',
    id,
    { status: 'final', code: { text: coding }, subject: { reference: `Patient/${patientId}` } },
    [
      { parameter: 'code', value: { kind: 'token', system: 'urn:codes', value: coding } },
      { parameter: 'subject', value: { kind: 'reference', type: 'Patient', id: patientId, version: '' } },
    ],
  );
}

/** An observation of a patient that it contains. */
export function containing(id: string, value: string, coding = 'weight'): Put {
  const identifiers = [{ system: 'urn:mrn', value }];
  const inside = { type: 'Patient', id: 'p', entries: [identifierEntry(value)] };
  const content = {
    status: 'final',
    contained: [{ resourceType: 'Patient', id: 'p', identifier: identifiers }],
    code: { text: coding },
    subject: { reference: '#p' },
  };
  const entries: IndexEntry[] = [
    { parameter: 'code', value: { kind: 'token', system: 'urn:codes', value: coding } },
    { parameter: 'subject', value: { kind: 'reference', type: containedType('Patient'), id: 'p', version: '' } },
  ];
  return { ...put('Observation', id, content, entries), contained: [inside] };
}

function identifierEntry(value: string): IndexEntry {
  return { parameter: 'identifier', value: { kind: 'identifier', system: 'urn:mrn', value } };
}

export function put(
  type: string,
  id: string,
  content: Readonly<Record<string, unknown>>,
  entries: readonly IndexEntry[] = [],
  precondition?: Precondition,
): Put {
  const body = makeBody(Buffer.from(JSON.stringify({ resourceType: type, id, ...content })), id);
  return {
    kind: 'put',
    method: 'PUT',
    type,
    id,
    body,
    entries,
    ...(precondition === undefined ? {} : { precondition }),
  };
}

export function remove(type: string, id: string, precondition?: Precondition): Delete {
  return { kind: 'delete', type, id, ...(precondition === undefined ? {} : { precondition }) };
}

export function erase(type: string, id: string): Erase {
  return { kind: 'erase', type, id };
}

/** Commits the writes without conditions. */
export function commit(
  store: Pick<Store, 'commit'>,
  writes: readonly Write[],
  more: Partial<Commit> = {},
): Promise<Committed> {
  return store.commit({ writes, conditions: [], audit: [], ...more });
}

/** Commits one write and gives what it came to. */
export async function write(store: Store, one: Write): Promise<Written> {
  const { written } = await commit(store, [one]);
  if (written[0] === undefined) throw new Error('a commit of one write gave nothing');
  return written[0];
}

/** Patients with an identifier. */
export function identified(value: string): Criterion {
  return {
    kind: 'value',
    parameter: identifier,
    anyOf: [{ kind: 'token', system: 'urn:mrn', code: value, fold: false }],
  };
}

/** A version's body as JSON. */
export function contentOf(body: Uint8Array | undefined): Readonly<Record<string, unknown>> {
  if (body === undefined) throw new Error('there is no body');
  return JSON.parse(Buffer.from(body).toString('utf8'));
}

/** What a promise was rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it should have failed');
}

/** An audit record of a write. */
export function auditRecord(id: string, recorded: number): AuditRecord {
  return {
    id,
    recorded,
    subtype: 'create',
    action: 'C',
    outcome: '0',
    status: 201,
    agent: 'anonymous',
    address: '127.0.0.1',
    requestId: 'r1',
    type: 'Patient',
    entity: 'a',
    patient: 'a',
    query: '',
  };
}

/** Observations of a patient with an identifier. */
export function ofIdentified(value: string): Criterion {
  return { kind: 'chain', parameter: subject, target: 'Patient', canonical: undefined, of: identified(value) };
}

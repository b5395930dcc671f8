/** Makes an AuditEvent of a record: the same one each time. https://hl7.org/fhir/R4/auditevent.html */
import { STATUS_CODES } from 'node:http';
import { isId } from '../fhir/id.ts';
import { formatInstant } from '../fhir/instant.ts';
import type { JsonObject, Resource } from '../fhir/resource.ts';
import type { AuditRecord } from '../store/audit-record.ts';

const eventType: JsonObject = {
  system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
  code: 'rest',
  display: 'RESTful Operation',
};
const interactionSystem = 'http://hl7.org/fhir/restful-interaction';
const source: JsonObject = {
  observer: { display: 'Osteon' },
  type: [
    {
      system: 'http://terminology.hl7.org/CodeSystem/security-source-type',
      code: '4',
      display: 'Application Server',
    },
  ],
};

function role(code: string, display: string): JsonObject {
  return { system: 'http://terminology.hl7.org/CodeSystem/object-role', code, display };
}
const patientRole = role('1', 'Patient');
const resourceRole = role('4', 'Domain Resource');
const queryRole = role('24', 'Query');

const systemObject: JsonObject = {
  system: 'http://terminology.hl7.org/CodeSystem/audit-entity-type',
  code: '2',
  display: 'System Object',
};

function typeCoding(type: string): JsonObject {
  return { system: 'http://hl7.org/fhir/resource-types', code: type, display: type };
}

/** Reference to a resource of this server: `Type/id`. */
const localReference = /^[A-Z][A-Za-z]{1,63}\/[A-Za-z0-9\-.]{1,64}$/;
const ipAddress = /^[0-9.]+$|:/;

/** Who asked, as AuditEvent.agent.who refers to it; undefined for a name. */
export function agentReference({ agent }: AuditRecord): string | undefined {
  return localReference.test(agent) ? agent : undefined;
}

/** The resources that a record's AuditEvent refers to as entities, without repetition: `Type/id`. */
export function entityReferences({ type, entity, patient }: AuditRecord): readonly string[] {
  const own = isId(entity) && localReference.test(`${type}/${entity}`) ? `${type}/${entity}` : undefined;
  const concerned = isId(patient) ? `Patient/${patient}` : undefined;
  return [...new Set([own, concerned])].filter((reference) => reference !== undefined);
}

/** The AuditEvent of a record. Its version is always 1: it never changes. */
export function auditEventOf(record: AuditRecord): Resource {
  const recorded = formatInstant(record.recorded);
  const { id, subtype, action, outcome, status } = record;
  const entities = entitiesOf(record);
  return {
    resourceType: 'AuditEvent',
    id,
    meta: { versionId: '1', lastUpdated: recorded },
    type: eventType,
    subtype: [{ system: interactionSystem, code: subtype, display: subtype }],
    action,
    recorded,
    outcome,
    ...(status === 0 ? {} : { outcomeDesc: `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd() }),
    agent: [agentOf(record)],
    source,
    ...(entities.length === 0 ? {} : { entity: entities }),
  };
}

const encoder = new TextEncoder();

/** The same as stored resources are served: FHIR JSON in UTF-8, without white space. */
export function renderAuditEvent(record: AuditRecord): Uint8Array {
  return encoder.encode(JSON.stringify(auditEventOf(record)));
}

function agentOf(record: AuditRecord): JsonObject {
  const { agent, address } = record;
  const reference = agentReference(record);
  const named = agent === '' ? {} : { who: { display: agent }, name: agent };
  return {
    ...(reference === undefined ? named : { who: { reference } }),
    requestor: true,
    ...(address === '' ? {} : { network: { address, type: ipAddress.test(address) ? '2' : '1' } }),
  };
}

function entitiesOf(record: AuditRecord): readonly JsonObject[] {
  const { type, query, requestId } = record;
  const entities: JsonObject[] = entityReferences(record).map((reference) => {
    const of = reference.slice(0, reference.indexOf('/'));
    return { what: { reference }, type: typeCoding(of), role: of === 'Patient' ? patientRole : resourceRole };
  });
  const about = type === '' ? systemObject : typeCoding(type);
  if (query !== '') {
    entities.push({ type: about, role: queryRole, query: Buffer.from(query, 'utf8').toString('base64') });
  } else if (type !== '' && record.entity === '') {
    entities.push({ type: about, role: resourceRole });
  }
  if (requestId !== '') {
    entities.push({
      type: {
        system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType',
        code: 'XrequestId',
      },
      detail: [{ type: 'X-Request-Id', valueString: requestId }],
    });
  }
  return entities;
}

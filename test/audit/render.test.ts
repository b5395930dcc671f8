/** AuditEvents made of records are valid, whole and always the same. https://hl7.org/fhir/R4/auditevent.html */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditEventOf, renderAuditEvent } from '../../src/audit/render.ts';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { parseJson } from '../../src/fhir/json.ts';
import { checkStructure } from '../../src/validation/structure.ts';
import { records } from './arbitraries.ts';
import { record } from './file.ts';

describe('AuditEvent', () => {
  it('tells of a read', () => {
    const read = record(1, {
      id: '018bcfe5-6801-7abc-8def-000000000001',
      type: 'Observation',
      entity: 'o1',
      patient: 'p1',
      requestId: 'abc-1',
    });
    expect(auditEventOf(read)).toEqual({
      resourceType: 'AuditEvent',
      id: '018bcfe5-6801-7abc-8def-000000000001',
      meta: { versionId: '1', lastUpdated: '2023-11-14T22:13:20.001Z' },
      type: {
        system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
        code: 'rest',
        display: 'RESTful Operation',
      },
      subtype: [{ system: 'http://hl7.org/fhir/restful-interaction', code: 'read', display: 'read' }],
      action: 'R',
      recorded: '2023-11-14T22:13:20.001Z',
      outcome: '0',
      outcomeDesc: '200 OK',
      agent: [
        {
          who: { display: 'anonymous' },
          name: 'anonymous',
          requestor: true,
          network: { address: '127.0.0.1', type: '2' },
        },
      ],
      source: {
        observer: { display: 'Osteon' },
        type: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/security-source-type',
            code: '4',
            display: 'Application Server',
          },
        ],
      },
      entity: [
        {
          what: { reference: 'Observation/o1' },
          type: { system: 'http://hl7.org/fhir/resource-types', code: 'Observation', display: 'Observation' },
          role: {
            system: 'http://terminology.hl7.org/CodeSystem/object-role',
            code: '4',
            display: 'Domain Resource',
          },
        },
        {
          what: { reference: 'Patient/p1' },
          type: { system: 'http://hl7.org/fhir/resource-types', code: 'Patient', display: 'Patient' },
          role: { system: 'http://terminology.hl7.org/CodeSystem/object-role', code: '1', display: 'Patient' },
        },
        {
          type: { system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType', code: 'XrequestId' },
          detail: [{ type: 'X-Request-Id', valueString: 'abc-1' }],
        },
      ],
    });
  });

  it('tells of a failed search by a practitioner, with its query', () => {
    const search = record(2, {
      subtype: 'search-type',
      action: 'E',
      outcome: '4',
      status: 400,
      agent: 'Practitioner/dr-1',
      address: 'gateway.example',
      entity: '',
      patient: '',
      requestId: '',
      query: 'näme=x',
    });
    const event = auditEventOf(search);
    expect(event).toMatchObject({
      outcome: '4',
      outcomeDesc: '400 Bad Request',
      agent: [
        {
          who: { reference: 'Practitioner/dr-1' },
          requestor: true,
          network: { address: 'gateway.example', type: '1' },
        },
      ],
      entity: [
        { type: { code: 'Patient' }, role: { code: '24' }, query: Buffer.from('näme=x', 'utf8').toString('base64') },
      ],
    });
  });

  it('tells of a batch, and of something without HTTP', () => {
    const bare = record(3, {
      subtype: 'batch',
      action: 'E',
      status: 0,
      type: '',
      entity: '',
      patient: '',
      requestId: '',
    });
    const event = auditEventOf(bare);
    expect(event).not.toHaveProperty('entity');
    expect(event).not.toHaveProperty('outcomeDesc');
  });

  it('refers to nothing where the id that was asked for is none', () => {
    expect(JSON.stringify(auditEventOf(record(4, { entity: 'no id!', patient: '' })))).not.toContain('reference');
  });

  it('is valid R4 for every record, and the same bytes each time', () => {
    const definitions = loadDefinitions();
    fc.assert(
      fc.property(records(5), (list) => {
        for (const each of list) {
          const bytes = renderAuditEvent(each);
          const { value } = parseJson(bytes);
          expect(checkStructure(value, definitions)).toEqual([]);
          expect(Buffer.from(renderAuditEvent({ ...each })).equals(bytes)).toBe(true);
        }
      }),
    );
  });
});

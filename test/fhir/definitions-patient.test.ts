import { describe, expect, it } from 'vitest';
import { patientIn, patientOf } from '../../src/fhir/definitions/patient.ts';

const reference = (text: string) => ({ reference: text });

describe('the patient a resource concerns', () => {
  it.each([
    ['a Patient', { resourceType: 'Patient', id: 'p', link: [{ other: reference('Patient/o') }] }, 'p'],
    ['a Patient without id', { resourceType: 'Patient' }, ''],
    ['subject', { resourceType: 'Observation', subject: reference('Patient/p') }, 'p'],
    ['a version', { resourceType: 'Observation', subject: reference('Patient/p/_history/2') }, 'p'],
    [
      'patient before others',
      { resourceType: 'AllergyIntolerance', asserter: reference('Patient/a'), patient: reference('Patient/p') },
      'p',
    ],
    [
      'beneficiary before the policy holder',
      { resourceType: 'Coverage', policyHolder: reference('Patient/h'), beneficiary: reference('Patient/p') },
      'p',
    ],
    [
      'another role',
      {
        resourceType: 'Observation',
        subject: reference('Group/g'),
        performer: [reference('Practitioner/x'), reference('Patient/p')],
      },
      'p',
    ],
    [
      'a participant',
      {
        resourceType: 'Appointment',
        participant: [{ actor: reference('Location/l') }, { actor: reference('Patient/p') }],
      },
      'p',
    ],
    ['a member', { resourceType: 'Group', member: [{ entity: reference('Patient/p') }] }, 'p'],
    ['an individual', { resourceType: 'ResearchSubject', individual: reference('Patient/p') }, 'p'],
    ['a task', { resourceType: 'Task', for: reference('Patient/p') }, 'p'],
    ['a device', { resourceType: 'Device', patient: reference('Patient/p') }, 'p'],
    [
      'an entity',
      {
        resourceType: 'AuditEvent',
        agent: [{ who: reference('Practitioner/x') }],
        entity: [{ what: reference('Patient/p') }],
      },
      'p',
    ],
    ['a target', { resourceType: 'Provenance', target: [reference('Observation/o'), reference('Patient/p')] }, 'p'],
    ['none', { resourceType: 'Organization', name: 'Patient/p' }, ''],
    ['another type', { resourceType: 'Observation', subject: reference('PatientX/p') }, ''],
    ['contained', { resourceType: 'Observation', subject: reference('#p') }, ''],
    ['another server', { resourceType: 'Observation', subject: reference('http://other.org/Patient/p') }, ''],
    ['not yet known', { resourceType: 'Observation', subject: reference('urn:uuid:1') }, ''],
    ['logical', { resourceType: 'Observation', subject: { type: 'Patient', identifier: { value: 'p' } } }, ''],
    ['malformed', { resourceType: 'Observation', subject: [null, 'Patient/p', { reference: 1 }] }, ''],
    ['an unknown type', { resourceType: 'Nothing', subject: reference('Patient/p') }, ''],
    [
      'a display before the reference',
      { resourceType: 'Observation', subject: { display: '"subject":{}', reference: 'Patient/p' } },
      'p',
    ],
    [
      'a subject after that of a contained resource',
      {
        resourceType: 'DiagnosticReport',
        contained: [{ resourceType: 'Observation', subject: reference('Patient/c') }],
        subject: reference('Patient/p'),
      },
      'p',
    ],
    [
      'no subject beside that of a contained resource',
      {
        resourceType: 'DiagnosticReport',
        contained: [{ resourceType: 'Observation', subject: reference('Patient/c') }],
      },
      '',
    ],
    [
      'another role beside the subject of a contained resource',
      {
        resourceType: 'Observation',
        contained: [{ resourceType: 'Specimen', subject: reference('Patient/c') }],
        performer: [reference('Patient/p')],
      },
      'p',
    ],
  ])('%s', (_name, resource, id) => {
    expect(patientOf(resource)).toBe(id);
    if (resource.resourceType === 'Patient') return;
    const text = JSON.stringify(resource);
    expect(patientIn(resource.resourceType, Buffer.from(text))).toBe(id);
    const escaped = text.replaceAll('/', '\\/').replaceAll('Patient\\/p', 'Pati\\u0065nt\\/\\u0070');
    expect(patientIn(resource.resourceType, Buffer.from(escaped))).toBe(id);
  });
});

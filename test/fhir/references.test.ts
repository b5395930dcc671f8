/** References to resources of this server. https://hl7.org/fhir/R4/references.html#literal */
import { expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { localReferences } from '../../src/fhir/references.ts';

it('are relative or below our base, versioned or not, in contained resources and extensions too', () => {
  const references = localReferences(
    {
      resourceType: 'Observation',
      meta: { profile: ['http://me/fhir/StructureDefinition/1'] },
      contained: [{ resourceType: 'Patient', id: 'p', managingOrganization: { reference: 'Organization/o' } }],
      extension: [{ url: 'http://me/fhir/Basic/1', valueReference: { reference: 'http://me/fhir/Device/d' } }],
      subject: { reference: '#p' },
      encounter: { reference: 'Encounter/e/_history/2' },
      performer: [
        { reference: 'http://other/fhir/Practitioner/1' },
        { reference: 'Practitioner/1' },
        { reference: 'urn:uuid:1' },
      ],
      focus: [{ reference: 'Patient?identifier=1' }, { identifier: { value: 'Patient/1' } }],
      derivedFrom: [{ reference: 'http://me/fhirther/Observation/1' }],
    },
    loadDefinitions(),
    'http://me/fhir',
  );
  expect(references).toEqual([
    { expression: 'Observation.contained[0].managingOrganization.reference', type: 'Organization', id: 'o' },
    { expression: 'Observation.extension[0].value.reference', type: 'Device', id: 'd' },
    { expression: 'Observation.encounter.reference', type: 'Encounter', id: 'e' },
    { expression: 'Observation.performer[1].reference', type: 'Practitioner', id: '1' },
  ]);
});

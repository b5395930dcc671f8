/** R4's own rules, each with resources that break it. https://hl7.org/fhir/R4/validation.html */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import { check, shown } from './checking.ts';

const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } };
const intolerance = { resourceType: 'AllergyIntolerance', patient: { display: 'x' } };
const invoice = { resourceType: 'Invoice', status: 'draft' };

const sound: Readonly<Record<string, Resource>> = {
  'a value that only says why it is missing': {
    ...observation,
    status: undefined,
    _status: {
      extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
    },
  },
  'text for a code of an extensible set': { resourceType: 'Patient', maritalStatus: { text: 'it is complicated' } },
  'a value with a comparator': { ...observation, valueQuantity: { value: 1, comparator: '<' } },
  'a period whose ends differ in precision': {
    ...observation,
    effectivePeriod: { start: '2020-05-01', end: '2020-05' },
  },
  'a media type with parameters': {
    resourceType: 'Media',
    status: 'completed',
    content: { contentType: 'text/plain; charset=UTF-8' },
  },
  'the size of its data': { resourceType: 'Patient', photo: [{ contentType: 'image/png', data: 'aGVscA==', size: 4 }] },
  'a language of BCP 47': { resourceType: 'Patient', language: 'de-CH' },
  'a conditional reference': { ...observation, subject: { reference: 'Patient?identifier=http://example.org|1' } },
  'a reference to another server': {
    ...observation,
    subject: { reference: 'https://example.org/r4/Patient/1/_history/2' },
  },
  'a reference by URN': { ...observation, subject: { reference: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520' } },
  'a reference by identifier': { ...observation, subject: { type: 'Patient', identifier: { value: '1' } } },
  'a contained resource that is referred to': {
    ...observation,
    contained: [{ resourceType: 'Patient', id: 'p' }],
    subject: { reference: '#p' },
  },
  'a contained resource that refers to its container': {
    ...observation,
    contained: [
      {
        resourceType: 'Provenance',
        target: [{ reference: '#' }],
        recorded: '2020-01-01T00:00:00Z',
        agent: [{ who: { display: 'x' } }],
      },
    ],
  },
  'an extension within an extension by a relative name': {
    resourceType: 'Patient',
    extension: [{ url: 'http://example.org/a', extension: [{ url: 'b', valueBoolean: true }] }],
  },
};

const faulty: readonly (readonly [string, Resource, readonly string[]])[] = [
  [
    'elements that must be there',
    { resourceType: 'Observation' },
    ['error cardinality Observation.status', 'error cardinality Observation.code'],
  ],
  [
    'elements that must be there in an item of a list',
    { resourceType: 'Patient', link: [{ other: { reference: 'Patient/1' }, type: 'refer' }, { type: 'refer' }] },
    ['error cardinality Patient.link[1].other'],
  ],
  [
    'a choice that must be there',
    { resourceType: 'MedicationRequest', status: 'active', intent: 'order', subject: { reference: 'Patient/1' } },
    ['error cardinality MedicationRequest.medication'],
  ],
  ['a code of another set', { resourceType: 'Patient', gender: 'man' }, ['error binding Patient.gender']],
  [
    'a concept of another set',
    { ...intolerance, clinicalStatus: { coding: [{ system: 'http://example.org', code: 'active' }] } },
    ['error binding AllergyIntolerance.clinicalStatus'],
  ],
  [
    'text for a code of a required set',
    { ...intolerance, clinicalStatus: { text: 'active' } },
    ['error binding AllergyIntolerance.clinicalStatus'],
  ],
  [
    'a coding without system',
    { ...intolerance, clinicalStatus: { coding: [{ code: 'active' }] } },
    ['error binding AllergyIntolerance.clinicalStatus'],
  ],
  [
    'another code than those of an extensible set',
    { resourceType: 'Patient', maritalStatus: { coding: [{ system: 'http://example.org', code: 'x' }] } },
    ['warning binding Patient.maritalStatus'],
  ],
  [
    'a language beyond the most that may be',
    {
      resourceType: 'Patient',
      language: 'in German',
      communication: [{ language: { coding: [{ system: 'x:y', code: 'z' }] } }],
    },
    ['error binding Patient.language', 'error binding Patient.communication[0].language'],
  ],
  [
    'another language than those of an extensible set with a largest one',
    {
      resourceType: 'PlanDefinition',
      status: 'draft',
      action: [{ condition: [{ kind: 'start', expression: { language: 'text/x', expression: 'true' } }] }],
    },
    [
      'warning binding PlanDefinition.action[0].condition[0].expression.language',
      'information binding PlanDefinition.action[0].condition[0].expression.language',
    ],
  ],
  [
    'something else than a media type',
    { resourceType: 'Patient', photo: [{ contentType: 'png' }] },
    ['error binding Patient.photo[0].contentType'],
  ],
  [
    'something else than a currency',
    { ...invoice, totalNet: { value: 1, currency: 'euro' } },
    ['error binding Invoice.totalNet.currency'],
  ],
  [
    'a wrong size of data',
    { resourceType: 'Patient', photo: [{ contentType: 'image/png', data: 'aGVscA==', size: 5 }] },
    ['error attachment-size Patient.photo[0].size'],
  ],
  [
    'a wrong size of data with white space',
    {
      resourceType: 'Patient',
      photo: [
        { contentType: 'image/png', data: 'aGVs cA==\r\n', size: 4 },
        { contentType: 'image/png', data: 'aGVs cA==\r\n', size: 7 },
      ],
    },
    ['error attachment-size Patient.photo[1].size'],
  ],
  [
    'a reference to another type',
    {
      ...observation,
      subject: { reference: 'Practitioner/1' },
      performer: [{ reference: 'https://example.org/Device/1' }],
    },
    ['error reference-type Observation.subject', 'error reference-type Observation.performer[0]'],
  ],
  [
    'a reference that names another type',
    { ...observation, subject: { type: 'Practitioner', display: 'x' } },
    ['error reference-type Observation.subject'],
  ],
  [
    'a reference whose type is not that of its target',
    { ...observation, subject: { reference: 'Patient/1', type: 'Group' } },
    ['error reference-type Observation.subject.type'],
  ],
  [
    'a reference that says nothing',
    { ...observation, subject: { type: 'Patient' } },
    ['error reference Observation.subject'],
  ],
  [
    'a reference to a contained resource of another type',
    { ...observation, contained: [{ resourceType: 'Practitioner', id: 'p' }], subject: { reference: '#p' } },
    ['error reference-type Observation.subject'],
  ],
  [
    'a reference to a contained resource that is not there',
    { ...observation, subject: { reference: '#p' } },
    ['error ref-1 Observation.subject.reference'],
  ],
  [
    'an invariant of the resource',
    { ...observation, valueInteger: 1, dataAbsentReason: { text: 'x' } },
    ['error obs-6 Observation'],
  ],
  [
    'an invariant of a backbone element',
    { resourceType: 'Patient', contact: [{ name: { text: 'x' } }, { gender: 'male' }] },
    ['error pat-1 Patient.contact[1]'],
  ],
  [
    'an invariant of a data type',
    { ...observation, effectivePeriod: { start: '2020-02-01', end: '2020-01-01' } },
    ['error per-1 Observation.effectivePeriod'],
  ],
  [
    'an invariant of an element of a data type',
    {
      resourceType: 'Organization',
      name: 'x',
      address: [
        { use: 'work', city: 'x' },
        { use: 'home', city: 'x' },
      ],
    },
    ['error org-2 Organization.address[1]'],
  ],
  [
    'an invariant of a primitive',
    {
      resourceType: 'StructureDefinition',
      ...{
        url: 'http://example.org/x',
        name: 'X',
        status: 'draft',
        kind: 'resource',
        abstract: false,
        type: 'Patient',
      },
      ...{ baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient', derivation: 'constraint' },
      differential: { element: [{ id: 'Patient', path: 'Patient', max: 'many' }] },
    },
    ['error eld-3 StructureDefinition.differential.element[0].max'],
  ],
  [
    'the invariant of a profile that R4 has its elements meet',
    { ...observation, referenceRange: [{ low: { value: 1, comparator: '<' } }] },
    ['error sqty-1 Observation.referenceRange[0].low'],
  ],
  [
    'an invariant that best practice has',
    { resourceType: 'ValueSet', status: 'draft', name: 'not a name' },
    ['warning vsd-0 ValueSet'],
  ],
  [
    'contained resources that nothing refers to, in a contained one, versioned, labelled',
    {
      ...observation,
      contained: [
        { resourceType: 'Patient', id: 'a', meta: { versionId: '1', security: [{ display: 'restricted' }] } },
        { resourceType: 'Patient', id: 'b', contained: [{ resourceType: 'Patient', id: 'c' }] },
      ],
      subject: { reference: '#b' },
    },
    [
      'error dom-2 Observation',
      'error dom-4 Observation',
      'error dom-5 Observation',
      'error dom-3 Observation.contained[0]',
    ],
  ],
  [
    'contained resources with one id',
    {
      ...observation,
      contained: [
        { resourceType: 'Patient', id: 'a' },
        { resourceType: 'Patient', id: 'a' },
      ],
      subject: { reference: '#a' },
    },
    ['error contained Observation.contained[1]'],
  ],
  [
    'what contained resources break',
    { ...observation, contained: [{ resourceType: 'Patient', id: 'a', gender: 'x' }], subject: { reference: '#a' } },
    ['error binding Observation.contained[0].gender'],
  ],
  [
    'an extension without url, with value and extensions, with a relative url',
    {
      resourceType: 'Patient',
      extension: [
        { valueBoolean: true },
        { url: 'http://example.org/a', valueBoolean: true, extension: [{ url: 'b', valueBoolean: true }] },
        { url: 'relative', valueBoolean: true },
      ],
    },
    [
      'error cardinality Patient.extension[0].url',
      'error ext-1 Patient.extension[1]',
      'error extension-url Patient.extension[2].url',
    ],
  ],
  [
    'extensions of primitives',
    {
      resourceType: 'Patient',
      name: [{ given: ['a', 'b'], _given: [null, { extension: [{ url: 'http://example.org/a' }] }] }],
    },
    ['error ext-1 Patient.name[0].given[1].extension[0]'],
  ],
  [
    'a narrative with a script',
    {
      resourceType: 'Patient',
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><script/></div>' },
    },
    ['error txt-1 Patient.text.div'],
  ],
  [
    'a search parameter of another type than its definition',
    {
      ...{
        resourceType: 'CapabilityStatement',
        status: 'draft',
        date: '2020',
        kind: 'requirements',
        fhirVersion: '4.0.1',
      },
      ...{ description: 'x', fhirVersion: '4.0.1', format: ['json'] },
      rest: [
        {
          mode: 'server',
          resource: [
            {
              type: 'Patient',
              searchParam: [
                { name: 'name', type: 'token', definition: 'http://hl7.org/fhir/SearchParameter/Patient-name' },
                { name: 'family', type: 'string', definition: 'http://hl7.org/fhir/SearchParameter/individual-family' },
              ],
            },
          ],
        },
      ],
    },
    ['error search-parameter CapabilityStatement.rest[0].resource[0].searchParam[0].type'],
  ],
  [
    'a search parameter that is not like what it is derived from',
    {
      ...{ resourceType: 'SearchParameter', url: 'http://example.org/x', name: 'X', status: 'draft', description: 'x' },
      ...{ code: 'name', type: 'composite', base: ['Organization', 'Patient'] },
      derivedFrom: 'http://hl7.org/fhir/SearchParameter/Organization-name',
    },
    [
      'error search-parameter SearchParameter.component',
      'error search-parameter SearchParameter.type',
      'error search-parameter SearchParameter.base[1]',
    ],
  ],
  [
    'resources in Parameters',
    {
      resourceType: 'Parameters',
      parameter: [{ name: 'a', part: [{ name: 'b', resource: { resourceType: 'Patient', gender: 'x' } }] }],
    },
    ['error binding Parameters.parameter[0].part[0].resource.gender'],
  ],
];

describe('validation by R4’s own rules', () => {
  it.each(Object.entries(sound))('lets %s pass', async (_, resource) => {
    expect(shown(await check(resource))).toEqual([]);
  });

  it.each(faulty)('finds %s', async (_, resource, expected) => {
    expect([...shown(await check(resource))].sort()).toEqual([...expected].sort());
  });

  it('says of each fault what breaks and what would not', async () => {
    const [missing, wrong] = await check({
      resourceType: 'Observation',
      code: { text: 'x' },
      subject: { reference: 'Practitioner/1' },
    });
    expect([missing, wrong].map((issue) => issue?.diagnostics).sort()).toEqual([
      'Observation.status must be there: Observation has at least one',
      'Observation.subject must lead to a Patient, a Group, a Device or a Location, not to a Practitioner',
    ]);
  });
});

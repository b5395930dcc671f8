/** Examples of references, hierarchies, chains, composites, missing data, lists and types. https://hl7.org/fhir/R4/search.html#reference */
import { base, observation, patient } from '../../http/searching.ts';
import type { Json } from '../../http/server.ts';
import { concept, condition, reference, report, type Section } from './section.ts';

function about(id: string, subject: Json, more: Json = {}): Json {
  return observation(id, { subject: typeof subject === 'string' ? reference(subject) : subject, ...more });
}

const mrn = 'http://acme.org/fhir/identifier/mrn';

const references: Section = {
  anchor: 'reference',
  resources: [
    patient('123'),
    patient('23'),
    { resourceType: 'Group', id: '23', type: 'person', actual: true },
    about('relative', 'Patient/123'),
    about('absolute', `${base}/Patient/123`),
    about('elsewhere', 'http://example.org/fhir/Patient/123'),
    about('patient-23', 'Patient/23'),
    about('group-23', 'Group/23'),
    about('logical', { identifier: { system: mrn, value: '123456' } }),
    about('other-logical', { identifier: { system: mrn, value: '123' } }),
  ],
  examples: [
    {
      query: 'Observation?subject=Patient/123',
      says: 'A relative reference resolving to the same value as a specified absolute URL, or vice versa, qualifies as a match',
      finds: 'absolute relative',
    },
    {
      query: `Observation?subject=${base}/Patient/123`,
      says: 'searching for reference=http://example.org/fhir/Patient/123 will also match both references',
      finds: 'absolute relative',
    },
    {
      query: 'Observation?subject=23',
      says: 'Servers SHOULD reject a search where the logical id refers to more than one matching resource across different types',
      finds: 'refused: value',
    },
    {
      query: 'Observation?subject=Patient/23',
      says: 'the subject refers to the patient resource with the logical identifier "23"',
      finds: 'patient-23',
    },
    {
      query: 'Observation?subject:Patient=23',
      says: 'This has the same effect as the previous search',
      finds: 'patient-23',
    },
    {
      query: 'Observation?patient=23',
      says: 'When using the patient search parameter, there is no need to specify ":Patient" as a modifier',
      finds: 'patient-23',
    },
    {
      query: `Observation?subject:identifier=${mrn}|123456`,
      says: 'all observations that reference a patient by a particular patient MRN',
      finds: 'logical',
    },
  ],
};

const profile = 'http://acme.com/some-profile';
const canonical = 'Observation has no parameter definition in R4; this is one of canonicals';

const versions: Section = {
  anchor: 'versions',
  resources: [`${profile}|1.0`, `${profile}|1.1`, `${profile}|2.0`, 'http://acme.com/another|1.0'].map(
    (questionnaire, n) => ({ resourceType: 'QuestionnaireResponse', id: `r${n}`, status: 'completed', questionnaire }),
  ),
  examples: [
    {
      query: 'Observation?definition:below=http:http://acme.com/some-profile',
      says: 'matches all of these element values: |1.0, |1.1, |2.0',
      finds: 'r0 r1 r2',
      instead: { query: `QuestionnaireResponse?questionnaire:below=${profile}`, because: canonical },
    },
    {
      query: 'Observation?definition:below=http:http://acme.com/some-profile|1',
      says: 'matches the first two element values',
      finds: 'r0 r1',
      instead: { query: `QuestionnaireResponse?questionnaire:below=${profile}|1`, because: canonical },
    },
  ],
};

function part(type: string, id: string, of: string | undefined, more: Json = {}): Json {
  return { resourceType: type, id, ...more, ...(of !== undefined && { partOf: reference(`${type}/${of}`) }) };
}

const visit = { status: 'finished', class: { code: 'AMB' } };

function located(at: string): Json {
  return {
    resourceType: 'Procedure',
    id: `at-${at}`,
    status: 'completed',
    subject: reference('Patient/1'),
    location: reference(`Location/${at}`),
  };
}

function administered(during: string): Json {
  return {
    resourceType: 'MedicationAdministration',
    id: `in-${during}`,
    status: 'completed',
    medicationCodeableConcept: { text: 'x' },
    subject: reference('Patient/1'),
    context: reference(`Encounter/${during}`),
    effectiveDateTime: '2020-01-01',
  };
}

const hierarchies: Section = {
  anchor: 'recursive',
  resources: [
    part('Location', '41', undefined),
    part('Location', '42', '41'),
    part('Location', '43', '42'),
    part('Location', '44', '43'),
    ...['41', '42', '43', '44'].map(located),
    part('Encounter', '20', undefined, visit),
    part('Encounter', '21', '20', visit),
    part('Encounter', '22', '21', visit),
    ...['20', '21', '22'].map(administered),
  ],
  examples: [
    {
      query: 'Procedure?location:below=42',
      says: 'also any procedures that occurred in locations that are part of location with id 42',
      finds: 'at-42 at-43 at-44',
    },
    {
      query: 'MedicationAdministration?encounter:above=21',
      says: 'during encounter with id 21 or during any "parent" encounter of that encounter',
      finds: 'in-20 in-21',
      instead: { query: 'MedicationAdministration?context:above=21', because: 'R4 calls the parameter context' },
    },
  ],
};

const peter = patient('peter', { name: [{ given: ['Peter'] }] });
const anna = patient('anna', { name: [{ given: ['Anna'] }] });

function practitioner(id: string, given: string, state: string): Json {
  return { resourceType: 'Practitioner', id, name: [{ given: [given] }], address: [{ state }] };
}

function caredFor(id: string, ...by: readonly string[]): Json {
  return patient(id, { generalPractitioner: by.map((each) => reference(`Practitioner/${each}`)) });
}

const loinc = 'http://loinc.org';

const chains: Section = {
  anchor: 'chaining',
  resources: [
    peter,
    anna,
    report('of-peter', { subject: reference('Patient/peter') }),
    report('of-anna', { subject: reference('Patient/anna') }),
    report('of-nobody'),
    practitioner('joe', 'Joe', 'CA'),
    practitioner('jane', 'Jane', 'MN'),
    caredFor('both', 'joe', 'jane'),
    caredFor('by-joe', 'joe'),
    caredFor('by-jane', 'jane'),
  ],
  examples: [
    {
      query: 'DiagnosticReport?subject.name=peter',
      says: 'all the lab reports that have a subject whose name includes "peter"',
      finds: 'of-peter',
    },
    {
      query: 'DiagnosticReport?subject:Patient.name=peter',
      says: 'all the lab reports that have a subject which is a patient, whose name includes "peter"',
      finds: 'of-peter',
    },
    {
      query: 'Patient?general-practitioner.name=Joe&general-practitioner.address-state=MN',
      says: 'may return Patients cared for by Joe from CA and Jane from MN: no one practitioner need satisfy both conditions',
      finds: 'both',
    },
  ],
};

function coded(id: string, code: string, of: string): Json {
  return about(id, `Patient/${of}`, { code: concept(loinc, code) });
}

function audit(entity: string, altId: string): Json {
  return {
    resourceType: 'AuditEvent',
    type: { code: 'rest' },
    recorded: '2020-01-01T00:00:00Z',
    agent: [{ altId, requestor: true }],
    source: { observer: { display: 'x' } },
    entity: [{ what: reference(entity) }],
  };
}

const reverseChains: Section = {
  anchor: 'has',
  resources: [
    ...['a', 'b', 'c', 'd'].map((id) => patient(id)),
    coded('a1234-5', '1234-5', 'a'),
    coded('b123', '123', 'b'),
    coded('b456', '456', 'b'),
    coded('c456', '456', 'c'),
    audit('Observation/b123', 'MyUserId'),
    audit('Observation/c456', 'another'),
  ],
  examples: [
    {
      query: 'Patient?_has:Observation:patient:code=1234-5',
      says: 'referred to by at least one Observation where the observation has a code of 1234',
      finds: 'a',
    },
    { query: 'Patient?_has:Observation:patient:code=123,456', says: '"Or" searches are allowed', finds: 'b c' },
    {
      query: 'Patient?_has:Observation:patient:code=123&_has:Observation:patient:code=456',
      says: 'multiple _has parameters are allowed, each processed independently of the others',
      finds: 'b',
    },
    {
      query: 'Patient?_has:Observation:patient:_has:AuditEvent:entity:user=MyUserId',
      says: 'all the patients that have an Observation where the observation has an audit event from a specific user',
      finds: 'b',
      instead: {
        query: 'Patient?_has:Observation:patient:_has:AuditEvent:entity:altid=MyUserId',
        because: 'AuditEvent has no parameter user in R4; the id of a user is altid',
      },
    },
  ],
};

const filters: Section = {
  anchor: 'filter',
  resources: [
    peter,
    anna,
    coded('of-peter', '1234-5', 'peter'),
    coded('of-anna', '1234-5', 'anna'),
    coded('another', '1234-6', 'peter'),
  ],
  examples: [
    {
      query: `Observation?code=${loinc}|1234-5&subject.name=peter`,
      says: 'all the observations for patient with a name including peter that have a LOINC code 1234-5',
      finds: 'of-peter',
    },
    {
      query: `Observation?_filter=code eq ${loinc}|1234-5 and subject.name co "peter"`,
      says: 'Using the _filter parameter, the search would be expressed like this',
      finds: 'of-peter',
    },
  ],
};

const clinicalStatus = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical';

function allergy(id: string, status: string | undefined): Json {
  return {
    resourceType: 'AllergyIntolerance',
    id,
    patient: reference('Patient/42'),
    ...(status !== undefined && { clinicalStatus: concept(clinicalStatus, status) }),
  };
}

const missing: Section = {
  anchor: 'missing',
  resources: [allergy('active', 'active'), allergy('resolved', 'resolved'), allergy('none', undefined)],
  examples: [
    {
      query: `AllergyIntolerance?clinical-status=${clinicalStatus}|active`,
      says: 'This search will only return resources that have a value for clinicalStatus',
      finds: 'active',
    },
    {
      query: 'AllergyIntolerance?clinical-status:missing=true',
      says: 'either an explicit value for clinicalStatus, or none: this is 2 separate queries',
      finds: 'none',
    },
    {
      query: `AllergyIntolerance?clinical-status=${clinicalStatus}|active&clinical-status:missing=true`,
      says: 'This query will always return an empty list, as no resource can satisfy both criteria at once',
      finds: '',
    },
  ],
};

const lists: Section = {
  anchor: 'list',
  resources: [
    patient('woman', { gender: 'female' }),
    patient('man', { gender: 'male' }),
    patient('outside', { gender: 'female' }),
    patient('42'),
    {
      resourceType: 'List',
      id: '42',
      status: 'current',
      mode: 'working',
      entry: [{ item: reference('Patient/woman') }, { item: reference('Patient/man') }],
    },
    allergy('active', 'active'),
  ],
  examples: [
    {
      query: 'Patient?_list=42',
      says: 'all Patient resources that are referenced from the list found at [base]/List/42',
      finds: 'man woman',
    },
    {
      query: 'Patient?_list=42&gender=female',
      says: 'This request will return all female patients in the list',
      finds: 'woman',
    },
    {
      query: 'AllergyIntolerance?patient=42&_list=$current-allergies',
      says: 'a system can support searching by lists by their logical function: this one does not',
      finds: 'refused: not-supported',
    },
  ],
};

const types: Section = {
  anchor: 'type',
  resources: [
    patient('23'),
    about('observation', 'Patient/23'),
    about('of-another', 'Patient/24'),
    condition('condition', { subject: reference('Patient/23') }),
    report('report', { subject: reference('Patient/23') }),
  ],
  examples: [
    {
      query: '?_type=Observation,Condition&patient=23',
      says: 'If multiple types are specified, any search parameters shared across the entire set of specified resources may be used',
      finds: 'condition observation',
    },
  ],
};

export const byReference: readonly Section[] = [
  references,
  versions,
  hierarchies,
  chains,
  reverseChains,
  filters,
  missing,
  lists,
  types,
];

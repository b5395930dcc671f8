/** Examples of composites, sorts, includes, contained resources, named queries and places. https://hl7.org/fhir/R4/search.html#combining */
import { observation, patient } from '../../http/searching.ts';
import type { Json } from '../../http/server.ts';
import { concept, medicationRequest, reference, report, type Section } from './section.ts';

function speaker(id: string, ...languages: readonly string[]): Json {
  return patient(id, {
    communication: languages.map((language) => ({ language: concept('urn:ietf:bcp:47', language) })),
  });
}

function group(id: string, ...characteristics: readonly (readonly [code: string, value: string])[]): Json {
  return {
    resourceType: 'Group',
    id,
    type: 'person',
    actual: true,
    characteristic: characteristics.map(([code, value]) => ({
      code: concept('http://example.org/characteristics', code),
      valueCodeableConcept: concept('http://example.org/values', value),
      exclude: false,
    })),
  };
}

const loinc = 'http://loinc.org';
const ucum = 'http://unitsofmeasure.org';

function measured(id: string, code: string, value: number, unit: string): Json {
  return observation(id, {
    code: concept(loinc, code),
    valueQuantity: { value, unit, system: ucum, code: unit },
  });
}

function pressures(id: string, systolic: number, diastolic: number): Json {
  return observation(id, {
    component: [
      {
        code: concept(loinc, '8480-6'),
        valueQuantity: { value: systolic, unit: 'mmHg', system: ucum, code: 'mm[Hg]' },
      },
      {
        code: concept(loinc, '8462-4'),
        valueQuantity: { value: diastolic, unit: 'mmHg', system: ucum, code: 'mm[Hg]' },
      },
    ],
  });
}

function questionnaire(id: string, ...contexts: readonly (readonly [type: string, value: string])[]): Json {
  return {
    resourceType: 'Questionnaire',
    id,
    status: 'active',
    useContext: contexts.map(([type, value]) => ({
      code: { system: 'http://terminology.hl7.org/CodeSystem/usage-context-type', code: type },
      valueCodeableConcept: concept('http://snomed.info/sct', value),
    })),
  };
}

const composites: Section = {
  anchor: 'combining',
  resources: [
    speaker('french', 'fr'),
    speaker('dutch', 'nl'),
    speaker('french-dutch', 'fr', 'nl'),
    speaker('french-english', 'fr', 'en'),
    speaker('english', 'en'),
    observation('this', { code: { text: 'This one' } }),
    observation('that', { code: concept(loinc, '1', 'That one') }),
    observation('other', { code: { text: 'Not this, not that' } }),
    group('mixed', ['gender', 'mixed']),
    group('crossed', ['gender', 'male'], ['herd', 'mixed']),
    group('of-eve', ['owner', 'Eve']),
    group('of-adam', ['owner', 'Adam']),
    measured('potassium-6', '2823-3', 6, 'mmol/L'),
    measured('potassium-5', '2823-3', 5, 'mmol/L'),
    measured('sodium', '2951-2', 140, 'mmol/L'),
    report('high', { result: [reference('Observation/potassium-6')] }),
    report('normal', { result: [reference('Observation/potassium-5'), reference('Observation/sodium')] }),
    pressures('low', 59, 40),
    pressures('at-60', 60, 40),
    pressures('crossed', 120, 59),
    questionnaire('abuse', ['focus', '408934002']),
    questionnaire('other-focus', ['focus', '1']),
    questionnaire('crossed', ['task', '408934002'], ['focus', '1']),
  ],
  examples: [
    {
      query: 'Patient?language=FR&language=NL',
      says: 'this matches a patient who speaks both languages',
      finds: 'french-dutch',
    },
    {
      query: 'Patient?language=FR,NL',
      says: 'the server is expected to respond with results which match either value',
      finds: 'dutch french french-dutch french-english',
    },
    {
      query: 'Patient?language=FR,NL&language=EN',
      says: 'any patient who speaks English, as well as either French or Dutch',
      finds: 'french-english',
    },
    {
      query: 'Observation?code:text=this,that',
      says: 'this includes the use of search parameters with modifiers',
      finds: 'that this',
    },
    {
      query: 'Group?characteristic-value=gender$mixed,owner$Eve',
      says: 'multiple matching characteristic-value parameters can be specified',
      finds: 'mixed of-eve',
    },
    {
      query: `DiagnosticReport?result.code-value-quantity=${loinc}|2823-3$gt5.4|${ucum}|mmol/L`,
      says: 'all diagnostic reports that contain on observation with a potassium value of >5.4 mmol/L (UCUM)',
      finds: 'high',
    },
    {
      query: `Observation?component-code-value-quantity=${loinc}|8480-6$lt60`,
      says: 'all the observations with a systolic blood pressure < 60',
      finds: 'low',
    },
    {
      query: 'Group?characteristic-value=gender$mixed',
      says: 'all groups that have a characteristic "gender" with a text value of "mixed"',
      finds: 'mixed',
    },
    {
      query: 'Questionnaire?context-type-value=focus$http://snomed.info/sct|408934002',
      says: 'all questionnaires that have a clinical focus = "Substance abuse prevention assessment (procedure)"',
      finds: 'abuse',
    },
  ],
};

function sorted(id: string, status: string, date: string | undefined, ...categories: readonly string[]): Json {
  return observation(id, {
    status,
    ...(date !== undefined && { effectiveDateTime: date }),
    ...(categories.length > 0 && { category: categories.map((code) => concept(undefined, code)) }),
  });
}

const sorts: Section = {
  anchor: 'sort',
  resources: [
    sorted('fourth', 'final', '2020-01-01', 'b'),
    sorted('second', 'final', '2021-01-01', 'z'),
    sorted('fifth', 'final', undefined),
    sorted('first', 'amended', '2019-01-01', 'y'),
    sorted('third', 'final', '2020-01-01', 'x', 'a'),
  ],
  examples: [
    {
      query: 'Observation?_sort=status,-date,category',
      says: 'a comma-separated list of sort rules in priority order; the sort is based on the item in the set of multiple parameters that comes earliest',
      finds: 'first second third fourth fifth',
    },
    {
      query: 'Observation?status=final&_sort=-date&_count=1',
      says: 'sort by date in descending order, with _count=1. This way, the last matching resource will be returned',
      finds: 'second',
    },
  ],
};

function related(id: string, ...members: readonly string[]): Json {
  return observation(id, { hasMember: members.map((member) => reference(`Observation/${member}`)) });
}

const hasMember = 'R4 has no related-target; has-member relates Observations to one another';

const includes: Section = {
  anchor: 'include',
  resources: [
    patient('p'),
    patient('another'),
    { resourceType: 'Group', id: 'g', type: 'person', actual: true },
    { resourceType: 'Practitioner', id: 'doc' },
    medicationRequest('r', { requester: reference('Practitioner/doc') }),
    medicationRequest('for-group', { subject: reference('Group/g') }),
    {
      resourceType: 'Provenance',
      id: 'source',
      target: [reference('MedicationRequest/r')],
      recorded: '2020-01-01T00:00:00Z',
      agent: [{ who: reference('Practitioner/doc') }],
    },
    {
      resourceType: 'Provenance',
      id: 'of-another',
      target: [reference('Patient/another')],
      recorded: '2020-01-01T00:00:00Z',
      agent: [{ who: reference('Practitioner/doc') }],
    },
    {
      resourceType: 'MedicationDispense',
      id: 'd',
      status: 'completed',
      medicationCodeableConcept: { text: 'x' },
      authorizingPrescription: [reference('MedicationRequest/r')],
    },
    related('a', 'b'),
    related('b', 'c'),
    observation('c'),
  ],
  examples: [
    {
      query: 'MedicationRequest?_include=MedicationRequest:patient',
      says: 'all matching MedicationRequests, to include any patient that the medication prescriptions in the result set refer to',
      finds: 'for-group r + Patient/p',
    },
    {
      query: 'MedicationRequest?_revinclude=Provenance:target',
      says: 'all matching prescriptions, return all the provenance resources that refer to them',
      finds: 'for-group r + Provenance/source',
    },
    {
      query: 'MedicationDispense?_include=MedicationDispense:prescription&_include:iterate=MedicationRequest:performer',
      says: 'all Medication Request resources and their prescribing Practitioner Resources for the matching Medication Dispense resources',
      finds: 'd + MedicationRequest/r Practitioner/doc',
      instead: {
        query:
          'MedicationDispense?_include=MedicationDispense:prescription&_include:iterate=MedicationRequest:requester',
        because: 'R4 calls who prescribes requester',
      },
    },
    {
      query: 'Observation?_include=Observation:related-target&_id=a',
      says: 'includes any related observations to the target relationships, but only those directly related',
      finds: 'a + Observation/b',
      instead: { query: 'Observation?_include=Observation:has-member&_id=a', because: hasMember },
    },
    {
      query: 'Observation?_include:iterate=Observation:related-target&_id=a',
      says: 'it will retrieve observations that are directly related, and also any related observations to any other included observation',
      finds: 'a + Observation/b Observation/c',
      instead: { query: 'Observation?_include:iterate=Observation:has-member&_id=a', because: hasMember },
    },
    {
      query: 'MedicationRequest?_include=MedicationRequest:*',
      says: 'the wild card "*" for the search parameter name, indicating that any search parameter of type=reference be included',
      finds: 'for-group r + Group/g Patient/p Practitioner/doc',
    },
  ],
};

function medication(id: string, ingredient: string): Json {
  return {
    resourceType: 'Medication',
    id,
    ingredient: [{ itemCodeableConcept: concept('http://acme.com./medications', ingredient) }],
  };
}

const contained: Section = {
  anchor: 'contained',
  resources: [
    medicationRequest('custom', { contained: [medication('m1', 'abc')], medicationReference: reference('#m1') }),
    medicationRequest('other', { contained: [medication('m1', 'def')], medicationReference: reference('#m1') }),
    medicationRequest('of-alone', { medicationReference: reference('Medication/alone') }),
    medication('alone', 'abc'),
    medication('other', 'def'),
  ],
  examples: [
    {
      query: 'MedicationRequest?medication.ingredient-code=abc',
      says: 'A chained condition will be evaluated inside contained resources',
      finds: 'custom of-alone',
    },
    {
      query: 'Medication?ingredient-code=abc',
      says: 'will not include the contained Medication resource in the results',
      finds: 'alone',
    },
    {
      query: 'Medication?ingredient-code=abc&_contained=true',
      says: 'true: return only contained resources; container (default): Return the container resources',
      finds: 'custom',
    },
    {
      query: 'Medication?ingredient-code=abc&_contained=both',
      says: 'both: return both contained and non-contained (normal) resources',
      finds: 'alone custom',
    },
    {
      query: 'Medication?ingredient-code=abc&_contained=true&_containedType=contained',
      says: 'contained: return only the contained resource',
      finds: 'm1',
    },
  ],
};

const namedQueries: Section = {
  anchor: 'query',
  resources: [patient('p')],
  examples: [
    {
      query: 'Patient?_query=name',
      says: 'Servers processing search requests SHALL refuse to process a search request if they do not recognize the _query parameter value',
      finds: 'refused: not-supported',
    },
  ],
};

function location(id: string, latitude: number, longitude: number): Json {
  return { resourceType: 'Location', id, position: { longitude, latitude } };
}

const places: Section = {
  anchor: 'special',
  resources: [
    location('here', 42.2565, -83.69481),
    // 10 km and 20 km to the north.
    location('near', 42.3464, -83.69481),
    location('far', 42.4363, -83.69481),
    { resourceType: 'Location', id: 'anywhere' },
  ],
  examples: [
    {
      query: 'Location?near=42.256500|-83.694810|11.20|km',
      says: 'near to, or within a specified distance of, the provided coordinates expressed as [latitude]|[longitude]|[distance]|[units]',
      finds: 'here near',
    },
  ],
};

export const combined: readonly Section[] = [composites, sorts, includes, contained, namedQueries, places];

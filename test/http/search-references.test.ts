/** Searches by references, canonicals and composites, sentence by sentence of "Search values". https://hl7.org/fhir/R4/search.html#reference */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base, find, idsOf, load, observation, patient } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;
const loinc = 'http://loinc.org';

const about = (id: string, reference: string | undefined, more: Json = {}) =>
  observation(id, { subject: { ...(reference && { reference }), ...more } });

const component = (code: string, value: number): Json => ({
  code: { coding: [{ system: loinc, code }] },
  valueQuantity: { value, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
});

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    patient('1', { generalPractitioner: [{ reference: 'Practitioner/1' }, { reference: 'Organization/1' }] }),
    patient('2', { link: [{ other: { reference: 'Patient/1' }, type: 'seealso' }] }),
    about('relative', 'Patient/1'),
    about('absolute', `${base}/Patient/1`),
    about('versioned', 'Patient/1/_history/1'),
    about('foreign', 'http://example.org/fhir/Patient/1'),
    about('foreignVersion', 'http://example.org/fhir/Patient/1/_history/4'),
    about('group', 'Group/9'),
    about('logical', undefined, { identifier: { system: 'urn:mrn', value: 'L1' }, type: 'Patient' }),
    about('both', 'Patient/2', { identifier: { system: 'urn:mrn', value: 'L2' } }),
    about('contained', '#p', {}),
    observation('none'),
    { resourceType: 'Questionnaire', id: 'q1', status: 'active', url: 'http://q', version: '1' },
    { resourceType: 'QuestionnaireResponse', id: 'r1', status: 'completed', questionnaire: 'http://q|1' },
    { resourceType: 'QuestionnaireResponse', id: 'r2', status: 'completed', questionnaire: 'http://q|2' },
    { resourceType: 'QuestionnaireResponse', id: 'r3', status: 'completed', questionnaire: 'http://q' },
    { resourceType: 'QuestionnaireResponse', id: 'r4', status: 'completed', questionnaire: 'http://q/other' },
    { resourceType: 'QuestionnaireResponse', id: 'r5', status: 'completed', questionnaire: `${base}/Questionnaire/q1` },
    observation('bp', { component: [component('8480-6', 140), component('8462-4', 90)] }),
    observation('bp2', { component: [component('8480-6', 90), component('8462-4', 140)] }),
    observation('top', {
      code: { coding: [{ system: loinc, code: '8480-6' }] },
      valueQuantity: { value: 140, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
    }),
    observation('concept', {
      code: { coding: [{ system: 'urn:c', code: 'a$b' }] },
      valueCodeableConcept: { coding: [{ system: 'urn:v', code: 'yes' }] },
    }),
    observation('dated', {
      code: { coding: [{ system: 'urn:c', code: 'd' }] },
      valueDateTime: '2020-05-05',
    }),
  ]);
  const urn = about('urn', 'urn:uuid:5a3c9b0e-0000-4000-8000-000000000001');
  expect((await server.send('PUT', '/Observation/urn', urn)).status).toBe(201);
});
afterAll(() => server.close());

const subjects = (value: string) => find(server, `/Observation?subject=${encodeURIComponent(value)}`);

describe('a reference', () => {
  const toPatient1 = 'absolute relative versioned';

  it('by Type/id', async () => {
    expect(await subjects('Patient/1')).toBe(toPatient1);
    expect(await subjects('Group/9')).toBe('group');
    expect(await subjects('Group/1')).toBe('');
  });

  it('by id', async () => {
    expect(await subjects('1')).toBe(toPatient1);
    expect(await subjects('9')).toBe('group');
    expect(await find(server, '/Observation?patient=1')).toBe(toPatient1);
    expect(await find(server, '/Observation?patient=9')).toBe('');
  });

  it('by an absolute URL; our own base folds to relative', async () => {
    expect(await subjects(`${base}/Patient/1`)).toBe(toPatient1);
    expect(await subjects('http://example.org/fhir/Patient/1')).toBe('foreign foreignVersion');
    expect(await subjects('http://example.org/fhir/Patient/2')).toBe('');
    expect(await subjects('urn:uuid:5a3c9b0e-0000-4000-8000-000000000001')).toBe('urn');
  });

  it('by :Type', async () => {
    expect(await find(server, '/Observation?subject:Patient=1')).toBe(toPatient1);
    expect(await find(server, '/Observation?subject:Group=9')).toBe('group');
    expect(await find(server, '/Observation?subject:Group=1')).toBe('');
    expect(await find(server, '/Observation?subject:Patient=Patient/1')).toBe(toPatient1);
    expect((await server.get('/Observation?subject:Patient=Group/9')).status).toBe(400);
  });

  it('by :identifier', async () => {
    expect(await find(server, '/Observation?subject:identifier=urn:mrn|L1')).toBe('logical');
    expect(await find(server, '/Observation?subject:identifier=urn:mrn|L1,urn:mrn|L2')).toBe('both logical');
    expect(await find(server, '/Observation?subject:identifier=urn:mrn|')).toBe('both logical');
    expect(await find(server, '/Observation?subject:identifier=L2')).toBe('both');
    expect(await find(server, '/Observation?subject:identifier=l2')).toBe('');
    expect(await subjects('Patient/2')).toBe('both');
  });

  it('versioned matches the unversioned search', async () => {
    expect(await subjects('Patient/1')).toMatch(/versioned/);
    expect(await subjects('http://example.org/fhir/Patient/1')).toMatch(/foreignVersion/);
    expect(await subjects('Patient/1/_history/1')).toBe(toPatient1);
  });

  it('takes alternatives and repeats', async () => {
    expect(await find(server, '/Observation?subject=Patient/1,Group/9')).toBe('absolute group relative versioned');
    expect(await find(server, '/Observation?subject=Patient/1&subject=Group/9')).toBe('');
    expect(await find(server, '/Patient?general-practitioner=Practitioner/1&general-practitioner=Organization/1')).toBe(
      '1',
    );
    expect(await find(server, '/Patient?link=Patient/1')).toBe('2');
  });

  it(':missing', async () => {
    // A contained resource has no identity of its own to be found by.
    expect(await find(server, '/Observation?subject:missing=true&component-code:missing=true&code:missing=true')).toBe(
      'contained none',
    );
    expect((await find(server, '/Observation?subject:missing=false')).split(' ')).toHaveLength(9);
  });
});

describe('a canonical', () => {
  it('by URL, by url|version', async () => {
    const found = (value: string) => find(server, `/QuestionnaireResponse?questionnaire=${encodeURIComponent(value)}`);
    expect(await found('http://q')).toBe('r1 r2 r3');
    expect(await found('http://q|1')).toBe('r1');
    expect(await found('http://q|3')).toBe('');
    expect(await found('http://q/other')).toBe('r4');
    expect(await found('Questionnaire/q1')).toBe('r5');
    expect(await found('q1')).toBe('r5');
  });
});

describe('a composite', () => {
  const composites = (query: string) => find(server, `/Observation?${query}`);

  it('takes both components from the same repetition', async () => {
    expect(await composites(`component-code-value-quantity=${loinc}|8480-6$140`)).toBe('bp');
    expect(await composites(`component-code-value-quantity=${loinc}|8480-6$90`)).toBe('bp2');
    expect(await composites('component-code-value-quantity=8480-6$gt100')).toBe('bp');
    expect(await composites('code-value-quantity=8480-6$gt100')).toBe('top');
    expect(await composites('combo-code-value-quantity=8480-6$gt100')).toBe('bp top');
    expect(await composites('component-code=8480-6&component-value-quantity=90')).toBe('bp bp2');
  });

  it('with units, dates, codes and escapes', async () => {
    expect(await composites(`code-value-quantity=${loinc}|8480-6$140|http://unitsofmeasure.org|mm[Hg]`)).toBe('top');
    expect(await composites(`code-value-quantity=${loinc}|8480-6$140|http://unitsofmeasure.org|kPa`)).toBe('');
    expect(await composites('code-value-concept=urn:c|a\\$b$urn:v|yes')).toBe('concept');
    expect(await composites('code-value-concept=a\\$b$yes')).toBe('concept');
    expect(await composites('code-value-date=d$2020-05')).toBe('dated');
    expect(await composites('code-value-date=d$gt2020-05')).toBe('');
  });

  it('alternatives and repeats', async () => {
    expect(await composites('combo-code-value-quantity=8480-6$90,8480-6$140')).toBe('bp bp2 top');
    expect(await composites('component-code-value-quantity=8480-6$140&component-code-value-quantity=8462-4$90')).toBe(
      'bp',
    );
  });
});

describe('resources that refer to what is deleted', () => {
  it('are still found by it', async () => {
    await load(server, [patient('gone'), about('left', 'Patient/gone')]);
    await server.send('DELETE', '/Patient/gone');
    expect(await subjects('Patient/gone')).toBe('left');
    expect(await subjects('gone')).toBe('left');
    expect(idsOf(await server.get('/Observation?_include=Observation:subject&_id=left'))).toEqual(['left']);
  });
});

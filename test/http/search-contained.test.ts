/** Chains into contained resources. https://hl7.org/fhir/R4/search.html#contained */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entriesOf, find, idsOf, link, load, observation, pagesFrom, patient } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;
const to = (reference: string) => ({ reference });
const coded = (code: string) => ({ coding: [{ system: 'http://example.org/medications', code }] });

/** A prescription of a mixture that it contains, made by a company that it contains too. */
function prescription(id: string, code: string, more: Json = {}): Json {
  return {
    resourceType: 'MedicationRequest',
    id,
    status: 'active',
    intent: 'order',
    subject: to('Patient/ann'),
    contained: [
      {
        resourceType: 'Medication',
        id: 'mix',
        status: 'active',
        manufacturer: to('#maker'),
        ingredient: [{ itemCodeableConcept: coded(code) }],
      },
      { resourceType: 'Organization', id: 'maker', name: `Maker of ${code}`, partOf: to('Organization/north') },
    ],
    medicationReference: to('#mix'),
    ...more,
  };
}

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    { resourceType: 'Organization', id: 'north', name: 'Northern Pharma' },
    { resourceType: 'Medication', id: 'stock', ingredient: [{ itemCodeableConcept: coded('abc') }] },
    patient('ann', { name: [{ family: 'Arendt' }] }),
    prescription('r1', 'abc'),
    prescription('r2', 'def'),
    prescription('r3', 'abc', { contained: undefined, medicationReference: to('Medication/stock') }),
    prescription('r4', 'abc', { medicationReference: to('#other') }),
    observation('o1', {
      contained: [{ resourceType: 'Patient', id: 'p', name: [{ family: 'Arendt' }], gender: 'male' }],
      subject: to('#p'),
    }),
    observation('o2', { subject: to('Patient/ann') }),
    {
      resourceType: 'QuestionnaireResponse',
      id: 'q',
      status: 'completed',
      contained: [{ resourceType: 'Questionnaire', id: 'form', status: 'draft', title: 'Knee' }],
      questionnaire: '#form',
    },
  ]);
});
afterAll(() => server.close());

describe('a chain', () => {
  it.each([
    ['/MedicationRequest?medication.ingredient-code=abc', 'r1 r3'],
    ['/MedicationRequest?medication:Medication.ingredient-code=http://example.org/medications|def', 'r2'],
    ['/MedicationRequest?medication.ingredient-code:not=abc', 'r2'],
    ['/MedicationRequest?medication.status:missing=true', 'r3'],
    ['/MedicationRequest?medication.manufacturer.name:contains=maker', 'r1 r2'],
    ['/MedicationRequest?medication.manufacturer.partof.name=northern', 'r1 r2'],
    ['/MedicationRequest?medication.manufacturer.name=northern', ''],
    ['/Observation?subject:Patient.name=arendt', 'o1 o2'],
    ['/Observation?patient.gender=male', 'o1'],
    ['/Observation?subject._id=p', ''],
    ['/Observation?subject:missing=true', ''],
    ['/QuestionnaireResponse?questionnaire.title=knee', 'q'],
    ['/QuestionnaireResponse?questionnaire:Questionnaire.title=hip', ''],
  ])('%s finds %s', async (path, ids) => {
    expect(await find(server, path)).toBe(ids);
  });
});

describe('a contained resource', () => {
  it.each([
    ['/Medication?ingredient-code=abc', 'stock'],
    ['/Patient?gender=male', ''],
    ['/Organization?name:contains=maker', ''],
    ['?_type=Medication,Patient', 'ann stock'],
    ['/Patient?_has:Observation:subject:status=final', 'ann'],
    ['/Organization?_has:Organization:partof:name:contains=maker', ''],
  ])('is not found by itself: %s finds %s', async (path, ids) => {
    expect(await find(server, path)).toBe(ids);
  });

  it('is not counted, not in histories, and not included', async () => {
    expect([...(await server.context.store.counts()).keys()].filter((type) => type.startsWith('#'))).toEqual([]);
    const history = await server.get('/_history?_count=100');
    expect(history.body.entry).toHaveLength(10);
    const page = await server.get('/Observation?_include=Observation:subject&_sort=_id');
    expect(entriesOf(page, 'include').map(({ resource }) => resource.id)).toEqual(['ann']);
    expect(idsOf(await server.get('/Observation?_sort=subject,_id'))).toEqual(['o2', 'o1']);
  });

  it('is that of the version: a walk shows what was contained at its beginning', async () => {
    const ids = ['w1', 'w2', 'w3', 'w4'];
    await load(
      server,
      ids.map((id) => prescription(id, 'old')),
    );
    const first = await server.get('/MedicationRequest?medication.ingredient-code=old&_count=1');
    expect(link(first, 'next')).toBeDefined();
    await load(server, [prescription('w2', 'new'), prescription('w3', 'old', { contained: undefined })]);
    await server.send('DELETE', '/MedicationRequest/w4');
    expect(await find(server, '/MedicationRequest?medication.ingredient-code=old')).toBe('w1');
    expect(await find(server, '/MedicationRequest?medication.ingredient-code=new')).toBe('w2');
    const pages = await pagesFrom(server, first);
    expect([...pages.flatMap(idsOf)].sort()).toEqual(['w1', 'w2', 'w3']);
  });
});

/** Contained resources: chains into them, and searches for them. https://hl7.org/fhir/R4/search.html#contained */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  base,
  entriesOf,
  find,
  idsOf,
  link,
  load,
  observation,
  pagesFrom,
  patient,
  refused,
  walk,
} from './searching.ts';
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

describe('_contained', () => {
  const urls = async (path: string) => {
    const page = await server.get(path);
    return entriesOf(page).map(({ fullUrl }) => fullUrl.slice(base.length + 1));
  };

  it.each([
    ['/Medication?_contained=true&ingredient-code=abc', 'MedicationRequest/r1 MedicationRequest/r4'],
    ['/Medication?_contained=false&ingredient-code=abc', 'Medication/stock'],
    ['/Medication?_contained=both&ingredient-code=abc', 'Medication/stock MedicationRequest/r1 MedicationRequest/r4'],
    [
      '/Medication?_contained=true&_containedType=contained&ingredient-code=abc',
      'MedicationRequest/r1#mix MedicationRequest/r4#mix',
    ],
    [
      '/Medication?_contained=both&_containedType=contained&ingredient-code=abc',
      'Medication/stock MedicationRequest/r1#mix MedicationRequest/r4#mix',
    ],
    ['/Medication?_contained=true&manufacturer.name=maker of def', 'MedicationRequest/r2'],
    ['/Medication?_contained=true&ingredient-code=abc,def&_id=mix', ''],
    ['/Patient?_contained=true', 'Observation/o1'],
    ['/Patient?_contained=true&gender:missing=true', ''],
    ['/Patient?_contained=true&_has:Observation:subject:status=final&_containedType=contained', 'Observation/o1#p'],
    ['/Patient?_contained=true&_has:Observation:subject:status=amended', ''],
    ['?_type=Patient&_contained=both', 'Observation/o1 Patient/ann'],
    ['?_type=Patient,Medication&_contained=true&_content=arendt', ''],
    ['?_type=Patient,Questionnaire&_contained=true', 'Observation/o1 QuestionnaireResponse/q'],
    ['?_type=Patient,Medication&_contained=both&_id=stock,ann', 'Medication/stock Patient/ann'],
    [
      '?_type=Questionnaire,Patient&_contained=true&_containedType=contained',
      'Observation/o1#p QuestionnaireResponse/q#form',
    ],
    [
      '?_type=Patient,Questionnaire&_contained=both&_containedType=contained',
      'Observation/o1#p Patient/ann QuestionnaireResponse/q#form',
    ],
    ['/Encounter?_contained=true', ''],
    ['/Bundle?_contained=both', ''],
  ])('%s finds %s', async (path, found) => {
    expect([...(await urls(path))].sort().join(' ')).toBe(found);
    const page = await server.get(`${path}&_total=accurate`);
    expect(page.body.total).toBe(found === '' ? 0 : found.split(' ').length);
  });

  it('shows the contained resource as it stands, whole or in part', async () => {
    const path = '/Medication?_contained=true&_containedType=contained&manufacturer.name=maker of def';
    const [entry] = entriesOf(await server.get(path));
    expect(entry.resource).toEqual(prescription('r2', 'def').contained[0]);
    expect(entry.search.mode).toBe('match');
    const [cut] = entriesOf(await server.get(`${path}&_elements=status`));
    expect(Object.keys(cut.resource).sort()).toEqual(['id', 'meta', 'resourceType', 'status']);
  });

  it('is searched in all types at once', async () => {
    const containers = await urls('?_contained=true&_lastUpdated=gt2000&_count=100');
    expect(containers).toEqual(
      expect.arrayContaining(['MedicationRequest/r1', 'Observation/o1', 'QuestionnaireResponse/q']),
    );
    expect(containers.filter((url) => !/^(MedicationRequest|Observation|QuestionnaireResponse)\//.test(url))).toEqual(
      [],
    );
    const inside = await urls('?_contained=both&_containedType=contained&_lastUpdated=gt2000&_count=100');
    expect(inside).toEqual(
      expect.arrayContaining([
        'MedicationRequest/r1#mix',
        'MedicationRequest/r1#maker',
        'Observation/o1',
        'Observation/o1#p',
      ]),
    );
    const all = await walk(server, '?_contained=both&_lastUpdated=gt2000&_count=3');
    expect(all).toHaveLength((await server.get('?_contained=both&_lastUpdated=gt2000&_summary=count')).body.total);
    expect(new Set(all).size).toBe(all.length);
  });

  it.each([
    ['/Medication?_contained=true&ingredient-code=def&_include=MedicationRequest:patient', 'Patient/ann'],
    ['/Organization?_contained=true&name=maker of def&_revinclude=MedicationRequest:patient', ''],
    ['/Medication?_contained=both&ingredient-code=abc&_include=MedicationRequest:*', 'Patient/ann'],
    ['/Medication?_contained=both&_id=stock&_revinclude=MedicationRequest:medication', 'MedicationRequest/r3'],
    [
      '/Organization?_contained=true&_containedType=contained&name=maker of def&_include=Organization:partof',
      'Organization/north',
    ],
    [
      '/Medication?_contained=true&_containedType=contained&ingredient-code=def&_revinclude=MedicationRequest:medication',
      'MedicationRequest/r2',
    ],
    [
      '/Medication?_contained=true&_containedType=contained&ingredient-code=def&_revinclude=MedicationRequest:medication' +
        '&_include:iterate=MedicationRequest:patient',
      'MedicationRequest/r2 Patient/ann',
    ],
    // r4 contains one, but refers to another.
    [
      '/Medication?_contained=true&_containedType=contained&ingredient-code=abc&_revinclude=MedicationRequest:medication',
      'MedicationRequest/r1',
    ],
    ['/Medication?_contained=true&_containedType=contained&ingredient-code=def&_include=Medication:manufacturer', ''],
    ['/Patient?_contained=true&_containedType=contained&_revinclude=*', 'Observation/o1'],
  ])('with includes: %s brings %s', async (path, found) => {
    const page = await server.get(path);
    const included = entriesOf(page, 'include').map(({ resource }) => `${resource.resourceType}/${resource.id}`);
    expect(included.sort().join(' ')).toBe(found);
    expect(entriesOf(page, 'match').length).toBeGreaterThan(0);
  });

  it('comes page by page, sorted, as it was at the beginning', async () => {
    const codes = ['b', 'a', 'd', 'c'];
    await load(
      server,
      codes.map((code) => prescription(`s${code}`, 'sorted', { ...contents(code) })),
    );
    const path = '/Organization?_contained=true&_containedType=contained&name=sort&_sort=-name&_count=1';
    const first = await server.get(path);
    await load(server, [prescription('sc', 'sorted', { ...contents('z') }), prescription('sb', 'sorted')]);
    await server.send('DELETE', '/MedicationRequest/sa');
    const pages = await pagesFrom(server, first);
    const names = pages.flatMap((page) => entriesOf(page).map(({ resource }) => resource.name));
    expect(names).toEqual(['sort d', 'sort c', 'sort b']);
    expect(await urls('/Organization?_contained=true&_containedType=contained&name=sort&_sort=name')).toEqual([
      'MedicationRequest/sd#maker',
      'MedicationRequest/sc#maker',
    ]);
    expect(await walk(server, '/Organization?_contained=true&name=sort&_sort=-_id&_count=1')).toEqual(['sd', 'sc']);
  });

  it.each([
    ['/Medication?_contained=maybe', /_contained: "maybe" is not one of/],
    ['/Medication?_contained=true&_containedType=both', /_containedType: "both" is not one of/],
    ['/Medication?_contained=true&_sort=status', /containers sort by _id and _lastUpdated/],
    ['/Medication?_contained=true&_containedType=contained&_sort=_id', /contained resources have no _id/],
    ['/Medication?_contained=true&_include=Medicaton:manufacturer', /no resource type; nearest: Medication/],
    [
      '/Medication?_contained=true&_containedType=contained&_include=MedicationRequest:patient',
      /MedicationRequest is not searched here/,
    ],
    ['/AuditEvent?_contained=true', /AuditEvents are not searched inside others/],
    ['?_type=AuditEvent,Patient&_contained=true', /AuditEvents are not searched inside others/],
  ])('%s is refused', async (path, text) => {
    expect(await refused(server, path)).toMatch(text);
  });
});

/** Contains a maker with a name to sort by. */
function contents(name: string): Json {
  return { contained: [{ resourceType: 'Organization', id: 'maker', name: `sort ${name}` }] };
}

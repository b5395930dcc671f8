/** Chains, reverse chains and sorts through references. https://hl7.org/fhir/R4/search.html#chaining */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  entriesOf,
  find,
  idsOf,
  includedOf,
  link,
  load,
  observation,
  patient,
  refused,
  search,
  selfOf,
  walk,
} from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;
const to = (reference: string) => ({ reference });
const code = (value: string) => ({ coding: [{ system: 'http://loinc.org', code: value }] });

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    { resourceType: 'Organization', id: 'north', name: 'Northern Clinic' },
    { resourceType: 'Organization', id: 'ward', name: 'Ward', partOf: to('Organization/north') },
    { resourceType: 'Practitioner', id: 'house', name: [{ family: 'House' }] },
    patient('ann', {
      name: [{ family: 'Arendt' }],
      gender: 'female',
      birthDate: '1970-02-01',
      managingOrganization: to('Organization/ward'),
      generalPractitioner: [to('Practitioner/house')],
    }),
    patient('bob', { name: [{ family: 'Brecht' }], gender: 'male', birthDate: '1980' }),
    patient('cid', { name: [{ family: 'Cid' }], gender: 'male' }),
    { resourceType: 'Group', id: 'ann', type: 'person', actual: true, code: { text: 'x' } },
    { resourceType: 'Device', id: 'pump', deviceName: [{ name: 'Arendt pump', type: 'user-friendly-name' }] },
    observation('a1', { code: code('1'), subject: to('Patient/ann'), performer: [to('Practitioner/house')] }),
    observation('a2', { code: code('2'), subject: to('Patient/ann/_history/1') }),
    observation('b1', { code: code('1'), subject: to('Patient/bob'), performer: [to('Patient/ann')] }),
    observation('g1', { code: code('1'), subject: to('Group/ann') }),
    observation('d1', { code: code('1'), subject: to('Device/pump') }),
    observation('lost', { code: code('1'), subject: to('Patient/nobody') }),
    observation('none', { code: code('1') }),
    { resourceType: 'Questionnaire', id: 'q1', url: 'http://x/q', version: '1', status: 'active', title: 'Knee' },
    { resourceType: 'Questionnaire', id: 'q2', url: 'http://x/q', version: 'B', status: 'draft', title: 'Hip' },
    ...['', '|1', '|b', '|3', '/other', '|1#part', '|B#part']
      .map((rest) => `http://x/q${rest}`)
      .map(
        (questionnaire, n): Json => ({
          resourceType: 'QuestionnaireResponse',
          id: `r${n}`,
          status: 'completed',
          questionnaire,
        }),
      ),
  ]);
});
afterAll(() => server.close());

describe('a chain', () => {
  it.each([
    ['/Observation?subject:Patient.name=arendt', 'a1 a2'],
    ['/Observation?subject:Patient.name:exact=arendt', ''],
    ['/Observation?subject:Patient.name:contains=rech', 'b1'],
    ['/Observation?patient.name=arendt,brecht', 'a1 a2 b1'],
    ['/Observation?subject:Patient.birthdate=lt1975', 'a1 a2'],
    ['/Observation?subject:Patient.birthdate:missing=true', ''],
    ['/Observation?subject:Patient.gender:not=female', 'b1'],
    ['/Observation?subject:Patient._id=ann', 'a1 a2'],
    ['/Observation?subject:Patient._lastUpdated=lt2000', ''],
    ['/Observation?subject:Patient.organization.name=ward', 'a1 a2'],
    ['/Observation?subject:Patient.organization.partof.name:contains=clin', 'a1 a2'],
    ['/Observation?subject:Patient.general-practitioner:Practitioner.family=house&code=2', 'a2'],
    ['/Observation?subject:Patient.name=arendt&subject:Patient.gender=male', ''],
    ['/Observation?performer:Patient.name=arendt', 'b1'],
    // Without a type: whatever it leads to that has the parameter.
    ['/Observation?subject._id=ann', 'a1 a2 g1'],
    ['/Observation?subject.device-name=arendt', 'd1'],
    ['/Observation?subject.identifier:missing=true', 'a1 a2 b1 d1 g1'],
    ['?_type=Observation&subject:Patient.name=arendt', 'a1 a2'],
    ['/Patient/ann/Observation?subject:Patient.name=arendt', 'a1 a2'],
  ])('%s finds %s', async (path, ids) => {
    expect(await find(server, path)).toBe(ids);
  });

  it('follows canonicals, with the version that they name', async () => {
    expect(await find(server, '/QuestionnaireResponse?questionnaire.status=active')).toBe('r0 r1 r5');
    expect(await find(server, '/QuestionnaireResponse?questionnaire.title=hip')).toBe('r0 r2 r6');
    expect(await find(server, '/QuestionnaireResponse?questionnaire:Questionnaire.title=none')).toBe('');
    expect(await find(server, '/Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=r1')).toBe('q1');
    expect(await find(server, '/Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=r0,r3')).toBe('q1 q2');
  });

  it.each([
    ['q1', 'r0 r1 r5'],
    // Its version is B.
    ['q2', 'r0 r2 r6'],
  ])('through canonicals leads to what includes bring: %s', async (id, referring) => {
    const included = async (path: string) =>
      includedOf(await server.get(path)).map((each) => each.slice(each.indexOf('/') + 1));
    const parameter = 'QuestionnaireResponse:questionnaire';
    expect(await find(server, `/QuestionnaireResponse?questionnaire._id=${id}`)).toBe(referring);
    expect((await included(`/Questionnaire?_id=${id}&_revinclude=${parameter}`)).join(' ')).toBe(referring);
    for (const each of ['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6']) {
      const found = await find(server, `/Questionnaire?_has:${parameter}:_id=${each}`);
      expect((await included(`/QuestionnaireResponse?_id=${each}&_include=${parameter}`)).join(' ')).toBe(found);
      expect(found.includes(id)).toBe(referring.includes(each));
    }
  });

  it('is told in self, is found by POST and in a batch', async () => {
    const page = await server.get('/Observation?subject:Patient.name=arendt&_count=1');
    expect(selfOf(page)).toEqual(['subject:Patient.name=arendt', '_count=1']);
    expect(link(page, 'next')).toBeDefined();
    const posted = await search(server, '/Observation/_search', { 'subject:Patient.name': 'arendt' });
    expect([...idsOf(posted)].sort()).toEqual(['a1', 'a2']);
    expect(await walk(server, '/Observation?subject:Patient.name=arendt&_count=1')).toHaveLength(2);
  });

  it('decides conditional interactions', async () => {
    const reply = await server.send('POST', '/Observation', observation('x', { subject: to('Patient/bob') }), {
      'If-None-Exist': 'subject:Patient.name=brecht&code=1',
    });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('location')).toContain('/Observation/b1/');
  });

  it('that is unknown is ignored where the client is lenient', async () => {
    const lenient = { Prefer: 'handling=lenient' };
    const page = await server.get('/Observation?subject:Patient.nam=x&code=2', lenient);
    expect(idsOf(page)).toEqual(['a2']);
    expect(entriesOf(page, 'outcome')[0].resource.issue[0].diagnostics).toContain('subject:Patient.nam');
  });
});

describe('a reverse chain', () => {
  it.each([
    ['/Patient?_has:Observation:patient:code=1', 'ann bob'],
    ['/Patient?_has:Observation:patient:code=2', 'ann'],
    ['/Patient?_has:Observation:patient:code:not=1', 'ann'],
    ['/Patient?_has:Observation:subject:code=http://loinc.org|1&gender=male', 'bob'],
    ['/Patient?_has:Observation:patient:code=1&_has:Observation:patient:code=2', 'ann'],
    ['/Patient?_has:Observation:patient:performer:Practitioner.name=house', 'ann'],
    ['/Practitioner?_has:Patient:general-practitioner:_has:Observation:patient:code=2', 'house'],
    ['/Organization?_has:Organization:partof:_has:Patient:organization:name=arendt', 'north'],
    ['/Observation?patient._has:Observation:performer:code=1', 'a1 a2'],
    ['/Group?_has:Observation:subject:code=1', 'ann'],
    ['/Patient?_has:Observation:patient:code=9', ''],
  ])('%s finds %s', async (path, ids) => {
    expect(await find(server, path)).toBe(ids);
  });
});

describe('a reverse chain on several types', () => {
  it('finds nothing of those that the reference never leads to', async () => {
    const refersTo = 'Device/pump Group/ann Patient/ann Patient/bob';
    const found = async (path: string) =>
      entriesOf(await server.get(path))
        .map(({ resource }) => `${resource.resourceType}/${resource.id}`)
        .sort()
        .join(' ');
    expect(await found('?_has:Observation:subject:status=final')).toBe(refersTo);
    expect(await found('?_type=Device,Group,Organization,Patient&_has:Observation:subject:status=final')).toBe(
      refersTo,
    );
    expect(await found('/Patient/ann/*?_has:Observation:subject:status=final')).toBe('Patient/ann');
    // Observations are made of Patients, Groups, Devices and Locations; nobody is the patient of an Observation but a Patient.
    expect(await find(server, '/Observation?subject._has:Observation:performer:status=final')).toBe('a1 a2');
    const all = await refused(server, '?_type=Device,Organization&_has:Observation:encounter:status=final');
    expect(all).toMatch(/never leads to Device/);
    expect(await refused(server, '?_has:Observation:subject:date=soon')).toMatch(/soon/);
  });
});

describe("the server's own AuditEvents", () => {
  it('are found by chains and find by reverse chains', async () => {
    const event = (path: string) => server.get(`${path}&_count=100`);
    await server.get('/Patient/bob');
    const of = async (path: string) =>
      entriesOf(await event(path)).map(({ resource }) => resource.entity[0].what.reference);
    const read = 'subtype=http://hl7.org/fhir/restful-interaction|read';
    expect(await of(`/AuditEvent?${read}&patient:Patient.name=brecht`)).toEqual(['Patient/bob']);
    expect(await of(`/AuditEvent?${read}&patient:Patient.name=cid`)).toEqual([]);
    expect(await find(server, '/Patient?_has:AuditEvent:entity:subtype=read')).toBe('bob');
    expect(await find(server, '/Patient?_has:AuditEvent:entity:subtype=vread')).toBe('');
    // At the end of another chain too.
    expect(await find(server, '/Observation?subject:Patient._has:AuditEvent:entity:subtype=read')).toBe('b1');
    expect(
      await find(server, '/Practitioner?_has:Patient:general-practitioner:_has:AuditEvent:entity:subtype=read'),
    ).toBe('');
    await server.get('/Patient/ann');
    expect(
      await find(server, '/Practitioner?_has:Patient:general-practitioner:_has:AuditEvent:entity:subtype=read'),
    ).toBe('house');
  });
});

describe('two ways to ask the same', () => {
  const ends = [
    'name=arendt',
    'name=b,c',
    'gender=male',
    'gender:not=male',
    'birthdate=ge1980',
    'birthdate:missing=true',
    '_id=ann,cid',
  ];

  it('a chain finds what refers to the matches of its end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('subject', 'patient', 'performer'),
        fc.constantFrom(...ends),
        async (by, end) => {
          const targets = idsOf(await server.get(`/Patient?${end}`)).map((id) => `Patient/${id}`);
          const direct = targets.length === 0 ? '' : await find(server, `/Observation?${by}=${targets.join()}`);
          expect(await find(server, `/Observation?${by}:Patient.${end}`)).toBe(direct);
        },
      ),
    );
  });

  it('a reverse chain finds what the matches of its end refer to', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('code=1', 'code=2', 'code:not=1', 'performer:missing=false', '_id=a2,b1,g1'),
        async (end) => {
          const page = await server.get(`/Observation?${end}&_include=Observation:subject:Patient`);
          const included = [...new Set(entriesOf(page, 'include').map(({ resource }) => resource.id))];
          expect(await find(server, `/Patient?_has:Observation:subject:${end}`)).toBe(included.sort().join(' '));
        },
      ),
    );
  });
});

describe('a sort through a reference', () => {
  it('goes by the values of what it leads to; what leads nowhere comes last', async () => {
    const sorted = async (sort: string) => idsOf(await server.get(`/Observation?_sort=${sort},_id`)).join(' ');
    expect(await sorted('subject:Patient.family')).toBe('a1 a2 b1 d1 g1 lost none');
    expect(await sorted('-subject:Patient.family')).toBe('b1 a1 a2 d1 g1 lost none');
    expect(await sorted('-subject:Patient.birthdate')).toBe('b1 a1 a2 d1 g1 lost none');
    expect(await sorted('subject:Patient.organization.name')).toBe('a1 a2 b1 d1 g1 lost none');
    expect(await sorted('-subject._id')).toBe('d1 b1 a1 a2 g1 lost none');
    expect(await walk(server, '/Observation?_sort=-subject:Patient.family,_id&_count=2')).toEqual(
      'b1 a1 a2 d1 g1 lost none'.split(' '),
    );
  });
});

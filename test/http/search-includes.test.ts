/** `_include` and `_revinclude`. https://hl7.org/fhir/R4/search.html#include */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base, entriesOf, idsOf, includedOf, link, load, observation, pagesFrom, patient } from './searching.ts';
import { type TestServer, testServer } from './server.ts';

let server: TestServer;

const includes = async (path: string) => includedOf(await server.get(path)).join(' ');

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    { resourceType: 'Organization', id: 'org', name: 'Org' },
    { resourceType: 'Practitioner', id: 'doc' },
    patient('a', {
      managingOrganization: { reference: 'Organization/org' },
      generalPractitioner: [{ reference: 'Practitioner/doc' }, { reference: 'Organization/org' }],
    }),
    patient('b', { managingOrganization: { reference: `${base}/Organization/org` } }),
    {
      resourceType: 'Encounter',
      id: 'e',
      status: 'finished',
      class: { code: 'AMB' },
      subject: { reference: 'Patient/a' },
    },
    observation('o1', { subject: { reference: 'Patient/a' }, encounter: { reference: 'Encounter/e' } }),
    observation('o2', { subject: { reference: 'Patient/a' }, performer: [{ reference: 'Practitioner/doc' }] }),
    observation('o3', { subject: { reference: 'Patient/b' } }),
    observation('dangling', { subject: { reference: 'Patient/nobody' } }),
    observation('foreign', { subject: { reference: 'http://example.org/fhir/Patient/a' } }),
    observation('member', { hasMember: [{ reference: 'Observation/o1' }, { reference: 'Observation/o2' }] }),
    { resourceType: 'Questionnaire', id: 'q1', status: 'active', url: 'http://q', version: '1' },
    { resourceType: 'Questionnaire', id: 'q2', status: 'active', url: 'http://q', version: '2' },
    { resourceType: 'QuestionnaireResponse', id: 'r1', status: 'completed', questionnaire: 'http://q|1' },
    { resourceType: 'QuestionnaireResponse', id: 'r2', status: 'completed', questionnaire: 'http://q' },
  ]);
});
afterAll(() => server.close());

describe('_include', () => {
  it('brings what the matches refer to, once', async () => {
    expect(await includes('/Observation?_include=Observation:subject')).toBe('Patient/a Patient/b');
    expect(await includes('/Observation?_include=Observation:subject:Patient')).toBe('Patient/a Patient/b');
    expect(await includes('/Observation?_include=Observation:subject:Group')).toBe('');
    expect(await includes('/Observation?_include=Observation:patient&_id=o1')).toBe('Patient/a');
    expect(await includes('/Patient?_include=Patient:general-practitioner')).toBe('Organization/org Practitioner/doc');
    expect(await includes('/Patient?_include=Patient:general-practitioner:Practitioner')).toBe('Practitioner/doc');
    expect(await includes('/Patient?_include=Patient:organization')).toBe('Organization/org');
  });

  it(':iterate follows what was included too', async () => {
    const up = '_include:iterate=Patient:organization';
    expect(await includes(`/Observation?_id=o3&_include=Observation:subject&${up}`)).toBe('Organization/org Patient/b');
    expect(await includes(`/Observation?_id=o3&${up}`)).toBe('');
    expect(await includes('/Organization?_revinclude:iterate=Patient:organization')).toBe('Patient/a Patient/b');
    expect(
      await includes('/Organization?_revinclude=Patient:organization&_revinclude:iterate=Observation:subject'),
    ).toBe('Observation/o1 Observation/o2 Observation/o3 Patient/a Patient/b');
    expect(await includes('/Observation?_id=o1&_include:iterate=*')).toBe(
      'Encounter/e Organization/org Patient/a Practitioner/doc',
    );
  });

  it('may be several, and a wildcard', async () => {
    expect(await includes('/Observation?_include=Observation:subject&_include=Observation:encounter&_id=o1')).toBe(
      'Encounter/e Patient/a',
    );
    expect(await includes('/Observation?_include=*&_id=o1')).toBe('Encounter/e Patient/a');
    expect(await includes('/Observation?_include=Observation:*&_id=o2')).toBe('Patient/a Practitioner/doc');
  });

  it('never repeats a match as an include', async () => {
    const page = await server.get('/Observation?_include=Observation:has-member');
    expect([...idsOf(page)].sort()).toEqual(['dangling', 'foreign', 'member', 'o1', 'o2', 'o3']);
    expect(entriesOf(page, 'include')).toEqual([]);
    expect(await includes('/Observation?_include=Observation:has-member&_id=member,o1')).toBe('Observation/o2');
  });

  it('brings nothing for what is not here', async () => {
    expect(await includes('/Observation?_include=Observation:subject&_id=dangling,foreign')).toBe('');
    expect(await includes('/Observation?_include=Observation:subject&_id=nobody')).toBe('');
  });

  it('through a versioned reference gives that version', async () => {
    await load(server, [patient('v', { gender: 'male' })]);
    await load(server, [patient('v', { gender: 'female' })]);
    await load(server, [
      observation('v1', { subject: { reference: 'Patient/v/_history/1' } }),
      observation('v2', { subject: { reference: 'Patient/v' } }),
      observation('v9', { subject: { reference: 'Patient/v/_history/9' } }),
    ]);
    const one = entriesOf(await server.get('/Observation?_include=Observation:subject&_id=v1'), 'include');
    expect(one.map(({ resource }) => [resource.gender, resource.meta.versionId])).toEqual([['male', '1']]);
    expect(one[0].fullUrl).toBe(`${base}/Patient/v`);
    const two = entriesOf(await server.get('/Observation?_include=Observation:subject&_id=v1,v2'), 'include');
    expect(two.map(({ resource }) => resource.meta.versionId).sort()).toEqual(['1', '2']);
    expect(await includes('/Observation?_include=Observation:subject&_id=v9')).toBe('');
    await server.send('DELETE', '/Observation/v1');
    await server.send('DELETE', '/Observation/v2');
    await server.send('DELETE', '/Observation/v9');
  });

  it('goes on from the version that a reference names, not from the current one', async () => {
    await load(server, [
      { resourceType: 'Organization', id: 'then' },
      { resourceType: 'Organization', id: 'now' },
      patient('moved', { managingOrganization: { reference: 'Organization/then' } }),
    ]);
    await load(server, [patient('moved', { managingOrganization: { reference: 'Organization/now' } })]);
    await load(server, [observation('v1', { subject: { reference: 'Patient/moved/_history/1' } })]);
    const query = '_include=Observation:subject&_include:iterate=Patient:organization';
    expect(await includes(`/Observation?_id=v1&${query}`)).toBe('Organization/then Patient/moved');
    await server.send('DELETE', '/Observation/v1');
    await server.send('DELETE', '/Patient/moved');
  });

  it('follows canonicals, by their version where they name one', async () => {
    const path = '/QuestionnaireResponse?_include=QuestionnaireResponse:questionnaire';
    expect(await includes(`${path}&_id=r1`)).toBe('Questionnaire/q1');
    expect(await includes(`${path}&_id=r2`)).toBe('Questionnaire/q1 Questionnaire/q2');
    expect(await includes('/Questionnaire?_revinclude=QuestionnaireResponse:questionnaire&_id=q2')).toBe(
      'QuestionnaireResponse/r2',
    );
  });

  it('follows canonicals that name a place in a resource, in both directions', async () => {
    await load(server, [
      { resourceType: 'PlanDefinition', id: 'p1', status: 'active', library: ['http://l#part'] },
      { resourceType: 'PlanDefinition', id: 'p2', status: 'active', library: ['http://l|1#part'] },
      { resourceType: 'PlanDefinition', id: 'p3', status: 'active', library: ['http://l|2#part', 'http://lo#part'] },
      { resourceType: 'Library', id: 'l1', status: 'active', type: { text: 'x' }, url: 'http://l', version: '1' },
    ]);
    expect(await includes('/PlanDefinition?_include=PlanDefinition:depends-on&_id=p1')).toBe('Library/l1');
    const referring = 'PlanDefinition/p1 PlanDefinition/p2';
    expect(await includes('/Library?_revinclude=PlanDefinition:depends-on&_id=l1')).toBe(referring);
  });
});

describe('_revinclude', () => {
  it('brings what refers to the matches, once', async () => {
    expect(await includes('/Patient?_revinclude=Observation:subject&_id=a')).toBe('Observation/o1 Observation/o2');
    expect(await includes('/Patient?_revinclude=Observation:subject&_revinclude=Encounter:patient&_id=a')).toBe(
      'Encounter/e Observation/o1 Observation/o2',
    );
    expect(await includes('/Organization?_revinclude=Patient:organization')).toBe('Patient/a Patient/b');
    expect(await includes('/Organization?_revinclude=Patient:general-practitioner')).toBe('Patient/a');
    expect(await includes('/Patient?_revinclude=Observation:*&_id=b')).toBe('Observation/o3');
    expect(await includes('/Patient?_revinclude=*&_id=a')).toBe('Encounter/e Observation/o1 Observation/o2');
  });

  it('goes together with _include', async () => {
    expect(await includes('/Patient?_revinclude=Encounter:patient&_include=Patient:organization&_id=a')).toBe(
      'Encounter/e Organization/org',
    );
  });

  it('works by POST and on the system', async () => {
    expect(await includes('?_type=Patient&_id=a&_revinclude=Encounter:patient')).toBe('Encounter/e');
    const form = new URLSearchParams({ _id: 'a', _revinclude: 'Encounter:patient' }).toString();
    const posted = await server.send('POST', '/Patient/_search', form, {
      'Content-Type': 'application/x-www-form-urlencoded',
    });
    expect(includedOf(posted)).toEqual(['Encounter/e']);
  });

  it('travels with the page of its match', async () => {
    const pages = await pagesFrom(
      server,
      await server.get('/Patient?_revinclude=Observation:subject&_count=1&_sort=_id&_id=a,b'),
    );
    expect(pages.map((page) => [idsOf(page).join(), includedOf(page).join(' ')])).toEqual([
      ['a', 'Observation/o1 Observation/o2'],
      ['b', 'Observation/o3'],
    ]);
  });
});

describe('includes beyond MAX_INCLUDES', () => {
  it('are cut, and an outcome entry says so', async () => {
    const other = await testServer({ MAX_INCLUDES: '3' });
    await load(other, [
      patient('a'),
      patient('b'),
      ...['1', '2', '3', '4'].map((id) => observation(id, { subject: { reference: 'Patient/a' } })),
      ...['5', '6', '7'].map((id) => observation(id, { subject: { reference: 'Patient/b' } })),
    ]);
    const cut = await other.get('/Patient?_revinclude=Observation:subject&_id=a');
    expect(entriesOf(cut)).toHaveLength(1);
    expect(entriesOf(cut, 'include')).toHaveLength(3);
    const [outcome] = entriesOf(cut, 'outcome');
    expect(outcome.resource.issue[0].code).toBe('too-costly');
    expect(outcome.resource.issue[0].severity).toBe('warning');
    expect(outcome.resource.issue[0].diagnostics).toMatch(/3 included/);
    const whole = await other.get('/Patient?_revinclude=Observation:subject&_id=b');
    expect(entriesOf(whole, 'include')).toHaveLength(3);
    expect(entriesOf(whole, 'outcome')).toEqual([]);
    const forwards = await other.get('/Observation?_include=Observation:subject');
    expect(entriesOf(forwards, 'include')).toHaveLength(2);
    expect(entriesOf(forwards, 'outcome')).toEqual([]);
    await other.close();
  });
});

describe('a walk whose matches have changed since', () => {
  it('includes what the versions that it shows refer to', async () => {
    await load(server, [
      patient('w1'),
      patient('w2'),
      observation('wa', { subject: { reference: 'Patient/w1' }, status: 'preliminary' }),
      observation('wb', { subject: { reference: 'Patient/w1' }, status: 'preliminary' }),
    ]);
    const first = await server.get('/Observation?status=preliminary&_include=Observation:subject&_count=1&_sort=_id');
    expect(idsOf(first)).toEqual(['wa']);
    await load(server, [observation('wb', { subject: { reference: 'Patient/w2' }, status: 'amended' })]);
    const second = await server.get(link(first, 'next') ?? '');
    expect(entriesOf(second).map(({ resource }) => resource.subject.reference)).toEqual(['Patient/w1']);
    expect(includedOf(second)).toEqual(['Patient/w1']);
  });
});

/** Searches within compartments. https://hl7.org/fhir/R4/search.html#2.21.1.2 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entriesOf, find, link, load, observation, patient, refused } from './searching.ts';
import { base, type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;

const of = (id: string, more: Json) => observation(id, more);
const to = (reference: string) => ({ reference });

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    patient('1', { link: [{ other: to('Patient/2'), type: 'seealso' }], generalPractitioner: [to('Practitioner/d')] }),
    patient('2'),
    of('subject', { subject: to('Patient/1') }),
    of('performer', { subject: to('Patient/2'), performer: [to('Patient/1')] }),
    of('device', { subject: to('Patient/2'), device: to('Device/x') }),
    of('encounter', { subject: to('Patient/2'), encounter: to('Encounter/e') }),
    of('seen', { subject: to('Patient/2'), performer: [to('Practitioner/d'), to('RelatedPerson/r')] }),
    { resourceType: 'Practitioner', id: 'd' },
    { resourceType: 'Encounter', id: 'e', status: 'finished', class: { code: 'AMB' }, subject: to('Patient/1') },
    { resourceType: 'RelatedPerson', id: 'r', patient: to('Patient/1') },
    { resourceType: 'Device', id: 'x', patient: to('Patient/1') },
    ...Array.from({ length: 5 }, (_, n) => ({ resourceType: 'Flag', id: `f${n}`, subject: to('Patient/1') })).map(
      (flag): Json => ({ ...flag, status: 'active', code: { text: 'x' } }),
    ),
  ]);
});
afterAll(() => server.close());

const typesAndIds = async (path: string) =>
  entriesOf(await server.get(path))
    .map(({ resource }) => `${resource.resourceType}/${resource.id}`)
    .sort();

describe('of one type', () => {
  it.each([
    ['/Patient/1/Observation', 'performer subject'],
    ['/Patient/2/Observation', 'device encounter performer seen'],
    ['/Encounter/e/Observation', 'encounter'],
    ['/Practitioner/d/Observation', 'seen'],
    ['/RelatedPerson/r/Observation', 'seen'],
    ['/Device/x/Observation', 'device'],
    ['/Practitioner/d/Patient', '1'],
    ['/Patient/1/Observation?subject=Patient/2', 'performer'],
    ['/Patient/1/Observation?subject:missing=true', ''],
    ['/Patient/nobody/Observation', ''],
  ])('%s finds %s', async (path, ids) => {
    expect(await find(server, path)).toBe(ids);
  });

  it('the owner is in its own compartment', async () => {
    expect(await find(server, '/Patient/1/Patient')).toBe('1');
    expect(await find(server, '/Patient/2/Patient')).toBe('1 2');
    expect(await find(server, '/Encounter/e/Encounter')).toBe('e');
  });
});

describe('of all types', () => {
  it('finds all that may be in it', async () => {
    const found = await typesAndIds('/Patient/1/*');
    const own = ['Observation/performer', 'Observation/subject', 'Patient/1', 'RelatedPerson/r'];
    expect(found).toEqual(['Encounter/e', ...Array.from({ length: 5 }, (_, n) => `Flag/f${n}`), ...own]);
  });

  it('takes _type and parameters that all types have', async () => {
    expect(await typesAndIds('/Patient/1/*?_type=Encounter,Patient')).toEqual(['Encounter/e', 'Patient/1']);
    expect(await typesAndIds('/Patient/1/*?_id=e')).toEqual(['Encounter/e']);
    expect(await refused(server, '/Patient/1/*?_type=Practitioner')).toContain(
      'never in the compartment of a resource',
    );
    expect((await server.get('/Patient/1/*?subject=Patient/1')).status).toBe(400);
  });
});

describe('like any search', () => {
  it('pages by links below the same path, by GET and POST', async () => {
    const first = await server.get('/Patient/1/Flag?_count=2');
    expect(first.body.total).toBe(5);
    expect(link(first, 'self')).toBe(`${base}/Patient/1/Flag?_count=2`);
    const next = link(first, 'next') ?? '';
    expect(next.startsWith(`${base}/Patient/1/Flag?_cursor=`)).toBe(true);
    const second = await server.get(next);
    expect(entriesOf(second)).toHaveLength(2);
    const posted = await server.send('POST', link(second, 'next') ?? '');
    expect(entriesOf(posted)).toHaveLength(1);
    // The token of one compartment says nothing about another.
    expect((await server.get(next.replace('Patient/1', 'Patient/2'))).status).toBe(400);
    expect((await server.get(next.replace('/Patient/1', ''))).status).toBe(400);
    const all = await server.get('/Patient/1/*?_count=3');
    expect(entriesOf(await server.get(link(all, 'next') ?? ''))).toHaveLength(3);
  });

  it('takes POST to _search', async () => {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const reply = await server.send('POST', '/Patient/1/Observation/_search', 'subject=Patient/2', form);
    expect(entriesOf(reply).map(({ resource }) => resource.id)).toEqual(['performer']);
    expect(link(reply, 'self')).toBe(`${base}/Patient/1/Observation?subject=Patient%2F2&_count=50`);
  });

  it('works in bundles', async () => {
    const entry = [{ request: { method: 'GET', url: 'Patient/1/Observation?_summary=count' } }];
    for (const type of ['batch', 'transaction']) {
      const reply = await server.send('POST', '', { resourceType: 'Bundle', type, entry });
      expect(reply.body.entry[0].resource.total).toBe(2);
    }
  });

  it('leaves an AuditEvent that names the patient', async () => {
    await find(server, '/Patient/2/Encounter?status=finished');
    await server.context.audit.settle();
    const events = entriesOf(await server.get('/Patient/2/AuditEvent'));
    const query = Buffer.from('status=finished').toString('base64');
    const own = events.filter(({ resource }) => resource.entity.some((each: Json) => each.query === query));
    expect(own).toHaveLength(1);
    expect(own[0]?.resource.subtype[0].code).toBe('search-type');
    expect(own[0]?.resource.entity.map(({ what }: Json) => what?.reference)).toContain('Patient/2');
  });
});

describe('what is no compartment', () => {
  it.each([
    ['/Observation/subject/Patient', 404, 'Observation has no compartment'],
    ['/Patient/1/Practitioner', 404, 'never in the compartment'],
    ['/Patient/1/Nonsense', 404, 'no resource type'],
    ['/Patient/1/Observation/subject', 404, 'nothing at this path'],
    ['/Patient/1/*/_search/more', 404, 'nothing at this path'],
  ])('%s is %i', async (path, status, text) => {
    const reply = await server.get(path);
    expect(reply.status).toBe(status);
    expect(reply.text).toContain(text);
  });

  it('is searched only: other methods are 405', async () => {
    const reply = await server.send('DELETE', '/Patient/1/Observation');
    expect(reply.status).toBe(405);
    expect(reply.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });
});

it('the capability statement has all five', async () => {
  const { body } = await server.get('/metadata');
  const names = body.rest[0].compartment.map((url: string) => url.split('/').at(-1));
  expect(names).toEqual(['device', 'encounter', 'patient', 'practitioner', 'relatedPerson']);
});

/** `:above` and `:below` on references, uris, canonicals and MIME types. https://hl7.org/fhir/R4/search.html#reference */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, idsOf, link, load, observation, patient, refusal } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;
const location = (id: string, whole?: string): Json => ({
  resourceType: 'Location',
  id,
  ...(whole !== undefined && { partOf: { reference: `Location/${whole}` } }),
});
const procedure = (id: string, at: string): Json => ({
  resourceType: 'Procedure',
  id,
  status: 'completed',
  subject: { reference: 'Patient/p' },
  location: { reference: `Location/${at}` },
});

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    patient('p', { managingOrganization: { reference: 'Organization/clinic' } }),
    { resourceType: 'Organization', id: 'trust' },
    { resourceType: 'Organization', id: 'clinic', partOf: { reference: 'Organization/trust' } },
    location('house'),
    location('floor', 'house'),
    location('room', 'floor'),
    location('other'),
    location('ring1', 'ring2'),
    location('ring2', 'ring1'),
    location('orphan', 'nowhere'),
    procedure('inHouse', 'house'),
    procedure('onFloor', 'floor'),
    procedure('inRoom', 'room'),
    procedure('elsewhere', 'other'),
    procedure('round', 'ring1'),
    procedure('abroad', 'http'),
    observation('o1', { subject: { reference: 'Location/room' } }),
    observation('o2', { subject: { reference: 'Patient/p' } }),
    observation('o3', { derivedFrom: [{ reference: 'Observation/o2' }] }),
    observation('o4', { derivedFrom: [{ reference: 'Observation/o3' }] }),
    { resourceType: 'ValueSet', id: 'a', status: 'active', url: 'http://a/b' },
    { resourceType: 'ValueSet', id: 'b', status: 'active', url: 'http://a/b/c' },
    { resourceType: 'ValueSet', id: 'c', status: 'active', url: 'http://a/bc' },
    { resourceType: 'QuestionnaireResponse', id: 'q1', status: 'completed', questionnaire: 'http://q|1.2' },
    { resourceType: 'QuestionnaireResponse', id: 'q2', status: 'completed', questionnaire: 'http://q|2' },
    {
      resourceType: 'DocumentReference',
      id: 'd',
      status: 'current',
      content: [{ attachment: { contentType: 'image/png' } }],
    },
  ]);
});
afterAll(() => server.close());

const procedures = (query: string) => find(server, `/Procedure?${query}`);

describe('a reference', () => {
  it('below finds what is at a place or at a part of it, however deep', async () => {
    expect(await procedures('location:below=Location/house')).toBe('inHouse inRoom onFloor');
    expect(await procedures('location:below=floor')).toBe('inRoom onFloor');
    expect(await procedures('location:below=room')).toBe('inRoom');
    expect(await procedures('location:below=Location/house,Location/other')).toBe('elsewhere inHouse inRoom onFloor');
    expect(await procedures('location:below=nobody')).toBe('');
  });

  it('above finds what is at a place or at one that it is a part of', async () => {
    expect(await procedures('location:above=Location/room')).toBe('inHouse inRoom onFloor');
    expect(await procedures('location:above=floor')).toBe('inHouse onFloor');
    expect(await procedures('location:above=house')).toBe('inHouse');
  });

  it('ends where the hierarchy is a circle', async () => {
    expect(await procedures('location:below=ring2')).toBe('round');
    expect(await procedures('location:above=ring2')).toBe('round');
    expect(await find(server, '/Location?partof:below=ring1')).toBe('ring1 ring2');
  });

  it('to the same type leads by the parameter itself', async () => {
    expect(await find(server, '/Location?partof:below=house')).toBe('floor room');
    expect(await find(server, '/Location?partof:above=room')).toBe('floor room');
    expect(await find(server, '/Location?partof:below=nowhere')).toBe('orphan');
    expect(await find(server, '/Observation?derived-from:below=Observation/o2')).toBe('o3 o4');
    expect(await find(server, '/Patient?organization:below=trust')).toBe('p');
  });

  it('works beside other types, other criteria and :not of nothing', async () => {
    expect(await find(server, '/Observation?subject:below=Location/house')).toBe('o1');
    expect(await find(server, '/Observation?subject:below=Location/house,Patient/p')).toBe('o1 o2');
    expect(await procedures('location:below=house&_id=inRoom,elsewhere')).toBe('inRoom');
    const count = await server.get('/Procedure?location:below=house&_summary=count');
    expect(count.body.total).toBe(3);
  });

  it('that leads to no hierarchy is refused', async () => {
    const issue = refusal(await server.get('/Condition?subject:below=Patient/p'));
    expect(issue.code).toBe('not-supported');
    expect(issue.diagnostics).toMatch(/subject:below.*hierarchy/);
  });

  it('follows the hierarchy as it is now, in a walk as it was at its first page', async () => {
    await load(server, [
      location('w'),
      location('w1', 'w'),
      procedure('x1', 'w1'),
      procedure('x2', 'w'),
      procedure('x3', 'w1'),
    ]);
    const first = await server.get('/Procedure?location:below=w&_sort=_id&_count=1');
    expect(idsOf(first)).toEqual(['x1']);
    await load(server, [location('w1', 'other')]);
    const second = await server.get(link(first, 'next') ?? '');
    expect(idsOf(second)).toEqual(['x2']);
    expect(idsOf(await server.get(link(second, 'next') ?? ''))).toEqual(['x3']);
    expect(await procedures('location:below=w')).toBe('x2');
    expect(await procedures('location:below=other')).toBe('elsewhere x1 x3');
  });

  it('is a criterion of writes', async () => {
    const { id: _, ...body } = procedure('y', 'room');
    const reply = await server.send('POST', '/Procedure', body, { 'If-None-Exist': 'location:below=floor' });
    expect(reply.status).toBe(412);
  });
});

describe('a uri', () => {
  it('by whole segments', async () => {
    expect(await find(server, '/ValueSet?url:below=http://a/b')).toBe('a b');
    expect(await find(server, '/ValueSet?url:above=http://a/b/c')).toBe('a b');
    expect(refusal(await server.get('/ValueSet?url:below=urn:oid:1.2')).diagnostics).toMatch(/not a URL/);
  });
});

describe('a canonical', () => {
  it('by its version', async () => {
    expect(await find(server, '/QuestionnaireResponse?questionnaire:below=http://q|1')).toBe('q1');
    expect(await find(server, '/QuestionnaireResponse?questionnaire:above=http://q|2.1')).toBe('q2');
    expect(await find(server, '/QuestionnaireResponse?questionnaire:below=http://q')).toBe('q1 q2');
  });
});

describe('a MIME type', () => {
  it('by its parts', async () => {
    expect(await find(server, '/DocumentReference?contenttype:below=image')).toBe('d');
    expect(await find(server, '/DocumentReference?contenttype:below=text')).toBe('');
    expect(await find(server, '/DocumentReference?contenttype:above=image/png')).toBe('d');
  });
});

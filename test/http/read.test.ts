/** https://hl7.org/fhir/R4/http.html#read */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, type TestServer, testServer } from './server.ts';
import { issueOf } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ IGNORED_PARAMETERS: '_' });
  await server.send('PUT', '/Patient/a', { resourceType: 'Patient', id: 'a', active: true });
  await server.send('PUT', '/Patient/a', { resourceType: 'Patient', id: 'a', active: false });
  await server.send('PUT', '/Patient/gone', { resourceType: 'Patient', id: 'gone' });
  await server.send('DELETE', '/Patient/gone');
});
afterAll(() => server.close());

describe('read', () => {
  test('gives the current version with ETag W/"n", Last-Modified and the media type', async () => {
    const { status, headers, body } = await server.get('/Patient/a');
    expect(status).toBe(200);
    expect(body.active).toBe(false);
    expect(body.meta.versionId).toBe('2');
    expect(headers.get('etag')).toBe('W/"2"');
    expect(headers.get('last-modified')).toBe(new Date(body.meta.lastUpdated).toUTCString());
    expect(headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
  });

  test('a cache asks again before it uses what it has', async () => {
    expect((await server.get('/Patient/a')).headers.get('cache-control')).toBe('no-cache');
  });

  test('unknown → 404 with an OperationOutcome', async () => {
    const reply = await server.get('/Patient/nobody');
    expect(reply.status).toBe(404);
    expect(issueOf(reply)).toMatchObject({ severity: 'error', code: 'not-found' });
    expect(reply.headers.get('etag')).toBeNull();
  });

  test('a resource of another type → 404', async () => {
    expect((await server.get('/Observation/a')).status).toBe(404);
  });

  test.each(['a%20b', 'a%00', 'ä', 'a'.repeat(65), "a'--", '..%2Fa', '__proto__', 'constructor'])(
    'an id that no resource can have (%s) → 404',
    async (id) => {
      expect((await server.get(`/Patient/${id}`)).status).toBe(404);
    },
  );

  test('deleted → 410 with the ETag of the deletion', async () => {
    const reply = await server.get('/Patient/gone');
    expect(reply.status).toBe(410);
    expect(issueOf(reply)).toMatchObject({ severity: 'error', code: 'deleted' });
    expect(reply.headers.get('etag')).toBe('W/"2"');
  });

  test('an unknown type → 404 that names the nearest one', async () => {
    const reply = await server.get('/Patiant/a');
    expect(reply.status).toBe(404);
    expect(issueOf(reply).diagnostics).toContain('Patient');
  });

  test.each(['/Patient/a/', '/Patient//a'])('a superfluous slash is no other path: %s', async (path) => {
    expect((await server.get(path)).body.id).toBe('a');
  });

  test('/Parameters has no endpoint (404)', async () => {
    for (const path of ['/Parameters', '/Parameters/1', '/Parameters/_history', '/Parameters/1/_history/1']) {
      expect((await server.get(path)).status).toBe(404);
    }
  });

  test.each(['name=x', '_include=Patient:organization', '_since=2020-01-01', '_elements:exact=x'])(
    'a parameter that would be ignored (%s) → 400, with handling=lenient it is',
    async (query) => {
      const reply = await server.get(`/Patient/a?${query}`);
      expect(reply.status).toBe(400);
      expect(issueOf(reply)).toMatchObject({ code: 'not-supported' });
      expect((await server.get(`/Patient/a?${query}`, { Prefer: 'handling=lenient' })).status).toBe(200);
    },
  );

  test('_format, _pretty and names in IGNORED_PARAMETERS never count as unknown', async () => {
    expect((await server.get('/Patient/a?_format=json&_pretty=false&_=17')).status).toBe(200);
  });
});

describe('conditional read', () => {
  const conditional = (headers: Record<string, string>, path = '/Patient/a') => server.get(path, headers);

  test.each(['W/"2"', '"2"', 'W/"1", W/"2"', '*', '"1" , "2"'])('If-None-Match: %s → 304', async (tags) => {
    const { status, headers, text } = await conditional({ 'If-None-Match': tags });
    expect(status).toBe(304);
    expect(text).toBe('');
    expect(headers.get('etag')).toBe('W/"2"');
    expect(headers.get('last-modified')).not.toBeNull();
    expect(headers.get('content-type')).toBeNull();
  });

  test.each(['W/"1"', '"3"', 'W/"1", "7"'])('If-None-Match: %s → 200', async (tags) => {
    expect((await conditional({ 'If-None-Match': tags })).status).toBe(200);
  });

  test.each(['2', 'W/2', '"2', ''])('a malformed If-None-Match (%s) → 400', async (tags) => {
    const reply = await conditional({ 'If-None-Match': tags });
    expect(reply.status).toBe(400);
    expect(issueOf(reply).diagnostics).toContain('If-None-Match');
  });

  test('If-Modified-Since of Last-Modified → 304, of a second before → 200', async () => {
    const modified = (await server.get('/Patient/a')).headers.get('last-modified') ?? '';
    expect((await conditional({ 'If-Modified-Since': modified })).status).toBe(304);
    const before = new Date(Date.parse(modified) - 1000).toUTCString();
    expect((await conditional({ 'If-Modified-Since': before })).status).toBe(200);
    const after = new Date(Date.parse(modified) + 1000).toUTCString();
    expect((await conditional({ 'If-Modified-Since': after })).status).toBe(304);
  });

  test('If-None-Match comes before If-Modified-Since', async () => {
    const later = new Date(Date.now() + 60_000).toUTCString();
    expect((await conditional({ 'If-None-Match': '"1"', 'If-Modified-Since': later })).status).toBe(200);
  });

  test('an If-Modified-Since that is no date is ignored', async () => {
    expect((await conditional({ 'If-Modified-Since': 'yesterday' })).status).toBe(200);
  });

  test('nothing that is missing or deleted is “not modified”', async () => {
    expect((await conditional({ 'If-None-Match': '*' }, '/Patient/nobody')).status).toBe(404);
    expect((await conditional({ 'If-None-Match': 'W/"2"' }, '/Patient/gone')).status).toBe(410);
  });
});

test('every R4 resource type is read', async () => {
  const { body }: { body: Json } = await server.get('/metadata');
  const types: string[] = body.rest[0].resource.map(({ type }: Json) => type);
  expect(types).toHaveLength(145);
  for (const type of types) expect([type, (await server.get(`/${type}/nobody`)).status]).toEqual([type, 404]);
});

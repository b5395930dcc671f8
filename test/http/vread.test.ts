/** https://hl7.org/fhir/R4/http.html#vread */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, testServer } from './server.ts';
import { issueOf } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
  const put = (active: boolean) => server.send('PUT', '/Patient/a', { resourceType: 'Patient', id: 'a', active });
  await put(true);
  await put(false);
  await server.send('DELETE', '/Patient/a');
  await put(true);
});
afterAll(() => server.close());

describe('vread', () => {
  test('gives the version that it names, with that version’s ETag and Last-Modified', async () => {
    for (const [version, active] of [
      [1, true],
      [2, false],
      [4, true],
    ]) {
      const { status, headers, body } = await server.get(`/Patient/a/_history/${version}`);
      expect(status).toBe(200);
      expect(body.active).toBe(active);
      expect(body.meta.versionId).toBe(String(version));
      expect(headers.get('etag')).toBe(`W/"${version}"`);
      expect(headers.get('last-modified')).toBe(new Date(body.meta.lastUpdated).toUTCString());
    }
  });

  test('vread of a deletion is 410; earlier versions still read', async () => {
    const reply = await server.get('/Patient/a/_history/3');
    expect(reply.status).toBe(410);
    expect(issueOf(reply).code).toBe('deleted');
    expect(reply.headers.get('etag')).toBe('W/"3"');
    expect((await server.get('/Patient/a/_history/2')).status).toBe(200);
  });

  test.each(['0', '5', '01', '-1', '1.0', 'x', '9'.repeat(40), '1%20'])(
    'a version that there is not (%s) → 404',
    async (version) => {
      const reply = await server.get(`/Patient/a/_history/${version}`);
      expect(reply.status).toBe(404);
      expect(issueOf(reply).code).toBe('not-found');
    },
  );

  test('of an unknown id → 404', async () => {
    expect((await server.get('/Patient/nobody/_history/1')).status).toBe(404);
  });

  test('If-None-Match with the version’s tag → 304, also where it is not the current one', async () => {
    expect((await server.get('/Patient/a/_history/1', { 'If-None-Match': 'W/"1"' })).status).toBe(304);
    expect((await server.get('/Patient/a/_history/1', { 'If-None-Match': 'W/"4"' })).status).toBe(200);
  });

  test('a parameter that would be ignored → 400', async () => {
    expect((await server.get('/Patient/a/_history/1?name=x')).status).toBe(400);
  });

  test('a path below a version → 404', async () => {
    expect((await server.get('/Patient/a/_history/1/more')).status).toBe(404);
  });
});

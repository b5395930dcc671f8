/** https://hl7.org/fhir/R4/http.html#delete */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, testServer } from './server.ts';
import { found, issueOf, patient, stores, unique, versions } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

async function existing(): Promise<string> {
  const id = unique();
  await server.send('PUT', `/Patient/${id}`, patient(id, { id }));
  return id;
}

describe('delete', () => {
  test('204 with the ETag of the deletion, which takes the next version number', async () => {
    const id = await existing();
    const reply = await server.send('DELETE', `/Patient/${id}`);
    expect(reply.status).toBe(204);
    expect(reply.text).toBe('');
    expect(reply.headers.get('etag')).toBe('W/"2"');
    expect(reply.headers.get('last-modified')).not.toBeNull();
  });

  test('a deleted resource is 410 with the ETag, and no longer found', async () => {
    const id = await existing();
    await server.send('DELETE', `/Patient/${id}`);
    const reply = await server.get(`/Patient/${id}`);
    expect(reply.status).toBe(410);
    expect(reply.headers.get('etag')).toBe('W/"2"');
    expect(issueOf(reply).code).toBe('deleted');
    expect(await found(server, `Patient?identifier=${id}`)).toEqual([]);
  });

  test('vread of a deletion is 410; earlier versions still read', async () => {
    const id = await existing();
    await server.send('DELETE', `/Patient/${id}`);
    expect((await server.get(`/Patient/${id}/_history/2`)).status).toBe(410);
    const earlier = await server.get(`/Patient/${id}/_history/1`);
    expect(earlier.status).toBe(200);
    expect(earlier.body.identifier[0].value).toBe(id);
  });

  test('is idempotent: again is 204, no new version, the same ETag', async () => {
    const id = await existing();
    await server.send('DELETE', `/Patient/${id}`);
    const again = await server.send('DELETE', `/Patient/${id}`);
    expect(again.status).toBe(204);
    expect(again.headers.get('etag')).toBe('W/"2"');
    expect((await server.get(`/Patient/${id}/_history`)).body.total).toBe(2);
  });

  test('of what never existed is 204 and leaves nothing behind', async () => {
    const before = await versions(server);
    const reply = await server.send('DELETE', '/Patient/never');
    expect(reply.status).toBe(204);
    expect(reply.headers.get('etag')).toBeNull();
    expect((await server.get('/Patient/never')).status).toBe(404);
    expect((await server.get('/Patient/never/_history')).status).toBe(404);
    expect(await versions(server)).toEqual(before);
    const created = await server.send('PUT', '/Patient/never', { resourceType: 'Patient', id: 'never' });
    expect(created.headers.get('etag')).toBe('W/"1"');
  });

  test('is 404 for an unknown type, 405 for AuditEvent and for a whole version', async () => {
    expect((await server.send('DELETE', '/Pacient/1')).status).toBe(404);
    const audit = await server.send('DELETE', '/AuditEvent/1');
    expect(audit.status).toBe(405);
    expect(audit.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    expect((await server.send('DELETE', '/Patient/1/_history/1')).status).toBe(405);
  });

  test('parameters that a delete would ignore are 400', async () => {
    const id = await existing();
    expect((await server.send('DELETE', `/Patient/${id}?_cascade=delete`)).status).toBe(400);
    expect((await server.get(`/Patient/${id}`)).status).toBe(200);
    expect((await server.send('DELETE', `/Patient/${id}?_format=json&_pretty=true`)).status).toBe(204);
  });

  test('with If-Match deletes that version only; on a missing or deleted resource it is 412', async () => {
    const id = await existing();
    const stale = await server.send('DELETE', `/Patient/${id}`, undefined, { 'If-Match': 'W/"7"' });
    expect(stale.status).toBe(412);
    expect(stale.headers.get('etag')).toBe('W/"1"');
    expect((await server.get(`/Patient/${id}`)).status).toBe(200);
    expect((await server.send('DELETE', `/Patient/${id}`, undefined, { 'If-Match': '"1"' })).status).toBe(204);
    expect((await server.send('DELETE', `/Patient/${id}`, undefined, { 'If-Match': '"2"' })).status).toBe(412);
    expect((await server.send('DELETE', '/Patient/nobody', undefined, { 'If-Match': '*' })).status).toBe(412);
  });

  test('a history tells of it without a resource', async () => {
    const id = await existing();
    await server.send('DELETE', `/Patient/${id}`);
    const { body } = await server.get(`/Patient/${id}/_history`);
    expect(body.entry[0]).toMatchObject({
      request: { method: 'DELETE', url: `Patient/${id}` },
      response: { etag: 'W/"2"' },
    });
    expect(body.entry[0].resource).toBeUndefined();
  });
});

describe.each(stores)('simultaneous deletions, store %s', (_name, start) => {
  test('make one version', async () => {
    const racing = await start();
    await racing.send('PUT', '/Patient/1', { resourceType: 'Patient', id: '1' });
    const replies = await Promise.all(Array.from({ length: 8 }, () => racing.send('DELETE', '/Patient/1')));
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(204));
    expect(replies.map(({ headers }) => headers.get('etag'))).toEqual(Array(8).fill('W/"2"'));
    expect((await racing.get('/Patient/1/_history')).body.total).toBe(2);
    await racing.close();
  });
});

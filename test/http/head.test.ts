/** https://hl7.org/fhir/R4/http.html#2.21.0.5 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SocketServer, socketServer } from './socket.ts';

let server: SocketServer;
beforeAll(async () => {
  server = await socketServer();
  const body = JSON.stringify({ resourceType: 'Patient', id: 'a', name: [{ family: 'Ä'.repeat(700) }] });
  await server.ask('PUT', '/fhir/Patient/a', { 'Content-Type': 'application/fhir+json' }, body);
  await server.ask('PUT', '/fhir/Binary/b', { 'Content-Type': 'text/plain' }, 'as it is');
});
afterAll(() => server.stop());

describe('HEAD works wherever GET does: the same status and headers, no body', () => {
  test.each([
    '/fhir/Patient/a',
    '/fhir/Patient/a?_pretty=true',
    '/fhir/Patient/a?_summary=true',
    '/fhir/Patient/a/_history/1',
    '/fhir/Patient/nobody',
    '/fhir/Patient/a/_history/9',
    '/fhir/Binary/b',
    '/fhir/metadata',
    '/fhir/Patient?_id=a',
    '/fhir/Patient?unheard=of',
    '/fhir?_type=Patient',
    '/fhir/_history',
    '/fhir/Patient/_history',
    '/fhir/Patient/a/_history',
    '/fhir/$versions',
    '/fhir/$meta',
    '/fhir/Patient/a/$meta',
    '/fhir/Nonsense/1',
    '/fhir/Patient/a?_format=xml',
    '/health/live',
    '/health/ready',
    '/elsewhere',
  ])('%s', async (path) => {
    const get = await server.ask('GET', path, { 'X-Request-Id': 'r' });
    const head = await server.ask('HEAD', path, { 'X-Request-Id': 'r' });
    expect(head.status).toBe(get.status);
    expect(head.bytes).toHaveLength(0);
    expect(get.headers['content-length']).toBe(String(get.bytes.byteLength));
    const { date: _get, ...expected } = get.headers;
    const { date: _head, ...found } = head.headers;
    expect(found).toEqual(expected);
  });

  test('with If-None-Match → 304, like GET', async () => {
    const head = await server.ask('HEAD', '/fhir/Patient/a', { 'If-None-Match': 'W/"1"' });
    expect(head.status).toBe(304);
  });

  test('where there is no GET → 405 with Allow', async () => {
    const head = await server.ask('HEAD', '/fhir/Patient/_search');
    expect(head.status).toBe(405);
    expect(head.headers.allow).toBe('POST, OPTIONS');
  });

  test('with gzip, the length is that of the packed body', async () => {
    const head = await server.ask('HEAD', '/fhir/Patient/a', { 'Accept-Encoding': 'gzip' });
    expect(head.headers['content-encoding']).toBe('gzip');
    expect(Number(head.headers['content-length'])).toBeLessThan(700);
  });
});

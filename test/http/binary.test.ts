/** https://hl7.org/fhir/R4/binary.html#rest */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, type Reply, type TestServer, testServer } from './server.ts';
import { type SocketServer, socketServer } from './socket.ts';
import { idOf, issueOf } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const post = (content: string | Uint8Array, type: string, headers: Record<string, string> = {}) =>
  server.send('POST', '/Binary', content, { 'Content-Type': type, ...headers });
const stored = async (content: string | Uint8Array, type: string) => `/Binary/${idOf(await post(content, type))}`;

describe('POST or PUT with a non-FHIR Content-Type stores the raw body', () => {
  test('POST', async () => {
    const reply = await post('as it is', 'text/plain');
    expect(reply.status).toBe(201);
    expect(reply.headers.get('location')).toBe(`${base}/Binary/${idOf(reply)}/_history/1`);
    const { body } = await server.get(`/Binary/${idOf(reply)}`, { Accept: 'application/fhir+json' });
    expect(body).toMatchObject({ contentType: 'text/plain', data: Buffer.from('as it is').toString('base64') });
  });

  test('PUT', async () => {
    const put = (content: string) => server.send('PUT', '/Binary/p', content, { 'Content-Type': 'text/csv' });
    expect((await put('a,b')).status).toBe(201);
    expect((await put('a,c')).status).toBe(200);
    expect((await put('a,c')).headers.get('etag')).toBe('W/"2"');
    expect((await server.get('/Binary/p')).text).toBe('a,c');
  });

  test('every byte comes back, also large', async () => {
    const content = Buffer.alloc(3_000_001, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    const reply = await post(content, 'application/octet-stream');
    expect(reply.status).toBe(201);
    const { body } = await server.get(`/Binary/${idOf(reply)}`, { Accept: 'application/fhir+json' });
    expect(Buffer.from(body.data, 'base64').equals(content)).toBe(true);
  });

  test('with its parameters: charset, boundary', async () => {
    const path = await stored('ä', 'text/plain; charset=utf-8');
    expect((await server.get(path)).headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  test('an empty body is an empty Binary', async () => {
    const path = await stored('', 'text/plain');
    const reply = await server.get(path);
    expect(reply.status).toBe(200);
    expect(reply.text).toBe('');
    expect(reply.headers.get('content-length')).toBe('0');
  });

  test('XML that is not FHIR’s is content; FHIR’s own XML is 415', async () => {
    expect((await post('<ClinicalDocument/>', 'application/xml')).status).toBe(201);
    expect((await post('<Binary/>', 'application/fhir+xml')).status).toBe(415);
  });

  test('application/json means the resource', async () => {
    const resource = { resourceType: 'Binary', contentType: 'text/plain', data: 'YQ==' };
    expect((await post(JSON.stringify(resource), 'application/json')).status).toBe(201);
    expect((await post('{"a":1}', 'application/json')).status).toBe(400);
  });

  test('without Content-Type → 415 or 400, nothing is stored', async () => {
    const before = (await server.get('/Binary?_summary=count')).body.total;
    const reply = await server.send('POST', '/Binary', 'x', { 'Content-Type': '' });
    expect([400, 415]).toContain(reply.status);
    expect((await server.get('/Binary?_summary=count')).body.total).toBe(before);
  });

  test('only Binary takes raw content', async () => {
    const reply = await server.send('POST', '/Patient', 'as it is', { 'Content-Type': 'text/plain' });
    expect(reply.status).toBe(415);
    expect(issueOf(reply).code).toBe('not-supported');
  });
});

describe('`X-Security-Context` becomes `securityContext`', () => {
  test('and comes back with the content', async () => {
    const reply = await post('x', 'text/plain', { 'X-Security-Context': 'Patient/1' });
    expect(reply.body.securityContext).toEqual({ reference: 'Patient/1' });
    expect((await server.get(`/Binary/${idOf(reply)}`)).headers.get('x-security-context')).toBe('Patient/1');
  });

  test.each(['no reference', 'patient/1', ''])('“%s” is no reference: 400', async (context) => {
    const reply = await post('x', 'text/plain', { 'X-Security-Context': context });
    expect(reply.status).toBe(400);
    expect(issueOf(reply).expression).toEqual(['Binary.securityContext']);
  });
});

describe('GET gives the raw bytes with the stored type unless Accept or _format asks for FHIR', () => {
  let path: string;
  beforeAll(async () => {
    path = await stored('as it is', 'text/plain');
  });

  test.each([
    undefined,
    '*/*',
    'text/plain',
    'image/png',
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'application/*',
    'application/fhir+json;q=0, */*',
    'text/plain, application/json;q=0.5',
    'text/plain, application/fhir+json;q=0.5',
    'application/fhir+xml, */*;q=0.1',
  ])('raw for Accept: %s', async (accept) => {
    const { status, text, headers } = await server.get(path, accept === undefined ? {} : { Accept: accept });
    expect(status).toBe(200);
    expect(text).toBe('as it is');
    expect(headers.get('content-type')).toBe('text/plain');
    expect(headers.get('content-length')).toBe('8');
    expect(headers.get('etag')).toBe('W/"1"');
    expect(headers.get('last-modified')).not.toBeNull();
  });

  test.each([
    'application/fhir+json',
    'application/json',
    'text/json',
    'json',
    'application/fhir+json; fhirVersion=4.0, */*',
    'Application/FHIR+JSON;q=0.5',
  ])('FHIR for Accept: %s', async (accept) => {
    const { body, headers } = await server.get(path, { Accept: accept });
    expect(body).toMatchObject({ resourceType: 'Binary', contentType: 'text/plain' });
    expect(headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
  });

  test('FHIR for _format=json, and for a part of the resource', async () => {
    expect((await server.get(`${path}?_format=json`)).body.resourceType).toBe('Binary');
    expect((await server.get(`${path}?_format=json`, { Accept: 'text/plain' })).body.resourceType).toBe('Binary');
    expect((await server.get(`${path}?_elements=contentType`)).body.data).toBeUndefined();
  });

  test('FHIR’s XML is 406', async () => {
    for (const accept of ['application/fhir+xml', 'application/fhir+xml, text/plain;q=0', '*/*;q=0'])
      expect((await server.get(path, { Accept: accept })).status).toBe(406);
    expect((await server.get(`${path}?_format=xml`)).status).toBe(406);
  });

  test('caches are told that the answer depends on Accept', async () => {
    for (const accept of ['*/*', 'application/fhir+json']) {
      expect((await server.get(path, { Accept: accept })).headers.get('vary')).toContain('Accept');
    }
  });

  test('_pretty leaves the content as it is', async () => {
    const json = await stored('{"a":1}', 'application/vnd.x+json');
    expect((await server.get(`${json}?_pretty=true`)).text).toBe('{"a":1}');
  });

  test('failures are OperationOutcomes', async () => {
    for (const missing of ['/Binary/nobody', `${path}/_history/7`]) {
      const reply = await server.get(missing, { Accept: 'image/png' });
      expect(reply.status).toBe(404);
      expect(issueOf(reply).code).toBe('not-found');
    }
  });
});

describe('vread, HEAD and Range too', () => {
  let path: string;
  beforeAll(async () => {
    await server.send('PUT', '/Binary/versions', 'first', { 'Content-Type': 'text/plain' });
    await server.send('PUT', '/Binary/versions', 'second', { 'Content-Type': 'text/markdown' });
    path = await stored('0123456789', 'text/plain');
  });

  test('vread gives the content and type of that version', async () => {
    const first = await server.get('/Binary/versions/_history/1');
    expect([first.text, first.headers.get('content-type'), first.headers.get('etag')]).toEqual([
      'first',
      'text/plain',
      'W/"1"',
    ]);
    expect((await server.get('/Binary/versions/_history/2')).text).toBe('second');
  });

  test('HEAD has the headers of the content', async () => {
    const head = await server.send('HEAD', path);
    expect([head.status, head.text, head.headers.get('content-length')]).toEqual([200, '', '10']);
    expect(head.headers.get('accept-ranges')).toBe('bytes');
  });

  const range = (bytes: string, headers: Record<string, string> = {}) => server.get(path, { Range: bytes, ...headers });
  const seen = ({ status, text, headers }: Reply) => [status, text, headers.get('content-range')];

  test.each([
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=4-', '456789', 'bytes 4-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-100', '0123456789', 'bytes 0-9/10'],
    ['bytes=9-100', '9', 'bytes 9-9/10'],
  ])('Range: %s → 206', async (header, text, contentRange) => {
    const reply = await range(header);
    expect(seen(reply)).toEqual([206, text, contentRange]);
    expect(reply.headers.get('content-length')).toBe(String(text.length));
    expect(reply.headers.get('etag')).toBe('W/"1"');
  });

  test.each(['bytes=10-', 'bytes=-0', 'bytes=99-100'])('Range: %s can’t be satisfied → 416', async (header) => {
    expect(seen(await range(header))).toEqual([416, '', 'bytes */10']);
  });

  test.each(['lines=1-2', 'bytes=0-1,3-4', 'bytes=5-2', 'bytes=-', 'bytes=a-b', '0-3'])(
    'Range: %s may be ignored, and is',
    async (header) => {
      expect(seen(await range(header))).toEqual([200, '0123456789', null]);
    },
  );

  test('a range is one of GET, and not of a version that may have changed (If-Range with a weak tag)', async () => {
    expect((await server.send('HEAD', path, undefined, { Range: 'bytes=0-3' })).status).toBe(200);
    expect(seen(await range('bytes=0-3', { 'If-Range': 'W/"1"' }))[0]).toBe(200);
  });

  test('a range of the resource as FHIR is ignored', async () => {
    expect((await range('bytes=0-3', { Accept: 'application/fhir+json' })).status).toBe(200);
  });

  test('If-None-Match → 304', async () => {
    expect((await server.get(path, { 'If-None-Match': 'W/"1"' })).status).toBe(304);
    expect((await range('bytes=0-3', { 'If-None-Match': 'W/"1"' })).status).toBe(304);
  });

  test('a deleted one is 410', async () => {
    const gone = await stored('x', 'text/plain');
    await server.send('DELETE', gone);
    expect((await server.get(gone)).status).toBe(410);
  });
});

describe('Raw answers carry nosniff, CSP sandbox, and Content-Disposition: attachment except for images, PDF and text', () => {
  test.each([
    ['image/png', false],
    ['image/jpeg', false],
    ['image/heic', false],
    ['application/pdf', false],
    ['text/plain', false],
    ['text/plain; charset=utf-8', false],
    ['TEXT/PLAIN', false],
    ['image/svg+xml', true],
    ['text/html', true],
    ['application/xhtml+xml', true],
    ['text/javascript', true],
    ['application/octet-stream', true],
    ['text/plain-ish', true],
    ['application/pdf-not', true],
  ])('%s: attachment %s', async (type, attachment) => {
    const { headers } = await server.get(await stored('x', type));
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toBe('sandbox');
    expect(headers.get('content-disposition')).toBe(attachment ? 'attachment' : null);
  });

  test('so does a range', async () => {
    const { headers } = await server.get(await stored('<p>', 'text/html'), { Range: 'bytes=0-1' });
    expect(headers.get('content-disposition')).toBe('attachment');
    expect(headers.get('content-security-policy')).toBe('sandbox');
  });
});

describe('what a Binary has that no header can carry', () => {
  const put = async (id: string, more: Record<string, unknown>) => {
    const resource = { resourceType: 'Binary', id, data: 'eA==', ...more };
    const reply = await server.send('PUT', `/Binary/${id}`, resource);
    expect(reply.status).toBe(201);
    return server.get(`/Binary/${id}`);
  };

  test.each(['text/文', 'text/plain; name="€"', 'text/\u007f'])(
    'contentType %s is sent as octets',
    async (contentType) => {
      const reply = await put(`t${Buffer.from(contentType).toString('hex').slice(0, 60)}`, { contentType });
      expect([reply.status, reply.text]).toEqual([200, 'x']);
      expect(reply.headers.get('content-type')).toBe('application/octet-stream');
      expect(reply.headers.get('content-disposition')).toBe('attachment');
    },
  );

  test('in securityContext is escaped', async () => {
    const securityContext = { reference: 'http://example.org/文\nb\ud800' };
    const reply = await put('context', { contentType: 'text/plain', securityContext });
    expect([reply.status, reply.text]).toEqual([200, 'x']);
    expect(reply.headers.get('x-security-context')).toBe('http://example.org/%E6%96%87%0Ab%EF%BF%BD');
  });
});

test('PATCH of a Binary is 405', async () => {
  const path = await stored('x', 'text/plain');
  const patch = [{ op: 'replace', path: '/contentType', value: 'text/html' }];
  const reply = await server.send('PATCH', path, patch, { 'Content-Type': 'application/json-patch+json' });
  expect(reply.status).toBe(405);
  expect(reply.headers.get('allow')).toBe('GET, HEAD, PUT, DELETE, OPTIONS');
});

test('a Binary in a page stays a resource', async () => {
  await stored('x', 'text/plain');
  const { body } = await server.get('/Binary?_count=1');
  expect(body.entry[0].resource.resourceType).toBe('Binary');
});

describe('through a socket', () => {
  let listening: SocketServer;
  beforeAll(async () => {
    listening = await socketServer();
  });
  afterAll(() => listening.stop());

  test('a contentType that no header can carry harms nobody', async () => {
    const resource = JSON.stringify({ resourceType: 'Binary', id: 'odd', contentType: 'text/文', data: 'eA==' });
    const headers = { 'Content-Type': 'application/fhir+json' };
    expect((await listening.ask('PUT', '/fhir/Binary/odd', headers, resource)).status).toBe(201);
    const reply = await listening.ask('GET', '/fhir/Binary/odd');
    expect([reply.status, reply.bytes.toString()]).toEqual([200, 'x']);
  });

  test('every byte comes back as it was, whole and in ranges, also to who takes gzip', async () => {
    const content = Buffer.alloc(300_000, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    const headers = { 'Content-Type': 'image/png' };
    expect((await listening.ask('PUT', '/fhir/Binary/x', headers, content)).status).toBe(201);
    const whole = await listening.ask('GET', '/fhir/Binary/x', { 'Accept-Encoding': 'gzip' });
    expect(whole.headers['content-encoding']).toBeUndefined();
    expect(whole.bytes.equals(content)).toBe(true);
    const part = await listening.ask('GET', '/fhir/Binary/x', { Range: 'bytes=255-65536', 'Accept-Encoding': 'gzip' });
    expect(part.status).toBe(206);
    expect(part.bytes.equals(content.subarray(255, 65_537))).toBe(true);
  });
});

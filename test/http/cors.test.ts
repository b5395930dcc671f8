/** https://hl7.org/fhir/R4/security.html#cors, https://fetch.spec.whatwg.org/#http-cors-protocol */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, type TestServer, testServer } from './server.ts';

const app = 'https://app.example.org';
const exposed = 'ETag, Location, Content-Location, Last-Modified, X-Request-Id';

describe('CORS_ORIGINS is empty by default', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer();
  });
  afterAll(() => server.close());

  test('no page of another origin may read', async () => {
    const { headers } = await server.get('/metadata', { Origin: app });
    expect(headers.get('access-control-allow-origin')).toBeNull();
    const preflight = await server.send('OPTIONS', '/Patient', undefined, {
      Origin: app,
      'Access-Control-Request-Method': 'POST',
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toBeNull();
  });

  test('and the capability statement says so', async () => {
    expect((await server.get('/metadata')).body.rest[0].security).toBeUndefined();
  });
});

describe('CORS_ORIGINS with origins', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({ CORS_ORIGINS: `${app},http://localhost:3000` });
  });
  afterAll(() => server.close());

  test('one of them may read, and the headers that FHIR needs', async () => {
    const { headers } = await server.get('/metadata', { Origin: app });
    expect(headers.get('access-control-allow-origin')).toBe(app);
    expect(headers.get('access-control-expose-headers')).toBe(exposed);
    expect(headers.get('vary')).toContain('Origin');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  test('failures too: 404, 400, 406, 405, 413', async () => {
    const origin = { Origin: 'http://localhost:3000' };
    for (const reply of [
      await server.get('/Patient/nobody', origin),
      await server.get('/Patient?unheard=of', origin),
      await server.get('/Patient', { ...origin, Accept: 'text/html' }),
      await server.send('DELETE', '/metadata', undefined, origin),
      await server.get('/Nonsense', origin),
    ]) {
      expect(reply.status).toBeGreaterThanOrEqual(400);
      expect(reply.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
    }
  });

  test('another may not; a cache learns that it depends on the origin', async () => {
    for (const origin of ['https://evil.example', `${app}.evil.example`, 'http://app.example.org', 'null']) {
      const { headers } = await server.get('/metadata', { Origin: origin });
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('vary')).toContain('Origin');
    }
    expect((await server.get('/metadata')).headers.get('vary')).toContain('Origin');
  });

  test('a preflight is answered with methods, headers and how long it holds', async () => {
    const { status, headers } = await server.send('OPTIONS', '/Patient/1', undefined, {
      Origin: app,
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'content-type,if-match,x-own',
    });
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(app);
    expect(headers.get('access-control-allow-methods')).toBe('GET, HEAD, PUT, PATCH, DELETE, OPTIONS');
    expect(headers.get('access-control-allow-headers')).toBe('content-type,if-match,x-own');
    expect(Number(headers.get('access-control-max-age'))).toBeGreaterThan(0);
  });

  test('OPTIONS without Access-Control-Request-Method is no preflight', async () => {
    const { headers } = await server.send('OPTIONS', '/Patient/1', undefined, { Origin: app });
    expect(headers.get('allow')).toBe('GET, HEAD, PUT, PATCH, DELETE, OPTIONS');
    expect(headers.get('access-control-allow-methods')).toBeNull();
  });

  test('the capability statement says so', async () => {
    expect((await server.get('/metadata')).body.rest[0].security).toEqual({ cors: true });
  });
});

test('CORS_ORIGINS=* lets every origin read', async () => {
  const server = await testServer({ CORS_ORIGINS: '*' });
  const { headers } = await server.get('/metadata', { Origin: app });
  expect(headers.get('access-control-allow-origin')).toBe('*');
  expect(headers.get('access-control-expose-headers')).toBe(exposed);
  await server.close();
});

describe('`X-Request-Id`', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer();
  });
  afterAll(() => server.close());

  test('in and out', async () => {
    for (const id of ['abc-1', '0190f5c2-7e7e-7000-8000-000000000000', 'a:b/c+d=.e_f']) {
      expect((await server.get('/metadata', { 'X-Request-Id': id })).headers.get('x-request-id')).toBe(id);
      expect((await server.get('/Nonsense', { 'X-Request-Id': id })).headers.get('x-request-id')).toBe(id);
    }
  });

  test('is made where the client has none, or one that a log could not carry', async () => {
    const made = new Set<string | null>();
    for (const id of [undefined, '', 'a b', 'x'.repeat(129), '<script>', '"', 'ä']) {
      const { headers } = await server.get('/Patient/nobody', id === undefined ? {} : { 'X-Request-Id': id });
      expect(headers.get('x-request-id')).toMatch(/^[\w.-]+$/);
      expect(headers.get('x-request-id')).not.toBe(id);
      made.add(headers.get('x-request-id'));
    }
    expect(made.size).toBe(7);
  });
});

describe('Links come from BASE_URL; X-Forwarded-* counts only with TRUST_PROXY', () => {
  const links = async (server: TestServer, headers: Record<string, string>) => {
    const created = await server.send('POST', '/Patient', { resourceType: 'Patient' }, headers);
    const location = created.headers.get('location') ?? '';
    const { body } = await server.get('/Patient', headers);
    const { body: metadata } = await server.get('/metadata', headers);
    const of = (url: string) => url.slice(0, url.indexOf('/fhir') + 5);
    const found = [location, body.link[0].url, body.entry[0].fullUrl, metadata.implementation.url].map(of);
    expect(new Set(found).size).toBe(1);
    return found[0];
  };
  const forwarded = { 'X-Forwarded-Host': 'ehr.example.org', 'X-Forwarded-Proto': 'https' };

  test('without TRUST_PROXY', async () => {
    const server = await testServer();
    expect(await links(server, forwarded)).toBe(base);
    expect(await links(server, { Host: 'ehr.example.org' })).toBe(base);
    await server.close();
  });

  test('with TRUST_PROXY', async () => {
    const server = await testServer({ TRUST_PROXY: 'true' });
    expect(await links(server, {})).toBe(base);
    expect(await links(server, forwarded)).toBe('https://ehr.example.org/fhir');
    expect(await links(server, { 'X-Forwarded-Host': 'h:81' })).toBe('http://h:81/fhir');
    const several = { 'X-Forwarded-Host': 'outer.example, inner', 'X-Forwarded-Proto': 'https, http' };
    expect(await links(server, several)).toBe('https://outer.example/fhir');
    expect(await links(server, { Host: 'ehr.example.org', 'X-Forwarded-Proto': 'https' })).toBe(
      'https://ehr.example.org/fhir',
    );
    for (const host of ['a/b', 'a b', '"', '<x>', 'a?b', 'a@b']) {
      expect(await links(server, { 'X-Forwarded-Host': host })).toBe(base);
    }
    await server.close();
  });
});

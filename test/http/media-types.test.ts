/** https://hl7.org/fhir/R4/http.html#mime-type, https://hl7.org/fhir/R4/http.html#general */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, type TestServer, testServer } from './server.ts';
import { issueOf } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
  await server.send('PUT', '/Patient/a', '{"resourceType":"Patient","id":"a","multipleBirthInteger":2,"name":[{}]}');
  await server.send('PUT', '/Patient/a', '{"resourceType":"Patient","id":"a","name":[{"family":"A{\\"[,:"}]}');
});
afterAll(() => server.close());

const patient = '{"resourceType":"Patient"}';

describe('`application/json` and `text/json` count as FHIR JSON', () => {
  test.each([
    'application/fhir+json',
    'application/json',
    'text/json',
    'APPLICATION/FHIR+JSON',
    'application/fhir+json; charset=utf-8',
    'application/fhir+json;charset=UTF-8;fhirVersion=4.0',
    'application/json; fhirVersion="4.0"',
  ])('Content-Type: %s', async (type) => {
    expect((await server.send('POST', '/Patient', patient, { 'Content-Type': type })).status).toBe(201);
  });

  test.each([
    undefined,
    '*/*',
    'application/*',
    'text/*',
    'application/fhir+json',
    'application/json',
    'text/json',
    'Application/JSON;q=0.2',
    'application/fhir+xml, application/fhir+json;q=0.1',
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'application/fhir+json;fhirVersion=4.0',
    'application/fhir+json; fhirVersion=4.0.1',
    'application/fhir+json;fhirVersion=3.0, application/fhir+json;fhirVersion=4.0',
    'application/fhir+turtle, */*;q=0.1',
    'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2',
    'application/json;q=0, */*',
    'json',
    'application/fhir+json;q=0, application/json',
    'application/fhir+json;q=0, text/html, text/json;q=0.1',
    'application/json;q=',
    'application/fhir+json;q=x',
    'text/json;q=0, application/fhir+json;q=0.001',
    'application/fhir+json;x="a,b", text/html',
    'application/fhir+json;fhirVersion=3.0, */*;q=0.1',
    ',',
  ])('Accept: %s', async (accept) => {
    const { status, headers } = await server.get('/Patient/a', accept === undefined ? {} : { Accept: accept });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
  });
});

describe('`fhirVersion=4.0` in a media type is taken, another is 406 or 415', () => {
  test.each(['3.0', '5.0', '4.3', '4', 'x'])('Accept with fhirVersion=%s → 406', async (version) => {
    const reply = await server.get('/Patient/a', { Accept: `application/fhir+json; fhirVersion=${version}` });
    expect(reply.status).toBe(406);
    expect(issueOf(reply).diagnostics).toContain('fhirVersion=4.0');
  });

  test.each(['3.0', '5.0'])('Content-Type with fhirVersion=%s → 415', async (version) => {
    const type = `application/fhir+json; fhirVersion=${version}`;
    const reply = await server.send('POST', '/Patient', patient, { 'Content-Type': type });
    expect(reply.status).toBe(415);
    expect(issueOf(reply).diagnostics).toContain('fhirVersion=4.0');
  });

  test('_format with another one → 406', async () => {
    expect((await server.get('/Patient/a?_format=json;fhirVersion%3D5.0')).status).toBe(406);
    expect((await server.get('/Patient/a?_format=application/fhir%2Bjson;fhirVersion=4.0')).status).toBe(200);
  });
});

describe('406 and 415 with an OperationOutcome', () => {
  test.each([
    'application/fhir+xml',
    'application/xml',
    'text/html',
    'image/png',
    'application/fhir+turtle',
    'application/fhir+ndjson',
    'application/json;q=0, text/html',
    '*/*;q=0',
    'application/fhir+json;q=0, */*',
    'application/fhir+json;q=0.0, application/*',
    'application/fhir+json;q=0, application/json;q=0, text/*',
    'json;q=0',
    'application/*;q=0, */*;q=0.5, text/*;q=0',
    'text/html;x="application/json,*/*"',
    'nonsense',
  ])('Accept: %s → 406', async (accept) => {
    for (const path of ['/Patient/a', '/Patient', '/metadata', '/_history']) {
      const reply = await server.get(path, { Accept: accept });
      expect(reply.status).toBe(406);
      expect(reply.headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
      expect(issueOf(reply)).toMatchObject({ severity: 'error', code: 'not-supported' });
      expect(issueOf(reply).diagnostics).toContain('Accept');
    }
  });

  test('a write that asks for XML back is refused before it writes', async () => {
    const headers = { Accept: 'application/fhir+xml' };
    expect((await server.send('PUT', '/Patient/xml', '{"resourceType":"Patient","id":"xml"}', headers)).status).toBe(
      406,
    );
    expect((await server.get('/Patient/xml')).status).toBe(404);
  });

  test.each([
    'application/fhir+xml',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'json5',
  ])('Content-Type: %s → 415', async (type) => {
    for (const [method, path] of [
      ['POST', '/Patient'],
      ['PUT', '/Patient/b'],
      ['PATCH', '/Patient/a'],
      ['POST', ''],
      ['POST', '/Patient/a/$meta-add'],
    ] as const) {
      const reply = await server.send(method, path, patient, { 'Content-Type': type });
      expect([method, path, reply.status]).toEqual([method, path, 415]);
      expect(issueOf(reply).code).toBe('not-supported');
    }
  });

  test('a search by POST is a form', async () => {
    expect((await server.send('POST', '/Patient/_search', '{}')).status).toBe(415);
    const type = { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' };
    expect((await server.send('POST', '/Patient/_search', '_id=a', type)).status).toBe(200);
    expect((await server.send('POST', '/Patient/_search')).status).toBe(200);
  });
});

describe('`_format` beats `Accept`, also in a POST form, and survives a `+` read as a space', () => {
  test.each(['json', 'application/json', 'text/json', 'application/fhir%2Bjson', 'application/fhir+json', 'JSON'])(
    '_format=%s',
    async (format) => {
      expect((await server.get(`/Patient/a?_format=${format}`, { Accept: 'text/html' })).status).toBe(200);
    },
  );

  test.each(['xml', 'application/fhir+xml', 'text/xml', 'ttl', 'html', 'nonsense'])(
    '_format=%s → 406',
    async (format) => {
      const reply = await server.get(`/Patient/a?_format=${format}`, { Accept: 'application/fhir+json' });
      expect(reply.status).toBe(406);
      expect(issueOf(reply).diagnostics).toContain('_format');
    },
  );

  test('in a POST form', async () => {
    const form = (body: string, accept: string) =>
      server.send('POST', '/Patient/_search', body, {
        'Content-Type': 'application/x-www-form-urlencoded',
        Accept: accept,
      });
    expect((await form('_id=a&_format=json', 'text/html')).status).toBe(200);
    expect((await form('_id=a&_format=application/fhir+json', 'application/fhir+xml')).status).toBe(200);
    expect((await form('_id=a&_format=xml', 'application/fhir+json')).status).toBe(406);
    expect((await form('_id=a&_pretty=true', '*/*')).text.startsWith('{\n')).toBe(true);
  });

  test('an empty one is as if it were not there', async () => {
    expect((await server.get('/Patient/a?_format=')).status).toBe(200);
    expect((await server.get('/Patient/a?_format=', { Accept: 'text/html' })).status).toBe(406);
  });
});

describe('_pretty', () => {
  test('indents, and changes nothing else', async () => {
    const compact = (await server.get('/Patient/a')).text;
    const pretty = (await server.get('/Patient/a?_pretty=true')).text;
    expect(compact).not.toContain('\n');
    expect(pretty).toBe(`${JSON.stringify(JSON.parse(compact), null, 2)}\n`);
    expect((await server.get('/Patient/a?_pretty=false')).text).toBe(compact);
    expect((await server.get('/Patient/a?_pretty=')).text).toBe(compact);
  });

  test.each(['/Patient?_pretty=true', '/metadata?_pretty=true', '/Patient/_history?_pretty=true'])(
    '%s',
    async (path) => {
      const { text } = await server.get(path);
      expect(text).toBe(`${JSON.stringify(JSON.parse(text), null, 2)}\n`);
    },
  );

  test('indents failures, and what a write gives back', async () => {
    expect((await server.get('/Patient/nobody?_pretty=true')).text.startsWith('{\n')).toBe(true);
    expect((await server.send('POST', '/Patient?_pretty=true', patient)).text.startsWith('{\n')).toBe(true);
  });
});

describe('`Prefer` defaults to representation; `Preference-Applied` names what was applied', () => {
  const create = (prefer?: string) =>
    server.send('POST', '/Patient', patient, prefer === undefined ? {} : { Prefer: prefer });

  test('without Prefer', async () => {
    const reply = await create();
    expect(reply.body.resourceType).toBe('Patient');
    expect(reply.headers.get('preference-applied')).toBeNull();
  });

  test.each([
    ['return=minimal', undefined],
    ['return=representation', 'Patient'],
    ['return=OperationOutcome', 'OperationOutcome'],
    ['return="minimal"', undefined],
    ['Return=minimal; foo', undefined],
    ['respond-async, return=minimal', undefined],
    ['return=minimal, return=representation', undefined],
  ])('%s', async (prefer, type) => {
    const reply = await create(prefer);
    expect(reply.status).toBe(201);
    expect(reply.body?.resourceType).toBe(type);
    expect(reply.headers.get('location')).toContain(`${base}/Patient/`);
    expect(reply.headers.get('etag')).toBe('W/"1"');
    expect(reply.headers.get('preference-applied')).toMatch(/^return=(minimal|representation|OperationOutcome)$/);
  });

  test.each(['return=nothing', 'nonsense', ';;==,', 'wait=10'])(
    'unknown preferences are ignored: %s',
    async (prefer) => {
      const reply = await create(prefer);
      expect(reply.body.resourceType).toBe('Patient');
      expect(reply.headers.get('preference-applied')).toBeNull();
    },
  );

  test('what an interaction does not follow is not named', async () => {
    const prefer = { Prefer: 'return=minimal, handling=lenient' };
    const applied = async (method: string, path: string, headers: Record<string, string> = {}) =>
      (await server.send(method, path, undefined, { ...prefer, ...headers })).headers.get('preference-applied');
    expect(await applied('GET', '/Patient')).toBe('handling=lenient');
    expect(await applied('GET', '/Patient/a')).toBe('handling=lenient');
    expect(await applied('GET', '/Patient/_history')).toBe('handling=lenient');
    expect(await applied('GET', '/metadata')).toBeNull();
    expect(await applied('POST', '/$versions')).toBeNull();
    expect(await applied('POST', '/Patient/_search')).toBe('handling=lenient');
    expect(await applied('DELETE', '/Patient/nobody')).toBe('return=minimal');
    const representation = { Prefer: 'return=representation' };
    const deletion = await server.send('DELETE', '/Patient/nobody', undefined, representation);
    expect(deletion.headers.get('preference-applied')).toBeNull();
  });
});

describe('OPTIONS and 405 carry Allow', () => {
  test.each([
    ['', 'GET, HEAD, POST, OPTIONS'],
    ['/metadata', 'GET, HEAD, OPTIONS'],
    ['/_history', 'GET, HEAD, OPTIONS'],
    ['/_search', 'POST, OPTIONS'],
    ['/Patient', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
    ['/Patient/_search', 'POST, OPTIONS'],
    ['/Patient/_history', 'GET, HEAD, OPTIONS'],
    ['/Patient/b', 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'],
    ['/Patient/a/_history', 'GET, HEAD, OPTIONS'],
    ['/Patient/a/_history/1', 'GET, HEAD, OPTIONS'],
    ['/AuditEvent', 'GET, HEAD, POST, OPTIONS'],
    ['/AuditEvent/a', 'GET, HEAD, OPTIONS'],
    ['/Binary/a', 'GET, HEAD, PUT, DELETE, OPTIONS'],
    ['/$versions', 'GET, HEAD, POST, OPTIONS'],
    ['/$meta', 'GET, HEAD, POST, OPTIONS'],
    ['/Patient/a/$meta-add', 'POST, OPTIONS'],
  ])('%s: %s', async (path, allow) => {
    const options = await server.send('OPTIONS', path);
    expect([options.status, options.headers.get('allow'), options.text]).toEqual([204, allow, '']);
    const methods = allow.split(', ');
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'PURGE']) {
      const { status, headers, body } = await server.send(method, path);
      if (methods.includes(method)) {
        expect([method, status]).not.toEqual([method, 405]);
      } else {
        expect([method, status, headers.get('allow')]).toEqual([method, 405, allow]);
        if (method !== 'HEAD') expect(body.issue[0]).toMatchObject({ code: 'not-supported' });
      }
    }
  });

  test('OPTIONS of a path that is not there → 404', async () => {
    expect((await server.send('OPTIONS', '/Nonsense')).status).toBe(404);
    expect((await server.send('OPTIONS', '/Patient/a/$nonsense')).status).toBe(404);
  });
});

describe('paths', () => {
  const root = base.replace(/\/fhir$/, '');

  test.each(['/', '/fhirx', '/fhirx/Patient', '/Patient', '/favicon.ico', '/%66hir/Patient'])(
    '%s lies outside: 404 that says where FHIR is served',
    async (path) => {
      const reply = await server.get(`${root}${path}`);
      expect(reply.status).toBe(404);
      expect(issueOf(reply).diagnostics).toContain('/fhir');
      expect(reply.headers.get('x-request-id')).not.toBeNull();
    },
  );

  test('the base is there with and without a final slash', async () => {
    for (const path of ['', '/', '?_type=Patient', '/?_type=Patient']) {
      expect([path, (await server.get(path)).status]).toEqual([path, 200]);
    }
  });

  test('escapes in a path are read; broken ones are 400', async () => {
    expect((await server.get('/%50atient/%61')).body.id).toBe('a');
    for (const path of ['/Patient/%', '/Patient/%zz', '/Patient/%ff']) {
      expect([path, (await server.get(path)).status]).toEqual([path, 400]);
    }
  });

  test('a type is spelled as in R4', async () => {
    for (const path of ['/patient/a', '/PATIENT', '/Resource', '/DomainResource', '/Element', '/string']) {
      expect([path, (await server.get(path)).status]).toEqual([path, 404]);
    }
  });
});

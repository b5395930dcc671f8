/** https://hl7.org/fhir/R4/http.html#create */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, type TestServer, testServer } from './server.ts';
import { found, idOf, issueOf, patient, system, unique } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

describe('create', () => {
  test('201 with Location, ETag, Last-Modified and the resource as stored', async () => {
    const reply = await server.send('POST', '/Patient', patient('a'));
    expect(reply.status).toBe(201);
    expect(reply.headers.get('location')).toBe(`${base}/Patient/${reply.body.id}/_history/1`);
    expect(reply.headers.get('etag')).toBe('W/"1"');
    expect(Date.parse(reply.headers.get('last-modified') ?? '')).toBe(
      Math.floor(Date.parse(reply.body.meta.lastUpdated) / 1000) * 1000,
    );
    const read = await server.get(`/Patient/${reply.body.id}`);
    expect(read.text).toBe(reply.text);
  });

  test('id, meta.versionId and meta.lastUpdated are the server’s; POST ignores a sent id', async () => {
    const meta = { versionId: '77', lastUpdated: '2001-01-01T00:00:00Z', source: 'urn:x' };
    const { status, body } = await server.send('POST', '/Patient', { resourceType: 'Patient', id: 'mine', meta });
    expect(status).toBe(201);
    expect(body.id).not.toBe('mine');
    expect(body.meta.versionId).toBe('1');
    expect(Date.parse(body.meta.lastUpdated)).toBeGreaterThan(Date.parse('2020-01-01'));
    expect(body.meta.source).toBe('urn:x');
    expect((await server.get('/Patient/mine')).status).toBe(404);
  });

  test('the rest of meta (profile, tag, security, source, extension) is stored as sent', async () => {
    const meta = {
      extension: [{ url: 'http://example.org/e', valueString: 'x' }],
      source: 'urn:uuid:00000000-0000-4000-8000-000000000000',
      profile: ['http://example.org/p|1'],
      security: [{ system, code: 'R' }],
      tag: [{ system, code: 'a' }, { code: 'b' }],
    };
    const { body } = await server.send('POST', '/Patient', { resourceType: 'Patient', meta });
    const { versionId, lastUpdated, ...rest } = body.meta;
    expect(rest).toEqual(meta);
  });

  test('stored is the text without white space: decimals, order of properties and unicode as sent', async () => {
    const id = unique('exact');
    const sent = `{ "resourceType" : "Observation", "status":"final",
      "valueQuantity": {"unit":"m","value": 1.00}, "component":[{"code":{"text":"ä\\u00e4\\ud83d\\ude00"},"valueQuantity":{"value":-0.0}},
      {"code":{"text":"x"},"valueQuantity":{"value":1e-20}},{"code":{"text":"y"},"valueQuantity":{"value":123456789012345678901234567890.10}}],
      "code": {"text":"a b"} , "id":"${id}" }`;
    const { status, text } = await server.send('POST', '/Observation', sent);
    expect(status).toBe(201);
    expect(text.replace(/"id":"[^"]+","meta":\{[^}]*\}/, '"id":""')).toBe(
      '{"resourceType":"Observation","status":"final","valueQuantity":{"unit":"m","value":1.00},' +
        '"component":[{"code":{"text":"ä\\u00e4\\ud83d\\ude00"},"valueQuantity":{"value":-0.0}},' +
        '{"code":{"text":"x"},"valueQuantity":{"value":1e-20}},' +
        '{"code":{"text":"y"},"valueQuantity":{"value":123456789012345678901234567890.10}}],' +
        '"code":{"text":"a b"},"id":""}',
    );
  });

  test('every R4 resource type can be created, but Parameters', async () => {
    for (const type of server.context.definitions.resourceTypes) {
      const { status } = await server.send('POST', `/${type}`, { resourceType: type, language: 'en' });
      expect([type, status]).toEqual([type, type === 'Parameters' ? 404 : 201]);
    }
  });

  test('/Parameters has no endpoint (404)', async () => {
    for (const [method, path] of [
      ['POST', '/Parameters'],
      ['GET', '/Parameters'],
      ['GET', '/Parameters/1'],
      ['PUT', '/Parameters/1'],
      ['DELETE', '/Parameters/1'],
    ] as const) {
      const body = method === 'GET' || method === 'DELETE' ? undefined : { resourceType: 'Parameters', id: '1' };
      expect((await server.send(method, path, body)).status).toBe(404);
    }
  });

  test.each(['transaction', 'batch', 'history', 'document', 'collection', 'message', 'searchset'])(
    'POST /Bundle stores a Bundle of type %s untouched',
    async (type) => {
      const uuid = 'urn:uuid:11111111-2222-4333-8444-555555555555';
      const entry = [
        { fullUrl: uuid, resource: patient(type, { id: 'kept' }), request: { method: 'POST', url: 'Patient' } },
        {
          fullUrl: 'urn:uuid:11111111-2222-4333-8444-555555555556',
          resource: { resourceType: 'Observation', subject: { reference: uuid } },
          request: { method: 'POST', url: 'Observation' },
        },
      ];
      const { status, body } = await server.send('POST', '/Bundle', { resourceType: 'Bundle', type, entry });
      expect(status).toBe(201);
      expect((await server.get(`/Bundle/${body.id}`)).body.entry).toEqual(entry);
      expect(await found(server, `Patient?identifier=${system}|${type}`)).toEqual([]);
    },
  );

  test('a body tagged SUBSETTED is 422', async () => {
    const meta = {
      tag: [
        { code: 'other' },
        { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' },
      ],
    };
    const reply = await server.send('POST', '/Patient', { resourceType: 'Patient', meta });
    expect(reply.status).toBe(422);
    expect(issueOf(reply)).toMatchObject({ code: 'business-rule', expression: ['Patient.meta.tag[1]'] });
  });

  test('what was created is found by search at once', async () => {
    const value = unique();
    const created = await server.send('POST', '/Patient', patient(value));
    expect(await found(server, `Patient?identifier=${system}|${value}`)).toEqual([idOf(created)]);
  });

  test('criteria in the URL of a create would be ignored, so they are 400 and point to If-None-Exist', async () => {
    const value = unique();
    const reply = await server.send('POST', `/Patient?identifier=${value}`, patient(value));
    expect(reply.status).toBe(400);
    expect(issueOf(reply).diagnostics).toContain('If-None-Exist');
    expect(await found(server, `Patient?identifier=${value}`)).toEqual([]);
    expect((await server.send('POST', '/Patient?_format=json&_pretty=true', patient(value))).status).toBe(201);
  });

  test('each create of the same content makes a resource of its own', async () => {
    const value = unique();
    const ids = await Promise.all(
      [1, 2, 3].map(async () => idOf(await server.send('POST', '/Patient', patient(value)))),
    );
    expect(new Set(ids).size).toBe(3);
    expect(await found(server, `Patient?identifier=${value}`)).toEqual(ids.sort());
  });
});

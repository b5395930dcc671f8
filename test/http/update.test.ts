/** https://hl7.org/fhir/R4/http.html#update */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, type TestServer, testServer } from './server.ts';
import { found, issueOf, patient, stores, system, unique } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const put = (id: string, more = {}, headers = {}) =>
  server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id, ...more }, headers);

describe('update', () => {
  test('an update of what exists is 200 with the next version', async () => {
    const id = unique();
    await put(id, { active: true });
    const reply = await put(id, { active: false });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('etag')).toBe('W/"2"');
    expect(reply.headers.get('last-modified')).not.toBeNull();
    expect(reply.body).toMatchObject({ id, active: false, meta: { versionId: '2' } });
  });

  test('an update of what does not exist creates it under the client’s id: 201 with Location', async () => {
    for (const id of [unique('c'), 'A.b-9', 'x'.repeat(64), '1', '01', 'a', 'A']) {
      const reply = await put(id);
      expect(reply.status).toBe(201);
      expect(reply.headers.get('location')).toBe(`${base}/Patient/${id}/_history/1`);
      expect((await server.get(`/Patient/${id}`)).body.id).toBe(id);
    }
  });

  test('PUT without id or with another one is 400', async () => {
    const id = unique();
    const without = await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient' });
    expect(without.status).toBe(400);
    expect(issueOf(without)).toMatchObject({ expression: ['Patient.id'] });
    const other = await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id: 'other' });
    expect(other.status).toBe(400);
    expect(issueOf(other)).toMatchObject({ expression: ['Patient.id'] });
    expect((await server.get(`/Patient/${id}`)).status).toBe(404);
    expect((await server.get('/Patient/other')).status).toBe(404);
  });

  test('the rest of meta is stored as sent, so an update without a tag removes it', async () => {
    const id = unique();
    await put(id, { meta: { tag: [{ system, code: id }], profile: ['http://example.org/p'] } });
    expect(await found(server, `Patient?_tag=${system}|${id}`)).toEqual([id]);
    const { body } = await put(id, { meta: { profile: ['http://example.org/p'] } });
    expect(body.meta.tag).toBeUndefined();
    expect(body.meta.profile).toEqual(['http://example.org/p']);
    expect(await found(server, `Patient?_tag=${system}|${id}`)).toEqual([]);
  });

  test('an update whose text without white space equals the current one, versionId and lastUpdated aside, is no new version: 200 with the old ETag', async () => {
    const id = unique();
    const first = await server.send('PUT', `/Patient/${id}`, `{"resourceType":"Patient","id":"${id}","active":true}`);
    for (const again of [
      first.text,
      `{ "resourceType": "Patient",\n "id": "${id}",\t"active": true }`,
      `{"resourceType":"Patient","id":"${id}","meta":{"versionId":"9","lastUpdated":"1999-01-01T00:00:00Z"},"active":true}`,
    ]) {
      const reply = await server.send('PUT', `/Patient/${id}`, again);
      expect(reply.status).toBe(200);
      expect(reply.headers.get('etag')).toBe('W/"1"');
      expect(reply.headers.get('last-modified')).toBe(first.headers.get('last-modified'));
      expect(reply.text).toBe(first.text);
    }
    expect((await server.get(`/Patient/${id}/_history`)).body.total).toBe(1);
  });

  test('another text is a new version, also with equal values', async () => {
    const id = unique();
    const texts = ['{"value":1.0}', '{"value":1.00}', '{"value":10e-1}'];
    for (const [index, quantity] of texts.entries()) {
      const text = `{"resourceType":"Observation","id":"${id}","valueQuantity":${quantity}}`;
      const reply = await server.send('PUT', `/Observation/${id}`, text);
      expect(reply.headers.get('etag')).toBe(`W/"${index + 1}"`);
      expect(reply.text).toContain(quantity);
    }
  });

  test('a deletion takes the next version number; a PUT afterwards is 201 and goes on counting', async () => {
    const id = unique();
    await put(id, { active: true });
    await server.send('DELETE', `/Patient/${id}`);
    const reply = await put(id, { active: true });
    expect(reply.status).toBe(201);
    expect(reply.headers.get('etag')).toBe('W/"3"');
    expect(reply.headers.get('location')).toBe(`${base}/Patient/${id}/_history/3`);
  });

  test('a body tagged SUBSETTED is 422, such as a summary that was read', async () => {
    const id = unique();
    await put(id, { contact: [{ name: { text: 'x' } }], name: [{ family: 'F' }] });
    const summary = await server.get(`/Patient/${id}?_summary=true`);
    const reply = await server.send('PUT', `/Patient/${id}`, summary.body);
    expect(reply.status).toBe(422);
    expect((await server.get(`/Patient/${id}`)).headers.get('etag')).toBe('W/"1"');
  });

  test('lastUpdated rises with the order of commits', async () => {
    const id = unique();
    let last = '';
    for (let n = 0; n < 20; n += 1) {
      const { body } = await put(id, { multipleBirthInteger: n });
      expect(body.meta.lastUpdated >= last).toBe(true);
      last = body.meta.lastUpdated;
    }
  });

  test('parameters that an update would ignore are 400', async () => {
    const id = unique();
    expect((await server.send('PUT', `/Patient/${id}?identifier=1`, { resourceType: 'Patient', id })).status).toBe(400);
    expect((await server.get(`/Patient/${id}`)).status).toBe(404);
    expect((await server.send('PUT', `/Patient/${id}?_format=json`, { resourceType: 'Patient', id })).status).toBe(201);
  });
});

describe('If-Match', () => {
  test.each(['W/"2"', '"2"', 'W/"1", W/"2"', '"7","2"', '*', ' W/"2" '])('takes %s of version 2', async (header) => {
    const id = unique();
    await put(id, { active: true });
    await put(id, { active: false });
    const reply = await put(id, { gender: 'other' }, { 'If-Match': header });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('etag')).toBe('W/"3"');
  });

  test.each(['W/"1"', '"3"', 'W/"1", W/"3"', '"02"', '""'])(
    '%s does not hold for version 2: 412 with the current ETag',
    async (header) => {
      const id = unique();
      await put(id, { active: true });
      await put(id, { active: false });
      const reply = await put(id, { gender: 'other' }, { 'If-Match': header });
      expect([header, reply.status]).toEqual([header, 412]);
      expect(reply.headers.get('etag')).toBe('W/"2"');
      expect(issueOf(reply).code).toBe('conflict');
      expect((await server.get(`/Patient/${id}`)).body.gender).toBeUndefined();
    },
  );

  test.each(['2', 'W/2', 'w/"2"', '"2', '* , "2"', '"2 "', 'garbage'])('%s is malformed: 400', async (header) => {
    const id = unique();
    await put(id, { active: true });
    expect((await put(id, { active: false }, { 'If-Match': header })).status).toBe(400);
  });

  test('on a missing or deleted resource it is 412', async () => {
    for (const header of ['*', 'W/"1"', 'W/"2"', '"0"']) {
      const missing = unique();
      expect((await put(missing, {}, { 'If-Match': header })).status).toBe(412);
      expect((await server.get(`/Patient/${missing}`)).status).toBe(404);
      const deleted = unique();
      await put(deleted);
      await server.send('DELETE', `/Patient/${deleted}`);
      expect((await put(deleted, {}, { 'If-Match': header })).status).toBe(412);
      expect((await server.get(`/Patient/${deleted}`)).status).toBe(410);
    }
  });

  test('is checked before the content is compared: a stale one is 412 even for equal content', async () => {
    const id = unique();
    await put(id, { active: true });
    await put(id, { active: false });
    expect((await put(id, { active: false }, { 'If-Match': 'W/"1"' })).status).toBe(412);
    expect((await put(id, { active: false }, { 'If-Match': 'W/"2"' })).status).toBe(200);
  });
});

describe('If-None-Match: *', () => {
  test('on PUT is 412 if the resource exists, 201 if not or deleted', async () => {
    const id = unique();
    const header = { 'If-None-Match': '*' };
    expect((await put(id, { active: true }, header)).status).toBe(201);
    const refused = await put(id, { active: false }, header);
    expect(refused.status).toBe(412);
    expect((await server.get(`/Patient/${id}`)).body.active).toBe(true);
    await server.send('DELETE', `/Patient/${id}`);
    expect((await put(id, { active: false }, header)).status).toBe(201);
  });

  test('another value on a write is 400', async () => {
    expect((await put(unique(), {}, { 'If-None-Match': 'W/"1"' })).status).toBe(400);
  });
});

describe.each(stores)('simultaneous updates, store %s', (_name, start) => {
  let racing: TestServer;
  beforeAll(async () => {
    racing = await start();
  });
  afterAll(() => racing.close());

  test('with the same If-Match let one win', async () => {
    await racing.send('PUT', '/Patient/race', patient('race', { id: 'race' }));
    for (let version = 1; version <= 10; version += 1) {
      const replies = await Promise.all(
        Array.from({ length: 8 }, (_, n) =>
          racing.send(
            'PUT',
            '/Patient/race',
            patient('race', { id: 'race', multipleBirthInteger: version * 100 + n }),
            {
              'If-Match': `W/"${version}"`,
            },
          ),
        ),
      );
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412, 412, 412]);
      const winner = replies.find(({ status }) => status === 200);
      const current = await racing.get('/Patient/race');
      expect(current.text).toBe(winner?.text);
      expect(current.headers.get('etag')).toBe(`W/"${version + 1}"`);
    }
  });

  test('with If-None-Match: * create one resource', async () => {
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        racing.send(
          'PUT',
          '/Patient/once',
          { resourceType: 'Patient', id: 'once', multipleBirthInteger: n },
          { 'If-None-Match': '*' },
        ),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 412, 412, 412, 412, 412, 412, 412]);
  });

  test('without a precondition all succeed, each a version', async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        racing.send('PUT', '/Patient/all', { resourceType: 'Patient', id: 'all', multipleBirthInteger: n }),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201]);
    const etags = replies.map(({ headers }) => headers.get('etag'));
    expect(new Set(etags).size).toBe(20);
    expect((await racing.get('/Patient/all/_history?_count=50')).body.total).toBe(20);
  });
});

/** https://hl7.org/fhir/R4/http.html#cond-update */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, testServer } from './server.ts';
import { found, idOf, issueOf, patient, stores, system, unique, versions } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const update = (criteria: string, body: unknown, headers = {}) =>
  server.send('PUT', `/Patient?${criteria}`, body, headers);

describe('conditional update', () => {
  test('0 matches: created under an id of the server’s', async () => {
    const value = unique();
    const reply = await update(`identifier=${system}|${value}`, patient(value));
    expect(reply.status).toBe(201);
    expect(reply.headers.get('location')).toContain(`/Patient/${reply.body.id}/_history/1`);
    expect(await found(server, `Patient?identifier=${value}`)).toEqual([reply.body.id]);
  });

  test('0 matches: created with the body’s id if it has one', async () => {
    const value = unique();
    const reply = await update(`identifier=${value}`, patient(value, { id: value }));
    expect([reply.status, reply.body.id]).toEqual([201, value]);
  });

  test('0 matches and an id that is deleted: created again, counting on', async () => {
    const value = unique();
    await server.send('PUT', `/Patient/${value}`, patient(value, { id: value }));
    await server.send('DELETE', `/Patient/${value}`);
    const reply = await update(`identifier=${value}`, patient(value, { id: value }));
    expect([reply.status, reply.headers.get('etag')]).toEqual([201, 'W/"3"']);
  });

  test('0 matches and an id that another resource has: 409, that resource stays', async () => {
    const value = unique();
    await server.send('PUT', `/Patient/${value}`, patient(`${value}-old`, { id: value }));
    const reply = await update(`identifier=${value}`, patient(value, { id: value }));
    expect(reply.status).toBe(409);
    expect((await server.get(`/Patient/${value}`)).headers.get('etag')).toBe('W/"1"');
  });

  test('1 match: updated, with or without its id in the body', async () => {
    const value = unique();
    const id = idOf(await server.send('POST', '/Patient', patient(value)));
    const without = await update(`identifier=${value}`, patient(value, { active: true }));
    expect([without.status, without.body.id, without.headers.get('etag')]).toEqual([200, id, 'W/"2"']);
    const withId = await update(`identifier=${value}`, patient(value, { id, active: false }));
    expect([withId.status, withId.headers.get('etag')]).toEqual([200, 'W/"3"']);
    const unchanged = await update(`identifier=${value}`, patient(value, { id, active: false }));
    expect([unchanged.status, unchanged.headers.get('etag')]).toEqual([200, 'W/"3"']);
  });

  test('400 if the body’s id is another’s', async () => {
    const value = unique();
    const id = idOf(await server.send('POST', '/Patient', patient(value)));
    const reply = await update(`identifier=${value}`, patient(value, { id: 'another' }));
    expect(reply.status).toBe(400);
    expect((await server.get(`/Patient/${id}`)).headers.get('etag')).toBe('W/"1"');
    expect((await server.get('/Patient/another')).status).toBe(404);
  });

  test('many: 412', async () => {
    const value = unique();
    await server.send('POST', '/Patient', patient(value));
    await server.send('POST', '/Patient', patient(value));
    const reply = await update(`identifier=${value}`, patient(value));
    expect(reply.status).toBe(412);
    expect(issueOf(reply).code).toBe('multiple-matches');
  });

  test('If-Match is checked on the match; without one it is 412', async () => {
    const value = unique();
    await server.send('POST', '/Patient', patient(value));
    expect(
      (await update(`identifier=${value}`, patient(value, { active: true }), { 'If-Match': 'W/"2"' })).status,
    ).toBe(412);
    expect(
      (await update(`identifier=${value}`, patient(value, { active: true }), { 'If-Match': 'W/"1"' })).status,
    ).toBe(200);
    const missing = unique();
    expect((await update(`identifier=${missing}`, patient(missing), { 'If-Match': '*' })).status).toBe(412);
    expect(await found(server, `Patient?identifier=${missing}`)).toEqual([]);
  });

  test('If-None-Match: * is 412 if there is a match', async () => {
    const value = unique();
    expect((await update(`identifier=${value}`, patient(value), { 'If-None-Match': '*' })).status).toBe(201);
    expect(
      (await update(`identifier=${value}`, patient(value, { active: true }), { 'If-None-Match': '*' })).status,
    ).toBe(412);
  });

  test.each(['', 'nonsense=1', 'identifier=', 'identifier=1&_count=1', '_format=json', 'identifier=1&name='])(
    'criteria “%s” are 400 whatever Prefer says',
    async (criteria) => {
      const before = await versions(server);
      for (const headers of [{}, { Prefer: 'handling=lenient' }]) {
        expect((await update(criteria, patient(unique()), headers)).status).toBe(400);
      }
      expect((await server.send('PUT', '/Patient', patient(unique()))).status).toBe(400);
      expect(await versions(server)).toEqual(before);
    },
  );

  test('_format and _pretty beside the criteria are no criteria', async () => {
    const value = unique();
    expect((await update(`identifier=${value}&_format=json&_pretty=true`, patient(value))).status).toBe(201);
  });
});

describe.each(stores)('simultaneous conditional updates, store %s', (_name, start) => {
  let racing: TestServer;
  beforeAll(async () => {
    racing = await start();
  });
  afterAll(() => racing.close());

  test('of what does not exist make one resource that the others update', async () => {
    const value = unique('race');
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        racing.send('PUT', `/Patient?identifier=${value}`, patient(value, { multipleBirthInteger: n })),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201]);
    const [id] = await found(racing, `Patient?identifier=${value}`);
    expect(new Set(replies.map(({ body }) => body.id))).toEqual(new Set([id]));
    expect((await racing.get(`/Patient/${id}`)).headers.get('etag')).toBe('W/"20"');
  });

  test('with different criteria and one id: one creates it, the other is told that it exists', async () => {
    const id = unique('shared');
    const replies = await Promise.all(
      ['a', 'b'].map((each) =>
        racing.send('PUT', `/Patient?identifier=${id}-${each}`, patient(`${id}-${each}`, { id })),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect((await racing.get(`/Patient/${id}`)).headers.get('etag')).toBe('W/"1"');
  });

  test('with the same If-Match let one win', async () => {
    const value = unique('match');
    await racing.send('POST', '/Patient', patient(value));
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        racing.send('PUT', `/Patient?identifier=${value}`, patient(value, { multipleBirthInteger: n }), {
          'If-Match': '"1"',
        }),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412, 412, 412]);
  });
});

/** https://hl7.org/fhir/R4/http.html#cond-patch */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { StoreUnavailable, TooCostly } from '../../src/store/errors.ts';
import { type TestServer, testServer } from './server.ts';
import { found, idOf, issueOf, patient, stores, unique, versions } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());
afterEach(() => {
  vi.restoreAllMocks();
});

const type = { 'Content-Type': 'application/merge-patch+json' };
const patch = (criteria: string, body: unknown, headers = {}) =>
  server.send('PATCH', `/Patient?${criteria}`, body, { ...type, ...headers });

describe('conditional patch', () => {
  test('1 match: 200, patched', async () => {
    const value = unique();
    const id = idOf(await server.send('POST', '/Patient', patient(value)));
    const reply = await patch(`identifier=${value}`, { active: true });
    expect([reply.status, reply.body.id, reply.body.active]).toEqual([200, id, true]);
    expect(reply.headers.get('etag')).toBe('W/"2"');
  });

  test('0 matches: 404', async () => {
    const reply = await patch(`identifier=${unique()}`, { active: true });
    expect(reply.status).toBe(404);
    expect(issueOf(reply).code).toBe('not-found');
  });

  test('a deleted resource is no match: 404', async () => {
    const value = unique();
    const id = idOf(await server.send('POST', '/Patient', patient(value)));
    await server.send('DELETE', `/Patient/${id}`);
    expect((await patch(`identifier=${value}`, { active: true })).status).toBe(404);
  });

  test.each([
    ['deleted', (id: string) => server.send('DELETE', `/Patient/${id}`)],
    ['changed', (id: string) => server.send('PUT', `/Patient/${id}`, { ...patient(unique()), id })],
  ])('a match that is %s before it can be patched is none: 404', async (_, change) => {
    const value = unique();
    const id = idOf(await server.send('POST', '/Patient', patient(value)));
    const { store } = server.context;
    const find = store.matches.bind(store);
    vi.spyOn(store, 'matches').mockImplementationOnce(async (...asked) => {
      const matches = await find(...asked);
      expect((await change(id)).status).toBeLessThan(300);
      return matches;
    });
    const test = [{ op: 'test', path: '/identifier/0/value', value }];
    const reply = await patch(`identifier=${value}`, test, { 'Content-Type': 'application/json-patch+json' });
    expect([reply.status, issueOf(reply).code]).toEqual([404, 'not-found']);
  });

  test.each([
    ['the store is not available', new StoreUnavailable('away'), 422],
    ['it takes too long', new TooCostly('Add a criterion.'), 422],
    ['the server has a fault', new Error('a fault'), 500],
  ])("a match that can't be patched nor, since %s, looked for again", async (_, error, status) => {
    const value = unique();
    await server.send('POST', '/Patient', patient(value));
    const { store } = server.context;
    const find = store.matches.bind(store);
    const looks = vi.spyOn(store, 'matches').mockImplementationOnce(find).mockRejectedValueOnce(error);
    const test = [{ op: 'test', path: '/identifier/0/value', value: 'another' }];
    const reply = await patch(`identifier=${value}`, test, { 'Content-Type': 'application/json-patch+json' });
    expect([reply.status, looks.mock.calls.length]).toEqual([status, 2]);
  });

  test.each([
    ['that its test fails', [{ op: 'test', path: '/identifier/0/value', value: 'another' }]],
    ['that validation refuses it', [{ op: 'add', path: '/gender', value: 'another' }]],
  ])('a match that is none any more isn’t what it is told of %s: 404', async (_, document) => {
    const other = await testServer({ VALIDATION: 'base' });
    try {
      const value = unique();
      const id = idOf(await other.send('POST', '/Patient', patient(value)));
      const headers = { 'Content-Type': 'application/json-patch+json' };
      const patched = () => other.send('PATCH', `/Patient?identifier=${value}`, document, headers);
      expect((await patched()).status).toBe(422);
      vi.spyOn(other.context.store, 'matches').mockResolvedValueOnce([id]).mockResolvedValue([]);
      const reply = await patched();
      expect([reply.status, issueOf(reply).code]).toEqual([404, 'not-found']);
    } finally {
      await other.close();
    }
  });

  test('matches that are others at each look: 409 after as many rounds as any write has', async () => {
    const value = unique();
    const id = idOf(await server.send('POST', '/Patient', patient(value)));
    let looks = 0;
    vi.spyOn(server.context.store, 'matches').mockImplementation(async () => {
      looks += 1;
      return looks % 2 === 1 ? [id] : [];
    });
    const test = [{ op: 'test', path: '/identifier/0/value', value: 'another' }];
    const reply = await patch(`identifier=${value}`, test, { 'Content-Type': 'application/json-patch+json' });
    expect([reply.status, issueOf(reply).code, looks]).toEqual([409, 'conflict', 100]);
  });

  test('many: 412', async () => {
    const value = unique();
    await server.send('POST', '/Patient', patient(value));
    await server.send('POST', '/Patient', patient(value));
    expect((await patch(`identifier=${value}`, { active: true })).status).toBe(412);
  });

  test('If-Match is checked on the match', async () => {
    const value = unique();
    await server.send('POST', '/Patient', patient(value));
    const stale = await patch(`identifier=${value}`, { active: true }, { 'If-Match': 'W/"4"' });
    expect([stale.status, stale.headers.get('etag')]).toEqual([412, 'W/"1"']);
    expect((await patch(`identifier=${value}`, { active: true }, { 'If-Match': 'W/"1"' })).status).toBe(200);
  });

  test.each(['', 'nonsense=1', 'identifier=', 'identifier=1&_count=1', '_format=json'])(
    'criteria “%s” are 400 whatever Prefer says',
    async (criteria) => {
      const before = await versions(server);
      for (const headers of [{}, { Prefer: 'handling=lenient' }]) {
        expect((await patch(criteria, { active: true }, headers)).status).toBe(400);
      }
      expect(await versions(server)).toEqual(before);
    },
  );

  test('of a Binary is 405', async () => {
    expect((await server.send('PATCH', '/Binary?_id=1', {}, type)).status).toBe(405);
  });
});

describe.each(stores)('simultaneous conditional patches, store %s', (_name, start) => {
  test('all succeed, none is lost', async () => {
    const racing = await start();
    const id = idOf(await racing.send('POST', '/Patient', patient('p')));
    const replies = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        racing.send(
          'PATCH',
          '/Patient?identifier=p',
          [{ op: 'add', path: '/identifier/-', value: { value: `n${n}` } }],
          {
            'Content-Type': 'application/json-patch+json',
          },
        ),
      ),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(30).fill(200));
    const { body } = await racing.get(`/Patient/${id}`);
    expect(body.meta.versionId).toBe('31');
    expect(body.identifier).toHaveLength(31);
    expect(await found(racing, 'Patient?identifier=n7')).toEqual([id]);
    await racing.close();
  });
});

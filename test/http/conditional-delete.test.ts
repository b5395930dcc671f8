/** https://hl7.org/fhir/R4/http.html#cdelete */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, testServer } from './server.ts';
import { bundle, entry, found, idOf, issueOf, patient, stores, system, unique, versions } from './writing.ts';

let server: TestServer;
let several: TestServer;
beforeAll(async () => {
  server = await testServer();
  several = await testServer({ CONDITIONAL_DELETE: 'multiple', CONDITIONAL_DELETE_MAX: '5' });
});
afterAll(async () => {
  await server.close();
  await several.close();
});

const create = async (at: TestServer, value: string) => idOf(await at.send('POST', '/Patient', patient(value)));

describe('conditional delete', () => {
  test('0 matches: 204', async () => {
    const before = await versions(server);
    expect((await server.send('DELETE', `/Patient?identifier=${unique()}`)).status).toBe(204);
    expect(await versions(server)).toEqual(before);
  });

  test('1 match: 204, deleted', async () => {
    const value = unique();
    const id = await create(server, value);
    const reply = await server.send('DELETE', `/Patient?identifier=${system}|${value}`);
    expect(reply.status).toBe(204);
    expect(reply.headers.get('etag')).toBe('W/"2"');
    expect((await server.get(`/Patient/${id}`)).status).toBe(410);
  });

  test('many: 412, nothing deleted', async () => {
    const value = unique();
    const ids = [await create(server, value), await create(server, value)];
    const reply = await server.send('DELETE', `/Patient?identifier=${value}`);
    expect(reply.status).toBe(412);
    expect(issueOf(reply).code).toBe('multiple-matches');
    expect(await found(server, `Patient?identifier=${value}`)).toEqual(ids.sort());
  });

  test('a bare id that exists in several types: 400 that names them, nothing deleted', async () => {
    const id = `both-${unique()}`;
    await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id });
    await server.send('PUT', `/Group/${id}`, { resourceType: 'Group', id, type: 'person', actual: true });
    const about = { status: 'final', code: { text: 'x' }, subject: { reference: `Group/${id}` } };
    const { body } = await server.send('POST', '/Observation', { resourceType: 'Observation', ...about });
    const reply = await server.send('DELETE', `/Observation?subject=${id}`);
    expect(reply.status).toBe(400);
    expect(issueOf(reply).diagnostics).toContain(`Patient/${id}`);
    expect(issueOf(reply).diagnostics).toContain(`Group/${id}`);
    const entries = [{ request: { method: 'DELETE', url: `Observation?subject=${id}` } }];
    const transaction = await server.send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry: entries });
    expect(transaction.status).toBe(400);
    expect((await server.get(`/Observation/${body.id}`)).status).toBe(200);
    expect((await server.send('DELETE', `/Observation?subject=Group/${id}`)).status).toBe(204);
    expect((await server.get(`/Observation/${body.id}`)).status).toBe(410);
  });

  test('If-Match is checked on the match; without one it is 412', async () => {
    const value = unique();
    await create(server, value);
    const header = { 'If-Match': 'W/"2"' };
    expect((await server.send('DELETE', `/Patient?identifier=${value}`, undefined, header)).status).toBe(412);
    expect((await server.send('DELETE', `/Patient?identifier=${unique()}`, undefined, header)).status).toBe(412);
    expect(
      (await server.send('DELETE', `/Patient?identifier=${value}`, undefined, { 'If-Match': 'W/"1"' })).status,
    ).toBe(204);
  });

  test.each(['', '?', '?nonsense=1', '?identifier=', '?identifier=x&_count=1', '?identifier=x&name=', '?_format=json'])(
    'criteria “%s” are 400 whatever Prefer says: nothing is deleted',
    async (query) => {
      for (const at of [server, several]) {
        await create(at, 'x');
        const before = await versions(at);
        for (const headers of [{}, { Prefer: 'handling=lenient' }]) {
          expect((await at.send('DELETE', `/Patient${query}`, undefined, headers)).status).toBe(400);
        }
        expect(await versions(at)).toEqual(before);
      }
    },
  );

  test('CONDITIONAL_DELETE=multiple deletes all of them up to a stated maximum in one commit', async () => {
    const value = unique();
    const ids = [];
    for (let n = 0; n < 5; n += 1) ids.push(await create(several, value));
    const reply = await several.send('DELETE', `/Patient?identifier=${value}`);
    expect(reply.status).toBe(204);
    const deleted = await Promise.all(ids.map((id) => several.get(`/Patient/${id}`)));
    expect(deleted.map(({ status }) => status)).toEqual(Array(5).fill(410));
    const history = (await several.get('/Patient/_history?_count=5')).body.entry;
    expect(
      new Set(history.map((each: { response: { lastModified: string } }) => each.response.lastModified)).size,
    ).toBe(1);
  });

  test('beyond the maximum it is 412 and nothing is deleted', async () => {
    const value = unique();
    for (let n = 0; n < 6; n += 1) await create(several, value);
    const reply = await several.send('DELETE', `/Patient?identifier=${value}`);
    expect(reply.status).toBe(412);
    expect(issueOf(reply).diagnostics).toContain('5');
    expect(await found(several, `Patient?identifier=${value}`)).toHaveLength(6);
  });

  test('the maximum is stated in the capability statement', async () => {
    const statement = (await several.get('/metadata')).body;
    const { conditionalDelete } = statement.rest[0].resource[0];
    expect(conditionalDelete).toBe('multiple');
    expect((await server.get('/metadata')).body.rest[0].resource[0].conditionalDelete).toBe('single');
  });

  test('Prefer: return=OperationOutcome says how many were deleted', async () => {
    const value = unique();
    await create(several, value);
    await create(several, value);
    const headers = { Prefer: 'return=OperationOutcome' };
    const reply = await several.send('DELETE', `/Patient?identifier=${value}`, undefined, headers);
    expect([reply.status, reply.body.issue[0].diagnostics]).toEqual([200, 'Deleted 2 resources.']);
    const again = await several.send('DELETE', `/Patient?identifier=${value}`, undefined, headers);
    expect([again.status, again.body.issue[0].diagnostics]).toEqual([200, 'There was nothing to delete.']);
  });

  test('in a transaction too', async () => {
    const value = unique();
    for (let n = 0; n < 3; n += 1) await create(several, value);
    const reply = await several.send(
      'POST',
      '/',
      bundle('transaction', entry('DELETE', `Patient?identifier=${value}`)),
    );
    expect(reply.body.entry[0].response.status).toBe('204 No Content');
    expect(await found(several, `Patient?identifier=${value}`)).toEqual([]);
  });
});

describe.each(stores)('simultaneous conditional deletes, store %s', (_name, start) => {
  test('of several matches delete each once', async () => {
    const racing = await start({ CONDITIONAL_DELETE: 'multiple' });
    for (let n = 0; n < 10; n += 1) await create(racing, 'all');
    const replies = await Promise.all(
      Array.from({ length: 6 }, () => racing.send('DELETE', '/Patient?identifier=all')),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(6).fill(204));
    expect((await racing.get('/Patient/_history?_count=100')).body.entry).toHaveLength(20);
    await racing.close();
  });

  test('beside creates leave what was created after', async () => {
    const racing = await start();
    await create(racing, 'one');
    const [deleted, created] = await Promise.all([
      racing.send('DELETE', '/Patient?identifier=one'),
      racing.send('POST', '/Patient', patient('one')),
    ]);
    expect(created.status).toBe(201);
    // Either order: the deletion came first, or it met two matches.
    const left = await found(racing, 'Patient?identifier=one');
    expect([deleted.status, left.length]).toEqual(deleted.status === 204 ? [204, 1] : [412, 2]);
    await racing.close();
  });
});

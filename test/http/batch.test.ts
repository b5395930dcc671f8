/** https://hl7.org/fhir/R4/http.html#brules */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, type Json, type TestServer, testServer } from './server.ts';
import { bundle, entry, found, idOf, patient, unique, versions } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const post = async (...entries: readonly Json[]): Promise<Json[]> => {
  const reply = await server.send('POST', '/', bundle('batch', ...entries));
  expect([reply.status, reply.body.type]).toEqual([200, 'batch-response']);
  return reply.body.entry;
};
const statuses = (entries: readonly Json[]): readonly string[] => entries.map((each) => each.response.status);

describe('batch', () => {
  test('each entry has its own outcome: what fails doesn’t keep others from being written', async () => {
    const [one, other] = [unique(), unique()];
    const entries = await post(
      entry('POST', 'Patient', patient(one)),
      entry('POST', 'Patient', { resourceType: 'Patient', nonsense: 1 }),
      entry('GET', 'Patient/nobody'),
      entry('POST', 'Pacient', patient('x')),
      entry('PUT', `Patient/${other}`, patient(other, { id: other })),
      entry('DELETE', 'AuditEvent/1'),
      entry('PUT', 'Patient/a', patient('x', { id: 'b' })),
      { resource: patient('x') },
      entry('SEND', 'Patient', patient('x')),
    );
    expect(statuses(entries)).toEqual([
      '201 Created',
      '400 Bad Request',
      '404 Not Found',
      '404 Not Found',
      '201 Created',
      '405 Method Not Allowed',
      '400 Bad Request',
      '400 Bad Request',
      '400 Bad Request',
    ]);
    expect(entries[1].response.outcome.issue[0]).toMatchObject({ severity: 'error', expression: ['Patient.nonsense'] });
    for (const each of [1, 2, 3, 5, 6, 7, 8])
      expect(entries[each].response.outcome.resourceType).toBe('OperationOutcome');
    expect(await found(server, `Patient?identifier=${one},${other}`)).toHaveLength(2);
  });

  test('the response is in request order, with status, location, etag, lastModified', async () => {
    const id = unique();
    const entries = await post(
      entry('GET', `Patient/${id}`),
      entry('PUT', `Patient/${id}`, patient(id, { id })),
      entry('POST', 'Patient', patient(unique())),
    );
    expect(statuses(entries)).toEqual(['200 OK', '201 Created', '201 Created']);
    expect(entries[0]).toMatchObject({ fullUrl: `${base}/Patient/${id}`, resource: { id } });
    expect(entries[1].response).toMatchObject({ location: `Patient/${id}/_history/1`, etag: 'W/"1"' });
    expect(entries[2].response.location).toMatch(/^Patient\/.+\/_history\/1$/);
    for (const { response } of entries) expect(response.lastModified).toMatch(/Z$/);
  });

  test('entries are processed in R4’s order: deletions, creates, updates, reads', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, patient(id, { id }));
    const entries = await post(
      entry('GET', `Patient?identifier=${id}&_summary=count`),
      entry('PUT', `Patient/${id}`, patient(id, { id })),
      entry('POST', 'Patient', patient(id)),
      entry('DELETE', `Patient/${id}`),
    );
    expect(entries[0].resource.total).toBe(2);
    expect(entries.slice(1).map((each) => [each.response.status, each.response.etag])).toEqual([
      ['201 Created', 'W/"3"'],
      ['201 Created', 'W/"1"'],
      ['204 No Content', 'W/"2"'],
    ]);
  });

  test('updates and patches are one group: they are processed in their own order', async () => {
    const id = unique();
    const merge = {
      resourceType: 'Binary',
      contentType: 'application/merge-patch+json',
      data: btoa('{"active":true}'),
    };
    const entries = await post(
      entry('PUT', `Patient/${id}`, patient(id, { id })),
      entry('PATCH', `Patient/${id}`, merge),
      entry('PUT', `Patient/${id}`, patient(id, { id, active: false })),
    );
    expect(entries.map(({ response }) => response.etag)).toEqual(['W/"1"', 'W/"2"', 'W/"3"']);
    expect((await server.get(`/Patient/${id}`)).body.active).toBe(false);
  });

  test('a search by POST has its parameters in the URL, and no resource', async () => {
    const value = unique();
    await server.send('POST', '/Patient', patient(value));
    const [search] = await post(entry('POST', `Patient/_search?identifier=${value}`));
    expect(search?.resource.total).toBe(1);
  });

  test('conditional entries, ifMatch, ifNoneMatch and ifModifiedSince work as in direct requests', async () => {
    const value = unique();
    await server.send('PUT', `/Patient/${value}`, patient(value, { id: value }));
    const entries = await post(
      entry('POST', 'Patient', patient(value), { ifNoneExist: `identifier=${value}` }),
      entry('PUT', `Patient?identifier=${value}`, patient(value, { id: value })),
      entry('PUT', `Patient/${value}`, patient(value, { id: value }), { ifMatch: 'W/"9"' }),
      entry('PUT', `Patient/${value}`, patient(value, { id: value }), { ifNoneMatch: '*' }),
      entry('DELETE', `Patient?identifier=${unique()}`),
      entry('GET', `Patient/${value}`, undefined, { ifNoneMatch: 'W/"1"' }),
      entry('GET', `Patient/${value}`, undefined, { ifModifiedSince: '2999-01-01T00:00:00Z' }),
      entry('POST', 'Patient', patient(value), { ifNoneExist: 'nonsense=1' }),
      entry('DELETE', 'Patient'),
    );
    expect(statuses(entries)).toEqual([
      '200 OK',
      '200 OK',
      '412 Precondition Failed',
      '412 Precondition Failed',
      '204 No Content',
      '304 Not Modified',
      '304 Not Modified',
      '400 Bad Request',
      '400 Bad Request',
    ]);
    expect(entries[0].response.location).toBe(`Patient/${value}/_history/1`);
  });

  test('operations, searches, histories and capabilities can be entries', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, patient(id, { id }));
    const parameters = {
      resourceType: 'Parameters',
      parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 'x' }] } }],
    };
    const entries = await post(
      entry('GET', `Patient/${id}/$meta`),
      entry('POST', `Patient/${id}/$meta-add`, parameters),
      entry('GET', `Patient?identifier=${id}`),
      entry('GET', `Patient/${id}/_history`),
      entry('GET', 'metadata'),
      entry('GET', `${base}/Patient/${id}`),
    );
    expect(statuses(entries)).toEqual(Array(6).fill('200 OK'));
    expect(entries.map((each) => each.resource.resourceType)).toEqual([
      'Parameters',
      'Parameters',
      'Bundle',
      'Bundle',
      'CapabilityStatement',
      'Patient',
    ]);
    expect((await server.get(`/Patient/${id}`)).body.meta.tag).toEqual([{ code: 'x' }]);
  });

  test('capabilities are those of a direct request where resources are checked too', async () => {
    const other = await testServer({ VALIDATION: 'base' });
    const direct = await other.get('/metadata');
    const { body } = await other.send('POST', '/', bundle('batch', entry('GET', 'metadata')));
    expect(body.entry[0].resource).toEqual(direct.body);
    await other.close();
  });

  test('a bundle inside a bundle is refused', async () => {
    const entries = await post(
      entry('POST', '/', bundle('batch')),
      entry('POST', '', bundle('transaction')),
      entry('POST', 'Bundle', bundle('batch')),
    );
    expect(statuses(entries)).toEqual(['400 Bad Request', '400 Bad Request', '201 Created']);
  });

  test('two entries may write one resource, one after the other', async () => {
    const id = unique();
    const entries = await post(
      entry('PUT', `Patient/${id}`, patient(id, { id })),
      entry('PUT', `Patient/${id}`, patient(id, { id, active: true })),
    );
    expect(entries.map((each) => each.response.etag)).toEqual(['W/"1"', 'W/"2"']);
  });

  test('Prefer holds for each entry', async () => {
    const send = async (prefer: string) => {
      const body = bundle('batch', entry('POST', 'Patient', patient(unique())));
      return (await server.send('POST', '/', body, { Prefer: prefer })).body.entry[0];
    };
    expect((await send('return=representation')).resource.resourceType).toBe('Patient');
    expect((await send('return=OperationOutcome')).response.outcome.resourceType).toBe('OperationOutcome');
    expect(Object.keys(await send('return=minimal'))).toEqual(['response']);
  });

  test('Prefer: return=OperationOutcome is for entries that write: others answer as ever', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, patient(id, { id }));
    const reads = [
      entry('HEAD', `Patient/${id}`),
      entry('GET', `Patient/${id}`),
      entry('POST', `Patient/_search?_id=${id}`),
      entry('POST', `Patient/${id}/$meta`),
    ];
    for (const type of ['batch', 'transaction']) {
      const { body } = await server.send('POST', '/', bundle(type, ...reads), { Prefer: 'return=OperationOutcome' });
      expect(body.entry.map(({ response }: Json) => response.outcome)).toEqual(Array(4).fill(undefined));
      expect(body.entry.map(({ resource }: Json) => resource?.resourceType)).toEqual([
        undefined,
        'Patient',
        'Bundle',
        'Parameters',
      ]);
    }
  });

  test('an empty one is 200', async () => {
    const reply = await server.send('POST', '/', bundle('batch'));
    expect([reply.status, reply.body.entry]).toEqual([200, undefined]);
  });

  test('an unknown member of the Bundle is 400, of an entry that entry’s fault', async () => {
    const value = unique();
    expect(
      (await server.send('POST', '/', { ...bundle('batch', entry('POST', 'Patient', patient(value))), nonsense: 1 }))
        .status,
    ).toBe(400);
    expect(await found(server, `Patient?identifier=${value}`)).toEqual([]);
    const entries = await post(
      { ...entry('POST', 'Patient', patient(value)), nonsense: 1 },
      entry('POST', 'Patient', patient(value)),
    );
    expect(statuses(entries)).toEqual(['400 Bad Request', '201 Created']);
    expect(entries[0].response.outcome.issue[0].expression).toEqual(['Bundle.entry[0].nonsense']);
  });
});

describe('a history Bundle', () => {
  test('that another server’s _history gave is applied, oldest version first', async () => {
    const source = await testServer();
    const [kept, deleted] = [unique('kept'), unique('deleted')];
    const created = await source.send('POST', '/Patient', patient(unique('created')));
    await source.send('PUT', `/Patient/${kept}`, patient(kept, { id: kept, active: false }));
    await source.send('PUT', `/Patient/${deleted}`, patient(deleted, { id: deleted }));
    await source.send(
      'PATCH',
      `/Patient/${kept}`,
      { active: true },
      { 'Content-Type': 'application/merge-patch+json' },
    );
    await source.send('DELETE', `/Patient/${deleted}`);
    const history = (await source.get('/_history')).text;
    await source.close();
    const target = await testServer();
    const reply = await target.send('POST', '/', history);
    expect([reply.status, reply.body.type]).toEqual([200, 'batch-response']);
    // In the order of the request, newest first.
    expect(statuses(reply.body.entry)).toEqual([
      '204 No Content',
      '200 OK',
      '201 Created',
      '201 Created',
      '201 Created',
    ]);
    expect(reply.body.entry.map((each: Json) => each.response.etag)).toEqual([
      'W/"2"',
      'W/"2"',
      'W/"1"',
      'W/"1"',
      'W/"1"',
    ]);
    expect((await target.get(`/Patient/${created.body.id}`)).status).toBe(200);
    expect((await target.get(`/Patient/${kept}`)).body.active).toBe(true);
    expect((await target.get(`/Patient/${kept}/_history/1`)).body.active).toBe(false);
    expect((await target.get(`/Patient/${deleted}`)).status).toBe(410);
    await target.close();
  });

  test('answers each version that can’t be applied with its outcome, the others are applied', async () => {
    const id = unique();
    const before = await versions(server);
    const reply = await server.send(
      'POST',
      '/',
      bundle(
        'history',
        entry('PUT', `Patient/${id}`, patient(id, { id, active: true }), { ifMatch: 'W/"7"' }),
        entry('PUT', 'Patient/x', { resourceType: 'Patient', id: 'x', nonsense: 1 }),
        entry('POST', 'Patient', patient('no id')),
        { fullUrl: `${base}/Patient/y`, resource: patient('y', { id: 'y' }) },
        entry('POST', 'Patient', patient(id, { id })),
      ),
    );
    expect(statuses(reply.body.entry)).toEqual([
      '200 OK',
      '400 Bad Request',
      '400 Bad Request',
      '400 Bad Request',
      '201 Created',
    ]);
    expect(reply.body.entry[2].response.outcome.issue[0].expression).toEqual(['Bundle.entry[2].resource']);
    expect((await versions(server)).length).toBe(before.length + 2);
  });

  test('once more changes nothing where nothing has changed since', async () => {
    const id = unique();
    const history = bundle('history', entry('PUT', `Patient/${id}`, patient(id, { id })));
    await server.send('POST', '/', history);
    const again = await server.send('POST', '/', history);
    expect(again.body.entry[0].response).toMatchObject({ status: '200 OK', etag: 'W/"1"' });
    expect(idOf(again.body.entry[0])).toBe(id);
  });
});

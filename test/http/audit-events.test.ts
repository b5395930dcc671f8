import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { checkStructure } from '../../src/validation/structure.ts';
import { base, type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;
const patient = { resourceType: 'Patient', id: 'p1', name: [{ family: 'Holm' }] };
const events = async (query: string): Promise<Json[]> => {
  const { status, body } = await server.get(`/AuditEvent?${query}`);
  expect(status).toBe(200);
  return (body.entry ?? []).map((entry: Json) => entry.resource);
};
const codes = (found: readonly Json[]) => found.map((event) => event.subtype[0].code);

beforeAll(async () => {
  server = await testServer();
  await server.send('PUT', '/Patient/p1', patient);
  await server.get('/Patient/p1');
  await server.get('/Patient/unknown');
  await server.get('/Patient?name=holm');
  await server.send('POST', '', {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      {
        resource: {
          resourceType: 'Observation',
          status: 'final',
          code: { text: 'x' },
          subject: { reference: 'Patient/p1' },
        },
        request: { method: 'POST', url: 'Observation' },
      },
      { request: { method: 'GET', url: 'Patient/p1' } },
    ],
  });
  await server.send('DELETE', '/Patient/gone');
});
afterAll(() => server.close());

describe('AuditEvents', () => {
  it('each interaction, failed ones included, leaves its own; a transaction one for itself and one for each entry', async () => {
    const found = await events('_count=100&_sort=date');
    expect(codes(found).slice(0, 8)).toEqual([
      'update',
      'read',
      'read',
      'search-type',
      'transaction',
      'create',
      'read',
      'delete',
    ]);
    expect(found.slice(0, 4).map(({ outcome }) => outcome)).toEqual(['0', '0', '4', '0']);
  });

  it('metadata and health leave none', async () => {
    const before = (await server.get('/AuditEvent?_summary=count')).body.total;
    await server.get('/metadata');
    const after = (await server.get('/AuditEvent?_summary=count')).body.total;
    // Counting itself is a search, which leaves one.
    expect(after - before).toBe(1);
  });

  it('are found by entity, patient, subtype, action, outcome, agent and date', async () => {
    expect(codes(await events('entity=Patient/p1&_sort=date'))).toEqual(['update', 'read', 'create', 'read']);
    expect(codes(await events('patient=Patient/p1&subtype=create'))).toEqual(['create']);
    expect(codes(await events('outcome=4&subtype=http://hl7.org/fhir/restful-interaction|read'))).toEqual(['read']);
    expect(codes(await events('action=D'))).toEqual(['delete']);
    expect(codes(await events('date=lt2000'))).toEqual([]);
    expect((await events('date=ge2000&_count=3')).length).toBe(3);
  });

  it('tell agent, source, entity, patient, query and request', async () => {
    const [event] = await events('subtype=search-type&_sort=date');
    expect(event.type).toMatchObject({ code: 'rest' });
    expect(event.agent[0]).toMatchObject({ requestor: true });
    const query = event.entity.find((entity: Json) => entity.query !== undefined);
    expect(Buffer.from(query.query, 'base64').toString()).toContain('name=holm');
  });

  it('name the patient whose data is read, searched or deleted, and whom a conditional create finds', async () => {
    const other = await testServer();
    const about = { status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/p1' } };
    const observation = { resourceType: 'Observation', id: 'o1', ...about, identifier: [{ value: 'a' }] };
    await other.send('PUT', '/Patient/p1', patient);
    await other.send('PUT', '/Observation/o1', observation);
    await other.get('/Observation/o1');
    await other.get('/Observation/o1', { 'If-None-Match': 'W/"1"' });
    await other.get('/Observation/o1/_history/1');
    await other.get('/Observation/o1/_history');
    await other.get('/Observation?patient=p1&status=final');
    await other.get('/?_type=Observation,Condition&subject=Patient/p1');
    await other.get('/Observation?patient=p1,p2');
    await other.send('POST', '/Observation', { ...observation, id: undefined }, { 'If-None-Exist': 'identifier=a' });
    await other.send('DELETE', '/Observation/o1');
    await other.get('/AuditEvent?patient=p1');
    const { body } = await other.get('/AuditEvent?patient=p1&_sort=date');
    expect(codes(body.entry.map((entry: Json) => entry.resource))).toEqual([
      'update',
      'update',
      'read',
      'read',
      'vread',
      'history-instance',
      'search-type',
      'search-system',
      'create',
      'delete',
    ]);
    await other.close();
  });

  it('are there of each entry of a transaction that fails', async () => {
    const other = await testServer();
    const request = (method: string, url: string, more: Json = {}) => ({ method, url, ...more });
    const of = async (entry: readonly Json[]) => {
      const reply = await other.send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry });
      const found = await other.get('/AuditEvent?_sort=date&subtype=transaction,create,update,read');
      const events = found.body.entry.map(({ resource }: Json) => resource).slice(-1 - entry.length);
      return [reply.status, ...events.map(({ subtype, outcome }: Json) => `${subtype[0].code} ${outcome}`).sort()];
    };
    // Refused by what its entries say, and by what is stored.
    expect(
      await of([
        { resource: patient, request: request('POST', 'Patient') },
        { resource: { ...patient, unheard: 1 }, request: request('POST', 'Patient') },
        { request: request('GET', 'Patient/p1') },
      ]),
    ).toEqual([400, 'create 4', 'create 4', 'read 4', 'transaction 4']);
    expect(
      await of([
        { resource: patient, request: request('POST', 'Patient') },
        { resource: patient, request: request('PUT', 'Patient/p1', { ifMatch: 'W/"7"' }) },
      ]),
    ).toEqual([412, 'create 4', 'transaction 4', 'update 4']);
    await other.close();
  });

  it('are there of what is refused before it is looked at', async () => {
    const other = await testServer({ MAX_BODY_BYTES: '1024' });
    const xml = { Accept: 'application/fhir+xml' };
    expect((await other.get('/Patient/p1', xml)).status).toBe(406);
    expect((await other.send('POST', '/Patient', 'x'.repeat(2000))).status).toBe(413);
    expect((await other.send('POST', '/Patient/_search', '{}')).status).toBe(415);
    expect((await other.get('/metadata', xml)).status).toBe(406);
    expect((await other.get('/Nonsense')).status).toBe(404);
    const { body } = await other.get('/AuditEvent?_sort=date');
    const found = body.entry.map((entry: Json) => entry.resource);
    expect(found.map(({ subtype, outcomeDesc }: Json) => [subtype[0].code, outcomeDesc.slice(0, 3)])).toEqual([
      ['read', '406'],
      ['create', '413'],
      ['search-type', '415'],
    ]);
    expect(found[0].entity[0].what.reference).toBe('Patient/p1');
    const parameters = { resourceType: 'Parameters', parameter: [] };
    const entry = [
      { resource: patient, request: { method: 'POST', url: 'Patient?a=b' } },
      { resource: { ...parameters, unheard: 1 }, request: { method: 'PATCH', url: 'Patient/p1' } },
    ];
    await other.send('POST', '', { resourceType: 'Bundle', type: 'batch', entry });
    const refused = await other.get('/AuditEvent?outcome=4&_sort=date&subtype=create,patch');
    expect(codes(refused.body.entry.map(({ resource }: Json) => resource))).toEqual(['create', 'create', 'patch']);
    await other.close();
  });

  it('are valid AuditEvents, the same each time they are read', async () => {
    const [first] = await events('_count=1&_sort=date');
    expect(checkStructure(first, loadDefinitions())).toEqual([]);
    const read = await server.get(`/AuditEvent/${first.id}`);
    expect(read.body).toEqual(first);
    expect(read.headers.get('etag')).toBe('W/"1"');
    expect((await server.get(`/AuditEvent/${first.id}/_history/1`)).text).toBe(read.text);
    expect((await server.get(`/AuditEvent/${first.id}/_history`)).body.total).toBe(1);
  });

  it('a history of one obeys _since, _at and _count', async () => {
    const [first] = await events('_count=1&_sort=date');
    const counted = async (query: string) => {
      const { status, body } = await server.get(`/AuditEvent/${first.id}/_history?${query}`);
      return [status, body.total, (body.entry ?? []).length];
    };
    expect(await counted('_since=2000-01-01T00:00:00Z')).toEqual([200, 1, 1]);
    expect(await counted('_since=2999-01-01T00:00:00Z')).toEqual([200, 0, 0]);
    expect(await counted('_at=2999')).toEqual([200, 1, 1]);
    expect(await counted('_at=2000')).toEqual([200, 0, 0]);
    expect(await counted('_count=0')).toEqual([200, 1, 0]);
  });

  it('come page by page, forward and back, without those that were recorded since', async () => {
    const first = await server.get('/AuditEvent?_sort=-date&_count=2');
    const link = (body: Json, relation: string) => body.link.find((each: Json) => each.relation === relation)?.url;
    const seen: string[] = first.body.entry.map((entry: Json) => entry.resource.id);
    let page = first;
    while (link(page.body, 'next') !== undefined) {
      page = await server.get(link(page.body, 'next'));
      seen.push(...page.body.entry.map((entry: Json) => entry.resource.id));
      expect(page.body.total).toBe(first.body.total);
    }
    expect(seen.length).toBe(first.body.total);
    expect(new Set(seen).size).toBe(seen.length);
    const second = await server.get(link(first.body, 'next'));
    const back = await server.get(link(second.body, 'previous'));
    expect(back.body.entry).toEqual(first.body.entry);
  });

  it('are sorted by any parameter, page by page, with those of clients among them', async () => {
    const other = await testServer();
    await other.send('PUT', '/Patient/p1', patient);
    for (const id of ['p1', 'x', 'p1', 'y']) await other.get(`/Patient/${id}`);
    await other.send('DELETE', '/Patient/p1');
    const [any] = await events('_count=1');
    const own = { ...any, id: undefined, meta: undefined, outcome: '12', action: 'E' };
    await other.send('POST', '/AuditEvent', own);
    const keys = (body: Json) =>
      body.entry.map(({ resource }: Json) => `${resource.outcome} ${resource.action} ${resource.recorded}`);
    const all = await other.get('/AuditEvent?_sort=-outcome,action,-date&_count=100');
    const sorted: string[] = keys(all.body);
    expect(sorted.map((key) => key.slice(0, -25))).toEqual(['4 R', '4 R', '12 E', '0 C', '0 D', '0 R', '0 R', '0 U']);
    const link = (body: Json, relation: string) => body.link.find((each: Json) => each.relation === relation)?.url;
    let page = await other.get('/AuditEvent?_sort=-outcome,action,-date&_count=2&date=le2999');
    expect(page.body.total).toBe(9);
    const began = Date.now();
    await expect.poll(() => Date.now()).toBeGreaterThan(began);
    await other.send('POST', '/AuditEvent', own);
    const pages = [page];
    for (let next = link(page.body, 'next'); next !== undefined; next = link(page.body, 'next')) {
      page = await other.get(next);
      pages.push(page);
    }
    const walked = pages.flatMap(({ body }) => keys(body));
    expect(walked).toHaveLength(9);
    expect(pages.map(({ body }) => body.total)).toEqual([9, 9, 9, 9, 9]);
    for (let place = pages.length - 1; place > 0; place--) {
      page = await other.get(link(page.body, 'previous'));
      expect(page.body.entry).toEqual(pages[place - 1]?.body.entry);
    }
    expect(link(page.body, 'previous')).toBeUndefined();
    await other.close();
  });

  it('appear only where AuditEvent is named', async () => {
    const everything = await server.get('/?_lastUpdated=gt2000&_count=1000');
    const types = new Set(everything.body.entry.map((entry: Json) => entry.resource.resourceType));
    expect([...types].sort()).toEqual(['Observation', 'Patient']);
    const history = await server.get('/_history?_count=1000');
    expect(history.text).not.toContain('"resourceType":"AuditEvent"');
    const included = await server.get('/Patient?_id=p1&_revinclude=AuditEvent:entity');
    const modes = included.body.entry.map((entry: Json) => `${entry.resource.resourceType} ${entry.search.mode}`);
    expect(modes[0]).toBe('Patient match');
    expect(modes.slice(1).every((each: string) => each === 'AuditEvent include')).toBe(true);
    expect(modes.length).toBeGreaterThan(3);
  });

  it('a client may create its own; they stand between the server’s by date; update, patch and delete are 405', async () => {
    const [oldest] = await events('_sort=date&_count=1');
    const own = { ...oldest, id: undefined, meta: undefined, recorded: '1999-01-01T00:00:00Z', outcomeDesc: 'own' };
    const created = await server.send('POST', '/AuditEvent', own);
    expect(created.status).toBe(201);
    const late = { ...own, recorded: '2999-01-01T00:00:00Z' };
    expect((await server.send('POST', '/AuditEvent', late)).status).toBe(201);
    const sorted = await events('_sort=date&_count=1000');
    expect(sorted[0].id).toBe(created.body.id);
    expect(sorted.at(-1).recorded).toBe('2999-01-01T00:00:00Z');
    const walked: string[] = [];
    let page = await server.get('/AuditEvent?_sort=date&_count=3&date=lt2990');
    for (;;) {
      walked.push(...page.body.entry.map((entry: Json) => entry.resource.id));
      const next = page.body.link.find((each: Json) => each.relation === 'next');
      if (next === undefined) break;
      page = await server.get(next.url);
    }
    expect(new Set(walked).size).toBe(walked.length);
    expect(walked.length).toBe(page.body.total);
    expect(walked[0]).toBe(created.body.id);
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const reply = await server.send(method, `/AuditEvent/${created.body.id}`, own);
      expect(reply.status).toBe(405);
      expect(reply.headers.get('allow')).toContain('GET');
    }
  });

  it('a walk does not show what a client has created since, whatever its date', async () => {
    const other = await testServer();
    for (const id of ['a', 'b', 'c', 'd']) await other.get(`/Patient/${id}`);
    const [any] = await events('_count=1');
    const create = async (recorded: string): Promise<string> => {
      const own = { ...any, id: undefined, meta: undefined, recorded };
      return (await other.send('POST', '/AuditEvent', own)).body.id;
    };
    const before = await create('1999-01-01T00:00:00Z');
    let page = await other.get('/AuditEvent?_count=2');
    const began = Date.now();
    await expect.poll(() => Date.now()).toBeGreaterThan(began);
    const since = await create('1998-01-01T00:00:00Z');
    const seen: string[] = [];
    for (;;) {
      seen.push(...page.body.entry.map((entry: Json) => entry.resource.id));
      const next = page.body.link.find((each: Json) => each.relation === 'next');
      if (next === undefined) break;
      page = await other.get(next.url);
    }
    expect(seen).toContain(before);
    expect(seen).not.toContain(since);
    expect(seen).toHaveLength(page.body.total);
    await other.close();
  });

  it('their includes lead to what was read', async () => {
    const { body } = await server.get('/AuditEvent?subtype=update&_include=AuditEvent:entity');
    const included = body.entry.filter((entry: Json) => entry.search.mode === 'include');
    expect(included.map((entry: Json) => entry.fullUrl)).toEqual([`${base}/Patient/p1`]);
  });
});

describe('AUDIT', () => {
  it.each([
    ['writes', ['update']],
    ['off', []],
  ])('%s leaves %j', async (mode, expected) => {
    const other = await testServer({ AUDIT: mode });
    await other.send('PUT', '/Patient/p1', patient);
    await other.get('/Patient/p1');
    const { body } = await other.get('/AuditEvent');
    expect((body.entry ?? []).map((entry: Json) => entry.resource.subtype[0].code)).toEqual(expected);
    await other.close();
  });
});

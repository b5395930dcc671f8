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

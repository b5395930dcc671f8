/** https://hl7.org/fhir/R4/http.html#history */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, type Json, type Reply, type TestServer, testServer } from './server.ts';
import { issueOf } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ MAX_COUNT: '100', TIMEZONE: 'Europe/Berlin' });
});
afterAll(() => server.close());

const patient = (id: string, more: Json = {}) => ({ resourceType: 'Patient', id, ...more });
const versionsOf = ({ body }: Reply): string[] => (body.entry ?? []).map((entry: Json) => entry.response.etag);
const linksOf = ({ body }: Reply): Record<string, string> =>
  Object.fromEntries(body.link.map(({ relation, url }: Json) => [relation, url]));

/** A life: created, updated, patched, deleted, made again. */
async function live(id: string): Promise<void> {
  await server.send('PUT', `/Patient/${id}`, patient(id));
  await server.send('PUT', `/Patient/${id}`, patient(id, { active: true }));
  const patched = JSON.stringify([{ op: 'replace', path: '/active', value: false }]);
  await server.send('PATCH', `/Patient/${id}`, patched, { 'Content-Type': 'application/json-patch+json' });
  await server.send('DELETE', `/Patient/${id}`);
  await server.send('PUT', `/Patient/${id}`, patient(id));
}

describe('the history of an instance', () => {
  test('has every version, newest first, in a Bundle of type history with its total', async () => {
    await live('a');
    const reply = await server.get('/Patient/a/_history');
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ resourceType: 'Bundle', type: 'history', total: 5 });
    expect(versionsOf(reply)).toEqual(['W/"5"', 'W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']);
    expect(linksOf(reply)).toEqual({ self: `${base}/Patient/a/_history?_count=50` });
  });

  test('`request` says what happened; `response` has status, etag, lastModified; `fullUrl` is unversioned', async () => {
    await live('b');
    const { body } = await server.get('/Patient/b/_history');
    const entries: Json[] = body.entry;
    expect(entries.map(({ request }) => `${request.method} ${request.url}`)).toEqual([
      'PUT Patient/b',
      'DELETE Patient/b',
      'PATCH Patient/b',
      'PUT Patient/b',
      'PUT Patient/b',
    ]);
    expect(entries.map(({ response }) => response.status)).toEqual(['201', '204', '200', '200', '201']);
    for (const { fullUrl, response, resource, request } of entries) {
      expect(fullUrl).toBe(`${base}/Patient/b`);
      expect(response.lastModified).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      if (request.method === 'DELETE') expect(resource).toBeUndefined();
      else expect(response).toMatchObject({ etag: `W/"${resource.meta.versionId}"` });
    }
    expect(entries[2].resource).toMatchObject({ active: false, meta: { versionId: '3' } });
    expect(entries[2].response.lastModified).toBe(entries[2].resource.meta.lastUpdated);
  });

  test('a create is a POST to its type', async () => {
    const { body } = await server.send('POST', '/Patient', { resourceType: 'Patient' });
    const [entry] = (await server.get(`/Patient/${body.id}/_history`)).body.entry;
    expect(entry.request).toEqual({ method: 'POST', url: 'Patient' });
    expect(entry.response.status).toBe('201');
  });

  test('conditional interactions are shown as direct ones', async () => {
    const identifier = [{ system: 'urn:x', value: 'conditional' }];
    const resource = { resourceType: 'Patient', identifier };
    const { body } = await server.send('PUT', '/Patient?identifier=urn:x|conditional', resource);
    await server.send('PUT', '/Patient?identifier=urn:x|conditional', { ...resource, active: true });
    await server.send('DELETE', '/Patient?identifier=urn:x|conditional');
    const { body: history } = await server.get(`/Patient/${body.id}/_history`);
    expect(history.entry.map(({ request }: Json) => request.url)).toEqual(Array(3).fill(`Patient/${body.id}`));
  });

  test('the status of a PUT after a deletion is 201 also where the deletion is on the page before or after', async () => {
    await live('c');
    const statuses: string[] = [];
    for (let url: string | undefined = '/Patient/c/_history?_count=1'; url !== undefined; ) {
      const reply: Reply = await server.get(url);
      statuses.push(reply.body.entry[0].response.status);
      url = linksOf(reply).next;
    }
    expect(statuses).toEqual(['201', '204', '200', '200', '201']);
  });

  test('of an unknown id is 404, of a deleted one its list', async () => {
    const reply = await server.get('/Patient/nobody/_history');
    expect(reply.status).toBe(404);
    expect(issueOf(reply).code).toBe('not-found');
    expect((await server.get('/Patient/a%00/_history')).status).toBe(404);
    await server.send('PUT', '/Patient/dead', patient('dead'));
    await server.send('DELETE', '/Patient/dead');
    const dead = await server.get('/Patient/dead/_history');
    expect(dead.status).toBe(200);
    expect(versionsOf(dead)).toEqual(['W/"2"', 'W/"1"']);
  });

  test('an update that changes nothing leaves no version', async () => {
    await server.send('PUT', '/Patient/same', patient('same'));
    await server.send('PUT', '/Patient/same', patient('same'));
    expect((await server.get('/Patient/same/_history')).body.total).toBe(1);
  });
});

describe('the histories of a type and of the system', () => {
  test('have the versions of all resources, newest first', async () => {
    const started = await server.send('PUT', '/Device/1', { resourceType: 'Device', id: '1' });
    await server.send('PUT', '/Device/2', { resourceType: 'Device', id: '2' });
    await server.send('PUT', '/Location/1', { resourceType: 'Location', id: '1' });
    await server.send('DELETE', '/Device/1');
    const urls = ({ body }: Reply) => body.entry.map((entry: Json) => `${entry.request.method} ${entry.request.url}`);
    expect(urls(await server.get('/Device/_history'))).toEqual(['DELETE Device/1', 'PUT Device/2', 'PUT Device/1']);
    const since = started.body.meta.lastUpdated;
    const system = urls(await server.get(`/_history?_since=${since}`));
    expect(system.slice(0, 4)).toEqual(['DELETE Device/1', 'PUT Location/1', 'PUT Device/2', 'PUT Device/1']);
  });

  test('of a type without resources is empty', async () => {
    const { status, body } = await server.get('/Basic/_history');
    expect(status).toBe(200);
    expect(body).toMatchObject({ type: 'history', total: 0 });
    expect(body.entry).toBeUndefined();
  });

  test('of an unknown type is 404', async () => {
    expect((await server.get('/Nonsense/_history')).status).toBe(404);
  });

  test('POST is no way to ask for one', async () => {
    const reply = await server.send('POST', '/Device/_history', {});
    expect(reply.status).toBe(405);
    expect(reply.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });
});

describe('System history leaves out the server’s own AuditEvents', () => {
  test('but has those of clients', async () => {
    const event = {
      resourceType: 'AuditEvent',
      type: { code: 'rest' },
      recorded: '2026-01-01T00:00:00Z',
      agent: [{ requestor: true }],
      source: { observer: { display: 'me' } },
    };
    const { body } = await server.send('POST', '/AuditEvent', event);
    const { body: history } = await server.get('/_history?_count=100');
    const audits = history.entry.filter((entry: Json) => entry.fullUrl.includes('AuditEvent'));
    expect(audits.map((entry: Json) => entry.resource.id)).toEqual([body.id]);
  });
});

describe('_since, _at, _count, _list', () => {
  test('_since is inclusive', async () => {
    await live('since');
    const { body } = await server.get('/Patient/since/_history');
    const third = body.entry[2].response.lastModified;
    const shown = await server.get(`/Patient/since/_history?_since=${third}`);
    const expected = body.entry.filter((entry: Json) => entry.response.lastModified >= third);
    expect(versionsOf(shown)).toEqual(expected.map((entry: Json) => entry.response.etag));
    expect(shown.body.total).toBe(expected.length);
    const later = new Date(Date.now() + 3_600_000).toISOString();
    expect(versionsOf(await server.get(`/Patient/since/_history?_since=${later}`))).toEqual([]);
  });

  test.each(['2026-01-31', 'yesterday', '2026-13-01T00:00:00Z', '2026-02-30T00:00:00Z', 'ge2026-01-31T00:00:00Z'])(
    '_since=%s is no instant: 400',
    async (since) => {
      const reply = await server.get(`/Patient/_history?_since=${since}`);
      expect(reply.status).toBe(400);
      expect(issueOf(reply).diagnostics).toContain('_since');
    },
  );

  test('a zone’s `+` that is read as a space still means plus', async () => {
    expect((await server.get('/Patient/_history?_since=2026-01-31T08:00:00+02:00')).status).toBe(200);
  });

  test('_at gives the versions current at any moment of the period', async () => {
    await server.send('PUT', '/Patient/at', patient('at'));
    const first = (await server.get('/Patient/at')).body.meta.lastUpdated;
    await server.send('PUT', '/Patient/at', patient('at', { active: true }));
    const at = async (text: string) => versionsOf(await server.get(`/Patient/at/_history?_at=${text}`));
    const year = new Date().getUTCFullYear();
    expect(await at(String(year))).toEqual(['W/"2"', 'W/"1"']);
    expect(await at(String(year + 1))).toEqual(['W/"2"']);
    expect(await at(String(year - 1))).toEqual([]);
    const before = new Date(Date.parse(first) - 1).toISOString();
    expect(await at(before)).toEqual([]);
    await server.send('DELETE', '/Patient/at');
    expect(await at(String(year + 1))).toEqual(['W/"3"']);
  });

  test('_at that is malformed → 400', async () => {
    expect((await server.get('/Patient/_history?_at=2026-02-30')).status).toBe(400);
  });

  test('_count limits the page; a larger one than MAX_COUNT is lowered and `self` shows it', async () => {
    await live('count');
    const page = await server.get('/Patient/count/_history?_count=2');
    expect(versionsOf(page)).toEqual(['W/"5"', 'W/"4"']);
    expect(page.body.total).toBe(5);
    expect(linksOf(page).self).toBe(`${base}/Patient/count/_history?_count=2`);
    expect(linksOf(await server.get('/Patient/count/_history?_count=5000')).self).toMatch(/_count=100$/);
  });

  test('_count=0 gives the total alone, without links but `self`', async () => {
    const { body } = await server.get('/Patient/count/_history?_count=0');
    expect(body.total).toBe(5);
    expect(body.entry).toBeUndefined();
    expect(body.link.map(({ relation }: Json) => relation)).toEqual(['self']);
  });

  test.each(['-1', 'x', '1.5', '99999999999'])('_count=%s → 400', async (count) => {
    expect((await server.get(`/Patient/_history?_count=${count}`)).status).toBe(400);
  });

  test('_list gives the history of what a List refers to', async () => {
    await server.send('PUT', '/Patient/l1', patient('l1'));
    await server.send('PUT', '/Patient/l2', patient('l2'));
    await server.send('PUT', '/Device/l3', { resourceType: 'Device', id: 'l3' });
    const items = ['Patient/l1', `${base}/Device/l3`, 'Patient/nobody', 'http://elsewhere.example/Patient/l2'];
    await server.send('PUT', '/List/mine', {
      resourceType: 'List',
      id: 'mine',
      status: 'current',
      mode: 'working',
      entry: items.map((reference) => ({ item: { reference } })),
    });
    const urls = async (path: string) =>
      ((await server.get(path)).body.entry ?? []).map((entry: Json) => entry.request.url);
    expect(await urls('/_history?_list=mine')).toEqual(['Device/l3', 'Patient/l1']);
    expect(await urls('/_history?_list=List/mine')).toEqual(['Device/l3', 'Patient/l1']);
    expect(await urls('/Patient/_history?_list=mine')).toEqual(['Patient/l1']);
    expect(await urls('/Patient/l2/_history?_list=mine')).toEqual([]);
  });

  test('an unknown _list → 404', async () => {
    expect((await server.get('/_history?_list=nobody')).status).toBe(404);
  });

  test.each(['_since=2026-01-01T00:00:00Z', '_at=2026', '_count=1', '_list=mine'])(
    '%s, each at most once: 400 otherwise',
    async (query) => {
      expect((await server.get(`/Patient/_history?${query}&${query}`)).status).toBe(400);
    },
  );

  test('another parameter → 400 that names those there are; handling=lenient ignores it', async () => {
    const reply = await server.get('/Patient/_history?name=x');
    expect(reply.status).toBe(400);
    expect(issueOf(reply).diagnostics).toContain('_since, _at, _count, _list');
    const lenient = await server.get('/Patient/_history?name=x', { Prefer: 'handling=lenient' });
    expect(lenient.status).toBe(200);
    expect(lenient.headers.get('preference-applied')).toBe('handling=lenient');
    expect(linksOf(lenient).self).not.toContain('name');
  });

  test('`self` repeats what was used', async () => {
    const reply = await server.get('/Patient/_history?_since=2026-01-01T00:00:00Z&_pretty=true&_at=');
    expect(linksOf(reply).self).toBe(`${base}/Patient/_history?_since=2026-01-01T00%3A00%3A00Z&_pretty=true&_count=50`);
  });
});

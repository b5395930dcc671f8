/** Where searches show the server's own AuditEvents. https://hl7.org/fhir/R4/auditevent.html#search */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entriesOf, idsOf, includedOf, link, load, pagesFrom, patient, refusal } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;
/** The id of an AuditEvent that a client created. */
let client: string;

beforeAll(async () => {
  server = await testServer();
  await load(server, [patient('a')]);
  const created = await server.send('POST', '/AuditEvent', {
    resourceType: 'AuditEvent',
    type: { code: 'app' },
    recorded: '2020-01-01T00:00:00Z',
    agent: [{ requestor: true }],
    source: { observer: { display: 'x' } },
    entity: [{ what: { reference: 'Patient/a' } }],
  });
  client = created.body.id;
  await server.get('/Patient/a');
});
afterAll(() => server.close());

const event = (recorded: string) => ({
  resourceType: 'AuditEvent',
  type: { code: 'app' },
  recorded,
  agent: [{ requestor: true }],
  source: { observer: { display: 'x' } },
});

const types = (entries: readonly { resource: { resourceType: string } }[]) =>
  [...new Set(entries.map(({ resource }) => resource.resourceType))].sort();

describe('the server’s own AuditEvents', () => {
  it('appear where AuditEvent is searched', async () => {
    const own = entriesOf(await server.get('/AuditEvent?_count=100')).filter(({ resource }) => resource.id !== client);
    expect(own.length).toBeGreaterThan(2);
    const read = await server.get('/AuditEvent?subtype=read&entity=Patient/a');
    expect(read.body.total).toBe(1);
    expect(idsOf(await server.get('/AuditEvent?type=app'))).toEqual([client]);
  });

  it('appear with _type=AuditEvent', async () => {
    const page = await server.get('?_type=AuditEvent&subtype=read');
    expect(idsOf(page)).toHaveLength(1);
    const more = await server.get('?_type=AuditEvent&_count=1');
    expect(more.body.total).toBeGreaterThan(3);
  });

  it('appear with _revinclude=AuditEvent:…', async () => {
    const page = await server.get('/Patient?_revinclude=AuditEvent:entity');
    expect(includedOf(page)).toContain(`AuditEvent/${client}`);
    expect(includedOf(page).length).toBeGreaterThan(1);
  });

  it('bring what they refer to with _include', async () => {
    expect(includedOf(await server.get('/AuditEvent?subtype=read&_include=AuditEvent:entity'))).toEqual(['Patient/a']);
  });

  it('appear nowhere else; those of clients do', async () => {
    const system = await server.get('?_count=1000');
    expect(types(entriesOf(system))).toEqual(['AuditEvent', 'Patient']);
    expect([...idsOf(system)].sort()).toEqual([client, 'a'].sort());
    expect(system.body.total).toBe(2);
    expect(includedOf(await server.get('/Patient?_revinclude=*'))).toEqual([`AuditEvent/${client}`]);
    expect((await server.get('?_lastUpdated=gt2000&_count=0')).body.total).toBe(2);
  });

  it('are searched by words', async () => {
    const reads = await server.get('/AuditEvent?_content=read&entity=Patient/a');
    expect(entriesOf(reads).map(({ resource }) => resource.subtype[0].code)).toEqual(['read']);
    expect(entriesOf(reads)[0].search.score).toBeGreaterThan(0);
    expect(idsOf(await server.get('/AuditEvent?_content=app&entity=Patient/a'))).toEqual([client]);
    expect(idsOf(await server.get('/AuditEvent?_content=app OR read&entity=Patient/a&_sort=-_score'))).toHaveLength(2);
    expect(idsOf(await server.get('/Patient?_has:AuditEvent:entity:_content=read'))).toEqual(['a']);
    // None of them has a narrative.
    expect((await server.get('/AuditEvent?_text=read&_total=accurate')).body.total).toBe(0);
    expect(idsOf(await server.get('/AuditEvent?_text=not read&subtype=read&entity=Patient/a'))).toHaveLength(1);
  });

  it('are searched by themselves', async () => {
    const issue = refusal(await server.get('?_type=AuditEvent,Patient'));
    expect(issue.code).toBe('not-supported');
    expect(issue.diagnostics).toMatch(/AuditEvent/);
  });
});

describe('AuditEvents of clients among the server’s own', () => {
  it('are sorted by the time that is asked for, and by the next one where that is the same', async () => {
    const other = await testServer();
    const [late, early] = ['2999-01-01T00:00:00Z', '2020-01-01T00:00:00Z'];
    for (const recorded of [late, early, late, early]) {
      await other.get('/Patient/a');
      expect((await other.send('POST', '/AuditEvent', event(recorded))).status).toBe(201);
      const began = Date.now();
      await expect.poll(() => Date.now()).toBeGreaterThan(began);
    }
    const times: Readonly<Record<string, (resource: Json) => number>> = {
      date: ({ recorded }) => Date.parse(recorded),
      _lastUpdated: ({ meta }) => Date.parse(meta.lastUpdated),
    };
    for (const sort of [
      '_lastUpdated',
      '-_lastUpdated',
      'date,-_lastUpdated',
      '-date,_lastUpdated',
      '-date,-_lastUpdated',
    ]) {
      for (const count of [2, 100]) {
        const pages = await pagesFrom(other, await other.get(`/AuditEvent?_sort=${sort}&_count=${count}`));
        const shown: readonly Json[] = pages.flatMap((page) => entriesOf(page)).map(({ resource }) => resource);
        expect(shown.filter(({ type }) => type.code === 'app')).toHaveLength(4);
        const keys = sort.split(',').map((key) => {
          const time = times[key.replace('-', '')] ?? (() => Number.NaN);
          return (resource: Json) => (key.startsWith('-') ? -time(resource) : time(resource));
        });
        const order = (a: Json, b: Json) => keys.map((key) => key(a) - key(b)).find((each) => each !== 0) ?? 0;
        expect(
          shown.toSorted(order).map(({ id }) => id),
          `${sort} by ${count}`,
        ).toEqual(shown.map(({ id }) => id));
      }
    }
    await other.close();
  });

  it('that come while a walk through these goes on change none of its pages, forward and back', async () => {
    const other = await testServer();
    for (const id of ['a', 'b', 'c', 'd']) await other.get(`/Patient/${id}`);
    const first = await other.get('/AuditEvent?subtype=read&_sort=date&_count=2');
    const began = Date.now();
    await expect.poll(() => Date.now()).toBeGreaterThan(began);
    expect((await other.send('POST', '/AuditEvent', event('2020-01-01T00:00:00Z'))).status).toBe(201);
    const second = await other.get(link(first, 'next') ?? '');
    expect(idsOf(second)).toHaveLength(2);
    const back = await other.get(link(second, 'previous') ?? '');
    expect(idsOf(back)).toEqual(idsOf(first));
    await other.close();
  });
});

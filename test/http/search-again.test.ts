/** A search that comes again means what it would mean if it came for the first time. https://hl7.org/fhir/R4/search.html */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { keepSearch, parsedSearch } from '../../src/interactions/parsed-searches.ts';
import type { Search } from '../../src/search/query.ts';
import { find, load, observation, patient } from './searching.ts';
import { indexed, type Json, type TestServer, testServer } from './server.ts';

const now = new Date('2026-01-31T12:00:00Z');

let server: TestServer;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now });
  server = await testServer();
  await load(server, [
    patient('p', { birthDate: '2021-03-01' }),
    patient('q', { birthDate: '2020-06-01' }),
    observation('a', { subject: { reference: 'Patient/p' } }),
    observation('b', { subject: { reference: 'Patient/q' } }),
  ]);
});
afterEach(() => {
  vi.setSystemTime(now);
});
afterAll(async () => {
  await server.close();
  vi.useRealTimers();
});

describe('a search that comes again', () => {
  it.each(['birthdate=ap2020', '_filter=birthdate ap 2020'])('measures %s from its own time', async (query) => {
    expect(await find(server, `/Patient?${query}`)).toBe('p q');
    vi.setSystemTime(new Date('2021-03-02T12:00:00Z'));
    expect(await find(server, `/Patient?${query}`)).toBe('q');
  });

  it('is refused or not by its own handling', async () => {
    const lenient = { Prefer: 'handling=lenient' };
    expect(await find(server, '/Patient?colour=red', lenient)).toBe('p q');
    expect((await server.get('/Patient?colour=red')).status).toBe(400);
    expect(await find(server, '/Patient?colour=red', lenient)).toBe('p q');
  });

  it('keeps to its own type and compartment', async () => {
    for (let time = 0; time < 2; time += 1) {
      expect(await find(server, '/Observation?_count=10')).toBe('a b');
      expect(await find(server, '/Patient/p/Observation?_count=10')).toBe('a');
      expect(await find(server, '/Patient/q/Observation?_count=10')).toBe('b');
      expect(await find(server, '/Patient?_count=10')).toBe('p q');
    }
  });

  it('means what its parameter does by now, though its index is the same', async () => {
    const eye = (more: Json) => ({
      resourceType: 'SearchParameter',
      id: 'eye',
      url: 'http://example.org/SearchParameter/eye',
      name: 'Eye',
      status: 'active',
      description: 'Colour of the eyes',
      code: 'eye',
      base: ['Patient'],
      type: 'string',
      expression: 'Patient.name.family',
      ...more,
    });
    const queries = ['/Patient?eye=a&eye=b', '/Patient?eye=a,b'];
    await server.send('PUT', '/SearchParameter/eye', eye({}));
    await indexed(server);
    for (const query of queries) expect((await server.get(query)).status).toBe(200);
    await server.send('PUT', '/SearchParameter/eye', eye({ multipleAnd: false, multipleOr: false }));
    await indexed(server);
    for (const query of queries) expect((await server.get(query)).status).toBe(400);
  });

  it('finds what was stored since', async () => {
    expect(await find(server, '/Encounter?status=finished')).toBe('');
    await load(server, [{ resourceType: 'Encounter', id: 'e', status: 'finished', class: { code: 'AMB' } }]);
    expect(await find(server, '/Encounter?status=finished')).toBe('e');
  });
});

describe('what is remembered of queries', () => {
  const search = (count: number): Search => ({
    parts: [],
    count,
    total: 'none',
    includes: [],
    revincludes: [],
    used: [],
    ignored: [],
    ambiguousIds: [],
    contained: false,
    explain: false,
  });

  it('is of short ones alone, also where few characters mean much', () => {
    const { context } = server;
    const { generation } = context.searchParameters;
    keepSearch(context, 'x'.repeat(5000), generation, search(1));
    expect(parsedSearch(context, 'x'.repeat(5000))).toBeUndefined();
    const part = { type: 'Patient', criterion: { kind: 'id', ids: ['p'] }, sort: [] } as const;
    keepSearch(context, 'one', generation, { ...search(1), parts: [part] });
    keepSearch(context, 'many', generation, { ...search(1), parts: Array.from({ length: 200 }, () => part) });
    expect(parsedSearch(context, 'one')?.parts).toEqual([part]);
    expect(parsedSearch(context, 'many')).toBeUndefined();
  });

  it('is bounded, and forgotten when search parameters change', () => {
    const { context } = server;
    const { generation } = context.searchParameters;
    for (let n = 0; n <= 2000; n += 1) keepSearch(context, `key ${n}`, generation, search(n));
    expect(parsedSearch(context, 'key 2000')).toEqual(search(2000));
    expect(parsedSearch(context, 'key 0')).toBeUndefined();
    keepSearch(context, 'old', generation - 1, search(1));
    expect(parsedSearch(context, 'old')).toBeUndefined();
  });
});

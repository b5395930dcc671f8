/** A search that comes again means what it would mean if it came for the first time. https://hl7.org/fhir/R4/search.html */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { keepSearch, parsedSearch } from '../../src/interactions/parsed-searches.ts';
import type { Search } from '../../src/search/query.ts';
import { find, idsOf, link, load, observation, pagesFrom, patient } from './searching.ts';
import { indexed, type Json, type TestServer, testServer } from './server.ts';
import { onMongo } from './stores.ts';

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

  describe('and whose first page is known', () => {
    const weight = { coding: [{ system: 'urn:codes', code: 'weight' }] };
    const named = (id: string, family: string) => patient(id, { name: [{ family }] });
    const weighed = (id: string, subject: string, date: string) => {
      return observation(id, { subject: { reference: `Patient/${subject}` }, code: weight, effectiveDateTime: date });
    };
    const queries = {
      first: '/Observation?code=urn:codes|weight&_sort=_id&_count=1',
      code: '/Observation?code=urn:codes|weight&_sort=_id',
      byDate: '/Observation?code=urn:codes|weight&_sort=-date',
      byName: '/Observation?code=urn:codes|weight&_sort=subject:Patient.family',
      chain: '/Observation?subject:Patient.family=Ames&_sort=_id',
      has: '/Patient?_has:Observation:subject:code=urn:codes|weight&_sort=_id',
      without: '/Observation?code:not=urn:codes|weight&_sort=_id',
      family: '/Patient?family=Ames',
    };

    /** The ids of each first page, asked for twice. */
    async function pages(): Promise<Record<string, string>> {
      const found: Record<string, string> = {};
      for (const [name, query] of Object.entries(queries)) {
        const reply = await server.get(query);
        const again = await server.get(query);
        const { meta, ...rest } = again.body;
        expect({ ...rest, meta: reply.body.meta }, query).toEqual(reply.body);
        found[name] = idsOf(again).join(' ');
        if (name !== 'first') expect(again.body.total, query).toBe(idsOf(again).length);
      }
      return found;
    }

    it('shows it as it is after each write', async () => {
      await load(server, [
        named('k', 'Ames'),
        named('l', 'Boyd'),
        weighed('v', 'k', '2020-01-01'),
        weighed('w', 'l', '2020-01-02'),
      ]);
      const before = {
        code: 'v w',
        first: 'v',
        byDate: 'w v',
        byName: 'v w',
        chain: 'v',
        has: 'k l',
        without: 'a b',
        family: 'k',
      };
      expect(await pages()).toEqual(before);
      // One of another type, on which some depend.
      await load(server, [named('k', 'Cole')]);
      const renamed = { ...before, byName: 'w v', chain: '', family: '' };
      expect(await pages()).toEqual(renamed);
      // One that they show, in another place.
      await load(server, [weighed('v', 'l', '2020-01-03')]);
      const moved = { ...renamed, byDate: 'v w', byName: 'v w', has: 'l' };
      expect(await pages()).toEqual(moved);
      // A new one among them, one that isn't there any more, and one of a type that no query asks for.
      await load(server, [weighed('u', 'k', '2020-01-04')]);
      expect(await pages()).toEqual({
        ...moved,
        code: 'u v w',
        first: 'u',
        byDate: 'u v w',
        byName: 'v w u',
        has: 'k l',
      });
      expect((await server.send('DELETE', '/Observation/u')).status).toBe(204);
      expect(await pages()).toEqual(moved);
      await load(server, [{ resourceType: 'Encounter', id: 'f', status: 'planned', class: { code: 'AMB' } }]);
      expect(await pages()).toEqual(moved);
      // What is shown changes where its place doesn't.
      await load(server, [{ ...weighed('w', 'l', '2020-01-02'), status: 'amended' }]);
      const { entry } = (await server.get(queries.code)).body;
      expect(entry[1].resource.status).toBe('amended');
    });

    it('is walked on from', async () => {
      const walked = async () => (await pagesFrom(server, await server.get(queries.first))).map(idsOf);
      const first = await walked();
      expect(first).toEqual([['v'], ['w']]);
      expect(await walked()).toEqual(first);
    });
  });

  it('goes on by resources without a value, though others are indexed meanwhile', async () => {
    const without = ['m', 'n', 'o', 'r'];
    await load(
      server,
      without.map((id) => patient(id, { birthDate: '1950-01-01', name: [{ family: id }] })),
    );
    const page = await server.get('/Patient?gender:missing=true&birthdate=1950-01-01&_count=3');
    const alone = await server.get('/Patient?gender:missing=true&_count=3');
    await server.send('PUT', '/SearchParameter/hair', {
      resourceType: 'SearchParameter',
      url: 'http://example.org/SearchParameter/hair',
      id: 'hair',
      name: 'Hair',
      status: 'active',
      description: 'Colour of the hair',
      code: 'hair',
      base: ['Patient'],
      type: 'string',
      expression: 'Patient.name.family',
    });
    await indexed(server);
    expect((await pagesFrom(server, page)).flatMap(idsOf)).toEqual(without);
    const all = (await pagesFrom(server, alone)).flatMap(idsOf);
    expect(all).toHaveLength(alone.body.total);
    expect(new Set(all).size).toBe(all.length);
  });

  it('shows nobody twice, of more kinds than are read together, where others are indexed meanwhile', async () => {
    const ids = Array.from({ length: 40 }, (_, place) => `w${place}`);
    // Each has values of other parameters.
    const kind = (id: string, place: number): Json => {
      const has = (bit: number, more: Json): Json => ((place >> bit) % 2 === 1 ? more : {});
      return {
        resourceType: 'Practitioner',
        id,
        name: [{ text: id, ...has(0, { family: 'F' }), ...has(1, { given: ['G'] }) }],
        ...has(2, { active: true }),
        ...has(3, { identifier: [{ value: 'I' }] }),
        ...has(4, { telecom: [{ system: 'email', value: 'm@example.org' }] }),
        ...has(5, { address: [{ city: 'A' }] }),
      };
    };
    await load(server, ids.map(kind));
    const query = '/Practitioner?gender:missing=true&_count=13';
    const page = await server.get(query);
    expect((await pagesFrom(server, page)).flatMap(idsOf).toSorted()).toEqual(ids.toSorted());
    await server.send('PUT', '/SearchParameter/called', {
      resourceType: 'SearchParameter',
      url: 'http://example.org/SearchParameter/called',
      id: 'called',
      name: 'Called',
      status: 'active',
      description: 'Whole name',
      code: 'called',
      base: ['Practitioner'],
      type: 'string',
      expression: 'Practitioner.name.text',
    });
    await indexed(server);
    const next = await server.get(link(page, 'next') ?? '');
    // MongoDB doesn't go by kinds.
    expect(next.status, next.text).toBe(onMongo ? 200 : 410);
    if (onMongo) expect((await pagesFrom(server, page)).flatMap(idsOf).toSorted()).toEqual(ids.toSorted());
    const again = await server.get(query);
    expect((await pagesFrom(server, again)).flatMap(idsOf).toSorted()).toEqual(ids.toSorted());
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

  it('is of those that take a bounded memory, also where few characters mean much', () => {
    const { context } = server;
    const { generation } = context.searchParameters;
    const part = { type: 'Patient', criterion: { kind: 'id', ids: ['p'] }, sort: [] } as const;
    const parts = (many: number) => Array.from({ length: many }, () => part);
    const isKept = (key: string, many: number): boolean => {
      keepSearch(context, key, generation, { ...search(1), parts: parts(many) });
      const kept = parsedSearch(context, key);
      if (kept !== undefined) expect(kept.parts).toEqual(parts(many));
      return kept !== undefined;
    };
    expect(isKept('one', 1)).toBe(true);
    expect(isKept('some', 2500)).toBe(true);
    expect(isKept('very many', 2501)).toBe(false);
    expect(isKept('x'.repeat(131_072), 1)).toBe(true);
    expect(isKept('x'.repeat(131_073), 1)).toBe(false);
  });

  it('is of few that are long or mean much, which leave the usual ones there', () => {
    const { context } = server;
    const { generation } = context.searchParameters;
    const long = (n: number) => `${'x'.repeat(5000)} ${n}`;
    keepSearch(context, 'usual', generation, search(1));
    for (let n = 0; n <= 64; n += 1) keepSearch(context, long(n), generation, search(n));
    expect(parsedSearch(context, long(64))).toEqual(search(64));
    expect(parsedSearch(context, long(0))).toBeUndefined();
    expect(parsedSearch(context, 'usual')).toEqual(search(1));
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

/** Page links: how long they hold, how long they are, and what is no link of ours. https://hl7.org/fhir/R4/http.html#paging */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { base, find, idsOf, link, load, pagesFrom, patient, refusal, search } from './searching.ts';
import { type TestServer, testServer } from './server.ts';

const family = Array.from({ length: 30 }, (_, n) =>
  patient(`p${String(n).padStart(2, '0')}`, { identifier: [{ system: 'urn:mrn', value: `v${n}` }], gender: 'male' }),
);

describe('a page link', () => {
  let server: TestServer;
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-31T08:00:00Z') });
    server = await testServer({ CURSOR_LIFETIME: '10m' });
    await load(server, family);
  });
  afterEach(async () => {
    await server.close();
    vi.useRealTimers();
  });

  const minute = (minutes: number) => vi.setSystemTime(new Date(Date.parse('2026-01-31T08:00:00Z') + minutes * 60_000));

  it('holds for CURSOR_LIFETIME; an older one is 410 and says to search again', async () => {
    const long = Array.from({ length: 100 }, (_, n) => `urn:mrn|v${n}`).join(',');
    for (const [n, query] of ['_count=2', '_count=2&_sort=-_id', `_count=2&identifier=${long}`].entries()) {
      const began = n * 60;
      minute(began);
      const page = await server.get(`/Patient?${query}`);
      const next = link(page, 'next') ?? '';
      minute(began + 10);
      const later = await server.get(next);
      expect(later.status, query).toBe(200);
      minute(began + 10.01);
      const issue = refusal(await server.get(next), 410);
      expect(issue.diagnostics).toMatch(/[Ss]earch again/);
      // The walk began with its first page: later pages don't prolong it.
      for (const relation of ['first', 'previous', 'next']) {
        expect((await server.get(link(later, relation) ?? '')).status, relation).toBe(410);
      }
    }
  });

  it('of a walk through what has changed since holds as long', async () => {
    const page = await server.get('/Patient?gender=male&_count=10&_sort=_id');
    minute(5);
    await load(
      server,
      family.map((each) => ({ ...each, gender: 'female' })),
    );
    minute(9.9);
    const pages = await pagesFrom(server, page);
    expect(pages.flatMap(idsOf)).toEqual(family.map(({ id }) => id));
    expect(pages.map((each) => each.body.total)).toEqual([30, 30, 30]);
    minute(10.01);
    expect((await server.get(link(page, 'next') ?? '')).status).toBe(410);
    expect(await find(server, '/Patient?gender=male')).toBe('');
  });

  it('is 410 for a walk of the whole system and of a POST too', async () => {
    const page = await server.get('?_type=Patient&_count=2');
    const posted = await search(server, '/Patient/_search', { _count: '2' });
    minute(11);
    expect((await server.get(link(page, 'next') ?? '')).status).toBe(410);
    expect((await server.get(link(posted, 'next') ?? '')).status).toBe(410);
  });
});

describe('what is no page link of ours', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer();
    await load(server, family);
  });
  afterAll(() => server.close());

  it('is 400', async () => {
    const page = await server.get('/Patient?_count=2');
    const next = link(page, 'next') ?? '';
    const token = new URL(next).searchParams.get('_cursor') ?? '';
    const middle = Math.floor(token.length / 2);
    const changed = token.slice(0, middle) + (token[middle] === 'A' ? 'B' : 'A') + token.slice(middle + 1);
    const content = Buffer.from(token, 'base64url').subarray(16);
    const forged = [
      changed,
      token.slice(0, -1),
      `${token}A`,
      `${token}=`,
      'x',
      'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      '%00',
      '1',
      Buffer.concat([Buffer.alloc(16), content]).toString('base64url'),
      content.toString('base64url'),
      Buffer.from('{"at":0,"since":0,"direction":"next"}').toString('base64url'),
    ];
    for (const each of forged) {
      const issue = refusal(await server.get(`/Patient?_cursor=${each}`));
      expect(issue.diagnostics, each).toMatch(/_cursor/);
    }
  });

  it('nor is a link of another search, or of another server', async () => {
    const next = link(await server.get('/Patient?_count=2'), 'next') ?? '';
    const token = new URL(next).searchParams.get('_cursor') ?? '';
    for (const path of ['/Observation', '', '/Patient/_history', '/_history', '/Patient/p01/_history']) {
      expect((await server.get(`${path}?_cursor=${token}`)).status, path).toBe(400);
    }
    const other = await testServer();
    await load(other, family);
    expect((await other.get(`/Patient?_cursor=${token}`)).status).toBe(400);
    await other.close();
    const history = link(await server.get('/Patient/_history?_count=2'), 'next') ?? '';
    expect((await server.get(`/Patient?_cursor=${new URL(history).searchParams.get('_cursor')}`)).status).toBe(400);
  });

  it('nor one with other parameters, or two', async () => {
    const next = link(await server.get('/Patient?_count=2'), 'next') ?? '';
    expect(refusal(await server.get(`${next}&gender=female`)).diagnostics).toMatch(/_count/);
    expect((await server.get(`${next}&_sort=name`)).status).toBe(400);
    expect((await server.get(`${next}&_count=x`)).status).toBe(400);
    expect((await server.get(`${next}&_count=1&_count=2`)).status).toBe(400);
    expect((await server.get(`${next}&${new URL(next).search.slice(1)}`)).status).toBe(400);
    expect((await server.get('/Patient?_cursor=')).status).toBe(400);
  });
});

describe('_count beside a page link', () => {
  it('changes the size of that page and of those it links to', async () => {
    const server = await testServer({ MAX_COUNT: '20' });
    await load(server, family);
    for (const more of ['', '&_sort=-_id', '&gender=male']) {
      const whole = (await pagesFrom(server, await server.get(`/Patient?_count=2${more}`))).flatMap(idsOf);
      const first = await server.get(`/Patient?_count=2${more}`);
      const second = await server.get(`${link(first, 'next')}&_count=7`);
      expect(idsOf(second)).toEqual(whole.slice(2, 9));
      expect(second.body.total).toBe(30);
      const third = await server.get(link(second, 'next') ?? '');
      expect(idsOf(third)).toEqual(whole.slice(9, 16));
      expect(idsOf(await server.get(link(third, 'previous') ?? ''))).toEqual(whole.slice(2, 9));
      expect(idsOf(await server.get(`${link(first, 'next')}&_count=1000`))).toEqual(whole.slice(2, 22));
      expect(idsOf(await server.get(`${link(first, 'next')}&_count=`))).toEqual(whole.slice(2, 4));
    }
    await server.close();
  });

  it('stands in the link already: a client that gives links without one a size of its own leaves it', async () => {
    const server = await testServer({ DEFAULT_COUNT: '4' });
    await load(server, family);
    for (const [path, size] of [
      ['/Patient?_count=3', '3'],
      ['/Patient?_sort=-_id', '4'],
      ['/Patient/_history?_count=3', '3'],
    ]) {
      let page = await server.get(path ?? '');
      for (const relation of ['next', 'next', 'previous', 'first']) {
        const url = new URL(link(page, relation) ?? '');
        expect(url.searchParams.getAll('_count'), `${path} ${relation}`).toEqual([size]);
        page = await server.get(url.href);
        expect(page.body.entry.length, `${path} ${relation}`).toBe(Number(size));
      }
      // It may be taken away, or replaced.
      const url = new URL(link(page, 'next') ?? '');
      url.searchParams.delete('_count');
      expect((await server.get(url.href)).body.entry.length).toBe(Number(size));
      url.searchParams.set('_count', '5');
      expect((await server.get(url.href)).body.entry.length).toBe(5);
    }
    await server.close();
  });
});

describe('however long the query was', () => {
  let server: TestServer;
  const values = Array.from({ length: 1000 }, (_, n) => `http://hospital.example.org/mrn|value-${n}`);
  beforeAll(async () => {
    server = await testServer();
    await load(
      server,
      Array.from({ length: 25 }, (_, n) =>
        patient(`q${String(n).padStart(2, '0')}`, {
          name: [{ family: 'x'.repeat(300) + String(n) }],
          identifier: [{ system: 'http://hospital.example.org/mrn', value: `value-${n * 40}` }],
        }),
      ),
    );
  });
  afterAll(() => server.close());

  it('page links stay below 2 KiB and answer by GET and POST', async () => {
    for (const _sort of ['', '_id', '-name,birthdate']) {
      const first = await search(server, '/Patient/_search', { identifier: values.join(','), _count: '10', _sort });
      expect(first.body.total).toBe(25);
      const pages = await pagesFrom(server, first);
      expect(pages.flatMap(idsOf).length).toBe(25);
      expect(new Set(pages.flatMap(idsOf)).size).toBe(25);
      for (const page of pages) {
        for (const { relation, url } of page.body.link) {
          if (page === first && relation === 'self') continue;
          expect(url.length, relation).toBeLessThan(2048);
          const got = await server.get(url);
          const token = new URL(url).searchParams.get('_cursor') ?? '';
          const posted = [
            await server.send('POST', url),
            await search(server, url, ''),
            await search(server, '/Patient/_search', { _cursor: token }),
            await search(server, `/Patient/_search?_cursor=${token}`, '_format=json'),
          ];
          for (const reply of posted) {
            expect(reply.status, reply.text).toBe(200);
            expect(idsOf(reply)).toEqual(idsOf(got));
            expect(reply.body.total).toBe(25);
          }
        }
      }
    }
  });

  it('self is a GET URL that answers', async () => {
    const first = await search(server, '/Patient/_search', { identifier: values.join(','), _count: '10' });
    const self = link(first, 'self') ?? '';
    expect(self.length).toBeGreaterThan(30_000);
    expect(idsOf(await server.get(self))).toEqual(idsOf(first));
  });

  it('long sort values and long names of parameters make no longer links', async () => {
    const page = await server.get('/Patient?_count=2&_sort=name,-family,given,birthdate,_id,-_lastUpdated,gender');
    for (const { url } of page.body.link) expect(url.length).toBeLessThan(2048);
    const next = await server.get(link(page, 'next') ?? '');
    for (const { url } of next.body.link) expect(url.length).toBeLessThan(2048);
    expect((await pagesFrom(server, page)).flatMap(idsOf)).toHaveLength(25);
  });

  it('very long sort values neither', async () => {
    await load(
      server,
      Array.from({ length: 6 }, (_, n) =>
        patient(`z${n}`, { name: [{ family: `${'ü'.repeat(3000)}${n}`, text: 'y'.repeat(5000) }] }),
      ),
    );
    for (const query of ['_id=z0,z1,z2,z3,z4,z5&_sort=family,name', 'family=üüü&_sort=-family', 'family=üüü']) {
      const first = await server.get(`/Patient?_count=2&${query}`);
      const pages = await pagesFrom(server, first);
      expect(pages.flatMap(idsOf).sort(), query).toEqual(['z0', 'z1', 'z2', 'z3', 'z4', 'z5']);
      for (const page of pages) {
        for (const { url } of page.body.link) expect(url.length, query).toBeLessThan(2048);
      }
    }
  });

  it('links carry nothing of the resources', async () => {
    const page = await server.get('/Patient?_count=2&_sort=family');
    const next = new URL(link(page, 'next') ?? '').searchParams.get('_cursor') ?? '';
    expect(link(page, 'next')?.startsWith(`${base}/Patient?_cursor=`)).toBe(true);
    expect(next).toMatch(/^[\w-]+$/);
  });
});

/** What a search answers with, sentence by sentence of "Search answers". https://hl7.org/fhir/R4/http.html#search */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  base,
  entriesOf,
  find,
  idsOf,
  type Json,
  link,
  load,
  observation,
  pagesFrom,
  patient,
  refusal,
  search,
  selfOf,
  type TestServer,
  walk,
} from './searching.ts';
import { testServer } from './server.ts';

let server: TestServer;
const many = Array.from({ length: 120 }, (_, n) =>
  patient(`p${String(n).padStart(3, '0')}`, { name: [{ family: `Fam${n % 10}` }], gender: n % 2 ? 'male' : 'female' }),
);

beforeAll(async () => {
  server = await testServer();
  await load(server, many);
  await load(server, [
    observation('o1', { subject: { reference: 'Patient/p000' } }),
    observation('o2', { subject: { reference: 'Patient/p000' } }),
    observation('o3', { subject: { reference: 'Patient/p001' } }),
  ]);
});
afterAll(() => server.close());

describe('_count', () => {
  it('is 50 by default', async () => {
    const page = await server.get('/Patient');
    expect(entriesOf(page)).toHaveLength(50);
    expect(selfOf(page)).toEqual(['_count=50']);
  });

  it('is DEFAULT_COUNT where that is set', async () => {
    const other = await testServer({ DEFAULT_COUNT: '3', MAX_COUNT: '5' });
    await load(other, many.slice(0, 10));
    expect(idsOf(await other.get('/Patient'))).toHaveLength(3);
    await other.close();
  });

  it('larger than MAX_COUNT is lowered and self shows it', async () => {
    const other = await testServer({ DEFAULT_COUNT: '3', MAX_COUNT: '5' });
    await load(other, many.slice(0, 10));
    const page = await other.get('/Patient?_count=7');
    expect(idsOf(page)).toHaveLength(5);
    expect(selfOf(page)).toEqual(['_count=5']);
    await other.close();
    expect(selfOf(await server.get('/Patient?_count=1001'))).toEqual(['_count=1000']);
    expect(selfOf(await server.get('/Patient?_count=999999999999'))).toEqual(['_count=1000']);
  });

  it('that is no number, or given twice, is 400', async () => {
    for (const query of ['_count=x', '_count=-1', '_count=1.5', '_count=1e2', '_count=2&_count=3', '_count=1,2']) {
      expect((await server.get(`/Patient?${query}`)).status, query).toBe(400);
    }
  });

  it('and total count matches only; includes travel with the page of their match, once a page', async () => {
    const first = await server.get('/Observation?_include=Observation:subject&_count=2&_sort=_id');
    expect(first.body.total).toBe(3);
    expect(idsOf(first)).toEqual(['o1', 'o2']);
    expect(entriesOf(first, 'include').map((entry) => entry.resource.id)).toEqual(['p000']);
    const [, second] = await pagesFrom(server, first);
    if (second === undefined) throw new Error('there are two pages');
    expect(idsOf(second)).toEqual(['o3']);
    expect(entriesOf(second, 'include').map((entry) => entry.resource.id)).toEqual(['p001']);
    expect(second.body.total).toBe(3);
  });

  it('=0 has the total, no entries and no link but self', async () => {
    const page = await server.get('/Patient?_count=0&gender=male');
    expect(page.body.total).toBe(60);
    expect(page.body.entry).toBeUndefined();
    expect(page.body.link).toEqual([{ relation: 'self', url: `${base}/Patient?gender=male&_count=0` }]);
  });
});

describe('total', () => {
  it('is exact without _total up to 10,000 matches', async () => {
    expect((await server.get('/Patient?_count=1')).body.total).toBe(120);
    expect((await server.get('/Patient?gender=male&_count=1')).body.total).toBe(60);
    expect((await server.get('/Patient?name=nobody')).body.total).toBe(0);
  });

  it('is absent beyond that, and exact with _total=accurate', async () => {
    const other = await testServer({ AUDIT: 'off' });
    const entry = Array.from({ length: 10_001 }, (_, n) => ({
      resource: { resourceType: 'Basic', code: { text: String(n) }, meta: { tag: [{ system: 'urn:t', code: 'a' }] } },
      request: { method: 'POST', url: 'Basic' },
    }));
    const sent = await other.send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry });
    expect(sent.status).toBe(200);
    for (const query of ['', '_tag=urn:t|a&', '_lastUpdated=gt2020&', 'code:missing=true&']) {
      expect((await other.get(`/Basic?${query}_count=1`)).body.total, query).toBeUndefined();
      expect((await other.get(`/Basic?${query}_count=1&_total=accurate`)).body.total, query).toBe(10_001);
      expect((await other.get(`/Basic?${query}_summary=count`)).body.total, query).toBe(10_001);
      expect((await other.get(`/Basic?${query}_count=0`)).body.total, query).toBe(10_001);
    }
    const { id } = (await other.get('/Basic?_count=1')).body.entry[0].resource;
    await other.send('DELETE', `/Basic/${id}`);
    expect((await other.get('/Basic?_tag=urn:t|a&_count=1')).body.total).toBe(10_000);
    await other.close();
  }, 180_000);

  it('is absent with _total=none', async () => {
    expect((await server.get('/Patient?_total=none')).body.total).toBeUndefined();
    expect((await server.get('/Patient?_total=none&_count=200')).body.total).toBeUndefined();
  });

  it('is there with _total=estimate', async () => {
    expect((await server.get('/Patient?_total=estimate&_count=2')).body.total).toBe(120);
  });

  it('of an unknown word is 400', async () => {
    expect(refusal(await server.get('/Patient?_total=exact')).diagnostics).toMatch(/none, estimate, accurate/);
  });

  it('of several types is their sum', async () => {
    expect((await server.get('?_type=Patient,Observation&_count=1')).body.total).toBe(123);
  });
});

describe('every entry', () => {
  it('has fullUrl and search.mode', async () => {
    const queries = [
      '/Observation?_include=Observation:subject',
      '/Patient?_revinclude=Observation:subject&_count=2&_sort=_id',
      '?_type=Patient,Observation&_count=200',
    ];
    for (const query of queries) {
      const page = await server.get(query);
      expect(page.body.entry.length).toBeGreaterThan(0);
      for (const { fullUrl, search: found, resource } of page.body.entry) {
        expect(fullUrl).toBe(`${base}/${resource.resourceType}/${resource.id}`);
        expect(['match', 'include']).toContain(found.mode);
        expect(resource.meta.versionId).toBe('1');
      }
    }
    const told = await server.get('/Patient?foo=1&_count=1', { Prefer: 'handling=lenient' });
    for (const entry of told.body.entry) {
      expect(typeof entry.fullUrl).toBe('string');
      expect(['match', 'outcome']).toContain(entry.search.mode);
    }
  });
});

describe('self', () => {
  it('repeats every parameter that was used, after defaults', async () => {
    const query = 'gender=male&name:contains=fam&_sort=-_id&_total=accurate&_elements=name&_format=json';
    const page = await server.get(`/Patient?${query}`);
    expect(selfOf(page)).toEqual([...query.split('&'), '_count=50']);
  });

  it('is a GET URL that gives the same, also for POST', async () => {
    const posted = await search(server, '/Patient/_search?gender=female', { name: 'fam4,fam5 x\\,y', _sort: '-_id' });
    const self = link(posted, 'self') ?? '';
    expect(self.startsWith(`${base}/Patient?`)).toBe(true);
    expect(selfOf(posted)).toEqual(['gender=female', 'name=fam4,fam5 x\\,y', '_sort=-_id', '_count=50']);
    const again = await server.get(self);
    expect(idsOf(again)).toEqual(idsOf(posted));
    expect(idsOf(again).length).toBe(12);
    expect(link(again, 'self')).toBe(self);
  });

  it('leaves out what is empty', async () => {
    const page = await server.get('/Patient?name=&gender=male&birthdate=&_sort=&_count=&_total=');
    expect(page.body.total).toBe(60);
    expect(selfOf(page)).toEqual(['gender=male', '_count=50']);
  });
});

describe('the pages of a walk', () => {
  it('give each match once, in both directions', async () => {
    for (const query of ['_count=7', '_count=7&_sort=-name', '_count=7&_sort=gender,-_id', '_count=7&gender=male']) {
      const pages = await pagesFrom(server, await server.get(`/Patient?${query}`));
      const forwards = pages.map(idsOf);
      expect(new Set(forwards.flat()).size, query).toBe(forwards.flat().length);
      expect(forwards.flat().length).toBe(query.includes('=male') ? 60 : 120);
      const backwards: (readonly string[])[] = [];
      for (let page = pages.at(-1); page !== undefined; ) {
        backwards.unshift(idsOf(page));
        const previous = link(page, 'previous');
        page = previous === undefined ? undefined : await server.get(previous);
      }
      expect(backwards.flat(), query).toEqual(forwards.flat());
    }
  });

  it('lead back to the first one', async () => {
    const pages = await pagesFrom(server, await server.get('/Patient?_count=50'));
    const [first, second, third] = pages;
    if (first === undefined || second === undefined || third === undefined) throw new Error('there are three pages');
    expect(link(first, 'previous')).toBeUndefined();
    expect(link(third, 'next')).toBeUndefined();
    for (const page of pages) {
      const again = await server.get(link(page, 'first') ?? '');
      expect(idsOf(again)).toEqual(idsOf(first));
      expect(again.body.total).toBe(120);
      expect(link(again, 'previous')).toBeUndefined();
      expect(link(again, 'next')).toBeDefined();
    }
    const self = link(second, 'self') ?? '';
    expect(idsOf(await server.get(self))).toEqual(idsOf(second));
  });

  it('are none where all matches fit', async () => {
    const page = await server.get('/Patient?_count=120');
    expect(page.body.link.map((each: Json) => each.relation)).toEqual(['self']);
  });
});

describe('a resource with several matching values', () => {
  it('comes once', async () => {
    await load(server, [
      patient('twice', {
        name: [{ family: 'Zweig', given: ['Zoe', 'Zoey'] }, { family: 'Zweigle' }],
        identifier: [
          { system: 'urn:a', value: 'z1' },
          { system: 'urn:b', value: 'z1' },
          { system: 'urn:b', value: 'z2' },
        ],
      }),
    ]);
    const queries = [
      'name=z',
      'name=zweig,zoe',
      'name:contains=z',
      'identifier=z1,z2',
      'identifier=urn:b|',
      '_id=twice,twice',
    ];
    for (const query of queries) {
      for (const more of ['', '&_sort=name', '&_sort=-name', '&_sort=identifier', '&_count=1']) {
        const page = await server.get(`/Patient?${query}${more}`);
        expect(idsOf(page), query + more).toEqual(['twice']);
        expect(page.body.total).toBe(1);
        expect(link(page, 'next')).toBeUndefined();
      }
    }
    await server.send('DELETE', '/Patient/twice');
  });
});

describe('the system', () => {
  it('is searched by _type', async () => {
    expect(await find(server, '?_type=Observation')).toBe('o1 o2 o3');
    const found = await walk(server, '?_type=Patient,Observation&_count=7&_sort=_id');
    expect(found.length).toBe(123);
    expect(found.slice(0, 4)).toEqual(['o1', 'o2', 'o3', 'p000']);
    expect(await find(server, '?_type=Patient,Observation&_id=o1,p001')).toBe('o1 p001');
  });

  it('is searched without _type by what all types have', async () => {
    expect(await find(server, '?_id=o1,p001')).toBe('o1 p001');
    expect((await server.get('?_count=0')).body.total).toBe(123);
    expect(refusal(await server.get('?name=x')).diagnostics).toMatch(/name/);
  });

  it('is searched by POST to _search', async () => {
    const posted = await search(server, '/_search?_type=Observation,Patient', { _id: 'o1,p001' });
    expect(idsOf(posted)).toHaveLength(2);
    expect(link(posted, 'self')?.startsWith(`${base}?_type=Observation`)).toBe(true);
    expect(await find(server, link(posted, 'self') ?? '')).toBe('o1 p001');
  });

  it('gives 400 for an unknown type and for _type where the URL names one', async () => {
    expect(refusal(await server.get('?_type=Patiant')).diagnostics).toMatch(/Patient/);
    expect((await server.get('/Patient?_type=Observation')).status).toBe(400);
  });
});

describe('POST _search', () => {
  it('takes parameters in both places', async () => {
    const posted = await search(server, '/Patient/_search?gender=male&_count=5', { name: 'fam1' });
    expect(posted.body.total).toBe(12);
    expect(idsOf(posted)).toHaveLength(5);
  });

  it('takes an empty form, and no body at all', async () => {
    expect((await search(server, '/Patient/_search', '')).body.total).toBe(120);
    expect((await server.send('POST', '/Patient/_search?gender=male')).body.total).toBe(60);
  });

  it('of another media type is 415', async () => {
    expect(refusal(await server.send('POST', '/Patient/_search', { name: 'x' }), 415).code).toBe('not-supported');
  });

  it('with + and % in the form means what HTML forms mean', async () => {
    await load(server, [patient('plus', { name: [{ text: 'A+B 100%' }] })]);
    expect(idsOf(await search(server, '/Patient/_search', 'name:exact=A%2BB+100%25'))).toEqual(['plus']);
    expect(await find(server, '/Patient?name:exact=A%2BB%20100%25')).toBe('plus');
    await server.send('DELETE', '/Patient/plus');
  });
});

describe('an unknown id, reference or code', () => {
  it('gives an empty result', async () => {
    const queries = [
      '/Patient?_id=nobody',
      '/Patient?identifier=urn:nowhere|1',
      '/Patient?gender=unknown',
      '/Observation?subject=Patient/nobody',
      '/Observation?subject=nobody',
      '/Observation?subject=http://example.org/fhir/Patient/1',
      '/Observation?code=http://nowhere.example|x',
      '/Observation?code:not=x&code=nothing',
      '/Account?name=none',
    ];
    for (const query of queries) {
      const page = await server.get(query);
      expect(idsOf(page), query).toEqual([]);
      expect(page.body.total, query).toBe(0);
      expect(page.body.entry).toBeUndefined();
    }
  });
});

describe('HEAD', () => {
  it('answers a search like GET, without the body', async () => {
    const head = await server.send('HEAD', '/Patient?_count=2');
    expect(head.status).toBe(200);
    expect(head.text).toBe('');
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100);
  });
});

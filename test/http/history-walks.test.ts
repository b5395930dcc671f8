/** https://hl7.org/fhir/R4/http.html#paging */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { base, type Json, type Reply, type TestServer, testServer } from './server.ts';
import { issueOf, stores } from './writing.ts';

const linksOf = ({ body }: Reply): Record<string, string> =>
  Object.fromEntries(body.link.map(({ relation, url }: Json) => [relation, url]));
const shown = ({ body }: Reply): string[] =>
  (body.entry ?? []).map(({ request, response }: Json) => `${request.method} ${request.url} ${response.etag}`);

describe.each(stores)('a walk through a history, %s', (_name, start) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await start();
    for (let round = 1; round <= 3; round += 1) {
      for (let id = 1; id <= 4; id += 1) await put('Patient', String(id), { active: round === 2, gender: 'other' });
    }
    await server.send('DELETE', '/Patient/4');
    await put('Device', '1');
  });
  afterAll(() => server.close());

  let changes = 0;
  const put = (resourceType: string, id: string, more: Json = {}) => {
    changes += 1;
    const tag = [{ system: 'urn:change', code: String(changes) }];
    return server.send('PUT', `/${resourceType}/${id}`, { resourceType, id, meta: { tag }, ...more });
  };
  const disturb = async () => {
    await put('Patient', '1');
    await put('Patient', `new-${changes}`);
    await put('Device', '1');
    await server.send('DELETE', '/Patient/2');
    await put('Patient', '2');
  };

  async function walk(from: string, relation: string, between = async () => {}): Promise<Reply[]> {
    const pages: Reply[] = [];
    for (let url: string | undefined = from; url !== undefined; ) {
      const page: Reply = await server.get(url);
      expect(page.status).toBe(200);
      pages.push(page);
      await between();
      url = linksOf(page)[relation];
    }
    return pages;
  }

  test.each(['/Patient/1/_history?', '/Patient/_history?', '/_history?', '/_history?_since=2020-01-01T00:00:00Z&'])(
    'of %s shows each version once, in order, while writes go on',
    async (path) => {
      const whole = shown(await server.get(`${path}_count=1000`));
      const pages = await walk(`${path}_count=3`, 'next', disturb);
      expect(pages.flatMap(shown)).toEqual(whole);
      expect(pages.length).toBe(Math.ceil(whole.length / 3));
      for (const page of pages) expect(page.body.total).toBe(whole.length);
    },
  );

  test('goes back the same way with `previous`, and to its beginning with `first`', async () => {
    const forth = await walk('/_history?_count=4', 'next');
    const [firstPage] = forth;
    const beforeLast = forth.at(-2);
    if (firstPage === undefined || beforeLast === undefined) throw new Error('the walk has pages');
    const toLast = linksOf(beforeLast).next ?? '';
    await disturb();
    const back = await walk(toLast, 'previous', disturb);
    expect(back.map(shown)).toEqual(forth.map(shown).reverse());
    expect(shown(await server.get(linksOf(beforeLast).first ?? ''))).toEqual(shown(firstPage));
    expect(linksOf(firstPage).previous).toBeUndefined();
  });

  test('with _at shows the versions of the period while writes go on', async () => {
    const year = new Date().getUTCFullYear();
    const whole = shown(await server.get(`/Patient/_history?_at=${year}&_count=1000`));
    expect((await walk(`/Patient/_history?_at=${year}&_count=3`, 'next', disturb)).flatMap(shown)).toEqual(whole);
  });

  test('keeps _summary and _pretty on its next pages', async () => {
    const [first, second] = await walk('/Patient/1/_history?_count=1&_summary=true&_pretty=true', 'next');
    for (const page of [first, second]) {
      expect(page?.text.startsWith('{\n')).toBe(true);
      expect(page?.body.entry[0].resource.meta.tag).toContainEqual(expect.objectContaining({ code: 'SUBSETTED' }));
    }
  });

  test('its links are short, whatever the query', async () => {
    const page = await server.get(`/_history?_count=1&_elements=${Array(300).fill('Patient.identifier').join()}`);
    expect(page.status).toBe(200);
    const { next = '' } = linksOf(page);
    expect(next.length).toBeLessThan(2048);
    expect((await server.get(next)).status).toBe(200);
  });
});

describe('a link of a walk', () => {
  let server: TestServer;
  let next: string;
  beforeAll(async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    server = await testServer();
    for (const id of ['a', 'b', 'c']) await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id });
    next = linksOf(await server.get('/Patient/_history?_count=1')).next ?? '';
  });
  afterAll(() => {
    vi.useRealTimers();
    return server.close();
  });

  test('that is forged is 400', async () => {
    for (const forged of [
      `${next}x`,
      next.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A')),
      `${base}/_history?_cursor=x`,
    ]) {
      const reply = await server.get(forged);
      expect(reply.status).toBe(400);
      expect(issueOf(reply).code).toBe('value');
    }
  });

  test('is not one of another walk: 400', async () => {
    const token = next.split('_cursor=')[1];
    for (const path of ['/_history', '/Patient/a/_history', '/Device/_history', '/Patient', '']) {
      expect([path, (await server.get(`${path}?_cursor=${token}`)).status]).toEqual([path, 400]);
    }
  });

  test('carries its whole query: other parameters than _count beside it are 400', async () => {
    expect((await server.get(`${next}&_since=2020-01-01T00:00:00Z`)).status).toBe(400);
    expect((await server.get(`${next}&_count=5`)).status).toBe(200);
    expect((await server.get(`${next}&_pretty=true`)).status).toBe(200);
  });

  test('that is older than CURSOR_LIFETIME is 410 and says to search again', async () => {
    vi.setSystemTime(Date.now() + 24 * 3_600_000 - 5000);
    expect((await server.get(next)).status).toBe(200);
    vi.setSystemTime(Date.now() + 10_000);
    const reply = await server.get(next);
    expect(reply.status).toBe(410);
    expect(issueOf(reply).diagnostics).toContain('Search again');
  });
});

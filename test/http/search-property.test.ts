/** What compiled searches find is what `search/match.ts` says, for random resources and queries. https://hl7.org/fhir/R4/search.html */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { searchContext } from '../../src/interactions/condition.ts';
import { compareBy, matches } from '../../src/search/match.ts';
import { parseSearch } from '../../src/search/query.ts';
import { library, putAll, urlOf } from './random-library.ts';
import { arbitraryQuery, arbitraryResources, ids } from './random-resources.ts';
import { idsOf, includedOf, pagesFrom, search } from './searching.ts';
import { type TestServer, testServer } from './server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await testServer({ AUDIT: 'off', TIMEZONE: 'Europe/Berlin' });
});
afterAll(() => server.close());

describe('a search over HTTP', () => {
  it('finds what match.ts says, in its order, however it is asked and paged', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryResources,
        fc.array(arbitraryQuery, { minLength: 8, maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        async (resources, queries, count) => {
          await putAll(server, resources);
          const all = await library(server);
          for (const { type, criteria, sort } of queries) {
            const parameters = [...criteria, ['_sort', sort], ['_count', '1000']] as const;
            const url = urlOf(type, parameters);
            const parsed = parseSearch(parameters, searchContext(server.context, [type], 'strict'));
            const [part] = parsed.parts;
            if (part === undefined) throw new Error('one type is searched');
            const expected = all.filter((each) => each.type === type && matches(part.criterion, each));
            const page = await server.get(url);
            expect([...idsOf(page)].sort(), url).toEqual(expected.map(({ id }) => id).sort());
            expect(page.body.total).toBe(expected.length);
            const order = compareBy(part.sort);
            const found = idsOf(page).flatMap((id) => expected.filter((each) => each.id === id));
            for (const [n, each] of found.entries()) {
              const next = found[n + 1];
              if (next !== undefined) expect(order(each, next), `${url}: ${each.id} ${next.id}`).toBeLessThanOrEqual(0);
            }
            const pages = await pagesFrom(server, await server.get(url.replace('_count=1000', `_count=${count}`)));
            expect(pages.flatMap(idsOf), `${url} by ${count}`).toEqual(idsOf(page));
            const posted = await search(
              server,
              `/${type}/_search`,
              parameters.map(([...pair]) => pair),
            );
            expect(idsOf(posted), url).toEqual(idsOf(page));
            const counted = await server.get(`${url}&_summary=count`);
            expect(counted.body.total, url).toBe(expected.length);
            const accurate = await server.get(`${url.replace('_count=1000', '_count=1')}&_total=accurate`);
            expect(accurate.body.total, url).toBe(expected.length);
          }
        },
      ),
      { numRuns: 25 },
    );
  }, 180_000);

  it('with :not and without it, and with :missing of both, finds all', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryResources, arbitraryQuery, async (resources, { type, criteria }) => {
        await putAll(server, resources);
        const all = [...idsOf(await server.get(`/${type}`))].sort();
        for (const [name, value] of criteria) {
          const [code = '', modifier] = name.split(':');
          if (modifier !== 'not' && modifier !== 'missing') continue;
          const opposite: readonly [string, string] =
            modifier === 'not' ? [code, value] : [name, value === 'true' ? 'false' : 'true'];
          const one = idsOf(await server.get(urlOf(type, [[name, value]])));
          const other = idsOf(await server.get(urlOf(type, [opposite])));
          expect([...one, ...other].sort(), `${type}?${name}=${value}`).toEqual(all);
        }
      }),
      { numRuns: 60 },
    );
  }, 180_000);

  it('includes what two searches find', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryResources, fc.subarray(ids, { minLength: 1 }), async (resources, wanted) => {
        await putAll(server, resources);
        for (const [source, code] of [
          ['Observation', 'subject'],
          ['Observation', 'performer'],
          ['Encounter', 'subject'],
          ['Patient', 'link'],
        ] as const) {
          const refers = await server.get(`/Patient?_id=${wanted.join()}&_revinclude=${source}:${code}`);
          const matched = idsOf(refers).map((id) => `Patient/${id}`);
          const direct: string[] = [];
          if (matched.length > 0) {
            direct.push(
              ...idsOf(await server.get(`/${source}?${code}=${matched.join()}`)).map((id) => `${source}/${id}`),
            );
          }
          expect(includedOf(refers)).toEqual(direct.filter((each) => !matched.includes(each)).sort());
          const referred = await server.get(`/${source}?_id=${wanted.join()}&_include=${source}:${code}:Patient`);
          const versions = includedOf(referred);
          for (const each of new Set(versions)) {
            const to = await server.get(`/${source}?_id=${wanted.join()}&${code}=${each}`);
            expect(to.body.total, each).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: 25 },
    );
  }, 180_000);
});

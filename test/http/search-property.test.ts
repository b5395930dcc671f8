/** What compiled searches find is what `search/match.ts` says, for random resources and queries. https://hl7.org/fhir/R4/search.html */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseJson } from '../../src/fhir/json.ts';
import { isResource } from '../../src/fhir/resource.ts';
import { searchContext } from '../../src/interactions/condition.ts';
import { compareBy, type Indexed, matches } from '../../src/search/match.ts';
import { parseSearch } from '../../src/search/query.ts';
import { arbitraryQuery, arbitraryResources, types } from './random-resources.ts';
import { idsOf, includedOf, pagesFrom, search } from './searching.ts';
import { type TestServer, testServer } from './server.ts';

let server: TestServer;
const ids = ['a', 'b', 'c', 'd', 'e', 'f'];

beforeAll(async () => {
  server = await testServer({ AUDIT: 'off', TIMEZONE: 'Europe/Berlin' });
});
afterAll(() => server.close());

type Resources = typeof arbitraryResources extends fc.Arbitrary<infer T> ? T : never;

/** Puts the resources; every third of those that were there before is deleted. */
async function store(resources: Resources): Promise<void> {
  for (const [n, type] of types.entries()) await server.send('DELETE', `/${type}/${ids[n % 3]}`);
  const entry = resources.map(
    ({ type, id, text }) => `{"resource":${text},"request":{"method":"PUT","url":"${type}/${id}"}}`,
  );
  const reply = await server.send(
    'POST',
    '',
    `{"resourceType":"Bundle","type":"transaction","entry":[${entry.join()}]}`,
  );
  expect(reply.status, reply.text).toBe(200);
}

/** All current resources, as extraction sees them. */
async function library(): Promise<readonly Indexed[]> {
  const found: Indexed[] = [];
  for (const type of types) {
    for (const id of ids) {
      const version = await server.context.store.read(type, id);
      if (version?.body === undefined) continue;
      const { indexed } = parseJson(version.body);
      if (!isResource(indexed)) throw new Error('what is stored is a resource');
      found.push({ type, id, lastUpdated: version.lastUpdated, entries: server.context.extract(indexed) });
    }
  }
  return found;
}

const urlOf = (type: string, parameters: readonly (readonly [string, string])[]) =>
  `/${type}?${parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;

describe('a search over HTTP', () => {
  it('finds what match.ts says, in its order, however it is asked and paged', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryResources,
        fc.array(arbitraryQuery, { minLength: 8, maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        async (resources, queries, count) => {
          await store(resources);
          const all = await library();
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
        await store(resources);
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
  }, 60_000);

  it('includes what two searches find', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryResources, fc.subarray(ids, { minLength: 1 }), async (resources, wanted) => {
        await store(resources);
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
  }, 60_000);
});

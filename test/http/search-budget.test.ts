/** Searches that take long: answered beside the others, or refused as too costly. https://hl7.org/fhir/R4/search.html */
import { describe, expect, it } from 'vitest';
import { idsOf, load, patient, refusal, search } from './searching.ts';
import { type TestServer, testServer } from './server.ts';
import { kinds, onMongo } from './stores.ts';

/** Two thousand patients with eight names each; one of them is called Zyx. */
async function loadMany(server: TestServer): Promise<void> {
  for (let part = 0; part < 2; part++) {
    await load(
      server,
      Array.from({ length: 1000 }, (_, n) =>
        patient(`p${part * 1000 + n}`, {
          name: Array.from({ length: 8 }, (_, place) => ({ family: `Family${(n * 7 + place * 13) % 997} ${place}` })),
        }),
      ),
    );
  }
  await load(server, [patient('zyx', { name: [{ family: 'Azyxw' }] })]);
}

/** Text that no name has, many times, and one that one has: every name is compared with all of them. */
const costly = { 'name:contains': [...Array.from({ length: 60 }, (_, n) => `qq${n}`), 'zyx'].join() };

describe.each(kinds)('a search %s that takes long', (_, fresh) => {
  const { url: STORE_URL } = fresh();

  it('is answered within SEARCH_BUDGET_MS', async () => {
    const server = await testServer({ AUDIT: 'off', STORE_URL, SEARCH_BUDGET_MS: '60000' });
    await loadMany(server);
    const [page, ...reads] = await Promise.all([
      search(server, '/Patient/_search', costly),
      server.get('/Patient/p1'),
      server.get('/Patient?_id=p2'),
    ]);
    expect(idsOf(page)).toEqual(['zyx']);
    expect(page.body.total).toBe(1);
    expect(reads.map(({ status }) => status)).toEqual([200, 200]);
    await server.close();
  }, 180_000);

  it('is refused past SEARCH_BUDGET_MS as too costly, with what to add', async () => {
    const server = await testServer({ AUDIT: 'off', STORE_URL, SEARCH_BUDGET_MS: '1' });
    if ((await server.get('/Patient/p1')).status !== 200) await loadMany(server);
    for (const more of [{}, { _sort: 'birthdate' }, { _summary: 'count' }, { _total: 'accurate', _count: '1' }]) {
      const issue = refusal(await search(server, '/Patient/_search', { ...costly, ...more }));
      expect(issue.code).toBe('too-costly');
      expect(issue.diagnostics).toMatch(/[Aa]dd a criterion/);
    }
    expect((await server.get('/Patient/p1')).status).toBe(200);
    await server.close();
  }, 180_000);
});

/** Many values, of which the n-th is `value(n)`. */
const many = (count: number, value: (n: number) => string) => Array.from({ length: count }, (_, n) => value(n)).join();

// MongoDB takes them as a list; SQLite's plan of a statement takes a time that nothing stops.
describe.skipIf(onMongo).each(kinds)('a search %s by thousands of values', (_, fresh) => {
  const { url: STORE_URL } = fresh();

  it('is refused before it begins where each is a test of its own and to plan them takes longer than SEARCH_BUDGET_MS', async () => {
    const server = await testServer({ AUDIT: 'off', STORE_URL, SEARCH_BUDGET_MS: '5000' });
    for (const [type, name, value] of [
      ['RiskAssessment', 'probability', (n: number) => `gt${n}`],
      [
        'Patient',
        'birthdate',
        (n: number) => `ge${1970 + (n % 50)}-01-01T10:00:${String(n % 60).padStart(2, '0')}.${n}`,
      ],
      ['Location', 'near', (n: number) => `${n % 90}|${n % 180}|${n}|m`],
    ] as const) {
      await load(server, [{ resourceType: type, id: 'a' }]);
      const issue = refusal(await search(server, `/${type}/_search`, { [name]: many(9_000, value) }));
      expect([issue.code, issue.diagnostics]).toEqual(['too-costly', expect.stringMatching(/give fewer of them/)]);
      expect((await search(server, `/${type}/_search`, { [name]: many(200, value) })).status).toBe(200);
    }
    await server.close();
  }, 180_000);

  it('is answered where they are one list', async () => {
    const server = await testServer({ AUDIT: 'off', STORE_URL });
    const url = 'http://x/7/y';
    await load(server, [{ resourceType: 'ValueSet', id: 'v', status: 'active', url }]);
    const below = { 'url:below': many(12_000, (n) => `http://x/${n}`) };
    expect(idsOf(await search(server, '/ValueSet/_search', below))).toEqual(['v']);
    expect(idsOf(await search(server, '/ValueSet/_search', { url: many(12_000, (n) => `http://x/${n}/y`) }))).toEqual([
      'v',
    ]);
    await server.close();
  }, 180_000);
});

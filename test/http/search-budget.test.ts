/** Searches that take long: answered beside the others, or refused as too costly. https://hl7.org/fhir/R4/search.html */
import { describe, expect, it } from 'vitest';
import { idsOf, load, patient, refusal, search } from './searching.ts';
import { type TestServer, testServer } from './server.ts';
import { kinds } from './stores.ts';

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

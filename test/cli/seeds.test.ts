/** The seeds of a first start. https://hl7.org/fhir/R4/http.html#transaction */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { loadSeeds } from '../../src/cli/seeds.ts';
import type { Context } from '../../src/interactions/context.ts';
import { type TestServer, testServer } from '../http/server.ts';

const resources = 1307;
let server: TestServer;
beforeAll(async () => {
  server = await testServer({ AUDIT: 'off', VALIDATION: 'profiles' });
});
afterAll(() => server.close());

const total = async ({ store }: Context) => [...(await store.counts()).values()].reduce((sum, count) => sum + count, 0);

it('are loaded into an empty store, once', async () => {
  expect(await loadSeeds(server.context)).toBe(resources);
  expect(await total(server.context)).toBe(resources);
  expect(await loadSeeds(server.context)).toBe(0);
});

it('that a start left half loaded are loaded whole by the next', async () => {
  const other = await testServer({ AUDIT: 'off' });
  const store = other.context.store;
  // A process that dies after its second transaction.
  const commit = store.commit.bind(store);
  let commits = 0;
  const dying = vi.spyOn(store, 'commit').mockImplementation(async (given) => {
    commits += 1;
    if (commits > 2) throw new Error('killed');
    return commit(given);
  });
  await expect(loadSeeds(other.context)).rejects.toThrow();
  dying.mockRestore();
  const left = await total(other.context);
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(resources);
  expect(await loadSeeds(other.context)).toBe(resources);
  expect(await total(other.context)).toBe(resources);
  expect(await loadSeeds(other.context)).toBe(0);
  await other.close();
});

it('are left out where there are resources', async () => {
  const other = await testServer({ AUDIT: 'off' });
  await other.send('POST', '/Patient', { resourceType: 'Patient' });
  expect(await loadSeeds(other.context)).toBe(0);
  await other.close();
});

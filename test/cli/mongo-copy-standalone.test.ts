/** `osteon copy` into a MongoDB that has no transactions. https://hl7.org/fhir/R4/http.html#transaction */
import { expect, test, vi } from 'vitest';
import { differences, sumsOf } from '../../src/cli/copy/compare.ts';
import { copyStore } from '../../src/cli/copy/copier.ts';
import { openSource } from '../../src/cli/copy/open-source.ts';
import { type TestServer, testServer } from '../http/server.ts';
import { fileStore } from '../http/stores.ts';
import { bundle, entry, found, patient, versions } from '../http/writing.ts';
import { databaseName, databases } from '../stores/mongo-database.ts';

// The server of the tests has transactions; with this name the store doesn't use them.
const standalone = 'standalone';
vi.mock('../../src/store/mongo/open.ts', async (original) => {
  const open = await original<typeof import('../../src/store/mongo/open.ts')>();
  return {
    ...open,
    connect: async (url: string) => {
      const connection = await open.connect(url);
      return url.includes(`appName=${standalone}`) ? { ...connection, transactions: false } : connection;
    },
  };
});

const { url, client } = databases();

async function filled(to: string): Promise<readonly string[]> {
  const server = await testServer({ STORE_URL: to });
  const many = Array.from({ length: 30 }, (_, n) =>
    entry('PUT', `Patient/p${n}`, { ...patient(`many ${n}`), id: `p${n}` }),
  );
  expect((await server.send('POST', '', bundle('transaction', ...many))).status).toBe(200);
  for (const language of ['de', 'fr']) {
    const again = many.map((_, n) => entry('PUT', `Patient/p${n}`, { ...patient(`${n}`), id: `p${n}`, language }));
    expect((await server.send('POST', '', bundle('transaction', ...again))).status).toBe(200);
  }
  await server.send('DELETE', '/Patient/p7');
  const all = await versions(server);
  await server.close();
  return all;
}

async function copy(from: string, to: TestServer): Promise<number> {
  const source = await openSource(from);
  try {
    return (await copyStore(source, to.context)).versions;
  } finally {
    await source.close();
  }
}

test('makes every version, and goes on in the middle of what was cut off', { timeout: 300_000 }, async () => {
  const from = fileStore().url;
  const before = await filled(from);
  const to = `${url()}&appName=${standalone}`;
  const target = await testServer({ STORE_URL: to, AUDIT: 'off' });
  // Several writes at once are refused otherwise.
  const two = ['a', 'b'].map((id) => entry('PUT', `Basic/${id}`, { resourceType: 'Basic', id }));
  expect((await target.send('POST', '', bundle('transaction', ...two))).status).not.toBe(200);
  const database = databaseName(to);
  const cutOff = async (mode: object | string, command = 'update'): Promise<void> => {
    const data = { failCommands: [command], errorCode: 2, namespace: `${database}.Patient`, appName: standalone };
    await client().db('admin').command({ configureFailPoint: 'failCommand', mode, data });
  };
  const db = client().db(database);
  // Within the first batch already.
  await cutOff({ skip: 10 }, 'insert');
  try {
    await expect(copy(from, target)).rejects.toThrow();
  } finally {
    await cutOff('off');
  }
  const begun = await db.collection('Patient').countDocuments();
  expect(begun).toBeGreaterThan(0);
  expect(begun).toBeLessThan(30);
  await cutOff({ skip: 40 });
  try {
    await expect(copy(from, target)).rejects.toThrow();
  } finally {
    await cutOff('off');
  }
  const made = await db.collection('Patient').countDocuments({ version: { $gt: 2 } });
  expect(made).toBeGreaterThan(0);
  expect(made).toBeLessThan(30);
  expect(await copy(from, target)).toBe(before.length);
  expect(await versions(target)).toEqual(before);
  expect(await found(target, 'Patient?identifier=5')).toEqual(['p5']);
  await target.close();
  const stores = await Promise.all([openSource(from), openSource(to)]);
  const [one = new Map(), other = new Map()] = await Promise.all(
    stores.map(async (store) => sumsOf(store, await store.last(), 0)),
  );
  await Promise.all(stores.map((store) => store.close()));
  expect(one.get('Patient')?.versions).toBe(91);
  expect(differences(one, other)).toEqual([]);
});

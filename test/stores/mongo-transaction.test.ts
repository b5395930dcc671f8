/** How long a transaction is tried that takes long by itself. https://hl7.org/fhir/R4/http.html#transaction */
import { randomBytes } from 'node:crypto';
import { type ClientSession, type Document, MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StoreUnavailable } from '../../src/store/errors.ts';
import { inTransaction, Outdated } from '../../src/store/mongo/transaction.ts';
import { databaseName, databases } from './mongo-database.ts';

const own = databases();
/** Fail points are for connections of this name alone. */
const appName = `transaction-${randomBytes(4).toString('hex')}`;
const url = `${own.url()}&appName=${appName}`;
const client = new MongoClient(url);
const things = client.db(databaseName(url)).collection<{ _id: number }>('things');

// Each planning takes longer than all of a usual commit's tries.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => client.close());

function configure(mode: Document | 'off', data: Document = {}): Promise<Document> {
  const command = { configureFailPoint: 'failCommand', mode, data: { appName, ...data } };
  return own.client().db('admin').command(command);
}

/** Runs a transaction; gives how often it was planned. */
async function run(body: (session: ClientSession, tries: number) => Promise<void>): Promise<number> {
  let tries = 0;
  return inTransaction(client, async () => {
    tries += 1;
    const planned = tries;
    vi.setSystemTime(Date.now() + 31_000);
    const attempt = { body: (session: ClientSession) => body(session, planned), tookEffect: undefined };
    return { attempt, result: planned, over: async () => undefined };
  });
}

test('it is tried again where what it was planned on has changed', async () => {
  const tries = await run(async (_, planned) => {
    if (planned === 1) throw new Outdated();
  });
  expect(tries).toBe(2);
});

test('it is not tried for ever', async () => {
  let tries = 0;
  const always = run(async () => {
    tries += 1;
    throw new Outdated();
  });
  await expect(always).rejects.toThrow(StoreUnavailable);
  expect(tries).toBe(3);
});

test('it is asked after where the outcome of its commit is unknown', async () => {
  await things.insertOne({ _id: 0 });
  const unknown = { errorCode: 50, errorLabels: ['UnknownTransactionCommitResult'] };
  await configure({ times: 3 }, { failCommands: ['commitTransaction'], ...unknown });
  await run(async (session) => {
    await things.insertOne({ _id: 1 }, { session });
  });
  await configure('off');
  expect(await things.countDocuments()).toBe(2);
});

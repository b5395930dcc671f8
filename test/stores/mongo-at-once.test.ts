/** Reads that one answer has whole, and those that it hasn't. https://hl7.org/fhir/R4/search.html */
import { randomBytes } from 'node:crypto';
import { type Db, type Document, MongoClient, ReadConcern } from 'mongodb';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { countAtOnce, findAtOnce } from '../../src/store/mongo/at-once.ts';
import { databaseName, databases } from './mongo-database.ts';

const own = databases();
/** Fail points are for connections of this name alone: other files' tests use the same server. */
const appName = `at-once-${randomBytes(4).toString('hex')}`;
const url = own.url();
const client = new MongoClient(url, { appName, minHeartbeatFrequencyMS: 50 });
let db: Db;

interface Thing {
  readonly _id: number;
  readonly kind?: string;
}

beforeAll(async () => {
  db = client.db(databaseName(url), { readConcern: new ReadConcern('majority') });
  const things = Array.from({ length: 300 }, (_, n) => ({ _id: n, kind: n % 3 === 0 ? 'third' : 'other' }));
  await db.collection<Thing>('things').insertMany(things);
});
afterEach(() => fail('off', {}));
afterAll(() => client.close());

function fail(mode: Document | 'off', data: Document): Promise<Document> {
  return own
    .client()
    .db('admin')
    .command({ configureFailPoint: 'failCommand', mode, data: { appName, ...data } });
}

const third = { kind: 'third' };
const projection = { kind: 1 };
const sort = { _id: -1 } as const;

test('documents come as a cursor gives them, no more than the limit', async () => {
  const limited = await findAtOnce<Thing>(db, 'things', { filter: third, projection, sort, limit: 2 });
  expect(limited).toEqual([
    { _id: 297, kind: 'third' },
    { _id: 294, kind: 'third' },
  ]);
  // More than what a server gives of a cursor at first, and more than there are.
  expect(await findAtOnce(db, 'things', { filter: {}, projection, limit: 250 })).toHaveLength(250);
  expect(await findAtOnce(db, 'things', { filter: third, projection, limit: 1000 })).toHaveLength(100);
  expect(await findAtOnce(db, 'nothing', { filter: {}, projection, limit: 5 })).toEqual([]);
});

test('what is more than a message holds is all there', async () => {
  const large = Array.from({ length: 20 }, (_, n) => ({ _id: n, kind: 'x'.repeat(1024 * 1024) }));
  await db.collection<Thing>('large').insertMany(large);
  const wanted = { filter: {}, projection, sort: { _id: 1 }, limit: 19 } as const;
  const found = await findAtOnce<Thing>(db, 'large', wanted);
  expect(found.map(({ _id }) => _id)).toEqual(Array.from({ length: 19 }, (_, n) => n));
});

test('counts go no further than the limit', async () => {
  expect(await countAtOnce(db, 'things', third, Number.POSITIVE_INFINITY)).toBe(100);
  expect(await countAtOnce(db, 'things', third, 40)).toBe(40);
  expect(await countAtOnce(db, 'things', { kind: 'none' }, 40)).toBe(0);
  expect(await countAtOnce(db, 'nothing', {}, 40)).toBe(0);
});

test.each([
  ['a connection that drops', { closeConnection: true }],
  ['a server that is no primary any more', { errorCode: 10107 }],
])('%s is asked again', async (_, fault) => {
  await fail({ times: 1 }, { failCommands: ['find'], ...fault });
  expect(await findAtOnce(db, 'things', { filter: { _id: 3 }, projection, limit: 1 })).toHaveLength(1);
  await fail({ times: 1 }, { failCommands: ['aggregate'], ...fault });
  expect(await countAtOnce(db, 'things', third, 1000)).toBe(100);
});

test('what takes too long is not asked again', async () => {
  await fail({ times: 1 }, { failCommands: ['find'], errorCode: 50 });
  await expect(findAtOnce(db, 'things', { filter: third, projection, limit: 1 })).rejects.toMatchObject({ code: 50 });
});

test('a transaction reads its own state, and what fails in it is not asked again', async () => {
  const session = client.startSession();
  try {
    session.startTransaction({ readConcern: new ReadConcern('snapshot') });
    const found = () => countAtOnce(db, 'things', {}, 1000, { session, maxTimeMS: 60_000 });
    expect(await found()).toBe(300);
    await db.collection<Thing>('things').insertOne({ _id: 1000 });
    expect(await found()).toBe(300);
    const wanted = { filter: { _id: 1000 }, projection, limit: 1 };
    expect(await findAtOnce(db, 'things', wanted, { session })).toEqual([]);
    await fail({ times: 1 }, { failCommands: ['find'], closeConnection: true });
    await expect(findAtOnce(db, 'things', wanted, { session })).rejects.toThrow();
  } finally {
    await session.endSession();
    await db.collection<Thing>('things').deleteOne({ _id: 1000 });
  }
});

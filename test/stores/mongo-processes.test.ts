/** The processes that write to one database, and one that stood still. https://hl7.org/fhir/R4/http.html#history */
import { afterEach, expect, it, vi } from 'vitest';
import { Clock } from '../../src/store/mongo/clock.ts';
import { Processes, takeNumber } from '../../src/store/mongo/processes.ts';
import { databaseName, databases } from './mongo-database.ts';

const { url, client } = databases();
const started: Processes[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(started.splice(0).map((each) => each.close()));
});

/** A process with its clock. */
async function join(database: string) {
  const db = client().db(databaseName(database));
  const leased = await takeNumber(db);
  const clock = new Clock(Date.now, leased.number);
  const heartbeat = { generation: () => 0, newest: async () => 0, onBeat: async () => {} };
  const processes = new Processes(db, leased, clock, heartbeat);
  started.push(processes);
  await processes.start();
  return { processes, clock, ...leased, collection: db.collection<{ _id: number }>('osteon_processes') };
}

it.each([true, false])('a process that stood still makes anew what others may have gone past: %s', async (others) => {
  const { processes, clock, owner, collection } = await join(url());
  const until = new Date(Date.now() + 60_000);
  const other = { owner: 'other', until, floor: null, generation: 0, knows: [owner] };
  if (others) await collection.updateOne({ _id: 30 }, { $set: other }, { upsert: true });
  await processes.committing();
  const before = clock.begin(1);
  expect(processes.isLost(before.first)).toBe(false);
  // Only the time jumps: what waits goes on.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 });
  await processes.committing();
  expect(processes.isLost(before.first)).toBe(others);
  clock.end(before);
  const after = clock.begin(1);
  await processes.committing();
  expect(processes.isLost(after.first)).toBe(false);
  clock.end(after);
});

it('one that was killed holds back the others no longer than its lease', async () => {
  const database = url();
  const { processes, clock, collection } = await join(database);
  const now = Date.now();
  // As it leaves its document behind with a commit in flight.
  const killed = { owner: 'killed', until: new Date(now + 3000), floor: 1, generation: 0, knows: [] };
  await collection.updateOne({ _id: 30 }, { $set: killed }, { upsert: true });
  clock.end(clock.begin(1));
  const newest = clock.last();
  await processes.follow(0);
  expect(await processes.safe(async () => newest)).toBe(1);
  vi.useFakeTimers({ toFake: ['Date'], now: now + 3001 });
  expect(await processes.safe(async () => newest)).toBe(newest);
});

it('says for no longer than three seconds that it lives', async () => {
  const { processes, collection, number } = await join(url());
  await processes.committing();
  const found = await collection.findOne<{ readonly until: Date }>({ _id: number });
  expect(found?.until.getTime()).toBeLessThanOrEqual(Date.now() + 3000);
});

/** The processes that write to one database, and one that stood still. https://hl7.org/fhir/R4/http.html#history */
import { Collection } from 'mongodb';
import { afterEach, expect, it, vi } from 'vitest';
import { type AuditDocument, auditDocument } from '../../src/store/mongo/audit-append.ts';
import { AuditChains } from '../../src/store/mongo/audit-chain.ts';
import { verifyDatabase } from '../../src/store/mongo/audit-verify.ts';
import { type Block, Clock, changeAt, processOf } from '../../src/store/mongo/clock.ts';
import { Living } from '../../src/store/mongo/living.ts';
import { type Leased, Processes, takeNumber } from '../../src/store/mongo/processes.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import { auditRecord, put, write } from '../contract/subject.ts';
import { databaseName, databases } from './mongo-database.ts';

const { url, client } = databases();
const started: Processes[] = [];
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await Promise.all(started.splice(0).map((each) => each.close()));
});

interface Joining {
  /** Milliseconds that never go back. */
  readonly now?: () => number;
  /** The clock of its machine. */
  readonly wall?: () => number;
  readonly newest?: () => number;
  readonly generation?: () => number;
  readonly onNumber?: (lost: number, taken: number) => void;
  /** Absent: taken. */
  readonly leased?: Leased;
}

/** A process with its clock. */
async function join(database: string, joining: Joining = {}) {
  const { now, wall = Date.now, newest = () => 0, generation = () => 0, onNumber } = joining;
  const db = client().db(databaseName(database));
  const leased = joining.leased ?? (await takeNumber(db));
  const clock = new Clock(wall, leased.number);
  const heartbeat = {
    generation,
    newest: async () => newest(),
    onBeat: async () => {},
    onNumber,
    ...(now === undefined ? {} : { now }),
  };
  const processes = new Processes(db, leased, clock, heartbeat);
  started.push(processes);
  await processes.start();
  return { processes, clock, ...leased, collection: db.collection<{ _id: number }>('osteon_processes') };
}

/** Another process's document, as of one whose clock is an hour behind. */
function document(owner: string, more: object) {
  return { owner, until: new Date(Date.now() - 3_600_000), floor: null, generation: 0, knows: [], ...more };
}

it.each([true, false])('a process that stood still makes anew what others may have gone past: %s', async (others) => {
  const database = url();
  const { processes, clock, owner, collection } = await join(database, { now: () => 0 });
  const other = document('other', { knows: [owner] });
  if (others) await collection.updateOne({ _id: 30 }, { $set: other }, { upsert: true });
  await processes.follow(0);
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

it('one that was killed holds back the others no longer than its lease, whatever its clock says', async () => {
  let now = 0;
  const { processes, clock, owner, collection } = await join(url(), { now: () => now });
  // As it leaves its document behind with a commit in flight.
  const killed = document('killed', { floor: 1, knows: [owner] });
  await collection.updateOne({ _id: 30 }, { $set: killed }, { upsert: true });
  clock.end(clock.begin(1));
  const newest = clock.last();
  await processes.follow(0);
  now = 2999;
  expect(await processes.safe(async () => newest)).toBe(1);
  now = 3000;
  expect(await processes.safe(async () => newest)).toBe(newest);
  expect(processes.alone).toBe(true);
  // Whoever starts later needn't find out.
  expect(await collection.findOne({ _id: 30 })).toMatchObject({ until: new Date(0), floor: null });
});

it('one whose document changes lives, whatever its clock says', async () => {
  let now = 0;
  const { processes, clock, owner, collection } = await join(url(), { now: () => now });
  const living = document('living', { floor: 1, knows: [owner] });
  clock.end(clock.begin(1));
  for (let n = 1; n <= 3; n++) {
    const until = new Date(living.until.getTime() + n);
    await collection.updateOne({ _id: 30 }, { $set: { ...living, until } }, { upsert: true });
    await processes.follow(0);
    expect(await processes.safe(async () => clock.last())).toBe(1);
    now += 3000;
  }
});

it('an answer that was long on its way tells of no death', async () => {
  let now = 0;
  const seen = new Living(() => now);
  const sign = { _id: 1, owner: 'other', until: new Date(1) };
  const slowly = async () => {
    now += 5000;
    return [sign];
  };
  expect(await seen.among(slowly)).toEqual({ living: [sign], dead: [] });
  expect(await seen.among(slowly)).toEqual({ living: [sign], dead: [] });
  expect(await seen.among(slowly)).toEqual({ living: [], dead: [sign] });
});

it('takes the number of a dead one where none is left', async () => {
  const db = client().db(databaseName(url()));
  const collection = db.collection<{ _id: number }>('osteon_processes');
  await collection.insertMany(Array.from({ length: 32 }, (_, n) => ({ _id: n, ...document(`${n}`, {}) })));
  let now = 0;
  const { number } = await takeNumber(db, () => {
    now += 100;
    return now;
  });
  expect(await collection.countDocuments({ _id: number, owner: `${number}` })).toBe(0);
  expect(await collection.countDocuments({ owner: { $in: Array.from({ length: 32 }, (_, n) => `${n}`) } })).toBe(31);
});

it('says for no longer than three seconds that it lives', async () => {
  const { processes, collection, number } = await join(url());
  await processes.committing();
  const found = await collection.findOne<{ readonly until: Date }>({ _id: number });
  expect(found?.until.getTime()).toBeLessThanOrEqual(Date.now() + 3000);
});

it('a database that was slow for longer than the lease is told once more', async () => {
  let now = 0;
  let slow = 0;
  // What is asked for each word takes three seconds twice.
  const generation = () => {
    if (slow > 0) now += 3000;
    slow -= 1;
    return 0;
  };
  const { processes } = await join(url(), { now: () => now, generation });
  now = 10_000;
  slow = 2;
  await processes.committing();
  expect(slow).toBeLessThan(0);
});

it('one whose number another process has takes another, and makes anew what it had begun', async () => {
  let now = 0;
  const newest = changeAt(Date.now() + 60_000);
  const told: unknown[] = [];
  const { processes, clock, collection, number, owner } = await join(url(), {
    now: () => now,
    newest: () => newest,
    onNumber: (...each) => told.push(each),
  });
  await processes.committing();
  const before = clock.begin(1);
  expect(processOf(before.first)).toBe(number);
  await collection.updateOne({ _id: number }, { $set: { owner: 'other', until: new Date(0) } });
  now = 10_000;
  await processes.committing();
  expect(processes.isLost(before.first)).toBe(true);
  clock.end(before);
  const after = clock.begin(1);
  expect(processes.isLost(after.first)).toBe(false);
  clock.end(after);
  // The audit chain of the number may have been ahead.
  expect(after.first).toBeGreaterThan(newest);
  expect(processOf(after.first)).not.toBe(number);
  expect(await collection.countDocuments({ _id: processOf(after.first), owner: { $nin: [owner, 'other'] } })).toBe(1);
  expect(await collection.countDocuments({ _id: number, owner: 'other' })).toBe(1);
  expect(told).toEqual([[number, processOf(after.first)]]);
});

it('AuditEvents whose numbers another process has used get others, each once', async () => {
  const database = url();
  const store = await openMongoStore(database, { cursorLifetime: 60_000, timezone: 'UTC', parameters: [] });
  const records = client().db(databaseName(database)).collection<AuditDocument>('osteon_audit');
  // As the next owner of the number has them.
  const used = new Clock(Date.now, 0).begin(3);
  await records.insertOne(auditDocument(auditRecord('other', 1), used.at(1)));
  vi.spyOn(Clock.prototype, 'begin').mockImplementationOnce(() => used);
  await store.audit.append(['a', 'b', 'c'].map((id) => auditRecord(id, 1)));
  const stored = await records.find().sort({ _id: 1 }).toArray();
  expect(stored.map(({ id }) => id)).toEqual(['a', 'other', 'b', 'c']);
  await store.close();
  expect(await verifyDatabase(database)).toMatchObject({ events: 4, batches: 1 });
});

it('one that lost its number to another that lives writes when that knows of it', async () => {
  let now = 0;
  const database = url();
  const { processes, clock, collection, number } = await join(database, { now: () => now });
  // As where another starts when this one has been still for three seconds.
  const taken = { number, owner: 'other' };
  await collection.updateOne({ _id: number }, { $set: document('other', {}) });
  const other = await join(database, { now: () => 0, leased: taken });
  now = 10_000;
  const committing = processes.committing();
  const looking = async () => {
    await other.processes.follow(0);
    return other.processes.alone;
  };
  await expect.poll(looking, { timeout: 60_000 }).toBe(false);
  // The other says twice a second whom it knows.
  await committing;
  const block = clock.begin(1);
  expect(processOf(block.first)).not.toBe(number);
  expect([processes.alone, other.processes.alone]).toEqual([false, false]);
  expect(await other.processes.safe(async () => block.first)).toBeLessThan(block.first);
  clock.end(block);
});

it('of given back numbers the one is taken that is free for longest', async () => {
  const db = client().db(databaseName(url()));
  const collection = db.collection<{ _id: number; freed?: Date }>('osteon_processes');
  const left = { until: new Date(0) };
  await collection.insertMany(
    Array.from({ length: 32 }, (_, n) => ({ _id: n, ...document(`${n}`, left), freed: new Date(1 + ((n * 7) % 32)) })),
  );
  // Of an earlier release.
  await collection.updateOne({ _id: 20 }, { $unset: { freed: '' } });
  const taken: number[] = [];
  for (let n = 0; n < 4; n++) taken.push((await takeNumber(db)).number);
  // 7 × 23 is 1 more than a multiple of 32, and so on.
  expect(taken).toEqual([20, 0, 23, 14]);
});

it('a number that is given back is the last to be taken', async () => {
  const database = url();
  const { processes, number, collection } = await join(database);
  const free = { owner: 'none', until: new Date(0), freed: new Date(Date.now() - 60_000) };
  await collection.insertMany(Array.from({ length: 31 }, (_, n) => ({ _id: n + 1, ...free })));
  await processes.close();
  const db = client().db(databaseName(database));
  const taken: number[] = [];
  for (let n = 0; n < 32; n++) taken.push((await takeNumber(db)).number);
  expect(taken.at(-1)).toBe(number);
});

it('an answer that is older than the last changes nothing', async () => {
  const { processes, clock, owner, collection } = await join(url(), { now: () => 0 });
  clock.end(clock.begin(1));
  const newest = clock.last();
  const { among } = Living.prototype;
  // The first look is answered when the next one has been.
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let asked = () => {};
  const found = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let looks = 0;
  vi.spyOn(Living.prototype, 'among').mockImplementation(async function (this: Living, find) {
    looks += 1;
    const first = looks === 1;
    const seen = await among.call(this, find);
    if (first) {
      asked();
      await answered;
    }
    return seen;
  });
  const slow = processes.follow(0);
  await found;
  await collection.updateOne({ _id: 30 }, { $set: document('other', { floor: 1, knows: [owner] }) }, { upsert: true });
  await processes.follow(0);
  expect(processes.alone).toBe(false);
  answer();
  await slow;
  expect(processes.alone).toBe(false);
  expect(await processes.safe(async () => newest)).toBe(1);
});

it('one whose clock is behind goes on from what the others have stored when it begins to write', async () => {
  let newest = 0;
  const wall = () => Date.now() - 10_000;
  const { processes, clock, owner, collection } = await join(url(), { wall, newest: () => newest });
  await collection.updateOne({ _id: 30 }, { $set: document('other', { knows: [owner] }) }, { upsert: true });
  await processes.follow(0);
  newest = changeAt(Date.now());
  await processes.committing();
  const block = clock.begin(1);
  clock.end(block);
  expect(block.first).toBeGreaterThan(newest);
});

it('a commit takes its numbers right after the others know of it, however long loading took', async () => {
  const store = await openMongoStore(url(), { cursorLifetime: 60_000, timezone: 'UTC', parameters: [] });
  await write(store, put('Patient', 'a', { language: 'de' }, []));
  let known = false;
  const { committing } = Processes.prototype;
  vi.spyOn(Processes.prototype, 'committing').mockImplementation(async function (this: Processes) {
    await committing.call(this);
    known = true;
    setImmediate(() => {
      known = false;
    });
  });
  const taken: boolean[] = [];
  const { begin } = Clock.prototype;
  vi.spyOn(Clock.prototype, 'begin').mockImplementation(function (this: Clock, count) {
    taken.push(known);
    return begin.call(this, count);
  });
  await write(store, put('Patient', 'a', { language: 'en' }, []));
  expect(taken).toEqual([true]);
  await store.close();
});

it('AuditEvents of one that took another number are in the chain of that', async () => {
  const database = url();
  const store = await openMongoStore(database, { cursorLifetime: 60_000, timezone: 'UTC', parameters: [] });
  await store.audit.append([auditRecord('before', 1)]);
  const db = client().db(databaseName(database));
  const collection = db.collection<{ _id: number }>('osteon_processes');
  await collection.updateOne({ _id: 0 }, { $set: { owner: 'other', until: new Date(0) } });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 });
  await store.audit.append([auditRecord('after', 2)]);
  await write(store, put('Patient', 'a', { language: 'de' }, []));
  await store.close();
  const records = await db.collection<{ _id: number; by: number; id: string }>('osteon_audit').find().toArray();
  expect(records.map(({ _id, by, id }) => ({ id, by, of: processOf(_id) }))).toEqual([
    { id: 'before', by: 0, of: 0 },
    { id: 'after', by: 1, of: 1 },
  ]);
  const { fault, events, heads } = await verifyDatabase(database);
  expect([fault, events]).toEqual([undefined, 2]);
  expect(heads.map(({ process }) => process)).toContain('process-1');
});

it.each(['asks whether it has it', 'reads the newest seal', 'stores a seal'])(
  'one that loses its number while it %s seals nothing of the next owner',
  async (place) => {
    const database = url();
    const store = await openMongoStore(database, { cursorLifetime: 60_000, timezone: 'UTC', parameters: [] });
    await store.close();
    const db = client().db(databaseName(database));
    const records = db.collection<AuditDocument>('osteon_audit');
    const stored = ({ first }: Block, id: string) => records.insertOne(auditDocument(auditRecord(id, 1), first));
    const before = new Clock(() => Date.now(), 3);
    const first = before.begin(1);
    await stored(first, 'first');
    before.end(first);
    // Of the next owner one is still on its way when a later one is stored.
    const next = new Clock(() => Date.now() + 10_000, 3);
    const [slow, quick] = [next.begin(1), next.begin(1)];
    await stored(quick, 'quick');
    const lose = () => {
      before.observe(quick.first);
      before.become(4);
    };
    let lost = false;
    const confirm = async () => {
      if (place === 'asks whether it has it' || lost) lose();
    };
    const chains = new AuditChains(db, before, confirm, undefined);
    if (place === 'stores a seal') {
      const { insertOne } = Collection.prototype;
      vi.spyOn(Collection.prototype, 'insertOne').mockImplementationOnce(function (
        this: Collection,
        ...asked: Parameters<typeof insertOne>
      ) {
        // It hears of the next owner's before it knows of its own loss.
        before.observe(quick.first);
        lost = true;
        return insertOne.apply(this, asked);
      });
    }
    if (place === 'reads the newest seal') {
      const { find } = Collection.prototype;
      vi.spyOn(Collection.prototype, 'find').mockImplementationOnce(function (
        this: Collection,
        ...asked: Parameters<typeof find>
      ) {
        lose();
        return find.apply(this, asked);
      });
    }
    await chains.seal();
    expect(before.process).toBe(4);
    await stored(slow, 'slow');
    next.end(slow);
    next.end(quick);
    await new AuditChains(db, next, async () => {}, undefined).seal();
    const { fault, events } = await verifyDatabase(database);
    expect([fault, events]).toEqual([undefined, 3]);
  },
);

/** What is left when connections drop and servers refuse in the middle of commits. https://hl7.org/fhir/R4/http.html#transaction */
import { randomBytes } from 'node:crypto';
import type { Document } from 'mongodb';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { StoreUnavailable, TooCostly } from '../../src/store/errors.ts';
import { connect } from '../../src/store/mongo/open.ts';
import { openParts } from '../../src/store/mongo/parts.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import type { SearchQuery, Store } from '../../src/store/port.ts';
import type { Committed, Write } from '../../src/store/write.ts';
import {
  auditRecord,
  commit,
  day,
  identified,
  observation,
  ofIdentified,
  patient,
  usual,
} from '../contract/subject.ts';
import { databaseName, databases } from './mongo-database.ts';

const own = databases();
/** Fail points are for connections of this name alone: other files' tests use the same server. */
const appName = `faults-${randomBytes(4).toString('hex')}`;
const url = `${own.url()}&appName=${appName}&minHeartbeatFrequencyMS=50&heartbeatFrequencyMS=500`;

function open(): Promise<Store> {
  const parameters = usual.parameters.map(({ type, code }) => ({ type, code, definition: '1' }));
  return openMongoStore(url, { cursorLifetime: day, timezone: 'UTC', parameters });
}

let store: Store;
let other: Store;
/** Whether the server's fail points can strike after a command took effect: MongoDB's own can't. */
let strikesAfter: boolean;

function configure(mode: Document | 'off' | 'alwaysOn', data: Document): Promise<Document> {
  return own
    .client()
    .db('admin')
    .command({ configureFailPoint: 'failCommand', mode, data: { appName, ...data } });
}

beforeAll(async () => {
  store = await open();
  other = await open();
  // Collections are there.
  await commit(store, [patient('first', '1'), observation('first', 'first')]);
  strikesAfter = await probe();
});
afterAll(async () => {
  await configure('off', {});
  await Promise.all([store.close(), other.close()]);
});
afterEach(() => configure('off', {}));

/** Tries a fail point that should strike after an insertion. */
async function probe(): Promise<boolean> {
  await configure({ times: 1 }, { failCommands: ['update'], errorCode: 8000, afterExecution: true });
  await store.keep('probe', 'kept', Number.MAX_SAFE_INTEGER).catch(() => undefined);
  await configure('off', {});
  const before = await other.kept('probe');
  return before === 'kept';
}

interface Fault {
  readonly name: string;
  readonly data: Document;
  readonly times?: number;
  /** Strikes after the command took effect. */
  readonly after?: true;
}

const transient = ['TransientTransactionError'];
const unknown = ['UnknownTransactionCommitResult'];
const faults: readonly Fault[] = [
  {
    name: 'the connection drops before the commit',
    data: { failCommands: ['commitTransaction'], closeConnection: true },
  },
  {
    name: 'the connection drops after the commit took effect',
    data: { failCommands: ['commitTransaction'], closeConnection: true, afterExecution: true },
    after: true,
  },
  {
    name: 'the outcome of the commit is unknown',
    data: { failCommands: ['commitTransaction'], errorCode: 50, errorLabels: unknown },
    times: 2,
  },
  {
    name: 'the outcome of a commit that took effect is unknown',
    data: { failCommands: ['commitTransaction'], errorCode: 50, errorLabels: unknown, afterExecution: true },
    times: 2,
    after: true,
  },
  {
    name: 'the commit reports a transient error after it took effect, and its outcome is unknown',
    data: { failCommands: ['commitTransaction'], errorCode: 91, errorLabels: unknown, afterExecution: true },
    after: true,
  },
  {
    name: 'the commit is taken back',
    data: { failCommands: ['commitTransaction'], errorCode: 251, errorLabels: transient },
    times: 3,
  },
  ...['insert', 'update', 'find', 'aggregate'].flatMap((command): readonly Fault[] => [
    {
      name: `the connection drops at ${command}`,
      data: { failCommands: [command], closeConnection: true },
      times: 2,
    },
    {
      name: `${command} meets another's write`,
      data: { failCommands: [command], errorCode: 112, errorLabels: transient },
      times: 3,
    },
    {
      name: `another server has become primary at ${command}`,
      data: { failCommands: [command], errorCode: 10107, errorLabels: transient },
      times: 2,
    },
  ]),
];

/** Versions of a patient, and how often the AuditEvent of the commit is there. */
async function left(id: string): Promise<readonly [versions: number, events: number, found: number]> {
  const { versions } = await other.history({ type: 'Patient', id, count: 10 });
  let events = 0;
  for await (const some of other.audit.find({ ids: [uuidOf(id)] }, 'ascending')) events += some.length;
  const found = await other.matches('Patient', identified(id), 10);
  return [versions.length, events, found.length];
}

/** The logical id of an AuditEvent for the id of a resource, which is a number. */
const uuidOf = (id: string) => `018f0000-0000-7000-8000-${id.padStart(12, '0')}`;

let ids = 1000;
const nextId = () => String(++ids);

function create(at: Store, id: string, more: readonly Write[] = []): Promise<Committed> {
  const conditions = [{ type: 'Patient', criterion: identified(id), matches: [], limit: 2 }];
  return commit(at, [patient(id, id), ...more], { conditions, audit: [auditRecord(uuidOf(id), Date.now())] });
}

describe('a commit is done once, with its AuditEvent, when', () => {
  test.for(faults)('$name', async ({ data, times = 1, after }, { skip }) => {
    if (after === true && !strikesAfter) skip('the server has no fail points that strike after a command took effect');
    const id = nextId();
    await configure({ times }, data);
    const { written } = await create(store, id, [observation(`o${id}`, id)]);
    await configure('off', {});
    expect(written.map(({ outcome }) => outcome)).toEqual(['created', 'created']);
    expect(await left(id)).toEqual([1, 1, 1]);
    expect((await other.read('Observation', `o${id}`))?.versionId).toBe(1);
  });
});

describe('a commit that is refused leaves nothing, when', () => {
  test('its condition does not hold, after a drop', async () => {
    const id = nextId();
    await create(store, id);
    await configure({ times: 1 }, { failCommands: ['find', 'aggregate'], closeConnection: true });
    await expect(create(other, id, [observation(`o${id}`, id)])).rejects.toThrow('outdated');
    expect(await other.read('Observation', `o${id}`)).toBeUndefined();
    expect(await left(id)).toEqual([1, 1, 1]);
  });

  test('it has more writes than a transaction has time for', async () => {
    const one = patient('many', 'many');
    const writes = Array.from({ length: 50_001 }, (_, n): Write => ({ ...one, method: 'POST', id: `many${n}` }));
    await expect(commit(store, writes)).rejects.toThrow('send at most 50000 at once');
    expect(await other.read('Patient', 'many0')).toBeUndefined();
  });

  test('a command in it fails for good', async () => {
    const id = nextId();
    const namespace = `${databaseName(url)}.Patient`;
    await configure({ times: 1 }, { failCommands: ['insert'], namespace, errorCode: 8000 });
    await expect(create(store, id, [observation(`o${id}`, id)])).rejects.toThrow();
    await configure('off', {});
    expect(await left(id)).toEqual([0, 0, 0]);
    expect(await other.read('Observation', `o${id}`)).toBeUndefined();
  });
});

test('in the middle of a load nothing acknowledged is lost, nothing is applied twice, nothing is half done', async () => {
  const struck = faults.filter(({ after }) => after === undefined || strikesAfter);
  const acknowledged = new Map<string, boolean>();
  const line = async (at: Store, name: number) => {
    for (let n = 0; n < 25; n += 1) {
      const id = String(100_000 * name + n);
      acknowledged.set(id, false);
      const more = [observation(`o${id}`, id), observation('shared', id)];
      await create(at, id, more).then(
        () => acknowledged.set(id, true),
        () => undefined,
      );
    }
  };
  let loading = true;
  const load = Promise.all([line(store, 1), line(store, 2), line(other, 3), line(other, 4)]).finally(() => {
    loading = false;
  });
  for (let n = 0; loading; n += 1) {
    const { data, times = 1 } = struck[n % struck.length] ?? { data: {} };
    await configure({ times }, data);
    // Some work between two faults.
    await Promise.race([load, create(store, nextId()).catch(() => undefined)]);
  }
  await load;
  await configure('off', {});
  expect([...acknowledged.values()].filter(Boolean).length).toBeGreaterThan(50);
  let commits = 0;
  for (const [id, done] of acknowledged) {
    const [versions, events, found] = await left(id);
    const observed = (await other.read('Observation', `o${id}`)) === undefined ? 0 : 1;
    expect([versions, events, found, observed], id).toEqual(versions === 1 || done ? [1, 1, 1, 1] : [0, 0, 0, 0]);
    commits += versions;
  }
  // Each commit wrote the shared resource: as many versions, without gaps.
  const { versions } = await store.history({ type: 'Observation', id: 'shared', count: 1000 });
  expect(versions.map(({ versionId }) => versionId)).toEqual(Array.from({ length: commits }, (_, n) => commits - n));
}, 120_000);

test.each<[string, Document]>([
  ['is no primary any more', { errorCode: 10107 }],
  ['steps down', { errorCode: 189 }],
  ['is shutting down', { errorCode: 11600 }],
  ['is a router that finds no primary of a shard', { errorCode: 133 }],
  ['drops the connection', { closeConnection: true }],
])('a store whose server %s, also when it is asked again, is unavailable', async (_, data) => {
  const id = nextId();
  await create(store, id);
  const records = async () => {
    for await (const some of store.audit.find({}, 'ascending')) if (some.length > 0) return some;
    return [];
  };
  await configure('alwaysOn', { failCommands: ['find', 'aggregate'], ...data });
  const asked = [
    store.read('Patient', id),
    store.matches('Patient', identified(id), 1),
    store.history({ type: 'Patient', count: 1 }),
    store.audit.last(),
    records(),
    store.shared?.renewParameters(),
  ];
  for (const answer of await Promise.allSettled(asked)) {
    expect(answer.status === 'rejected' && answer.reason).toBeInstanceOf(StoreUnavailable);
  }
  await configure('off', {});
  expect((await store.read('Patient', id))?.versionId).toBe(1);
  expect(await records()).not.toEqual([]);
});

test('a commit that asks for the newest AuditEvent of all processes while there is no primary is tried again', async () => {
  const id = nextId();
  // What hasn't written yet asks before its first commit.
  const starting = await open();
  const namespace = `${databaseName(url)}.osteon_audit`;
  await configure({ times: 6 }, { failCommands: ['find'], namespace, errorCode: 10107 });
  const { written } = await create(starting, id);
  await configure('off', {});
  await starting.close();
  expect(written.map(({ outcome }) => outcome)).toEqual(['created']);
  expect(await left(id)).toEqual([1, 1, 1]);
});

const searching = (budget: number): SearchQuery => ({
  parts: [{ type: 'Observation', criterion: ofIdentified('1'), sort: [] }],
  count: 10,
  total: 'none',
  totalBound: 10,
  budget,
});

test('a search whose time went by in tries of a transaction that found no primary is not too costly', async () => {
  const namespace = `${databaseName(url)}.Observation`;
  // What is waited for between so many tries is more than the time.
  await configure({ times: 12 }, { failCommands: ['find', 'aggregate'], namespace, errorCode: 10107 });
  await expect(store.search(searching(300))).rejects.toBeInstanceOf(StoreUnavailable);
  await configure('off', {});
  expect((await store.search(searching(60_000))).matches.map(({ id }) => id)).toEqual(['first']);
});

test('a search whose time went by without a primary is not too costly', async () => {
  const connection = await connect(url);
  const { searcher, close } = await openParts(connection, { cursorLifetime: day, timezone: 'UTC' });
  const { absence } = connection;
  const before = absence.total;
  expect((await searcher.search(searching(60_000))).matches).toHaveLength(1);
  expect(absence.total).toBe(before);
  // What other processes ask now and then isn't of this collection.
  const namespace = `${databaseName(url)}.Observation`;
  await configure({ times: 1 }, { failCommands: ['find', 'aggregate'], namespace, errorCode: 10107 });
  expect((await searcher.search(searching(60_000))).matches).toHaveLength(1);
  expect(absence.total).toBeGreaterThan(before);
  const tally = { type: 'Observation', criterion: ofIdentified('1'), fields: [], budget: 0 };
  const asked = searching(0);
  for (const ask of [() => searcher.search(asked), () => searcher.explain(asked), () => searcher.tally(tally)]) {
    await expect(ask()).rejects.toBeInstanceOf(TooCostly);
    const total = vi.spyOn(absence, 'total', 'get').mockReturnValueOnce(0).mockReturnValue(60_000);
    await expect(ask()).rejects.toBeInstanceOf(StoreUnavailable);
    total.mockRestore();
  }
  await close();
});

test('a store that can not be reached is unavailable, and answers again afterwards', async () => {
  const id = nextId();
  await create(store, id);
  await configure('alwaysOn', { failCommands: ['find', 'aggregate', 'ping', 'hello'], closeConnection: true });
  await expect(store.ready()).rejects.toThrow();
  await configure('off', {});
  await store.ready();
  expect((await store.read('Patient', id))?.versionId).toBe(1);
}, 180_000);

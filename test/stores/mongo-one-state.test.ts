/** What is read with several commands, while another process writes in between. https://hl7.org/fhir/R4/http.html#concurrency */
import { randomUUID } from 'node:crypto';
import { ClientSession, Collection, Db, type Document, MongoServerError } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import { StoreUnavailable } from '../../src/store/errors.ts';
import { Bodies } from '../../src/store/mongo/bodies.ts';
import { Clock } from '../../src/store/mongo/clock.ts';
import { Files } from '../../src/store/mongo/files.ts';
import { connect } from '../../src/store/mongo/open.ts';
import { type Opened, openParts } from '../../src/store/mongo/parts.ts';
import { ReadTransactions } from '../../src/store/mongo/read-transactions.ts';
import { State } from '../../src/store/mongo/state.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import { ofOneState } from '../../src/store/mongo/transaction.ts';
import { Types } from '../../src/store/mongo/types.ts';
import type { Store, TypeQuery } from '../../src/store/port.ts';
import type { Write } from '../../src/store/write.ts';
import {
  auditRecord,
  code,
  commit,
  day,
  erase,
  identified,
  identifier,
  observation,
  ofIdentified,
  patient,
  put,
  remove,
  subject,
  usual,
} from '../contract/subject.ts';
import { databases } from './mongo-database.ts';

const url = databases().url();
const everything = { kind: 'and', of: [] } as const;
const byCode = [{ by: code, descending: false }];

/** The process that writes in between. */
let writer: Store;
/** The one that reads, and one whose clock is ahead of the writer's. */
let opened: Opened;
let ahead: Opened;
/** Done once, before or after the first command for which it is true. */
let inBetween: InBetween | undefined;

interface InBetween {
  readonly place: 'before' | 'after';
  readonly of: (command: Document) => boolean;
  readonly act: () => Promise<unknown>;
}

/** A database that lets others write between two commands. */
function interrupted(db: Db): Db {
  const command: Db['command'] = async (asked, options) => {
    const now = inBetween?.of(asked) === true ? inBetween : undefined;
    if (now !== undefined) inBetween = undefined;
    if (now?.place === 'before') await now.act();
    const reply = await db.command(asked, options);
    if (now?.place === 'after') await now.act();
    return reply;
  };
  return new Proxy(db, {
    get: (target, name) => {
      if (name === 'command') return command;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

beforeAll(async () => {
  const parameters = usual.parameters.map(({ type, code }) => ({ type, code, definition: '1' }));
  writer = await openMongoStore(url, { cursorLifetime: day, timezone: 'UTC', parameters });
  opened = await open(Date.now);
  ahead = await open(() => Date.now() + 60_000);
});
afterAll(async () => {
  await ahead.close();
  await opened.close();
  await writer.close();
});

async function open(clock: () => number, sharded = false): Promise<Opened> {
  const connection = { ...(await connect(url)), sharded };
  const db = interrupted(connection.db);
  const parts = await openParts({ ...connection, db }, { cursorLifetime: day, timezone: 'UTC', clock });
  await parts.processes.start();
  return parts;
}
beforeEach(async () => {
  inBetween = undefined;
  await commit(writer, [patient('one', 'asked'), patient('two', 'other'), observation('o', 'two')]);
});

/** In one commit the observation comes to the first patient, and that patient has another identifier. */
const change = () => commit(writer, [patient('one', 'changed'), observation('o', 'one')]);

/** What finds the observations, after the patients have been listed. */
const searched = ({ find, filter }: Document) => find === 'Observation' && Object.keys(filter).length > 0;

/** The reader, which has given a number: one that is ahead gives greater ones than the writer will. */
async function reader(which: string): Promise<Opened> {
  const one = which === 'ahead' ? ahead : opened;
  await one.audit.append([auditRecord(randomUUID(), Date.now())]);
  return one;
}

describe.each(['together', 'ahead'])('with clocks %s', (which) => {
  test('matches of a chain are those of one state, which the other process has left or made', async () => {
    const { searcher } = await reader(which);
    inBetween = { place: 'before', of: searched, act: change };
    expect(await searcher.matches('Observation', ofIdentified('asked'), 10)).toEqual([]);
    expect(inBetween).toBeUndefined();
    expect(await searcher.matches('Observation', ofIdentified('changed'), 10)).toEqual(['o']);
    expect(await searcher.matches('Patient', identified('changed'), 10)).toEqual(['one']);
  });

  test('a search by a chain shows one state', async () => {
    const { searcher } = await reader(which);
    const parts = [{ type: 'Observation', criterion: ofIdentified('asked'), sort: [] }];
    inBetween = { place: 'before', of: searched, act: change };
    const page = await searcher.search({ parts, count: 10, total: 'bounded', totalBound: 100, budget: 60_000 });
    expect(inBetween).toBeUndefined();
    expect(page).toMatchObject({ matches: [], total: 0 });
  });

  test('so does the first page of several, of several types', async () => {
    const { searcher } = await reader(which);
    const more = ['p', 'q', 'r'];
    await commit(
      writer,
      more.map((id) => observation(id, 'one')),
    );
    const parts = [
      { type: 'Observation', criterion: ofIdentified('asked'), sort: byCode },
      { type: 'Patient', criterion: identified('asked'), sort: byCode },
    ];
    inBetween = { place: 'before', of: searched, act: change };
    const query = { parts, count: 2, total: 'accurate', totalBound: 0, budget: 60_000 } as const;
    const page = await searcher.search(query);
    expect(inBetween).toBeUndefined();
    expect(page.matches.map(({ id }) => id)).toEqual(['p', 'q']);
    // The patient had what is asked for, or none of them is of one that has.
    expect(page.total).toBe(4);
    expect(page.next).toBeDefined();
    await commit(
      writer,
      more.map((id) => erase('Observation', id)),
    );
  });
});

describe.each([
  ['another process', (writes: readonly Write[]) => commit(writer, writes)],
  ['its own', (writes: readonly Write[]) => commit(opened.committer, writes)],
] as const)('an only page, while %s writes,', (_, write) => {
  const query = { count: 10, total: 'bounded', totalBound: 100, budget: 60_000 } as const;

  test('shows one state of several types', async () => {
    const coded: Criterion = {
      kind: 'value',
      parameter: code,
      anyOf: [{ kind: 'token', system: 'urn:codes', code: 'another', fold: false }],
    };
    const parts = [
      { type: 'Patient', criterion: identified('asked'), sort: [] },
      { type: 'Observation', criterion: coded, sort: [] },
    ];
    const act = () => write([patient('one', 'changed'), observation('o', 'one', 'another')]);
    inBetween = { place: 'before', of: searched, act };
    const page = await opened.searcher.search({ ...query, parts });
    expect(inBetween).toBeUndefined();
    expect(page.matches.map(({ type }) => type)).toEqual(['Observation']);
    expect(page.total).toBe(1);
  });

  test('shows one state of what has to be tested here, which takes several commands', async () => {
    const at = (id: string, longitude: number) => {
      const value = { kind: 'position', latitude: 0, longitude } as const;
      return put('Observation', id, { language: `x-${longitude}` }, [{ parameter: 'code', value }]);
    };
    const ids = Array.from({ length: 30 }, (_, n) => `b${String(n).padStart(2, '0')}`);
    await commit(writer, [at('a', 90), ...ids.map((id) => at(id, 90)), at('c', 0)]);
    const criterion: Criterion = {
      kind: 'value',
      parameter: { ...code, kind: 'special' },
      anyOf: [{ kind: 'near', latitude: 0, longitude: 0, within: 1000 }],
    };
    inBetween = { place: 'after', of: searched, act: () => write([at('a', 0), at('c', 90)]) };
    const page = await opened.searcher.search({
      ...query,
      count: 1,
      parts: [{ type: 'Observation', criterion, sort: [] }],
    });
    expect(inBetween).toBeUndefined();
    expect(page.matches.map(({ id }) => id)).toEqual(['a']);
    inBetween = { place: 'after', of: searched, act: () => write([at('a', 90), at('c', 0)]) };
    expect(await opened.searcher.matches('Observation', criterion, 1)).toEqual(['c']);
    expect(inBetween).toBeUndefined();
    await commit(
      writer,
      ['a', ...ids, 'c'].map((id) => erase('Observation', id)),
    );
  });

  test('has a total of all resources as many as there were at one time', async () => {
    const count = Collection.prototype.countDocuments;
    const counting = vi.spyOn(Collection.prototype, 'countDocuments');
    counting.mockImplementationOnce(async function (this: Collection, ...asked) {
      const counted = await count.apply(this, asked);
      await write([patient('three', 'more')]);
      await write([remove('Patient', 'one')]);
      return counted;
    });
    const parts = [{ type: 'Patient', criterion: everything, sort: [] }];
    const page = await opened.searcher.search({ ...query, count: 0, total: 'accurate', parts });
    counting.mockRestore();
    // Two, three or two again.
    expect(page.total).toBeGreaterThanOrEqual(2);
    await commit(writer, [erase('Patient', 'three')]);
  });

  test('has what gets a value meanwhile that it is sorted by', async () => {
    const { entries, ...rest } = observation('o', 'one');
    await commit(writer, [{ ...rest, entries: entries.slice(1) }]);
    const act = () => write([observation('o', 'one', 'another')]);
    inBetween = { place: 'after', of: searched, act };
    const parts = [{ type: 'Observation', criterion: everything, sort: byCode }];
    const page = await opened.searcher.search({ ...query, parts });
    expect(inBetween).toBeUndefined();
    expect(page.matches.map(({ id }) => id)).toEqual(['o']);
  });
});

test.each([
  ['its own process wrote meanwhile', []],
  ['it wrote with lower numbers than others had', [observation('ahead', 'two')]],
])('a walk goes on in the state that its first page was read in, whatever %s', async (_, others) => {
  const { searcher, committer } = await reader('together');
  await commit(ahead.committer, others);
  const ids = ['p', 'q', 'r'];
  // The reader hasn't heard of them.
  await commit(
    writer,
    ids.map((id) => observation(id, 'one', `code ${id}`)),
  );
  const parts = [{ type: 'Observation', criterion: ofIdentified('asked'), sort: byCode }];
  const query = { parts, count: 2, total: 'accurate', totalBound: 0, budget: 60_000 } as const;
  inBetween = {
    place: 'before',
    of: searched,
    act: async () => {
      // Those that are at work don't ask for the newest change of others.
      const observing = vi.spyOn(Clock.prototype, 'observe').mockImplementation(() => {});
      await commit(committer, [observation('r', 'one', 'a code before')]);
      observing.mockRestore();
    },
  };
  const first = await searcher.search(query);
  expect(inBetween).toBeUndefined();
  const second = await searcher.search({ ...query, ...(first.next && { position: first.next }) });
  expect([first, second].map(({ matches }) => matches.map(({ id }) => id))).toEqual([['p', 'q'], ['r']]);
  expect(first.total).toBe(3);
  await commit(
    writer,
    [...ids, ...others.map(({ id }) => id)].map((id) => erase('Observation', id)),
  );
});

describe('a later page, where another process commits with a number lower than that of the walk', () => {
  const more = ['p', 'q', 'r'];
  beforeEach(async () => {
    await commit(
      writer,
      more.map((id) => observation(id, 'one', `code ${id}`)),
    );
    await commit(ahead.committer, [patient('ahead', 'of others'), observation('ahead', 'ahead')]);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await commit(
      writer,
      [...more, 'ahead'].map((id) => erase('Observation', id)),
    );
    await commit(writer, [erase('Patient', 'ahead')]);
  });

  /** Reads the first page, and gives what reads the one after it, or the first one again, and what commits in between. */
  const begin = async (part: TypeQuery, direction: 'next' | 'previous') => {
    const { searcher } = ahead;
    const query = { parts: [part], count: 2, total: 'none', totalBound: 0, budget: 60_000 } as const;
    const first = await searcher.search(query);
    const second = first.next && (await searcher.search({ ...query, position: first.next }));
    const position = direction === 'next' ? first.next : second?.previous;
    if (position === undefined) throw new Error('there are two pages');
    const late = async (writes: readonly Write[]) => {
      // Its numbers were taken before it could hear of the greater ones.
      vi.spyOn(Clock.prototype, 'observe').mockImplementation(() => {});
      await commit(writer, writes);
      vi.restoreAllMocks();
      const stored = await opened.connection.db
        .collection<{ _id: string; change: number }>('Observation')
        .findOne({ _id: 'o' });
      expect(stored?.change).toBeLessThan(position.at);
    };
    const idsOf = async () => (await searcher.search({ ...query, position })).matches.map(({ id }) => id);
    return { first: first.matches.map(({ id }) => id), late, later: idsOf };
  };
  const byPatient = { type: 'Observation', criterion: ofIdentified('asked'), sort: byCode };

  test.each(['next', 'previous'] as const)('shows nothing of it, or all: %s', async (direction) => {
    const { late, later } = await begin(byPatient, direction);
    // On the page that is read the observation of the patient that it comes to would be beside the others.
    const changed = [patient('one', 'changed'), observation('o', 'one', direction === 'next' ? 'code s' : 'code p2')];
    // The patients have been listed by then.
    inBetween = { place: 'before', of: searched, act: () => late(changed) };
    expect(await later()).toEqual(direction === 'next' ? ['r'] : ['p', 'q']);
    expect(inBetween).toBeUndefined();
    expect(await later()).toEqual([]);
  });

  test('is in the order of one state', async () => {
    const by = { through: subject, ends: [{ target: 'Patient', by: identifier }] };
    const criterion = { kind: 'id', ids: ['o', 'p', 'q'] } as const;
    const sort = [{ by, descending: false }];
    const { first, late, later } = await begin({ type: 'Observation', criterion, sort }, 'next');
    expect(first).toEqual(['p', 'q']);
    const listed = vi.spyOn(State.prototype, 'documents');
    // Sorted by the patients, which come after the observations.
    listed.mockImplementationOnce(async function* (this: State, ...asked) {
      listed.mockRestore();
      yield* this.documents(...asked);
      await late([patient('one', 'zzz'), observation('o', 'one')]);
    });
    expect(await later()).toEqual(['o']);
    // By then all are of one patient, which comes later.
    expect(await later()).toEqual(['o', 'p']);
  });
});

test.each([
  ['one answer has', '0', 1],
  ['is more than an answer holds', '1', 2],
])('what %s is known to have been read by as many commands', async (_, id, commands) => {
  const { db } = opened.connection;
  const command: Db['command'] = async (asked, options) => {
    const reply = await db.command(asked, options);
    return asked.find === undefined ? reply : { ...reply, cursor: { ...reply.cursor, id } };
  };
  const answering = new Proxy(db, {
    get: (target, name) => {
      if (name === 'command') return command;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const state = new State(answering, { deadline: performance.now() + 60_000, bodies: new Bodies(new Files(db)) });
  const found = await state.find('Patient', 'current', { filter: {}, projection: { _id: 1 }, limit: 10 });
  expect(found.map(({ _id }) => _id)).toEqual(expect.arrayContaining(['one', 'two']));
  expect(state.commands).toBe(commands);
});

test('a tally counts one state', async () => {
  const query = { type: 'Observation', criterion: everything, fields: [code], budget: 60_000 };
  const tally = async () => {
    const { total, groups } = await opened.searcher.tally(query);
    return { total, grouped: groups[0]?.total, coded: groups[0]?.fields[0]?.present };
  };
  // All have been counted, and their codes have not.
  const act = () => commit(writer, [observation('p', 'one'), observation('q', 'one')]);
  inBetween = { place: 'after', of: ({ aggregate }) => aggregate === 'Observation', act };
  expect(await tally()).toEqual({ total: 1, grouped: 1, coded: 1 });
  expect(inBetween).toBeUndefined();
  expect(await tally()).toEqual({ total: 3, grouped: 3, coded: 3 });
});

test('what waits until nothing is read in a transaction goes on when the last one is over, or after a while', async () => {
  const transactions = new ReadTransactions(opened.connection.client);
  await transactions.over(60_000);
  const ends: (() => void)[] = [];
  const reads = [1, 2].map(() =>
    transactions.run(Number.POSITIVE_INFINITY, () => new Promise<void>((resolve) => ends.push(resolve))),
  );
  await expect.poll(() => ends).toHaveLength(2);
  await transactions.over(1);
  const order: string[] = [];
  const over = transactions.over(60_000).then(() => order.push('over'));
  for (const [n, end] of ends.entries()) {
    order.push(`end ${n}`);
    end();
    await reads[n];
  }
  await over;
  expect(order).toEqual(['end 0', 'end 1', 'over']);
});

test('a commit makes no index on a collection that is there', async () => {
  const asked = vi.spyOn(Collection.prototype, 'createIndexes');
  const types = new Types(opened.connection.db);
  await types.ensure('Observation');
  expect(asked).not.toHaveBeenCalled();
  await types.ensure('Basic');
  // Of the type and of its history.
  expect(asked).toHaveBeenCalledTimes(2);
  asked.mockRestore();
});

test.each([
  ['its history', 0],
  ['it', 1],
] as const)('a type whose making failed at %s has all indexes when it is made', async (_, before) => {
  const { db } = opened.connection;
  const type = ['Flag', 'Goal'][before] ?? '';
  const make = Collection.prototype.createIndexes;
  let asked = 0;
  const failing = vi.spyOn(Collection.prototype, 'createIndexes');
  failing.mockImplementation(function (this: Collection, ...specs: Parameters<Collection['createIndexes']>) {
    if (asked++ === before) throw new MongoServerError({ code: 11602 });
    return make.apply(this, specs);
  });
  const types = new Types(db);
  await expect(types.ensure(type)).rejects.toThrow(MongoServerError);
  await types.ensure(type);
  failing.mockRestore();
  const indexes = await types.indexes();
  for (const name of [type, `${type}_history`]) {
    const there = (await db.collection(name).listIndexes().toArray()).map((index) => index.name);
    expect(there).toEqual(expect.arrayContaining((indexes.get(name) ?? []).map((index) => index.name)));
    expect(there.length).toBeGreaterThan(1);
  }
});

test('one state is read anew where what is in the way is passing', async () => {
  const { client, db } = opened.connection;
  const conflict = new MongoServerError({ code: 112, errorLabels: ['TransientTransactionError'] });
  let tries = 0;
  const read = await ofOneState(client, async (session) => {
    const seen = await db.collection('Patient').countDocuments({}, { session });
    if (++tries === 1) throw conflict;
    return seen;
  });
  expect(read).toBe(2);
  expect(tries).toBe(2);
  await expect(ofOneState(client, async () => Promise.reject(new RangeError('not passing')))).rejects.toThrow(
    'not passing',
  );
});

test.each([true, false])('what a router begins is begun when all shards have been heard: %s', async (sharded) => {
  const { searcher, close } = await open(Date.now, sharded);
  const order: string[] = [];
  const newest = Types.prototype.newest;
  const begin = ClientSession.prototype.startTransaction;
  vi.spyOn(Types.prototype, 'newest').mockImplementation(function (this: Types, types, options) {
    if (options?.session === undefined && types.includes('Patient') && types.includes('Observation'))
      order.push('heard');
    return newest.call(this, types, options);
  });
  vi.spyOn(ClientSession.prototype, 'startTransaction').mockImplementation(function (this: ClientSession, options) {
    order.push('begun');
    begin.call(this, options);
  });
  try {
    expect(await searcher.matches('Observation', ofIdentified('other'), 10)).toEqual(['o']);
    await searcher.tally({ type: 'Observation', criterion: everything, fields: [], budget: 60_000 });
    expect(order).toEqual(sharded ? ['heard', 'begun', 'heard', 'begun'] : ['begun', 'begun']);
  } finally {
    vi.restoreAllMocks();
    await close();
  }
});

test('a router waits for a shard that is stuck, and for the newest change, no longer than the search has', async () => {
  const connection = { ...(await connect(url)), sharded: true };
  const { searcher, processes, close } = await openParts(connection, { cursorLifetime: day, timezone: 'UTC' });
  await processes.start();
  const budget = 50_000;
  const query = { count: 1, total: 'none', totalBound: 0, budget } as const;
  const parts = [{ type: 'Observation', criterion: ofIdentified('other'), sort: [] }];
  const asks = [
    () => searcher.search({ ...query, parts }),
    () => searcher.tally({ type: 'Observation', criterion: everything, fields: [], budget }),
  ];
  await commit(writer, [put('Encounter', 'e', {}, [])]);
  const ask = Db.prototype.command;
  const limits: unknown[] = [];
  let stuck = (_: Document) => false;
  vi.spyOn(Db.prototype, 'command').mockImplementation(async function (this: Db, command, options) {
    // Other processes of this file ask now and then.
    const isOwn = this === connection.db;
    if (isOwn && (command.find === 'Observation' || command.find === 'Patient')) limits.push(command.maxTimeMS);
    if (isOwn && stuck(command)) throw new MongoServerError({ code: 50 });
    return ask.call(this, command, options);
  });
  try {
    for (const each of asks) await each();
    expect(limits.length).toBeGreaterThan(4);
    for (const limit of limits) expect(limit).toSatisfy((each) => typeof each === 'number' && each <= budget);
    // One that isn't looked at by the search is heard of alone.
    stuck = ({ find }) => find === 'Encounter';
    for (const each of asks) await expect(each()).rejects.toBeInstanceOf(StoreUnavailable);
  } finally {
    vi.restoreAllMocks();
    await close();
  }
});

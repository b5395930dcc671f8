/** Contained resources of many types, whose containers are read once. https://hl7.org/fhir/R4/search.html#contained */
import { expect, it, vi } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import { TooCostly } from '../../src/store/errors.ts';
import { Bodies } from '../../src/store/mongo/bodies.ts';
import { type Condition, certain } from '../../src/store/mongo/compile/condition.ts';
import { SharedContainers, type SharedContainersOptions } from '../../src/store/mongo/containers.ts';
import { Files } from '../../src/store/mongo/files.ts';
import { State } from '../../src/store/mongo/state.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import type { SearchQuery } from '../../src/store/port.ts';
import {
  commit,
  containing,
  failureOf,
  identified,
  link,
  observation,
  patient,
  put,
  subject,
  usual,
} from '../contract/subject.ts';
import { databaseName, databases } from './mongo-database.ts';

const { url, client } = databases();

async function open() {
  const database = url();
  const store = await openMongoStore(database, {
    cursorLifetime: usual.cursorLifetime,
    timezone: 'UTC',
    parameters: usual.parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
  });
  const db = client().db(databaseName(database));
  const state = new State(db, { deadline: Number.POSITIVE_INFINITY, bodies: new Bodies(new Files(db)) });
  return { store, state };
}

const names = (found: readonly { readonly document: { readonly _id: unknown } }[]) => {
  return found.map(({ document }) => document._id);
};

it('of many types only what contains what is asked for is read', async () => {
  const { store } = await open();
  await commit(
    store,
    Array.from({ length: 60 }, (_, n) => containing(`o${n}`, `v${n}`)),
  );
  const parts = ['Device', 'Group', 'Location', 'Patient'].map((type) => {
    return { type: `#${type}`, criterion: identified('v7'), sort: [] };
  });
  const query: SearchQuery = { parts, count: 10, budget: 60_000, total: 'accurate', totalBound: 0 };
  const { matches, total } = await store.search(query);
  expect([matches.map(({ id }) => id), total]).toEqual([['o7'], 1]);
  const { steps } = await store.explain(query);
  expect(steps.map(({ rowsFound }) => rowsFound)).toEqual([1]);
  await store.close();
});

it('what parts of one search ask of other resources is looked up once', async () => {
  const { store } = await open();
  await commit(store, [patient('a', 'x'), observation('o', 'a'), observation('other', 'b')]);
  const end = identified('x');
  const leads = (parameter: typeof subject): Criterion => {
    return { kind: 'chain', parameter, target: 'Patient', canonical: undefined, of: end };
  };
  const parts = [
    { type: 'Patient', criterion: leads(link), sort: [] },
    { type: 'Observation', criterion: leads(subject), sort: [] },
  ];
  const read = vi.spyOn(State.prototype, 'documents');
  const { matches } = await store.search({ parts, count: 10, budget: 60_000, total: 'none', totalBound: 0 });
  const listed = read.mock.calls.filter(([type, , paths]) => type === 'Patient' && paths?.length === 0);
  read.mockRestore();
  expect(matches.map(({ id }) => id)).toEqual(['o']);
  expect(listed).toHaveLength(1);
  await store.close();
});

it('of all types together no more are held than are sorted', async () => {
  const { store, state } = await open();
  const { contained = [] } = containing('a', 'x');
  const inGroup = put('Group', 'g', { contained: [{ resourceType: 'Patient', id: 'p' }] });
  await commit(store, [containing('a', 'x'), containing('b', 'x'), { ...inGroup, contained }]);
  for (const most of [2, 3]) {
    const shared = new SharedContainers({ most });
    shared.add('#Patient', certain);
    expect(names(await shared.of('Observation', state)).sort()).toEqual(['a', 'b']);
    const group = shared.of('Group', state);
    if (most === 3) expect(names(await group)).toEqual(['g']);
    else expect(await failureOf(group)).toBeInstanceOf(TooCostly);
    // The same once more reads nothing.
    expect(shared.of('Group', state)).toBe(group);
  }
  await store.close();
});

it('what is asked for together is put together once, and sent where it is short', async () => {
  const { store, state } = await open();
  const asked = vi.spyOn(state, 'documents');
  const filtersOf = async (count: number) => {
    const shared = new SharedContainers();
    const many = Array.from({ length: count }, (_, n) => `${n} ${'-'.repeat(80)}`);
    shared.add('#Patient', { ...certain, filter: { nothing: { $in: many } } });
    asked.mockClear();
    for (const type of ['Observation', 'Group', 'List']) await shared.of(type, state);
    return asked.mock.calls.map(([, { filter }]) => filter);
  };
  const short = await filtersOf(10);
  expect(short).toHaveLength(3);
  expect(JSON.stringify(short[0])).toContain('nothing');
  for (const filter of short) expect(filter).toBe(short[0]);
  // About 400 kB.
  const long = await filtersOf(4000);
  expect(long[0]).toEqual({ 'contained.type': { $in: ['Patient'] } });
  for (const filter of long) expect(filter).toBe(long[0]);
  await store.close();
});

it('what is asked for together may be more than a command holds', async () => {
  const { store, state } = await open();
  await commit(store, [containing('a', 'x')]);
  const many = Array.from({ length: 100_000 }, (_, n) => `${n} ${'-'.repeat(80)}`);
  const wide: Condition = { ...certain, filter: { nothing: { $in: many } } };
  const shared = new SharedContainers();
  shared.add('#Patient', wide);
  shared.add('#Group', wide);
  // Which of these match is told by whoever asked.
  expect(names(await shared.of('Observation', state))).toEqual(['a']);
  await store.close();
});

it('where it is long, what contains other resources is looked at but not held, up to a bound', async () => {
  const { store, state } = await open();
  await commit(
    store,
    ['x', 'y', 'z'].map((value) => containing(value, value)),
  );
  const filter = { nothing: { $in: Array.from({ length: 4000 }, (_, n) => `${n} ${'-'.repeat(80)}`) } };
  const of = (bounds: SharedContainersOptions) => {
    const shared = new SharedContainers(bounds);
    // As compiling spells it: by fields.
    shared.add('#Patient', { ...certain, filter, local: identified('y') });
    return shared.of('Observation', state);
  };
  expect(names(await of({ most: 1, mostRead: 3 }))).toEqual(['y']);
  const failure = await failureOf(of({ mostRead: 2 }));
  expect(failure).toBeInstanceOf(TooCostly);
  expect(failure).toMatchObject({ hint: expect.stringMatching(/More than 2 resources .* longer than 256 kB/) });
  await store.close();
});

/** First pages of searches while something is written. https://hl7.org/fhir/R4/http.html#paging */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { containedType } from '../../src/search/contained.ts';
import type { Criterion, SortKey } from '../../src/search/criteria.ts';
import { TooCostly } from '../../src/store/errors.ts';
import { Snapshots } from '../../src/store/mongo/snapshots.ts';
import { State } from '../../src/store/mongo/state.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import type { SearchQuery, Store, TypeQuery } from '../../src/store/port.ts';
import {
  auditRecord,
  commit,
  containing,
  erase,
  failureOf,
  identified,
  identifier,
  observation,
  ofIdentified,
  patient,
  put,
  subject,
  usual,
} from '../contract/subject.ts';
import { databases } from './mongo-database.ts';

const { url } = databases();

let store: Store;
beforeAll(async () => {
  store = await openMongoStore(url(), {
    cursorLifetime: usual.cursorLifetime,
    timezone: 'UTC',
    parameters: usual.parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
  });
});
afterAll(() => store.close());
afterEach(() => {
  vi.restoreAllMocks();
});

const chained: TypeQuery = { type: 'Observation', criterion: ofIdentified('x'), sort: [] };
const asking = (part: TypeQuery, count: number): SearchQuery => {
  return { parts: [part], count, budget: 60_000, total: 'accurate', totalBound: 0 };
};

/** Acts once, when a search has read what is current and is about to look whether that is one state. */
function meanwhile(act: () => unknown): void {
  const { begin } = Snapshots.prototype;
  let first = true;
  vi.spyOn(Snapshots.prototype, 'begin').mockImplementation(async function (this: Snapshots, types) {
    if (types.length > 0 && first) {
      first = false;
      await act();
    }
    return begin.call(this, types);
  });
}

/** How often documents are read for a search while something happens. */
async function reads(query: SearchQuery, act: () => unknown): Promise<number> {
  meanwhile(act);
  const { documents } = State.prototype;
  let count = 0;
  vi.spyOn(State.prototype, 'documents').mockImplementation(function (this: State, ...asked) {
    count += 1;
    return documents.apply(this, asked);
  });
  await store.search(query);
  vi.restoreAllMocks();
  return count;
}

it.each([3, 2])('the total is that of the walk where another match comes meanwhile: page of %s', async (count) => {
  const value = `total${count}`;
  const of = `of-${value}`;
  await commit(store, [patient(of, value), ...['a', 'b', 'c'].map((id) => observation(`${value}-${id}`, of))]);
  meanwhile(() => commit(store, [observation(`${value}-d`, of)]));
  const query = asking({ ...chained, criterion: ofIdentified(value) }, count);
  const first = await store.search(query);
  expect([first.matches.length, first.total]).toEqual([count, 4]);
  if (first.next === undefined) throw new Error('there is a second page');
  const second = await store.search({ ...query, position: first.next });
  expect([second.matches.length, second.total]).toEqual([4 - count, 4]);
});

it('what was looked at is read once more only where that was written to', async () => {
  const erased = ['erased', 'with it'].map((id) => patient(id, 'x'));
  await commit(store, [patient('p', 'x'), ...erased, observation('o', 'p')]);
  const query = asking(chained, 10);
  const once = await reads(query, () => undefined);
  expect(once).toBeGreaterThan(0);
  expect(await reads(query, () => store.audit.append([auditRecord('e', Date.now())]))).toBe(once);
  expect(await reads(query, () => commit(store, [put('Group', 'g', {})]))).toBe(once);
  expect(await reads(query, () => commit(store, [patient('q', 'x')]))).toBe(2 * once);
  expect(await reads(query, () => commit(store, [observation('other', 'q')]))).toBe(2 * once);
  // What is erased leaves nothing.
  expect(await reads(query, () => commit(store, [erase('Patient', 'erased')]))).toBe(2 * once);
  expect(await reads(query, () => commit(store, [erase('Patient', 'with it'), put('Group', 'h', {})]))).toBe(2 * once);
  expect(await reads(query, () => undefined)).toBe(once);
});

it('what is sorted by is looked at, too', async () => {
  const sort: SortKey[] = [
    { by: { through: subject, ends: [{ target: 'Patient', by: identifier }] }, descending: false },
  ];
  await commit(store, [patient('s', 's'), ...['1', '2'].map((n) => observation(`s${n}`, 's'))]);
  const all: Criterion = { kind: 'id', ids: ['s1', 's2'] };
  const query = asking({ type: 'Observation', criterion: all, sort }, 1);
  const once = await reads(query, () => undefined);
  expect(await reads(query, () => commit(store, [put('Group', 'i', {})]))).toBe(once);
  expect(await reads(query, () => commit(store, [patient('s', 't')]))).toBe(2 * once);
});

it('a type that had no resources may contain what is looked for', async () => {
  await commit(store, [containing('c1', 'inside'), containing('c2', 'inside')]);
  const query = asking({ type: containedType('Patient'), criterion: identified('inside'), sort: [] }, 1);
  const once = await reads(query, () => undefined);
  const fresh = () => commit(store, [put('Basic', 'b', {})]);
  // Of that type, too, the second time.
  expect(await reads(query, fresh)).toBeGreaterThan(2 * once);
});

it('the second look has what the first has left of the time', async () => {
  const value = 'slow';
  await commit(store, [patient(value, value), observation('slow', value)]);
  const { now } = performance;
  let passed = 0;
  meanwhile(async () => {
    await commit(store, [observation('more', value)]);
    vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + passed);
    passed = 61_000;
  });
  const query = asking({ ...chained, criterion: ofIdentified(value) }, 10);
  expect(await failureOf(store.search(query))).toBeInstanceOf(TooCostly);
});

/** Searches that take long: their threads, their budget, and closing while they run. https://hl7.org/fhir/R4/search.html */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Criterion, Parameter } from '../../src/search/criteria.ts';
import { CursorExpired, StoreUnavailable, TooCostly } from '../../src/store/errors.ts';
import type { SearchQuery, Store } from '../../src/store/port.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';
import { Searcher } from '../../src/store/sqlite/search.ts';
import { createSearch, type Searches } from '../../src/store/sqlite/searches.ts';
import { Snapshot } from '../../src/store/sqlite/snapshot.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { TerminologyReads } from '../../src/store/sqlite/terminology-read.ts';
import { quickThresholds } from '../../src/store/sqlite/thresholds.ts';
import { commit, failureOf, identified, patient, put } from '../contract/subject.ts';

const name: Parameter = {
  type: 'Patient',
  code: 'name',
  kind: 'string',
  multiple: true,
  textual: false,
  components: [],
};
const many = 6000;
const lifetime = 1000;

/** None of many texts, each looked for in every name: some milliseconds for each thousand resources. */
const laborious: Criterion = {
  kind: 'and',
  of: Array.from({ length: 200 }, (_, n): Criterion => {
    return {
      kind: 'not',
      of: {
        kind: 'value',
        parameter: name,
        anyOf: Array.from(
          { length: 20 },
          (_, m) => ({ kind: 'string', match: 'contains', value: `x${n} ${m}` }) as const,
        ),
      },
    };
  }),
};

function query(criterion: Criterion, more: Partial<SearchQuery> = {}): SearchQuery {
  const parts = [{ type: 'Patient', criterion, sort: [] }];
  return { parts, count: 2, total: 'none', totalBound: 100, budget: 60_000, ...more };
}

describe('searches in threads', () => {
  const directory = mkdtempSync(join(tmpdir(), 'osteon-readers-'));
  const path = join(directory, 'store.db');
  let store: Store;
  let db: Database;
  let searches: Searches;
  let now = 1_000_000;

  beforeAll(async () => {
    store = await openSqliteStore(`sqlite:${path}`, {
      clock: () => now,
      cursorLifetime: lifetime,
      timezone: 'UTC',
      parameters: ['name', 'identifier'].map((code) => ({ type: 'Patient', code, definition: '1' })),
    });
    await commit(
      store,
      ['1', '2', '3'].map((id) => patient(`p${id}`, 'p')),
    );
    await commit(
      store,
      Array.from({ length: many }, (_, n) =>
        put('Patient', `n${n}`, {}, [
          { parameter: 'name', value: { kind: 'string', norm: `ann ${n}`, exact: `Ann ${n}` } },
          { parameter: 'identifier', value: { kind: 'identifier', system: 'urn:mrn', value: 'all' } },
        ]),
      ),
    );
    db = openDatabase(path, { readOnly: true });
    searches = createSearch(path, db, new TerminologyReads(db), {
      clock: () => now,
      cursorLifetime: lifetime,
      allowance: 0,
    });
  });

  afterAll(async () => {
    await searches.close();
    db.close();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('give the same pages as the store', async () => {
    const there = await store.search(query(identified('p'), { total: 'accurate' }));
    expect(there.total).toBe(3);
    expect(await searches.search(query(identified('p'), { total: 'accurate' }))).toEqual(there);
    if (there.next === undefined) throw new Error('there is a next page');
    const next = query(identified('p'), { position: there.next });
    expect((await searches.search(next)).matches).toEqual((await store.search(next)).matches);
    expect(await searches.matches('Patient', identified('p'), 2)).toEqual(['p1', 'p2']);
  });

  it('see what was committed before', async () => {
    await commit(store, [patient('q1', 'q')]);
    expect(await searches.matches('Patient', identified('q'), 2)).toEqual(['q1']);
  });

  it('let what is read afterwards see what they saw', async () => {
    const snapshot = new Snapshot(db);
    const options = { clock: () => now, cursorLifetime: lifetime, allowance: 0, snapshot };
    const own = createSearch(path, db, new TerminologyReads(db), options);
    let answered = false;
    let before = 0;
    // Held anew at the end of each turn, so that the answer comes while something is held.
    const hold = () => {
      if (answered) return;
      before = snapshot.hold();
      setImmediate(hold);
    };
    const found = own.matches('Patient', identified('p'), 9).finally(() => {
      answered = true;
    });
    hold();
    expect(await found).toHaveLength(3);
    expect(snapshot.hold()).toBeGreaterThan(before);
    snapshot.release();
    await own.close();
  });

  it('go there at once when they took long lately, whatever time they have', async () => {
    let looks = 0;
    const clock = (): number => {
      looks++;
      return now;
    };
    // What took long is remembered for a second, which doesn't pass; so that any time is too long, there is less than none.
    vi.useFakeTimers({ toFake: ['performance'] });
    const own = createSearch(path, db, new TerminologyReads(db), { clock, cursorLifetime: lifetime, allowance: -1 });
    const looksOf = async (budget: number): Promise<number> => {
      looks = 0;
      await own.search(query(identified('p'), { budget }));
      return looks;
    };
    // It isn't known for long: the thread has to be there.
    await own.search(query(identified('q')));
    const first = await looksOf(60_000);
    expect(await looksOf(50_000)).toBe(first - 1);
    await own.close();
  });

  it('count what is more than a moment, which isn’t begun where others wait for it', () => {
    const thresholds = { ...quickThresholds, probes: [100], unwatched: 1000 };
    const named = (value: string): Criterion => {
      return { kind: 'value', parameter: name, anyOf: [{ kind: 'string', match: 'starts', value }] };
    };
    const count = (criterion: Criterion, allowance?: number, total: 'accurate' | 'bounded' = 'accurate') => {
      // Another each time, since what was counted is remembered.
      const own = new Searcher(db, { clock: () => now, cursorLifetime: lifetime, thresholds });
      return own.search(query(criterion, { count: 0, total, totalBound: 100 }), allowance).total;
    };
    const both: Criterion = { kind: 'and', of: [named('ann'), identified('all')] };
    expect([count(identified('all')), count(both)]).toEqual([many, many]);
    // A minute is time enough for thousands of times as many.
    expect(() => count(identified('all'), 59_000)).toThrow(TooCostly);
    expect(() => count(both, 59_000)).toThrow(TooCostly);
    expect(count(named('ann 7'), 59_000)).toBe(111);
    expect(count({ kind: 'and', of: [named('ann 77'), identified('all')] }, 59_000)).toBe(11);
    expect(count(identified('all'), 59_000, 'bounded')).toBeUndefined();
  });

  it('run beside each other and wait for a free thread', async () => {
    const found = await Promise.all(
      Array.from({ length: 9 }, (_, n) => searches.search(query(identified('p'), { count: 1 + (n % 3) }))),
    );
    expect(found.map(({ matches }) => matches.length)).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
  });

  it('end past their budget with TooCostly', async () => {
    const costly = query(laborious, { total: 'accurate', budget: 30 });
    const before = performance.now();
    const failure = await failureOf(searches.search(costly));
    expect(failure).toBeInstanceOf(TooCostly);
    expect(failure instanceof TooCostly && failure.hint).toMatch(/criterion/);
    expect(performance.now() - before).toBeLessThan(2_000);
    // The connection is as good as before.
    expect(await searches.matches('Patient', identified('p'), 9)).toHaveLength(3);
  });

  it('end with CursorExpired for a walk that is too old', async () => {
    const { next } = await searches.search(query(identified('p')));
    if (next === undefined) throw new Error('there is a next page');
    now += lifetime + 1;
    expect(await failureOf(searches.search(query(identified('p'), { position: next })))).toBeInstanceOf(CursorExpired);
  });

  it('are given up when the store closes', async () => {
    const own = createSearch(path, db, new TerminologyReads(db), {
      clock: () => now,
      cursorLifetime: lifetime,
      allowance: 0,
    });
    const running = [0, 1, 2].map(() => failureOf(own.search(query(laborious, { total: 'accurate' }))));
    // Both threads are taken.
    expect(await failureOf(own.search(query(identified('p'), { budget: 1 })))).toBeInstanceOf(TooCostly);
    await own.close();
    for (const failure of await Promise.all(running)) expect(failure).toBeInstanceOf(StoreUnavailable);
    expect(await failureOf(own.search(query(identified('p'))))).toBeInstanceOf(StoreUnavailable);
  });
});

describe('a search on the main connection', () => {
  it('ends past its budget with TooCostly', async () => {
    const store = await openSqliteStore('sqlite::memory:', {
      cursorLifetime: lifetime,
      timezone: 'UTC',
      parameters: [{ type: 'Patient', code: 'name', definition: '1' }],
    });
    await commit(
      store,
      Array.from({ length: many }, (_, n) =>
        put('Patient', `n${n}`, {}, [
          { parameter: 'name', value: { kind: 'string', norm: `ann ${n}`, exact: `Ann ${n}` } },
        ]),
      ),
    );
    const before = performance.now();
    const failure = await failureOf(store.search(query(laborious, { total: 'accurate', budget: 20 })));
    expect(failure).toBeInstanceOf(TooCostly);
    expect(performance.now() - before).toBeLessThan(1_000);
    expect((await store.search(query({ kind: 'and', of: [] }))).matches).toHaveLength(2);
    await store.close();
  });
});

/** The embedded store's file: who may open it, and what it carries. https://hl7.org/fhir/R4/http.html */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { StoreUnavailable } from '../../src/store/errors.ts';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import { openForReading, pathOf } from '../../src/store/sqlite/path.ts';
import { setSetting } from '../../src/store/sqlite/settings.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { commit, failureOf, identified, patient, remove, write } from '../contract/subject.ts';
import { directory, openAt, parameters } from './files.ts';

const at = directory();
afterEach(() => {
  vi.useRealTimers();
});

describe('a store in a file', () => {
  it('finds everything when it is opened again', async () => {
    const first = await openAt(at('again.db'));
    await commit(first, [patient('a', '1'), patient('b', '2')]);
    await write(first, remove('Patient', 'b'));
    await first.keep('note', 'text', Date.now() + 60_000);
    await first.close();
    const second = await openAt(at('again.db'));
    expect((await second.read('Patient', 'a'))?.versionId).toBe(1);
    expect((await second.read('Patient', 'b'))?.method).toBe('DELETE');
    expect(await second.counts()).toEqual(new Map([['Patient', 1]]));
    expect(await second.matches('Patient', identified('1'), 10)).toEqual(['a']);
    expect(await second.kept('note')).toBe('text');
    expect(second.secret).toEqual(first.secret);
    expect(second.secret).toHaveLength(32);
    expect((await write(second, patient('b', '2'))).versionId).toBe(3);
    expect(second.name).toBe(`sqlite ${at('again.db')}`);
    await second.close();
  });

  it('gives no change number twice, also when the newest were erased', async () => {
    const first = await openAt(at('erased.db'));
    await commit(first, [patient('a', '1'), patient('b', '1')]);
    await write(first, { kind: 'erase', type: 'Patient', id: 'b' });
    await first.close();
    const second = await openAt(at('erased.db'));
    await write(second, patient('c', '1'));
    await second.close();
    const db = openForReading(at('erased.db'));
    expect(db.prepare('SELECT vid, rid FROM version ORDER BY vid').all()).toEqual([
      [1, 1],
      [4, 3],
    ]);
    db.close();
  });

  it('overwrites what is erased, also in the log', async () => {
    const store = await openAt(at('gone.db'));
    await commit(store, [patient('a', 'unmistakable-1234'), patient('b', '1')]);
    await write(store, { kind: 'erase', type: 'Patient', id: 'a' });
    await store.close();
    expect(readFileSync(at('gone.db')).includes('unmistakable-1234')).toBe(false);
    expect(statSync(at('gone.db-wal'), { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  });

  it('is written by one process: a second one is told who holds it', async () => {
    const store = await openAt(at('held.db'));
    const failure = await failureOf(openAt(at('held.db')));
    expect(failure).toBeInstanceOf(StoreUnavailable);
    expect(String(failure)).toMatch(
      new RegExp(`held.db is open for writing in another process: process ${process.pid} \\(`),
    );
    await store.close();
    await (await openAt(at('held.db'))).close();
  });

  it('is read beside the process that writes', async () => {
    const store = await openAt(at('beside.db'));
    await write(store, patient('a', '1'));
    const db = openForReading(at('beside.db'));
    await write(store, patient('b', '1'));
    expect(db.prepare('SELECT count(*) FROM version').get()).toEqual([2]);
    expect(() => db.exec('DELETE FROM version')).toThrow(/readonly/);
    db.close();
    await store.close();
  });

  it('is refused with another time zone than it was indexed with', async () => {
    await (await openAt(at('zone.db'), { timezone: 'Europe/Berlin' })).close();
    const failure = await failureOf(openAt(at('zone.db'), { timezone: 'UTC' }));
    expect(failure).toBeInstanceOf(StoreUnavailable);
    expect(String(failure)).toMatch(/TIMEZONE=Europe\/Berlin/);
    await (await openAt(at('zone.db'), { timezone: 'Europe/Berlin' })).close();
  });

  it('is refused when a newer release made it, or when it is something else', async () => {
    await (await openAt(at('newer.db'))).close();
    const db = openDatabase(at('newer.db'));
    setSetting(db, 'schema', 99);
    db.close();
    expect(String(await failureOf(openAt(at('newer.db'))))).toMatch(/schema version 99/);
    expect(() => openForReading(at('newer.db'))).toThrow(StoreUnavailable);

    const other = openDatabase(at('other.db'));
    other.exec('CREATE TABLE mine (a)');
    other.close();
    expect(await failureOf(openAt(at('other.db')))).toBeInstanceOf(StoreUnavailable);

    writeFileSync(at('text.db'), 'not a database'.repeat(100));
    expect(await failureOf(openAt(at('text.db')))).toBeInstanceOf(StoreUnavailable);
    expect(() => openForReading(at('text.db'))).toThrow(StoreUnavailable);
    expect(() => openForReading(at('nothing.db'))).toThrow(/There is no store/);
  });

  it('takes a URL that begins with sqlite:', async () => {
    expect(pathOf('sqlite:./data/osteon.db')).toBe('./data/osteon.db');
    expect(pathOf('sqlite::memory:')).toBe(':memory:');
    expect(() => pathOf('mongodb://localhost')).toThrow(StoreUnavailable);
    expect(() => pathOf('sqlite:')).toThrow(StoreUnavailable);
  });

  it('tells how long operations took', async () => {
    const timings = new Map<string, number>();
    const onTiming = (operation: string, milliseconds: number) => timings.set(operation, milliseconds);
    const store = await openAt(at('timed.db'), { onTiming });
    await write(store, patient('a', '1'));
    await store.read('Patient', 'a');
    await store.close();
    expect([...timings.keys()].sort()).toEqual(['commit', 'group', 'read']);
    expect([...timings.values()].every((milliseconds) => milliseconds > 0)).toBe(true);
  });

  it('keeps its log small at rest and bounded under load', async () => {
    const path = at('log.db');
    const store = await openAt(path);
    let greatest = 0;
    for (let round = 0; round < 12; round++) {
      const writes = Array.from({ length: 1000 }, (_, n) => ({
        ...patient(`p${round}-${n}`, `${n}`, 'x'.repeat(2000)),
      }));
      await commit(store, writes);
      greatest = Math.max(greatest, statSync(`${path}-wal`).size);
    }
    expect(greatest).toBeLessThan(64 * 1024 * 1024);
    await expect.poll(() => statSync(`${path}-wal`).size, { timeout: 10_000 }).toBe(0);
    await store.close();
  });

  it('in memory, gives conditions a time of their own, whatever was searched before', async () => {
    const store = await openSqliteStore('sqlite::memory:', {
      cursorLifetime: 1,
      timezone: 'UTC',
      parameters,
    });
    await commit(
      store,
      Array.from({ length: 3000 }, (_, n) => patient(`p${n}`, `${n}`)),
    );
    const everyone = { kind: 'not', of: identified('nobody') } as const;
    const matches = await store.matches('Patient', everyone, 5000);
    expect(matches).toHaveLength(3000);
    const budget = 60_000;
    vi.useFakeTimers({ toFake: ['performance'] });
    const part = { type: 'Patient', criterion: everyone, sort: [] };
    await store.search({ parts: [part], count: 1, total: 'none', totalBound: 1, budget });
    // The time of that search is over.
    vi.advanceTimersByTime(budget + 1);
    const condition = { type: 'Patient', criterion: everyone, matches, limit: 5000 };
    expect((await commit(store, [patient('q', 'q')], { conditions: [condition] })).written).toHaveLength(1);
    await store.close();
  });

  it('can be in memory', async () => {
    const store = await openSqliteStore('sqlite::memory:', {
      cursorLifetime: 1,
      timezone: 'UTC',
      parameters,
    });
    expect(store.name).toBe('sqlite in memory');
    await store.close();
  });
});

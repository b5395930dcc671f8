/** What is read in one turn of the event loop is of one state, and never older than what was answered. https://hl7.org/fhir/R4/http.html#search */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import type { SearchQuery } from '../../src/store/port.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';
import { Snapshot } from '../../src/store/sqlite/snapshot.ts';
import { commit, identified, patient, remove, usual } from '../contract/subject.ts';
import { openSearched } from './reading.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'osteon-snapshot-'));
  path = join(directory, 'osteon.db');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a snapshot', () => {
  let writing: Database;
  let db: Database;
  beforeEach(() => {
    writing = openDatabase(path);
    writing.exec('CREATE TABLE t (n INTEGER)');
    db = openDatabase(path, { readOnly: true });
  });
  afterEach(() => {
    db.close();
    writing.close();
  });
  const rows = () => db.prepare<[number]>('SELECT count(*) FROM t').get()?.[0];

  it('is of one state until the turn ends', async () => {
    const snapshot = new Snapshot(db);
    const first = snapshot.hold();
    expect(rows()).toBe(0);
    writing.exec('INSERT INTO t VALUES (1)');
    expect(snapshot.hold()).toBe(first);
    expect(rows()).toBe(0);
    await turn();
    expect(db.isTransaction).toBe(false);
    expect(snapshot.hold()).toBeGreaterThan(first);
    expect(rows()).toBe(1);
    snapshot.release();
  });

  it('is of the newest state after it was released', () => {
    const snapshot = new Snapshot(db);
    const first = snapshot.hold();
    expect(rows()).toBe(0);
    writing.exec('INSERT INTO t VALUES (1)');
    snapshot.release();
    expect(rows()).toBe(1);
    expect(snapshot.hold()).toBeGreaterThan(first);
    snapshot.release();
    snapshot.release();
    expect(db.isTransaction).toBe(false);
  });

  it('begins anew where the transaction was ended', () => {
    const snapshot = new Snapshot(db);
    const first = snapshot.hold();
    db.exec('ROLLBACK');
    expect(snapshot.hold()).toBeGreaterThan(first);
    expect(db.isTransaction).toBe(true);
    snapshot.release();
  });
});

describe('a store in a file', () => {
  const ofIdentifier = (criterion: Criterion): SearchQuery => {
    const parts = [{ type: 'Patient', criterion, sort: [] }];
    return { parts, count: 10, total: 'bounded', totalBound: 100, budget: 60_000 };
  };

  it('shows what was answered to reads and searches that come at once, beside others of the same turn', async () => {
    const store = await openSearched(`sqlite:${path}`, usual);
    try {
      for (let n = 1; n <= 20; n++) {
        const reads = Array.from({ length: 5 }, () => store.search(ofIdentifier(identified('p'))));
        await commit(store, [patient(`p${n}`, 'p')]);
        const [page, version] = await Promise.all([
          store.search(ofIdentifier(identified('p'))),
          store.read('Patient', `p${n}`),
        ]);
        expect(page.total).toBe(n);
        expect(version?.versionId).toBe(1);
        for (const { total } of await Promise.all(reads)) expect([n - 1, n]).toContain(total);
      }
      await commit(store, [remove('Patient', 'p1')]);
      expect((await store.search(ofIdentifier(identified('p')))).total).toBe(19);
      expect((await store.read('Patient', 'p1'))?.body).toBeUndefined();
    } finally {
      await store.close();
    }
  });
});

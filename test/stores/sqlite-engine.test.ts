/** The engine that writes: what it forgets when a transaction fails, and what it keeps for walks. https://hl7.org/fhir/R4/http.html#transaction */
import { describe, expect, it } from 'vitest';
import { checkStore } from '../../src/store/sqlite/check.ts';
import type { Engine } from '../../src/store/sqlite/engine.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';
import { packWrites } from '../../src/store/sqlite/pack.ts';
import { currentParameters, registerParameters } from '../../src/store/sqlite/parameters.ts';
import type { CommitTask } from '../../src/store/sqlite/tasks.ts';
import { writerEngine } from '../../src/store/sqlite/writer-engine.ts';
import type { Write } from '../../src/store/write.ts';
import { containing, erase, observation, patient, remove } from '../contract/subject.ts';
import { parameters, reextract } from './files.ts';

const lifetime = 1000;

function opened(clock: () => number = () => 1): { readonly db: Database; readonly engine: Engine } {
  const db = openDatabase(':memory:');
  migrate(db);
  registerParameters(db, parameters);
  return { db, engine: writerEngine(db, { clock, cursorLifetime: lifetime }) };
}

function task(db: Database, ...writes: readonly Write[]): CommitTask {
  const packed = packWrites(writes, 0, writes.length, currentParameters(db));
  return {
    kind: 'commit',
    writes: [packed],
    conditions: [],
    mustExist: [],
    mustBeUnreferenced: [],
    audit: [],
    notes: [],
  };
}

/** Contained resources, and the rows by which they are found. */
const contained = (db: Database) => {
  const [resources, listed, rows] = [
    "SELECT count(*) FROM entity JOIN type ON type.num = entity.type WHERE type.name GLOB '#*'",
    'SELECT count(*) FROM contained',
    'SELECT count(*) FROM identifier WHERE param < 0',
  ].map((query) => db.prepare<[number]>(query).get()?.[0]);
  expect([listed, rows]).toEqual([resources, resources]);
  return resources;
};

const count = (db: Database, table: string) => db.prepare<[number]>(`SELECT count(*) FROM ${table}`).get()?.[0];
const findings = (db: Database) => [...checkStore(db, reextract)].filter(({ kind }) => kind === 'finding');

describe('engine', () => {
  it('answers every task of a transaction that fails as a whole, and goes on afterwards', () => {
    const { db, engine } = opened();
    expect(engine.run([task(db, patient('a', '1'))])[0]?.ok).toBe(true);
    // As on a full disk.
    db.exec(`PRAGMA max_page_count = ${db.prepare<[number]>('PRAGMA page_count').get()?.[0] ?? 0}`);
    const writes = Array.from({ length: 200 }, (_, n) => observation(`o${n}`, `p${n}`, `code ${n}`));
    const failed = engine.run([task(db, patient('b', '1')), task(db, ...writes), task(db, patient('c', '1'))]);
    expect(failed).toHaveLength(3);
    for (const result of failed) expect(result).toMatchObject({ ok: false, error: { name: 'StoreUnavailable' } });
    expect(count(db, 'version')).toBe(1);
    db.exec('PRAGMA max_page_count = 1000000');
    expect(engine.run([task(db, ...writes), task(db, patient('b', '1'))]).map(({ ok }) => ok)).toEqual([true, true]);
    expect(count(db, 'version')).toBe(202);
    expect(findings(db)).toEqual([]);
    db.close();
  });

  it('forgets the numbers that a failed commit made', () => {
    const { db, engine } = opened();
    const bad = patient('nobody', '1', '', { ifMatch: '*' });
    const good = observation('o', 'someone', 'a new code');
    const results = engine.run([task(db, good, bad), task(db, good), task(db, bad)]);
    expect(results.map(({ ok }) => ok)).toEqual([false, true, false]);
    expect(count(db, 'code')).toBe(1);
    expect(db.prepare('SELECT id, state FROM entity ORDER BY id').all()).toEqual([
      ['o', 1],
      ['someone', 0],
    ]);
    expect(findings(db)).toEqual([]);
    db.close();
  });

  it('keeps what a version contains as long as the version, current or for walks', () => {
    let now = 1;
    const { db, engine } = opened(() => now);
    const run = (...writes: readonly Write[]) => {
      expect(engine.run([task(db, ...writes)])[0]?.ok).toBe(true);
      expect(findings(db)).toEqual([]);
      return contained(db);
    };
    expect(run(containing('a', '1'), containing('b', '1'), containing('c', '1'), patient('p', '1'))).toBe(3);
    // Nothing changes, then its content, then it is gone: no walk is alive.
    expect(run(containing('a', '1'))).toBe(3);
    expect(run(containing('a', '2'))).toBe(3);
    expect(run(observation('a', 'p'))).toBe(2);
    engine.run([{ kind: 'walks', until: 100 }]);
    expect(run(containing('a', '3'), containing('b', '2'))).toBe(4);
    expect(run(remove('Observation', 'a'))).toBe(4);
    expect(run(containing('a', '4'))).toBe(5);
    expect(run(erase('Observation', 'a'))).toBe(3);
    now = 5000;
    for (let left = true; left; ) left = engine.tidy();
    expect(contained(db)).toBe(2);
    expect(findings(db)).toEqual([]);
    db.close();
  });

  it('undoes a commit that fails while it writes, and no other of its transaction', () => {
    const { db, engine } = opened();
    const whole = task(db, observation('o', 'p', 'one'), observation('q', 'p', 'two'));
    const broken = { ...whole, writes: whole.writes.map((run) => ({ ...run, entries: run.entries.slice(0, -1) })) };
    const results = engine.run([task(db, patient('a', '1')), broken, task(db, patient('b', '1'))]);
    expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
    expect(results[1]).toMatchObject({ error: { message: 'a number is missing in a packed write' } });
    expect(db.prepare('SELECT id FROM entity ORDER BY id').all()).toEqual([['a'], ['b']]);
    expect(engine.run([whole]).map(({ ok }) => ok)).toEqual([true]);
    expect(findings(db)).toEqual([]);
    db.close();
  });

  it('indexes many resources of one commit', () => {
    const { db, engine } = opened();
    const writes = Array.from({ length: 100 }, (_, n) => observation(`o${n}`, `p${n % 7}`, `code ${n % 5}`));
    engine.run([task(db, ...writes)]);
    expect(count(db, 'reference')).toBe(100);
    expect(findings(db)).toEqual([]);
    db.close();
  });

  it('writes only what an update changes in the index', () => {
    const { db, engine } = opened();
    engine.run([task(db, observation('o', 'p', 'one'))]);
    const before = db.prepare<[number]>('SELECT total_changes()').get()?.[0] ?? 0;
    engine.run([task(db, { ...observation('o', 'p', 'one'), body: observation('o', 'p', 'two').body })]);
    // A version and the entity; no index row.
    expect((db.prepare<[number]>('SELECT total_changes()').get()?.[0] ?? 0) - before).toBe(2);
    db.close();
  });

  it('keeps nothing of a replaced version while no walk can be alive', () => {
    const { db, engine } = opened();
    engine.run([task(db, patient('a', '1'))]);
    engine.run([task(db, patient('a', '2'))]);
    expect(count(db, 'kept')).toBe(0);
    db.close();
  });

  it('keeps the rows of a replaced version for the walks that may be alive, and removes them afterwards', () => {
    let now = 10;
    const { db, engine } = opened(() => now);
    engine.run([task(db, patient('a', '1')), { kind: 'walks', until: 5000 }]);
    engine.run([task(db, patient('a', '2'))]);
    expect(db.prepare('SELECT vid, replaced, until FROM kept').all()).toEqual([[1, 2, now + lifetime]]);
    expect(db.prepare('SELECT value, rid FROM kept_identifier').all()).toEqual([['1', 1]]);
    expect(db.prepare('SELECT value, rid FROM identifier').all()).toEqual([['2', 1]]);
    expect(findings(db)).toEqual([]);
    now += lifetime - 1;
    engine.run([task(db, patient('b', '1'))]);
    expect(count(db, 'kept')).toBe(1);
    now += 1;
    engine.run([task(db, patient('b', '2'))]);
    expect(db.prepare('SELECT vid FROM kept').all()).toEqual([[3]]);
    expect(db.prepare('SELECT value, rid FROM kept_identifier').all()).toEqual([['1', 3]]);
    now = 5000;
    expect(engine.tidy()).toBe(false);
    expect(count(db, 'kept_identifier')).toBe(0);
    engine.run([task(db, patient('b', '3'))]);
    expect(count(db, 'kept')).toBe(0);
    db.close();
  });

  it('knows of walks that began before it was opened', () => {
    const { db, engine } = opened();
    engine.run([task(db, patient('a', '1')), { kind: 'walks', until: 5000 }, { kind: 'walks', until: 10 }]);
    const again = writerEngine(db, { clock: () => 4999, cursorLifetime: lifetime });
    again.run([task(db, patient('a', '2'))]);
    expect(count(db, 'kept')).toBe(1);
    db.close();
  });

  it('hides with a deletion what was kept of the resource', () => {
    const { db, engine } = opened();
    engine.run([{ kind: 'walks', until: 5000 }, task(db, patient('a', '1')), task(db, patient('b', '1'))]);
    engine.run([task(db, patient('a', '2'), patient('b', '2'))]);
    expect(count(db, 'kept_identifier')).toBe(2);
    engine.run([task(db, remove('Patient', 'a'))]);
    expect(db.prepare('SELECT rid, deleted FROM kept ORDER BY vid').all()).toEqual([
      [1, 1],
      [2, 0],
      [1, 1],
    ]);
    expect(count(db, 'kept_identifier')).toBe(3);
    db.close();
  });

  it('removes what expired in small steps', () => {
    let now = 0;
    const { db, engine } = opened(() => now);
    const all = (value: string) => Array.from({ length: 250 }, (_, n) => patient(`p${n}`, value));
    engine.run([{ kind: 'walks', until: 5000 }, task(db, ...all('1'))]);
    engine.run([task(db, ...all('2')), { kind: 'note', key: 'k', text: 't', until: 100 }]);
    expect(count(db, 'kept')).toBe(250);
    now = 10_000;
    const steps = [engine.tidy(), engine.tidy(), engine.tidy()];
    expect(steps).toEqual([true, true, false]);
    expect([count(db, 'kept'), count(db, 'kept_identifier'), count(db, 'note')]).toEqual([0, 0, 0]);
    db.close();
  });
});

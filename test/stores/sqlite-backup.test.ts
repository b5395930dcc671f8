/** Backups, made while the store is written to, and their way back. https://hl7.org/fhir/R4/http.html */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StoreUnavailable } from '../../src/store/errors.ts';
import { backupStore, restoreStore } from '../../src/store/sqlite/backup.ts';
import { checkStore } from '../../src/store/sqlite/check.ts';
import { openForReading } from '../../src/store/sqlite/path.ts';
import { commit, failureOf, observation, patient, write } from '../contract/subject.ts';
import { directory, openAt, reextract } from './files.ts';

const at = directory();

describe('backup', () => {
  it('is whole and consistent, made under a steady write load that does not wait for it', async () => {
    const path = at('busy.db');
    const store = await openAt(path);
    await commit(
      store,
      Array.from({ length: 4000 }, (_, n) => patient(`p${n}`, `${n}`, 'x'.repeat(500))),
    );
    let done = false;
    let written = 0;
    let longest = 0;
    const load = (async () => {
      while (!done) {
        const before = performance.now();
        await commit(store, [patient(`q${written}`, 'q'), observation(`q${written}`, `q${written}`)]);
        longest = Math.max(longest, performance.now() - before);
        written++;
      }
    })();
    await expect.poll(() => written, { timeout: 20_000 }).toBeGreaterThan(3);
    const before = written;
    await backupStore(path, at('busy.backup'));
    expect(written).toBeGreaterThan(before);
    done = true;
    await load;
    await store.close();
    expect(longest).toBeLessThan(1000);

    const db = openForReading(at('busy.backup'));
    expect([...checkStore(db, reextract)].filter(({ kind }) => kind === 'finding')).toEqual([]);
    const [patients = 0, observations = 0] =
      db
        .prepare<[number, number]>(
          "SELECT sum(name = 'Patient'), sum(name = 'Observation') FROM entity JOIN type ON num = type",
        )
        .get() ?? [];
    expect(patients).toBe(4000 + observations);
    expect(observations).toBeGreaterThanOrEqual(before);
    db.close();
  });

  it('does not overwrite, and needs a store', async () => {
    writeFileSync(at('there.backup'), 'mine');
    await (await openAt(at('some.db'))).close();
    expect(String(await failureOf(backupStore(at('some.db'), at('there.backup'))))).toMatch(/exists already/);
    expect(readFileSync(at('there.backup'), 'utf8')).toBe('mine');
    expect(await failureOf(backupStore(at('none.db'), at('none.backup')))).toBeInstanceOf(StoreUnavailable);
    expect(existsSync(at('none.backup'))).toBe(false);
  });
});

describe('restore', () => {
  async function backedUp(name: string): Promise<{ readonly path: string; readonly file: string }> {
    const path = at(`${name}.db`);
    const file = at(`${name}.backup`);
    const store = await openAt(path);
    await write(store, patient('a', '1'));
    await backupStore(path, file);
    await write(store, patient('a', '2'));
    await store.close();
    return { path, file };
  }

  it('gives the state of the backup, with another secret, and keeps what it replaced', async () => {
    const { path, file } = await backedUp('back');
    const before = await openAt(path);
    const { secret } = before;
    await before.close();
    restoreStore(file, path, { replace: true });
    const store = await openAt(path);
    expect((await store.read('Patient', 'a'))?.versionId).toBe(1);
    expect(store.secret).not.toEqual(secret);
    expect((await write(store, patient('a', '3'))).versionId).toBe(2);
    await store.close();
    const replaced = await openAt(`${path}.replaced`);
    expect((await replaced.read('Patient', 'a'))?.versionId).toBe(2);
    await replaced.close();
  });

  it('to a place without a store', async () => {
    const { file } = await backedUp('elsewhere');
    restoreStore(file, at('new/place.db'));
    const store = await openAt(at('new/place.db'));
    expect((await store.read('Patient', 'a'))?.versionId).toBe(1);
    await store.close();
  });

  it('asks before it replaces', async () => {
    const { path, file } = await backedUp('ask');
    expect(() => restoreStore(file, path)).toThrow(/may be replaced \(--replace\)/);
    const store = await openAt(path);
    expect((await store.read('Patient', 'a'))?.versionId).toBe(2);
    await store.close();
  });

  it('is refused while a process writes to the store', async () => {
    const { path, file } = await backedUp('held');
    const store = await openAt(path);
    expect(() => restoreStore(file, path, { replace: true })).toThrow(/open for writing in another process/);
    expect((await store.read('Patient', 'a'))?.versionId).toBe(2);
    await store.close();
  });

  it('does not take a store whose log holds changes for a backup', async () => {
    const store = await openAt(at('open.db'));
    await write(store, patient('a', '1'));
    expect(() => restoreStore(at('open.db'), at('other.db'))).toThrow(/is a store, not a backup/);
    await store.close();
    expect(existsSync(at('other.db'))).toBe(false);
  });

  it('checks the backup first', async () => {
    const { path, file } = await backedUp('damaged');
    const bytes = readFileSync(file);
    bytes.fill(0xff, 4096 * 5, 4096 * 12);
    writeFileSync(file, bytes);
    expect(() => restoreStore(file, path, { replace: true })).toThrow(/damaged/);
    writeFileSync(file, 'no database at all');
    expect(() => restoreStore(file, path, { replace: true })).toThrow(StoreUnavailable);
    expect(() => restoreStore(at('none.backup'), path, { replace: true })).toThrow(StoreUnavailable);
    const store = await openAt(path);
    expect((await store.read('Patient', 'a'))?.versionId).toBe(2);
    await store.close();
  });
});

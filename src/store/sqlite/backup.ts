/**
 * Copies of a whole store: made while it is written to, and put in its place after a check.
 * https://hl7.org/fhir/R4/http.html#general
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { StoreUnavailable } from '../errors.ts';
import { takeLock } from './lock.ts';
import { refuseNewer, versionOf } from './migrate.ts';
import { openDatabase } from './open.ts';
import { openForReading } from './path.ts';
import { setSetting } from './settings.ts';

/** What the thread of a backup is started with. */
export interface BackupStart {
  readonly path: string;
  readonly target: string;
}

/**
 * Writes one consistent copy of the store at `path` to `target`, on a thread of its own. The file appears under its name
 * when it is complete. It holds what the store holds, its secret too.
 * @throws StoreUnavailable when there is no store, or `target` exists.
 */
export async function backupStore(path: string, target: string): Promise<void> {
  if (existsSync(target)) throw new StoreUnavailable(`${target} exists already: name another file.`);
  openForReading(path).close();
  mkdirSync(dirname(target), { recursive: true });
  const partial = `${target}.partial`;
  rmSync(partial, { force: true });
  const entry = new URL(`./backup-thread${extname(import.meta.url)}`, import.meta.url);
  const start: BackupStart = { path, target: partial };
  try {
    await new Promise<void>((resolve, reject) => {
      const worker = new Worker(entry, { workerData: start, name: 'backup' });
      worker.once('error', reject);
      worker.once('exit', () => resolve());
    });
    toDisk(partial);
    renameSync(partial, target);
    toDisk(dirname(target));
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

export interface RestoreOptions {
  /** Whether a store at `path` may be replaced; it stays beside, under a name ending in `.replaced`. */
  readonly replace?: boolean;
}

/**
 * Checks a backup, then makes it the store at `path`. Cursors of before are no longer valid.
 * @throws StoreUnavailable when the backup is damaged or of a newer release, when a process writes to the store, or when
 * there is one and it may not be replaced.
 */
export function restoreStore(file: string, path: string, options: RestoreOptions = {}): void {
  checkBackup(file);
  mkdirSync(dirname(path), { recursive: true });
  const lock = takeLock(path);
  try {
    if (existsSync(path) && options.replace !== true) {
      throw new StoreUnavailable(
        `There is a store at ${path}: say that it may be replaced (--replace), or choose another STORE_URL.`,
      );
    }
    const partial = `${path}.partial`;
    removeFiles(partial);
    copyFileSync(file, partial);
    // A walk that began after the backup would go astray among change numbers that are given out once more.
    const db = openDatabase(partial);
    setSetting(db, 'secret', randomBytes(32));
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    toDisk(partial);
    if (existsSync(path)) {
      // Opening moves what its log still holds into the file, which then stands alone.
      const old = openDatabase(path);
      old.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      old.close();
      removeFiles(`${path}.replaced`);
      // Two names for a moment, so that at no time there is no store.
      linkSync(path, `${path}.replaced`);
    }
    rmSync(`${path}-wal`, { force: true });
    rmSync(`${path}-shm`, { force: true });
    renameSync(partial, path);
    toDisk(dirname(path));
  } finally {
    lock.release();
  }
}

/** Throws StoreUnavailable unless the file is a whole store of this release or an older one. */
function checkBackup(file: string): void {
  if (!existsSync(file)) throw new StoreUnavailable(`There is no file ${file}.`);
  const log = `${file}-wal`;
  if (existsSync(log) && statSync(log).size > 0) {
    throw new StoreUnavailable(
      `${file} is a store, not a backup of one: its newest changes are in ${log}. Make a backup of it first.`,
    );
  }
  let damage: string | undefined;
  try {
    const db = openDatabase(file, { readOnly: true });
    try {
      const version = versionOf(db);
      if (version === 0) throw new StoreUnavailable(`${file} is no backup of a store: it is empty.`);
      refuseNewer(version);
      damage = db.prepare<[string]>('PRAGMA integrity_check(1)').get()?.[0];
    } finally {
      db.close();
    }
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error;
    damage = error instanceof Error ? error.message : 'unreadable';
  }
  if (damage !== 'ok') throw new StoreUnavailable(`${file} is damaged and was not restored: ${damage}`);
}

function removeFiles(path: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
}

function toDisk(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

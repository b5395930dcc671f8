/** The stores that the tests over HTTP run on: the embedded one, or MongoDB in the project of that name. https://hl7.org/fhir/R4/http.html */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Databases } from '../stores/mongo-database.ts';

/** Whether the tests run on MongoDB: `vitest.config.ts` says so. */
export const onMongo = process.env.TEST_STORE === 'mongodb';

const databases: Databases | undefined = onMongo
  ? (await import('../stores/mongo-database.ts')).databases()
  : undefined;
let folder: string | undefined;
let files = 0;

afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** A store that nobody has used. */
export interface FreshStore {
  /** Its `STORE_URL`. */
  readonly url: string;
  /** Removes what it holds; else that goes when the file's tests are done. */
  readonly remove: () => Promise<void>;
}

/** A store for one server: in memory, or a database. */
export function freshStore(): FreshStore {
  if (databases === undefined) return { url: 'sqlite::memory:', remove: async () => {} };
  const url = databases.url();
  return { url, remove: () => databases.drop(url) };
}

/** A store for several servers, one after the other: a file, or a database. */
export function lastingStore(): FreshStore {
  return onMongo ? freshStore() : fileStore();
}

/** A store in a file, wherever the tests run. */
export function fileStore(): FreshStore {
  folder ??= mkdtempSync(join(tmpdir(), 'osteon-http-'));
  files += 1;
  const path = join(folder, `${files}.db`);
  return {
    url: `sqlite:${path}`,
    remove: async () => {
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    },
  };
}

/** The ways in which a store can be kept, for what has to hold of each. */
export const kinds: readonly (readonly [name: string, fresh: () => FreshStore])[] = onMongo
  ? [['on MongoDB', freshStore]]
  : [
      ['in memory', freshStore],
      ['in a file', lastingStore],
    ];

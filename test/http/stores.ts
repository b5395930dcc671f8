/** The stores that the tests over HTTP run on: the embedded one, or MongoDB in the project of that name. https://hl7.org/fhir/R4/http.html */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether the tests run on MongoDB: `vitest.config.ts` says so. */
export const onMongo = process.env.TEST_STORE === 'mongodb';

const mongo = onMongo ? await import('../stores/mongo-database.ts') : undefined;
/** What the file whose tests run has used. */
let databases: ReturnType<NonNullable<typeof mongo>['openDatabases']> | undefined;
let folder: string | undefined;
let files = 0;

/** Removes the stores of a file's tests: `test/http/after.ts` calls it, since several files share this module. */
export async function removeStores(): Promise<void> {
  const [usedDatabases, usedFolder] = [databases, folder];
  databases = undefined;
  folder = undefined;
  if (usedFolder !== undefined) rmSync(usedFolder, { recursive: true, force: true });
  await usedDatabases?.end();
}

/** A store that nobody has used. */
export interface FreshStore {
  /** Its `STORE_URL`. */
  readonly url: string;
  /** Removes what it holds; else that goes when the file's tests are done. */
  readonly remove: () => Promise<void>;
}

/** A store for one server: in memory, or a database. */
export function freshStore(): FreshStore {
  if (mongo === undefined) return { url: 'sqlite::memory:', remove: async () => {} };
  databases ??= mongo.openDatabases();
  const used = databases;
  const url = used.url();
  return { url, remove: () => used.drop(url) };
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

/** Where an embedded store lies. https://hl7.org/fhir/R4/http.html#general */
import { existsSync } from 'node:fs';
import { StoreUnavailable } from '../errors.ts';
import { shownUrl } from '../url.ts';
import { schemaVersion, versionOf } from './migrate.ts';
import { type Database, openDatabase } from './open.ts';

/** The path of a store that is gone when its process ends. */
export const inMemory = ':memory:';

/**
 * The path of a store's URL: `sqlite:./data/osteon.db`, `sqlite::memory:`.
 * @throws StoreUnavailable for another kind of URL.
 */
export function pathOf(url: string): string {
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : '';
  if (path === '')
    throw new StoreUnavailable(`${shownUrl(url)} is no URL of an embedded store, such as sqlite:./data/osteon.db.`);
  return path;
}

/**
 * Opens a store's file for reading, also beside the process that writes to it.
 * @throws StoreUnavailable where there is no store, or one of another release, or the file is something else.
 */
export function openForReading(path: string): Database {
  if (!existsSync(path)) throw new StoreUnavailable(`There is no store at ${path}.`);
  let db: Database | undefined;
  try {
    db = openDatabase(path, { readOnly: true });
    const version = versionOf(db);
    if (version === schemaVersion) return db;
    throw new StoreUnavailable(
      `${path} has schema version ${version}, this release reads ${schemaVersion}: start the server once to bring it forward.`,
    );
  } catch (error) {
    db?.close();
    if (error instanceof StoreUnavailable) throw error;
    throw new StoreUnavailable(`${path} can't be read as a store: ${error instanceof Error ? error.message : error}.`);
  }
}

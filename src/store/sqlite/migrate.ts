/** Brings a store's file to the schema of this release, forwards only. https://hl7.org/fhir/R4/http.html#versions */
import { randomBytes } from 'node:crypto';
import { StoreUnavailable } from '../errors.ts';
import { auditSchema } from './audit-schema.ts';
import type { Database } from './open.ts';
import { countAnew, rowCountSchema } from './row-counts.ts';
import { fillingSchema, schema } from './schema.ts';
import { getSetting, setSetting } from './settings.ts';
import { terminologySchema } from './terminology-schema.ts';
import { prefixSchema, textSchema } from './text-index.ts';

/** One step for each version of the schema: the first makes an empty store. A released step is never changed. */
const steps: readonly string[] = [
  schema + auditSchema,
  // What is kept of a deleted resource: it isn't shown, but chains of a walk lead through it.
  'ALTER TABLE kept ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;',
  // The contained resources (rows of entity) of each version that is current or kept, by its change number.
  'CREATE TABLE contained (vid INTEGER NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (vid, rid)) WITHOUT ROWID;',
  textSchema,
  fillingSchema,
  prefixSchema,
  terminologySchema,
  rowCountSchema,
];

/** The schema version that this release reads and writes. */
export const schemaVersion: number = steps.length;

/**
 * The schema version of a file, 0 for an empty one.
 * @throws StoreUnavailable for a database that is no store of ours.
 */
export function versionOf(db: Database): number {
  const tables = db.prepare<[string]>("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  if (tables.length === 0) return 0;
  if (!tables.some(([name]) => name === 'setting')) {
    throw new StoreUnavailable('This file is a database, but not of Osteon: choose another STORE_URL.');
  }
  return Number(getSetting(db, 'schema'));
}

/**
 * Applies the missing steps, each in a transaction of its own; counts rows anew that a repair has left uncounted.
 * @throws StoreUnavailable for a file of a newer release.
 */
export function migrate(db: Database): void {
  const found = versionOf(db);
  refuseNewer(found);
  for (let version = found + 1; version <= steps.length; version++) {
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(steps[version - 1] ?? '');
      setSetting(db, 'schema', version);
      if (version === 1) setSetting(db, 'secret', randomBytes(32));
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
  // A repair was interrupted.
  if (getSetting(db, 'uncounted') !== undefined) countAnew(db);
}

/** Throws StoreUnavailable when a file's schema version is beyond what this release knows. */
export function refuseNewer(version: number): void {
  if (version > schemaVersion) {
    throw new StoreUnavailable(
      `The store has schema version ${version}, this release knows ${schemaVersion}: start a newer release of Osteon.`,
    );
  }
}

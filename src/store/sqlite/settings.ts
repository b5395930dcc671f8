/** Facts that the store's file carries about itself. https://hl7.org/fhir/R4/search.html#date (the time zone of the index). */
import type { Database, SqlValue } from './open.ts';

/** `walks`: until when (milliseconds) a walk may be alive; `greatest …`: numbers that an erasure removed, so as not to give them out again;
 * `patterns N`: how often resources of type number N got another pattern without being changed;
 * `uncounted`: rows are being repaired without their counts (`row-counts.ts`);
 * `words`: the last change that the full-text index has (absent: nobody has used it), `words version`: the rules it was made by. */
export type SettingName =
  | 'schema'
  | 'timezone'
  | 'extraction'
  | 'secret'
  | 'walks'
  | 'greatest rid'
  | 'greatest change'
  | 'uncounted'
  | 'words'
  | 'words version'
  | `patterns ${number}`;

/** The value of a setting, undefined where it was never set. */
export function getSetting(db: Database, name: SettingName): SqlValue | undefined {
  return db.prepare<[SqlValue]>('SELECT value FROM setting WHERE name = ?').get(name)?.[0];
}

/** Counts one more, from 1 on, in the caller's transaction. */
export function countSetting(db: Database, name: SettingName): void {
  setSetting(db, name, Number(getSetting(db, name) ?? 0) + 1);
}

/** Sets a setting, in the caller's transaction if there is one. */
export function setSetting(db: Database, name: SettingName, value: SqlValue): void {
  db.prepare('INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value').run(
    name,
    value,
  );
}

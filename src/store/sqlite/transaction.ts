/** A transaction around a function. https://hl7.org/fhir/R4/http.html#transaction */
import type { Database } from './open.ts';

/** Commits what `act` wrote, or rolls it back and throws what it threw. */
export function transaction<T>(db: Database, act: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = act();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** The state of a store, by the number of its last change. https://hl7.org/fhir/R4/http.html#versions */
import { sql } from './sql.ts';
import type { Statements } from './statements.ts';

/** The numbers of the last change, and of the last one that leaves no version: an erasure, or work on the index. */
export function lastChange(statements: Statements): { readonly change: number; readonly erasure: number } {
  const row = statements.get(sql`SELECT coalesce((SELECT max(vid) FROM version), 0),
    coalesce((SELECT value FROM setting WHERE name = 'greatest change'), 0)`);
  const [version, erasure] = [Number(row?.[0]), Number(row?.[1])];
  return { change: Math.max(version, erasure), erasure };
}

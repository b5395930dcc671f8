/** Compares loaded code systems with what is recorded of them. https://hl7.org/fhir/R4/codesystem.html */
import { type Finding, finding } from '../finding.ts';
import type { Database } from './open.ts';
import { systemSpan, wordsTable } from './terminology-schema.ts';

type Counted = readonly [number: number, url: string, version: string, concepts: number, pairs: number];

/** Yields what is wrong. Rows of no system are removed by a repair; what a system lacks comes back when it is loaded again. */
export function* checkTerminology(db: Database, repair: boolean): Generator<Finding> {
  const tables = new Set(db.prepare<[string]>("SELECT name FROM sqlite_schema WHERE type = 'table'").all().flat());
  const count = (from: string, first: number, end: number) =>
    db.prepare<[number]>(`SELECT count(*) FROM ${from}`).get(first, end)?.[0] ?? 0;
  const systems = db.prepare<Counted>(
    "SELECT number, url, version, concepts, pairs FROM code_system WHERE state = 'current'",
  );
  for (const [number, url, version, concepts, pairs] of systems.all()) {
    const [first, end] = [number * systemSpan, (number + 1) * systemSpan];
    const name = version === '' ? url : `${url}|${version}`;
    const found = count('concept WHERE number >= ? AND number < ?', first, end);
    if (found !== concepts) yield finding(`${name}: ${found} of ${concepts} concepts are there: load it again`);
    const below = count('concept_below WHERE above >= ? AND above < ?', first, end);
    if (below !== pairs) yield finding(`${name}: its hierarchy has ${below} of ${pairs} pairs: load it again`);
    if (!tables.has(wordsTable(number))) yield finding(`${name}: its words are missing: load it again`);
  }
  const known = 'SELECT number FROM code_system';
  for (const [table, system] of [
    ['concept', 'system'],
    ['concept_below', `above / ${systemSpan}`],
    ['concept_property', 'system'],
  ] as const) {
    const where = `${system} NOT IN (${known})`;
    const lost = db.prepare<[number]>(`SELECT count(*) FROM ${table} WHERE ${where}`).get()?.[0] ?? 0;
    if (lost === 0) continue;
    if (repair) db.exec(`DELETE FROM ${table} WHERE ${where}`);
    yield finding(`${lost} rows of ${table} belong to no code system`, repair);
  }
}

/**
 * The ceiling of writing: bare SQLite inserting the rows that the server wrote for the same resources, in groups with full
 * synchronisation, and nothing else. https://hl7.org/fhir/R4/http.html#create
 *
 * One argument, JSON: `source` (a store that has the rows), `target` (a file; a copy of a store, or absent for an empty
 * one), `limit` (resources), `newest` (the last ones instead of the first), `group` (resources a commit).
 * Prints JSON: `resources`, `rows`, `seconds`.
 */
import { openDatabase, type Row, type SqlValue } from '../../src/store/sqlite/open.ts';

interface Plan {
  readonly source: string;
  readonly target: string;
  readonly limit: number;
  readonly newest: boolean;
  readonly group: number;
}

const plan: Plan = JSON.parse(process.argv[2] ?? '{}');
const source = openDatabase(plan.source, { readOnly: true, cache: 64 });
const target = openDatabase(plan.target, { cache: 64 });
target.exec('PRAGMA wal_autocheckpoint = 8000');

const empty = target.prepare('SELECT count(*) FROM sqlite_schema').get()?.[0] === 0;
const tables = source
  .prepare<[string, string]>("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
  .all()
  .map(([name]) => ({
    name,
    columns: source
      .prepare<[number, string]>(`PRAGMA table_info(${name})`)
      .all()
      .map((row) => row[1]),
  }))
  // Rows of resources: current ones only, so nothing of superseded versions. Those of contained ones are few, and aren't
  // found by their resource.
  .filter(({ name, columns }) => columns.includes('rid') && !name.startsWith('kept') && name !== 'contained');
if (empty) {
  const statements = source
    .prepare<[string]>(
      // A virtual table makes the tables behind it itself.
      `SELECT s.sql FROM sqlite_schema s LEFT JOIN pragma_table_list l ON l.schema = 'main' AND l.name = s.name
       WHERE s.sql IS NOT NULL AND s.name NOT LIKE 'sqlite%' AND l.type IS NOT 'shadow' ORDER BY s.type = 'index'`,
    )
    .all();
  for (const [sql] of statements) target.exec(sql);
}
const highest = (column: string, table: string): number =>
  Number(target.prepare(`SELECT coalesce(max(${column}), 0) FROM ${table}`).get()?.[0] ?? 0);
const shiftOf: Readonly<Record<string, number>> = empty
  ? {}
  : { rid: highest('rid', 'entity'), vid: highest('vid', 'version') };

const writers = tables.map(({ name, columns }) => ({
  select: source.prepare(`SELECT * FROM ${name} WHERE rid = ?`),
  insert: target.prepare(`INSERT INTO ${name} VALUES (${columns.map(() => '?').join(', ')})`),
  shifts: columns.map((column) => shiftOf[column] ?? 0),
  // A second resource with the same logical id can't be; another first letter keeps ids in order at the end of the index.
  id: empty || name !== 'entity' ? -1 : columns.indexOf('id'),
}));

interface Insert {
  readonly run: (...values: readonly SqlValue[]) => unknown;
  readonly row: Row;
}

/** All rows of a resource, with new numbers. */
function rowsOf(rid: number): readonly Insert[] {
  return writers.flatMap(({ select, insert, shifts, id }) =>
    select.all(rid).map((row) => ({
      run: (...values: readonly SqlValue[]) => insert.run(...values),
      row: row.map((value, index) => {
        if (index === id) return `z${String(value).slice(1)}`;
        const shift = shifts[index] ?? 0;
        return shift !== 0 && typeof value === 'number' ? value + shift : value;
      }),
    })),
  );
}

let seconds = 0;
let rows = 0;
let resources = 0;
const rids = source
  .prepare<[number]>(
    `SELECT rid FROM entity WHERE state = 1 AND number = 1 ORDER BY vid ${plan.newest ? 'DESC' : ''} LIMIT ?`,
  )
  .all(plan.limit)
  .map(([rid]) => rid);
if (plan.newest) rids.reverse();
// Reading the rows isn't counted, and they don't have to be in memory all at once.
for (let start = 0; start < rids.length; start += 4000) {
  const chunk = rids.slice(start, start + 4000).map(rowsOf);
  const begun = performance.now();
  for (let first = 0; first < chunk.length; first += plan.group) {
    target.exec('BEGIN IMMEDIATE');
    for (const inserts of chunk.slice(first, first + plan.group)) {
      for (const { run, row } of inserts) run(...row);
      rows += inserts.length;
    }
    target.exec('COMMIT');
  }
  seconds += (performance.now() - begun) / 1000;
  resources += chunk.length;
}
target.close();
source.close();
console.log(JSON.stringify({ resources, rows, seconds }));

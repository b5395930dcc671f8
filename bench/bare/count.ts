/**
 * The ceiling of counting: bare SQLite counting the rows of frequent codes by their index, as it was told of in the design.
 * https://hl7.org/fhir/R4/search.html#total
 *
 * One argument, JSON: `file` (a store). Prints JSON: `p50`, milliseconds for each 100,000 rows, each code counted once.
 */
import { openDatabase } from '../../src/store/sqlite/open.ts';

/** Rows that a code has at least, and codes that are counted at most. */
const least = 100_000;
const most = 50;

const { file }: { readonly file: string } = JSON.parse(process.argv[2] ?? '{}');
const database = openDatabase(file, { readOnly: true });
const frequent = database
  .prepare<[number, number]>('SELECT param, code FROM token GROUP BY param, code HAVING count(*) >= ? LIMIT ?')
  .all(least, most);
const count = database.prepare<[number]>('SELECT count(*) FROM token WHERE param = ? AND code = ?');
const times = frequent.map(([param, code]) => {
  const begun = performance.now();
  const rows = count.get(param, code)?.[0] ?? 0;
  return ((performance.now() - begun) * least) / rows;
});
database.close();
const p50 = times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
console.log(JSON.stringify({ p50 }));

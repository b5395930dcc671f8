/** Compares the full-text index with the resources, as far as it goes. https://hl7.org/fhir/R4/search.html#content */
import type { Database } from './open.ts';
import { getSetting } from './settings.ts';
import { emptyTextIndex, wordsOfBody } from './text-index.ts';

/** Versions that are compared in one snapshot. */
const batch = 500;

/** Rows of current and kept versions that aren't there. */
const lacking = `SELECT count(*) FROM (
    SELECT vid FROM entity WHERE state = 1 UNION ALL SELECT vid FROM kept
  ) v WHERE v.vid <= ? AND v.vid NOT IN (SELECT id FROM words_docsize)`;
/** Rows of versions that are gone, or whose successor should have told that they were replaced. */
const stray = `SELECT count(*) FROM words_docsize d LEFT JOIN version v ON v.vid = d.id
  LEFT JOIN version n ON n.rid = v.rid AND n.number = v.number + 1
  WHERE v.vid IS NULL OR v.body IS NULL OR (n.vid <= ? AND d.id NOT IN (SELECT vid FROM replaced_words))`;

/**
 * What is wrong with the index, as a sentence; undefined where nothing is, or where nobody has searched by words yet.
 * @param repair whether to empty it then, on a writing connection: the next search by words makes it anew.
 */
export function checkText(db: Database, repair: boolean): string | undefined {
  const upTo = Number(getSetting(db, 'words') ?? 0);
  const count = (sql: string) => db.prepare<[number]>(sql).get(upTo)?.[0] ?? 0;
  db.exec('BEGIN');
  const missing = count(lacking);
  const spare = count(stray);
  db.exec('COMMIT');
  const different = differing(db);
  if (missing + spare + different === 0) return undefined;
  if (repair) emptyTextIndex(db);
  return `the full-text index lacks ${missing} versions, has ${spare} too many and ${different} with other words`;
}

/** How many rows have another number of words than their version. */
function differing(db: Database): number {
  const some = db.prepare<[number, Uint8Array, Uint8Array]>(`SELECT d.id, d.sz, v.body FROM words_docsize d
    CROSS JOIN version v ON v.vid = d.id WHERE d.id > ? AND v.body IS NOT NULL ORDER BY d.id LIMIT ${batch}`);
  let different = 0;
  for (let last = 0; ; ) {
    const rows = some.all(last);
    for (const [, sizes, body] of rows) {
      const { narrative, content } = wordsOfBody(body);
      const wanted = [1, narrative.length, content.length];
      if (sizesIn(sizes).join() !== wanted.join()) different++;
    }
    if (rows.length < batch) return different;
    last = rows.at(-1)?.[0] ?? last;
  }
}

/** The numbers of words in the columns of a row: SQLite's variable-length integers. */
function sizesIn(bytes: Uint8Array): readonly number[] {
  const sizes: number[] = [];
  let size = 0;
  for (const byte of bytes) {
    size = size * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    sizes.push(size);
    size = 0;
  }
  return sizes;
}

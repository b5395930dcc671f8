/** Loaded code systems in the file: its rows, its readers, what was cut off. https://hl7.org/fhir/R4/codesystem.html */
import { describe, expect, it } from 'vitest';
import { TooCostly } from '../../src/store/errors.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';
import { checkTerminology } from '../../src/store/sqlite/terminology-check.ts';
import { TerminologyReads } from '../../src/store/sqlite/terminology-read.ts';
import type { LoadedConcept, LoadedSystem } from '../../src/store/terminology.ts';
import { directory, openAt } from './files.ts';

const at = directory();
const system: LoadedSystem = { url: 'urn:s', version: '', title: 'S', caseSensitive: true, properties: [] };

async function* chain(length: number): AsyncGenerator<readonly LoadedConcept[]> {
  for (let n = 0; n < length; n++)
    yield [{ code: String(n), display: `number ${n}`, parents: n === 0 ? [] : [String(Math.floor((n - 1) / 10))] }];
}

async function loaded(name: string, length: number): Promise<string> {
  const store = await openAt(at(name));
  await store.terminology.load(system, () => chain(length));
  await store.close();
  return at(name);
}

const tables = (db: Database) =>
  ['code_system', 'concept', 'concept_below', 'concept_property'].map(
    (table) => db.prepare<[number]>(`SELECT count(*) FROM ${table}`).get()?.[0],
  );
const wordTables = (db: Database) =>
  db
    .prepare<[string]>("SELECT name FROM sqlite_schema WHERE name GLOB 'concept_words_*[0-9]' ORDER BY name")
    .all()
    .flat();

describe('loaded code systems in a file', () => {
  it('are still there when it is opened again', async () => {
    const path = await loaded('again.db', 100);
    const store = await openAt(path);
    expect((await store.terminology.systems()).map(({ count }) => count)).toEqual([100]);
    expect(await store.terminology.related(system, '9', 'below', 100)).toEqual(
      Array.from({ length: 9 }, (_, n) => String(91 + n)),
    );
    await store.close();
  });

  it('leave no rows when they are removed or replaced', async () => {
    const path = await loaded('removed.db', 100);
    const store = await openAt(path);
    await store.terminology.load(system, () => chain(3));
    await store.close();
    const db = openDatabase(path);
    expect(tables(db)).toEqual([1, 3, 2, 2]);
    expect(wordTables(db)).toEqual(['concept_words_2']);
    db.close();
    const again = await openAt(path);
    expect(await again.terminology.remove(system.url, '')).toBe(true);
    await again.close();
    const empty = openDatabase(path);
    expect(tables(empty)).toEqual([0, 0, 0, 0]);
    expect(wordTables(empty)).toEqual([]);
    empty.close();
  });

  it('that were being loaded when the process was killed are not seen, and go with the next load', async () => {
    const path = await loaded('cut.db', 100);
    const db = openDatabase(path);
    // As a load leaves the file before it is shown.
    db.exec("UPDATE code_system SET state = 'loading'");
    db.close();
    const store = await openAt(path);
    expect(await store.terminology.systems()).toEqual([]);
    expect(await store.terminology.concepts(system, ['0'])).toEqual([]);
    await store.terminology.load(system, () => chain(3));
    await store.close();
    const after = openDatabase(path);
    expect(tables(after)).toEqual([1, 3, 2, 2]);
    after.close();
  });

  it('are compared with what is recorded of them', async () => {
    const path = await loaded('check.db', 100);
    const db = openDatabase(path);
    const findings = (repair = false) =>
      [...checkTerminology(db, repair)].map(({ text, repaired }) => [text, repaired] as const);
    expect(findings()).toEqual([]);
    db.exec("DELETE FROM concept WHERE code = '99'");
    db.exec('INSERT INTO concept_below (above, below) VALUES (1, 2)');
    expect(findings()).toEqual([
      ['urn:s: 99 of 100 concepts are there: load it again', false],
      ['1 rows of concept_below belong to no code system', false],
    ]);
    expect(findings(true)).toHaveLength(2);
    expect(findings()).toEqual([['urn:s: 99 of 100 concepts are there: load it again', false]]);
    db.close();
  });

  it('are read up to the budget', async () => {
    const db = openDatabase(await loaded('budget.db', 3000), { readOnly: true });
    const reads = new TerminologyReads(db);
    const select = (budget: number) =>
      reads.ask({ kind: 'select', system, filter: { text: 'number' }, page: { offset: 0, count: 1 } }, budget);
    expect(() => select(-1)).toThrow(TooCostly);
    expect(() => reads.ask({ kind: 'below', system, code: '0', limit: 5000 }, -1)).toThrow(TooCostly);
    expect(select(10_000)).toMatchObject({ page: { total: 3000 } });
    db.close();
  });
});

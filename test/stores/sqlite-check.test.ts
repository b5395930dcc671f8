/** `checkStore`: the index against the resources. https://hl7.org/fhir/R4/search.html */
import { describe, expect, it } from 'vitest';
import { checkStore } from '../../src/store/sqlite/check.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';
import { countAnew } from '../../src/store/sqlite/row-counts.ts';
import { commit, containing, erase, identified, observation, patient, remove, write } from '../contract/subject.ts';
import { directory, openAt, reextract } from './files.ts';

const at = directory();

/** A store with resources, a deletion, an erasure, updates, and versions kept for a walk. */
async function fill(path: string): Promise<void> {
  const store = await openAt(path);
  await commit(store, [
    patient('a', '1'),
    patient('b', '2'),
    patient('c', '3'),
    observation('o', 'a'),
    observation('p', 'b'),
    containing('i', '1'),
    containing('j', '2'),
    containing('k', '3'),
    containing('l', '4'),
  ]);
  const page = await store.search({
    parts: [{ type: 'Patient', criterion: { kind: 'and', of: [] }, sort: [] }],
    count: 1,
    total: 'none',
    totalBound: 10,
    budget: 10_000,
  });
  expect(page.next).toBeDefined();
  await commit(store, [patient('a', '9'), remove('Patient', 'b'), observation('o', 'c', 'height')]);
  await commit(store, [containing('i', '9'), remove('Observation', 'j'), observation('k', 'a')]);
  await write(store, erase('Patient', 'c'));
  await write(store, erase('Observation', 'l'));
  await store.close();
}

function findings(db: Database, repair = false): readonly string[] {
  const found = [...checkStore(db, reextract, { repair })];
  expect(found.some(({ kind }) => kind === 'progress')).toBe(true);
  return found.flatMap((one) => (one.kind === 'finding' ? [one.text] : []));
}

describe('check', () => {
  it('finds nothing wrong in a store that nobody damaged', async () => {
    await fill(at('sound.db'));
    const db = openDatabase(at('sound.db'), { readOnly: true });
    expect(findings(db)).toEqual([]);
    expect(db.prepare('SELECT count(*) FROM kept').get()).toEqual([6]);
    expect(db.prepare('SELECT count(*) FROM contained').get()).toEqual([4]);
    db.close();
  });

  it('finds nothing wrong in texts that UTF-8 can’t write', async () => {
    const store = await openAt(at('surrogates.db'));
    await commit(store, [patient('a', 'x\ud800'), patient('b', '\ud83d\ude00')]);
    await store.close();
    const db = openDatabase(at('surrogates.db'), { readOnly: true });
    expect(findings(db)).toEqual([]);
    db.close();
  });

  it.each([
    [
      'a row that is missing',
      "DELETE FROM token WHERE rid = (SELECT rid FROM entity WHERE id = 'o')",
      /^Observation\/o: its index lacks 1 rows of token/,
    ],
    [
      'a row too many',
      "INSERT INTO identifier SELECT param, 'other', 0, rid FROM identifier LIMIT 1",
      /^Patient\/a: its index .* has 1 too many/,
    ],
    [
      'a wrong pattern',
      'UPDATE entity SET pattern = (SELECT max(num) FROM pattern) WHERE state = 1',
      /its pattern of parameters is wrong/,
    ],
    [
      'rows of what is deleted',
      'INSERT INTO identifier SELECT param, value, system, (SELECT rid FROM entity WHERE state = 2) FROM identifier LIMIT 1',
      /1 rows of the index identifier belong to nothing/,
    ],
    [
      'a wrong count',
      "UPDATE type SET live = 7 WHERE name = 'Patient'",
      /^Patient: 1 resources are there, 7 are counted/,
    ],
    [
      'a code that is not found without regard to case',
      "UPDATE code SET folded = 'other' WHERE num = (SELECT min(num) FROM code)",
      /^1 codes are not found/,
    ],
    [
      'a row that is missing of a contained resource',
      'DELETE FROM identifier WHERE param < 0',
      /^Observation\/i: the index of its contained #Patient lacks 1 rows of identifier/,
    ],
    [
      'a contained resource that is missing',
      "DELETE FROM contained WHERE vid = (SELECT vid FROM entity WHERE id = 'i')",
      /^Observation\/i: its contained #Patient p is not indexed/,
    ],
    [
      'a contained resource of nothing',
      "INSERT INTO entity SELECT 900, type, 'x#900', 1, 900, 0, pattern FROM entity WHERE id GLOB 'p#*' LIMIT 1",
      /^1 contained resources are indexed that lie in nothing/,
    ],
    ['a wrong count', 'UPDATE row_count SET rows = rows + 1', /counts of index rows are not those of the rows$/],
    ['a count too many', 'INSERT INTO row_count VALUES (1, 900, 2)', /^1 counts of index rows are not/],
    [
      'a row that is missing of a kept version',
      'DELETE FROM kept_identifier',
      /^Patient\/a: its index, as kept for walks, lacks 1 rows/,
    ],
  ])('finds and repairs %s', async (title, damage, expected) => {
    const path = at(`${title.replaceAll(' ', '-')}.db`);
    await fill(path);
    const db = openDatabase(path);
    db.exec(damage);
    const found = findings(db);
    expect(found.length).toBeGreaterThan(0);
    expect(found.some((text) => expected.test(text))).toBe(true);
    expect(findings(db, true)).toEqual(found);
    expect(findings(db)).toEqual([]);
    db.close();
    const store = await openAt(path);
    expect(await store.matches('Patient', identified('9'), 10)).toEqual(['a']);
    await store.close();
  });

  it('counts anew when the store is opened next, where a repair was interrupted', async () => {
    const path = at('interrupted.db');
    await fill(path);
    const db = openDatabase(path);
    db.exec("DELETE FROM token WHERE rid = (SELECT rid FROM entity WHERE id = 'o')");
    countAnew(db);
    for (const step of checkStore(db, reextract, { repair: true })) if (step.kind === 'progress') break;
    expect(findings(db)).toEqual(expect.arrayContaining([expect.stringMatching(/counts of index rows/)]));
    db.close();
    await (await openAt(path)).close();
    const opened = openDatabase(path, { readOnly: true });
    expect(findings(opened).filter((text) => text.includes('counts of index rows'))).toEqual([]);
    opened.close();
  });

  it('leaves alone what an earlier release made; what it puts right is found by that as before', async () => {
    const path = at('earlier.db');
    await fill(path);
    const db = openDatabase(path);
    const checked = (repair = false) =>
      [...checkStore(db, reextract, { repair, isEarlier: ({ code }) => code === 'code' })].flatMap((one) =>
        one.kind === 'finding' ? [one.text] : [],
      );
    db.exec("UPDATE token SET code = (SELECT min(num) FROM code WHERE value <> 'weight')");
    countAnew(db);
    expect(findings(db)).not.toEqual([]);
    expect(checked()).toEqual([]);
    db.exec("DELETE FROM reference WHERE rid = (SELECT rid FROM entity WHERE id = 'o')");
    expect(checked(true)).toEqual([expect.stringMatching(/^Observation\/o: its index lacks 1 rows of reference/)]);
    expect(checked()).toEqual([]);
    expect(findings(db).filter((text) => text.startsWith('Observation/o'))).toEqual([]);
    db.close();
  });

  it.each([
    ['a lost version', 'DELETE FROM version WHERE number = 1 AND rid = 1', /^Patient\/a: its versions are not 1, 2, …/],
    [
      'a current version that is not the last',
      'UPDATE entity SET vid = 1, number = 1 WHERE rid = 1',
      /^Patient\/a: its versions are not/,
    ],
    [
      'versions out of order',
      'UPDATE version SET updated = updated + 86400000 WHERE number = 1 AND rid = 1',
      /^Patient\/a: version 1 is not older/,
    ],
  ])('finds %s', async (title, damage, expected) => {
    const path = at(`${title.replaceAll(' ', '-')}.db`);
    await fill(path);
    const db = openDatabase(path);
    db.exec(damage);
    expect(findings(db).some((text) => expected.test(text))).toBe(true);
    db.close();
  });

  it('repairs the others where a resource is damaged itself, and says that it needs a backup', async () => {
    const path = at('damaged-body.db');
    await fill(path);
    const db = openDatabase(path);
    db.exec("UPDATE version SET body = CAST('{' AS BLOB) WHERE vid = (SELECT vid FROM entity WHERE id = 'o')");
    db.exec("DELETE FROM identifier WHERE rid = (SELECT rid FROM entity WHERE id = 'a')");
    const found = [...checkStore(db, reextract, { repair: true })].filter((one) => one.kind === 'finding');
    expect(found.map(({ text, repaired }) => [text.slice(0, 30), repaired])).toEqual([
      ['Patient/a: its index lacks 1 r', true],
      ["Observation/o: it can't be ind", false],
    ]);
    expect(findings(db)).toHaveLength(1);
    db.close();
  });
});

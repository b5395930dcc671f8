/** The full-text index of the embedded store. https://hl7.org/fhir/R4/search.html#content */
import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import { NotReady } from '../../src/store/errors.ts';
import type { Store } from '../../src/store/port.ts';
import { checkStore } from '../../src/store/sqlite/check.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';
import { currentParameters, registerParameters } from '../../src/store/sqlite/parameters.ts';
import { TextCatchUp } from '../../src/store/sqlite/text-catch-up.ts';
import { InlineWriter } from '../../src/store/sqlite/writer.ts';
import { writerEngine } from '../../src/store/sqlite/writer-engine.ts';
import { commit, erase, failureOf, observation, patient, remove, write } from '../contract/subject.ts';
import { directory, openAt, parameters, reextract } from './files.ts';

const at = directory();

function says(...words: readonly string[]): Criterion {
  return { kind: 'words', scope: 'content', query: { kind: 'words', words, prefix: false } };
}

/** Patients whose language is a word. */
const many = (count: number, word: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => patient(`p${n}`, `v${n}`, word(n)));

function findings(db: Database, repair = false): readonly string[] {
  return [...checkStore(db, reextract, { repair })].flatMap((each) => (each.kind === 'finding' ? [each.text] : []));
}

const number = (db: Database, sql: string) => db.prepare<[number]>(sql).get()?.[0];

async function totalOf(store: Store, criterion: Criterion): Promise<number | undefined> {
  const parts = [{ type: 'Patient', criterion, sort: [] }];
  return (await store.search({ parts, count: 0, total: 'accurate', totalBound: 0, budget: 10_000 })).total;
}

/** A store in memory, with its writer. */
function opened() {
  const db = openDatabase(':memory:');
  migrate(db);
  registerParameters(db, parameters);
  const clock = { now: 1 };
  const engine = writerEngine(db, { clock: () => clock.now, cursorLifetime: 1000 });
  return { db, clock, engine, writer: new InlineWriter(engine, currentParameters(db)) };
}

describe('the full-text index', () => {
  it('is not touched by commits until somebody searches by words', async () => {
    const { db, engine, writer } = opened();
    await commit(
      writer,
      many(5, () => 'word'),
    );
    while (engine.tidy());
    expect(number(db, 'SELECT count(*) FROM words_docsize')).toBe(0);
    await writer.words(3);
    expect(number(db, 'SELECT count(*) FROM words_docsize')).toBe(3);
    while (engine.tidy());
    expect(number(db, 'SELECT count(*) FROM words_docsize')).toBe(5);
    db.close();
  });

  it('has what is current and what walks may show, and nothing else', async () => {
    const { db, clock, engine, writer } = opened();
    await commit(
      writer,
      many(4, () => 'before'),
    );
    await writer.words(100);
    await commit(writer, [patient('p0', 'v0', 'after')]);
    await writer.walks(10);
    await commit(writer, [patient('p1', 'v1', 'after'), remove('Patient', 'p2')]);
    await writer.words(100);
    const found = (word: string) => number(db, `SELECT count(*) FROM words WHERE words MATCH '${word}'`);
    expect([found('before'), found('after')]).toEqual([3, 2]);
    expect(findings(db)).toEqual([]);
    clock.now = 5000;
    while (engine.tidy());
    expect([found('before'), found('after')]).toEqual([1, 2]);
    expect(findings(db)).toEqual([]);
    db.close();
  });

  it('is caught up with before a search that needs it', async () => {
    const store = await openAt(at('caught.db'));
    await commit(
      store,
      many(500, (n) => (n % 2 === 0 ? 'even' : 'odd')),
    );
    expect(await totalOf(store, says('even'))).toBe(250);
    await commit(
      store,
      many(500, () => 'even'),
    );
    expect(await totalOf(store, says('even'))).toBe(500);
    expect(await store.matches('Patient', says('odd'), 5)).toEqual([]);
    await store.close();
    const db = openDatabase(at('caught.db'), { readOnly: true });
    expect(findings(db)).toEqual([]);
    db.close();
  });

  it('that has caught up with what a search knew finds each once when it comes again', async () => {
    const store = await openAt(at('again.db'));
    await commit(
      store,
      many(30, (n) => (n % 3 === 0 ? 'seldom' : 'often')),
    );
    const search = async () => {
      const parts = [{ type: 'Patient', criterion: says('seldom'), sort: [] }];
      const page = (count: number) => store.search({ parts, count, total: 'accurate', totalBound: 0, budget: 10_000 });
      const [{ total }, { matches }] = [await page(1), await page(50)];
      return { total, shown: matches.map(({ id }) => Number(id.slice(1))) };
    };
    const seldom = Array.from({ length: 10 }, (_, n) => 3 * n);
    expect(await search()).toEqual({ total: 10, shown: seldom });
    // So many that the index is waited for; none is a patient.
    await commit(
      store,
      Array.from({ length: 100 }, (_, n) => observation(`o${n}`, 'p0')),
    );
    expect(await search()).toEqual({ total: 10, shown: seldom });
    await store.close();
  });

  it('finds resources without reading versions, whose bodies lie beside them', async () => {
    const store = await openAt(at('narrow.db'));
    await commit(
      store,
      many(30, (n) => (n % 3 === 0 ? 'seldom' : 'often')),
    );
    const parts = [{ type: 'Patient', criterion: says('seldom'), sort: [] }];
    const { steps, total } = await store.explain({ parts, count: 0, total: 'accurate', totalBound: 0, budget: 10_000 });
    expect(total).toBe(10);
    const access = steps.flatMap((step) => step.access).join();
    // What the index of words finds is read once for page and total.
    const paged = await store.explain({ parts, count: 2, total: 'accurate', totalBound: 0, budget: 10_000 });
    expect(paged.total).toBe(10);
    expect(paged.steps.filter((step) => step.access.join().includes('SCAN f VIRTUAL TABLE'))).toHaveLength(1);
    // Neither is it counted by what was found before something changed.
    const search = async () =>
      (await store.search({ parts, count: 2, total: 'accurate', totalBound: 0, budget: 10_000 })).total;
    expect(await search()).toBe(10);
    await commit(store, [remove('Patient', 'p0')]);
    expect(await search()).toBe(9);
    expect(access).toContain('SEARCH e USING COVERING INDEX entity_by_change (type=? AND vid=?)');
    expect(access).not.toContain('SEARCH v ');
    await store.close();
  });

  it('is made in the background where much is missing', async () => {
    const store = await openAt(at('much.db'));
    await commit(
      store,
      many(2500, () => 'word'),
    );
    const error = await failureOf(totalOf(store, says('word')));
    expect(error).toBeInstanceOf(NotReady);
    expect(error).toMatchObject({ message: /0 % of the changes/, retryAfter: expect.any(Number) });
    for (let found: unknown; found !== 2500; ) {
      await turn();
      found = await totalOf(store, says('word')).catch(() => undefined);
    }
    await store.close();
  });

  it('goes past a resource that has no readable words, and says so', async () => {
    const reports: string[] = [];
    const store = await openAt(at('unreadable.db'), { report: (text) => reports.push(text) });
    const unreadable = { ...patient('bad', 'v', 'word'), body: { head: Buffer.from('{"a":'), tail: Buffer.of() } };
    await commit(store, [unreadable, ...many(150, () => 'word')]);
    expect(await totalOf(store, says('word'))).toBe(150);
    expect(await totalOf(store, says('word'))).toBe(150);
    expect(reports).toEqual([
      expect.stringMatching(/^Patient\/bad\/_history\/1 can't be found by its words.*SyntaxError/),
    ]);
    await write(store, erase('Patient', 'bad'));
    await commit(store, [patient('late', 'v', 'word'), { ...unreadable, id: 'worse' }]);
    expect(await totalOf(store, says('word'))).toBe(151);
    await store.close();
    const db = openDatabase(at('unreadable.db'), { readOnly: true });
    expect(number(db, 'SELECT count(*) FROM words_docsize')).toBe(150);
    db.close();
  });

  it('that can not be made in the background says so', async () => {
    const reports: unknown[] = [];
    const { db, engine, writer } = opened();
    await commit(
      writer,
      many(2500, () => 'word'),
    );
    const failing = new (class extends InlineWriter {
      override words = () => Promise.reject(new Error('broken'));
    })(engine);
    const broken = new TextCatchUp(db, failing, (...report) => reports.push(report));
    expect(await failureOf(broken.ready([says('word')]))).toBeInstanceOf(NotReady);
    while (reports.length === 0) await turn();
    expect(reports).toEqual([['The full-text index could not be brought up to date.', new Error('broken')]]);
    db.close();
  });

  it('that is being made lets the store close', async () => {
    const store = await openAt(at('closing.db'));
    await commit(
      store,
      many(2500, () => 'word'),
    );
    expect(await failureOf(totalOf(store, says('word')))).toBeInstanceOf(NotReady);
    await store.close();
    const again = await openAt(at('closing.db'));
    expect(await again.matches('Patient', { kind: 'id', ids: ['p1'] }, 1)).toEqual(['p1']);
    await again.close();
  });

  it('keeps no word of what was erased', async () => {
    const store = await openAt(at('erased.db'));
    const word = 'zerquetschterbaum';
    await commit(store, [patient('gone', 'v', word), patient('stays', 'v', 'other'), ...many(200, () => 'x')]);
    expect(await totalOf(store, says(word))).toBe(1);
    await write(store, patient('gone', 'v', `${word}s`));
    await commit(
      store,
      many(200, () => 'y'),
    );
    expect(await totalOf(store, says(`${word}s`))).toBe(1);
    await write(store, erase('Patient', 'gone'));
    expect(await totalOf(store, says(word))).toBe(0);
    expect(await totalOf(store, says('other'))).toBe(1);
    await store.close();
    const db = openDatabase(at('erased.db'));
    expect(findings(db)).toEqual([]);
    db.close();
    expect(readFileSync(at('erased.db')).includes('zerquetsch')).toBe(false);
  });

  it.each([
    ['lacks', "INSERT INTO words (words) VALUES ('delete-all')", /lacks 3 versions/],
    ['has too many', "INSERT INTO words (rowid, type, content) VALUES (99, 't1', 'x')", /has 1 too many/],
    ['has other words', "INSERT INTO words (rowid, content) VALUES (1, 'a b c d e f g h')", /1 with other words/],
  ])('that %s something is found and made anew', async (_, damage, text) => {
    const { db, writer } = opened();
    await commit(
      writer,
      many(3, () => 'word'),
    );
    await writer.words(100);
    expect(findings(db)).toEqual([]);
    db.exec(damage);
    expect(findings(db)).toEqual([expect.stringMatching(text)]);
    expect(findings(db, true)).toHaveLength(1);
    expect(findings(db)).toEqual([]);
    await writer.words(100);
    expect(number(db, 'SELECT count(*) FROM words_docsize')).toBe(3);
    expect(findings(db)).toEqual([]);
    db.close();
  });

  it('of other rules is made anew', async () => {
    const store = await openAt(at('rules.db'));
    await commit(
      store,
      many(150, () => 'word'),
    );
    expect(await totalOf(store, says('word'))).toBe(150);
    await store.close();
    const db = openDatabase(at('rules.db'));
    db.exec("UPDATE setting SET value = 0 WHERE name = 'words version'");
    db.close();
    const again = await openAt(at('rules.db'));
    const reading = openDatabase(at('rules.db'), { readOnly: true });
    expect(number(reading, 'SELECT count(*) FROM words_docsize')).toBe(0);
    expect(await totalOf(again, says('word'))).toBe(150);
    expect(number(reading, 'SELECT count(*) FROM words_docsize')).toBe(150);
    reading.close();
    await again.close();
  });
});

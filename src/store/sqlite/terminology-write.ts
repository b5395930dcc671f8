/** Stores and removes code systems, a little in each transaction, on the writing connection. https://hl7.org/fhir/R4/codesystem.html */
import type { LoadedSystem } from '../terminology.ts';
import type { Database, Row, SqlValue, Statement } from './open.ts';
import type { ConceptRow } from './terminology-rows.ts';
import { systemSpan, wordsSchema, wordsTable } from './terminology-schema.ts';

/** A step: plain data that crosses threads. */
export type TerminologyWork =
  /** Gives the number of a system that is being loaded. */
  | { readonly step: 'begin'; readonly system: LoadedSystem }
  | { readonly step: 'concepts'; readonly system: number; readonly rows: readonly ConceptRow[] }
  /** One after the other: a place, how many are below it, and their places in order. */
  | { readonly step: 'below'; readonly system: number; readonly places: Int32Array }
  /** Shows the system in place of the same version. */
  | { readonly step: 'finish'; readonly system: number; readonly counts: SystemCounts }
  /** Hides a system: the one of that number, or all that are being loaded. Gives how many. */
  | { readonly step: 'hide'; readonly system: number | 'loading' }
  /** Removes a little of what is hidden. Gives 1 where there is more. */
  | { readonly step: 'clean' };

export interface SystemCounts {
  readonly concepts: number;
  readonly pairs: number;
  readonly inactive: number;
  readonly abstract: number;
}

/** Rows that one step removes. */
const cleaned = 5_000;

export class TerminologyWrites {
  readonly #db: Database;
  readonly #concept: Statement;
  readonly #property: Statement;
  readonly #below: Statement;
  readonly #words = new Map<number, Statement>();
  /** The last number that was given: of a system that is removed it isn't given again, since it tells what was read. */
  #last = 0;

  constructor(db: Database) {
    this.#db = db;
    this.#concept = db.prepare(
      'INSERT INTO concept (number, system, key, code, display, flags, more) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#property = db.prepare(
      'INSERT OR IGNORE INTO concept_property (system, property, value, concept) VALUES (?, ?, ?, ?)',
    );
    this.#below = db.prepare('INSERT INTO concept_below (above, below) VALUES (?, ?)');
  }

  /** Takes a step in the caller's transaction. @returns what the step gives, 0 where it gives nothing. */
  run(work: TerminologyWork): number {
    switch (work.step) {
      case 'begin':
        return this.#begin(work.system);
      case 'concepts':
        this.#concepts(work.system, work.rows);
        return 0;
      case 'below':
        this.#pairs(work.system, work.places);
        return 0;
      case 'finish':
        this.#finish(work.system, work.counts);
        return 0;
      case 'hide':
        return this.#hide(work.system);
      case 'clean':
        return this.#clean() ? 1 : 0;
    }
  }

  #begin({ url, version, title, caseSensitive, properties }: LoadedSystem): number {
    const [last] = this.#db.prepare<[number]>('SELECT coalesce(max(number), 0) FROM code_system').get() ?? [0];
    const number = Math.max(last, this.#last) + 1;
    this.#last = number;
    this.#change(
      `INSERT INTO code_system (number, url, version, title, case_sensitive, properties, concepts, pairs, inactive, abstract, state)
        VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 'loading')`,
      [number, url, version, title, caseSensitive ? 1 : 0, JSON.stringify(properties)],
    );
    this.#db.exec(wordsSchema(number));
    return number;
  }

  #concepts(system: number, rows: readonly ConceptRow[]): void {
    const insert = this.#wordsOf(system);
    for (const { place, key, code, display, flags, more, words, properties } of rows) {
      const number = system * systemSpan + place;
      this.#concept.run(number, system, key, code, display, flags, more);
      insert.run(number, words);
      for (const [property, value] of properties) this.#property.run(system, property, value, number);
    }
  }

  #pairs(system: number, places: Int32Array): void {
    const first = system * systemSpan;
    for (let at = 0; at < places.length; ) {
      const above = first + (places[at] ?? 0);
      const end = at + 2 + (places[at + 1] ?? 0);
      for (at += 2; at < end; at++) this.#below.run(above, first + (places[at] ?? 0));
    }
  }

  #finish(system: number, { concepts, pairs, inactive, abstract }: SystemCounts): void {
    this.#words.delete(system);
    this.#change(
      `UPDATE code_system SET state = 'gone' WHERE state = 'current'
        AND (url, version) = (SELECT url, version FROM code_system WHERE number = ?)`,
      [system],
    );
    this.#change(
      `UPDATE code_system SET state = 'current', concepts = ?, pairs = ?, inactive = ?, abstract = ? WHERE number = ?`,
      [concepts, pairs, inactive, abstract, system],
    );
  }

  #hide(system: number | 'loading'): number {
    return system === 'loading'
      ? this.#change("UPDATE code_system SET state = 'gone' WHERE state = 'loading'")
      : this.#change("UPDATE code_system SET state = 'gone' WHERE number = ? AND state <> 'gone'", [system]);
  }

  #clean(): boolean {
    const [system] = this.#db.prepare<[number]>("SELECT number FROM code_system WHERE state = 'gone'").get() ?? [];
    if (system === undefined) return false;
    const [first, end] = [system * systemSpan, (system + 1) * systemSpan];
    const removed =
      this.#remove('concept_property', 'system, property, value, concept', 'system = ?', [system]) ||
      this.#remove('concept_below', 'above, below', 'above >= ? AND above < ?', [first, end]) ||
      this.#remove('concept', 'number', 'number >= ? AND number < ?', [first, end]);
    if (removed) return true;
    this.#words.delete(system);
    this.#db.exec(`DROP TABLE IF EXISTS ${wordsTable(system)}`);
    this.#change('DELETE FROM code_system WHERE number = ?', [system]);
    return true;
  }

  /** Removes the first rows by a table's key; whether there were any. */
  #remove(table: string, key: string, where: string, values: Row): boolean {
    const last = this.#db
      .prepare(`SELECT ${key} FROM ${table} WHERE ${where} ORDER BY ${key} LIMIT 1 OFFSET ${cleaned}`)
      .get(...values);
    if (last === undefined) return this.#change(`DELETE FROM ${table} WHERE ${where}`, values) > 0;
    const marks = last.map(() => '?').join(', ');
    this.#change(`DELETE FROM ${table} WHERE ${where} AND (${key}) <= (${marks})`, [...values, ...last]);
    return true;
  }

  #change(sql: string, values: readonly SqlValue[] = []): number {
    return this.#db.prepare(sql).run(...values).changes;
  }

  #wordsOf(system: number): Statement {
    const known = this.#words.get(system);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(`INSERT INTO ${wordsTable(system)} (rowid, words) VALUES (?, ?)`);
    this.#words.set(system, statement);
    return statement;
  }
}

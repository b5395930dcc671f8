/**
 * Numbers for everything that repeats in the index: types, systems, codes, units, patterns, and referenced resources.
 * https://hl7.org/fhir/R4/search.html#token
 *
 * Used by the writer alone. Numbers given out inside a savepoint that is rolled back are forgotten with it.
 */
import { foldToken } from '../../search/normalise.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Database, Row, Statement } from './open.ts';

/** A table of numbered texts with the statements and the cache that number them. */
class Dictionary<K extends Row> {
  readonly #select: Statement<[number]>;
  readonly #insert: Statement;
  readonly #cache: BoundedCache<number>;
  readonly #made: string[] = [];
  #next: number;

  /** @param columns the key's columns; `extra` are filled by the caller of `number`. */
  constructor(db: Database, table: string, columns: readonly string[], extra: readonly string[], limit: number) {
    const all = ['num', ...columns, ...extra];
    this.#select = db.prepare(`SELECT num FROM ${table} WHERE ${columns.map((name) => `${name} = ?`).join(' AND ')}`);
    this.#insert = db.prepare(`INSERT INTO ${table} (${all.join(', ')}) VALUES (${all.map(() => '?').join(', ')})`);
    this.#cache = new BoundedCache(limit);
    this.#next = (db.prepare<[number]>(`SELECT coalesce(max(num), 0) FROM ${table}`).get()?.[0] ?? 0) + 1;
  }

  cached(text: string): number | undefined {
    return this.#cache.get(text);
  }

  /** @param text the cache's key, which tells all keys of the table apart. */
  number(text: string, key: K, extra: Row): number {
    const found = this.#select.get(...key)?.[0];
    const number = found ?? this.#next++;
    if (found === undefined) {
      this.#insert.run(number, ...key, ...extra);
      this.#made.push(text);
    }
    this.#cache.set(text, number);
    return number;
  }

  /** How many numbers were made since the transaction began: a place to roll back to. */
  mark(): number {
    return this.#made.length;
  }

  rollback(mark: number): void {
    for (const text of this.#made.splice(mark)) this.#cache.delete(text);
  }

  commit(): void {
    this.#made.length = 0;
  }
}

/** A place to roll back to, as `Numbers.mark` gives it. */
export type Mark = readonly number[];

export class Numbers {
  readonly #types: Dictionary<[string]>;
  readonly #systems: Dictionary<[string]>;
  readonly #codes: Dictionary<[string, number]>;
  readonly #units: Dictionary<[string, number, string]>;
  readonly #patterns: Dictionary<[number, string, number]>;
  readonly #dictionaries: readonly Pick<Dictionary<[]>, 'mark' | 'rollback' | 'commit'>[];

  constructor(db: Database) {
    this.#types = new Dictionary(db, 'type', ['name'], [], 1000);
    this.#systems = new Dictionary(db, 'system', ['uri'], [], 10_000);
    this.#codes = new Dictionary(db, 'code', ['value', 'system'], ['folded'], 50_000);
    this.#units = new Dictionary(db, 'unit', ['code', 'system', 'unit'], [], 10_000);
    this.#patterns = new Dictionary(db, 'pattern', ['type', 'params', 'tables'], [], 10_000);
    this.#dictionaries = [this.#types, this.#systems, this.#codes, this.#units, this.#patterns];
  }

  type(name: string): number {
    return this.#types.cached(name) ?? this.#types.number(name, [name], []);
  }

  /** 0 for ''. */
  system(uri: string): number {
    if (uri === '') return 0;
    return this.#systems.cached(uri) ?? this.#systems.number(uri, [uri], []);
  }

  code(systemUri: string, value: string): number {
    const system = this.system(systemUri);
    const text = `${system} ${value}`;
    return this.#codes.cached(text) ?? this.#codes.number(text, [value, system], [foldToken(value)]);
  }

  /** 0 where all three are ''. */
  unit(systemUri: string, code: string, unit: string): number {
    if (systemUri === '' && code === '' && unit === '') return 0;
    const system = this.system(systemUri);
    const text = `${system} ${code.length} ${code}${unit}`;
    return this.#units.cached(text) ?? this.#units.number(text, [code, system, unit], []);
  }

  /** @param params sorted parameter numbers as JSON; `tables` a bit for each index table. */
  pattern(type: number, params: string, tables: number): number {
    const text = `${type} ${tables} ${params}`;
    return this.#patterns.cached(text) ?? this.#patterns.number(text, [type, params, tables], []);
  }

  mark(): Mark {
    return this.#dictionaries.map((dictionary) => dictionary.mark());
  }

  /** Forgets what was numbered since the mark; the caller rolls the tables back. */
  rollback(mark: Mark): void {
    this.#dictionaries.forEach((dictionary, index) => {
      dictionary.rollback(mark[index] ?? 0);
    });
  }

  /** The transaction is on disk. */
  commit(): void {
    for (const dictionary of this.#dictionaries) dictionary.commit();
  }
}

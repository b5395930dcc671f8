/** The numbers that a store has already given, for who only reads. https://hl7.org/fhir/R4/search.html#token */
import { isContained } from '../../search/contained.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Database, SqlValue, Statement } from './open.ts';
import { containedId, type RowNumbers } from './rows.ts';

/** What stands for a text that has no number: no row has it. */
const none = -1;

export class FoundNumbers implements RowNumbers {
  readonly #cache = new BoundedCache<number>(50_000);
  readonly #system: Statement<[number]>;
  readonly #code: Statement<[number]>;
  readonly #unit: Statement<[number]>;
  readonly #target: Statement<[number]>;

  constructor(db: Database) {
    this.#system = db.prepare('SELECT num FROM system WHERE uri = ?');
    this.#code = db.prepare('SELECT num FROM code WHERE value = ? AND system = ?');
    this.#unit = db.prepare('SELECT num FROM unit WHERE code = ? AND system = ? AND unit = ?');
    this.#target = db.prepare(
      'SELECT entity.rid FROM type JOIN entity ON entity.type = type.num WHERE type.name = ? AND entity.id = ?',
    );
  }

  code(system: string, value: string): number {
    const number = this.system(system);
    return this.#find(`code ${number} ${value}`, this.#code, value, number);
  }

  system(uri: string): number {
    return uri === '' ? 0 : this.#find(`system ${uri}`, this.#system, uri);
  }

  unit(system: string, code: string, unit: string): number {
    if (system === '' && code === '' && unit === '') return 0;
    const number = this.system(system);
    return this.#find(`unit ${number} ${code.length} ${code}${unit}`, this.#unit, code, number, unit);
  }

  target(type: string, id: string, vid: number): number {
    const stored = isContained(type) ? containedId(id, vid) : id;
    return this.#find(`target ${type}/${stored}`, this.#target, type, stored);
  }

  #find(key: string, statement: Statement<[number]>, ...values: readonly SqlValue[]): number {
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const number = statement.get(...values)?.[0];
    // What has no number yet may get one from the writer.
    if (number !== undefined) this.#cache.set(key, number);
    return number ?? none;
  }
}

/** Reads single versions. https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#vread */
import type { Version } from '../port.ts';
import type { Database, Row, Statement } from './open.ts';
import { methods } from './pack.ts';

/** The columns that `versionOf` takes, of `version AS v`. */
const columns = 'v.number, v.updated, v.method, v.body';

/** The port's version of a row with number, updated, method and body. */
export function versionOf(type: string, id: string, [number, updated, method, body]: Row): Version {
  return {
    type,
    id,
    versionId: Number(number),
    lastUpdated: Number(updated),
    method: methods[Number(method)] ?? 'DELETE',
    body: body instanceof Uint8Array ? body : undefined,
  };
}

/** Numbers of types for readers, who find them in the file as the writer makes them. */
export class TypeNumbers {
  readonly #select: Statement<[number]>;
  readonly #selectName: Statement<[string]>;
  readonly #numbers = new Map<string, number>();
  readonly #names = new Map<number, string>();

  constructor(db: Database) {
    this.#select = db.prepare('SELECT num FROM type WHERE name = ?');
    this.#selectName = db.prepare('SELECT name FROM type WHERE num = ?');
  }

  /** undefined for a type of which nothing was ever stored. */
  number(name: string): number | undefined {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const found = this.#select.get(name)?.[0];
    if (found !== undefined) this.#numbers.set(name, found);
    return found;
  }

  name(number: number): string {
    const known = this.#names.get(number) ?? this.#selectName.get(number)?.[0] ?? '';
    this.#names.set(number, known);
    return known;
  }
}

export class PointReads {
  readonly #types: TypeNumbers;
  readonly #current: Statement;
  readonly #numbered: Statement;

  constructor(db: Database, types: TypeNumbers) {
    this.#types = types;
    this.#current = db.prepare(`SELECT ${columns} FROM entity AS e CROSS JOIN version AS v ON v.vid = e.vid
      WHERE e.type = ? AND e.id = ?`);
    this.#numbered = db.prepare(`SELECT ${columns} FROM entity AS e
      CROSS JOIN version AS v ON v.rid = e.rid AND v.number = ? WHERE e.type = ? AND e.id = ?`);
  }

  read(type: string, id: string): Version | undefined {
    const number = this.#types.number(type);
    const row = number === undefined ? undefined : this.#current.get(number, id);
    return row === undefined ? undefined : versionOf(type, id, row);
  }

  vread(type: string, id: string, versionId: number): Version | undefined {
    const number = this.#types.number(type);
    const row = number === undefined ? undefined : this.#numbered.get(versionId, number, id);
    return row === undefined ? undefined : versionOf(type, id, row);
  }
}

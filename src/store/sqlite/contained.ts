/**
 * The contained resources of versions that are current or kept. https://hl7.org/fhir/R4/references.html#contained
 *
 * Each is a row of `entity` with a type of its own (`#Patient`), the change number of the version it lies in, and index
 * rows under the negative numbers of its parameters. It never changes: another version of its container has others. So
 * a walk finds what was contained then by the references of the kept version.
 */
import type { Entities } from './entities.ts';
import type { IndexRows } from './index-rows.ts';
import type { Numbers } from './numbers.ts';
import type { Database, Statement } from './open.ts';
import type { FieldReader } from './pack.ts';
import { containedId, everyTable, patternOf, type ResourceRows, type RowNumbers, readRows } from './rows.ts';

const LIVE = 1;

/** A contained resource to write. */
export interface ContainedRows {
  /** As in `containedType`. */
  readonly type: string;
  readonly id: string;
  readonly rows: ResourceRows;
}

type Listed = [rid: number, type: number, id: string, tables: number];

/** Reads those that `packResource` packed behind the entries of a version's resource. */
export function readContained(fields: FieldReader, numbers: RowNumbers, vid: number): readonly ContainedRows[] {
  const contained: ContainedRows[] = [];
  for (let left = fields.number(); left > 0; left--) {
    contained.push({ type: fields.text(), id: fields.text(), rows: readRows(fields, numbers, vid) });
  }
  return contained;
}

/** Writes them on the writer's connection, in its transaction. */
export class Contained {
  readonly #numbers: Numbers;
  readonly #entities: Entities;
  readonly #index: IndexRows;
  readonly #list: Statement;
  readonly #of: Statement<Listed>;
  readonly #unlist: Statement;

  constructor(db: Database, numbers: Numbers, entities: Entities, index: IndexRows) {
    this.#numbers = numbers;
    this.#entities = entities;
    this.#index = index;
    this.#list = db.prepare('INSERT OR IGNORE INTO contained (vid, rid) VALUES (?, ?)');
    this.#of = db.prepare(`SELECT e.rid, e.type, e.id, coalesce(p.tables, 0) FROM contained AS c
      CROSS JOIN entity AS e ON e.rid = c.rid LEFT JOIN pattern AS p ON p.num = e.pattern WHERE c.vid = ?`);
    this.#unlist = db.prepare('DELETE FROM contained WHERE vid = ? AND rid = ?');
  }

  /** Lists one of the version `vid`, which may be there already. @returns its number; the caller writes its rows. */
  add(vid: number, { type, id, rows }: ContainedRows): number {
    const typeNumber = this.#numbers.type(type);
    const rid = this.#entities.referred(typeNumber, containedId(id, vid));
    const { params, tables } = patternOf(rows, false);
    this.#entities.update({
      rid,
      state: LIVE,
      vid,
      number: 0,
      pattern: this.#numbers.pattern(typeNumber, params, tables),
    });
    this.#list.run(vid, rid);
    return rid;
  }

  /** Removes those of a version. */
  drop(vid: number): void {
    for (const one of this.#of.all(vid)) this.#remove(vid, one);
  }

  /** Makes these the ones of a version. @returns whether anything was different. */
  replace(vid: number, wanted: readonly ContainedRows[]): boolean {
    const present = this.#of.all(vid);
    if (present.length === 0 && wanted.length === 0) return false;
    const left = new Map(present.map((one) => [one[0], one]));
    let changed = false;
    for (const one of wanted) {
      const rid = this.add(vid, one);
      const known = left.delete(rid);
      if (this.#index.refill(rid, everyTable, undefined, one.rows).changed || !known) changed = true;
    }
    for (const one of left.values()) this.#remove(vid, one);
    return changed || left.size > 0;
  }

  /** Whether a version is there that contains some. */
  has(vid: number): boolean {
    return this.#of.get(vid) !== undefined;
  }

  #remove(vid: number, [rid, type, id, tables]: Listed): void {
    this.#index.remove(rid, tables);
    this.#entities.remove(type, id, rid);
    this.#unlist.run(vid, rid);
  }
}

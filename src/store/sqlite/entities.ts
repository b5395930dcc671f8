/** Numbers of resources, also of those that are only referred to. https://hl7.org/fhir/R4/references.html */
import { BoundedCache } from './bounded-cache.ts';
import type { Database, Statement } from './open.ts';
import { getSetting, setSetting } from './settings.ts';

/** A row of `entity`. */
export interface Entity {
  readonly rid: number;
  /** 0: only referred to; 1: live; 2: deleted. */
  readonly state: number;
  /** The current version's change number, null where there never was a version. */
  readonly vid: number | null;
  /** The current version's id, 0 where there never was a version. */
  readonly number: number;
  readonly pattern: number | null;
}

/** The columns of `Entity` in the order that its statements select them. */
export type EntityRow = [rid: number, state: number, vid: number | null, number: number, pattern: number | null];

/** Resources that others are likely to refer to again: those of the last commits, and those that are referred to much. */
const remembered = 10_000;

/** Finds and makes rows of `entity` for the writer, in its transaction. */
export class Entities {
  readonly #db: Database;
  readonly #select: Statement<EntityRow>;
  readonly #insert: Statement;
  readonly #update: Statement;
  readonly #remove: Statement;
  readonly #cache = new BoundedCache<number>(remembered);
  /** Resources that the commit in work creates: numbered, but without a row yet. */
  readonly #reserved = new Map<string, number>();
  #made: string[] = [];
  #next: number;

  constructor(db: Database) {
    this.#db = db;
    this.#select = db.prepare('SELECT rid, state, vid, number, pattern FROM entity WHERE type = ? AND id = ?');
    this.#insert = db.prepare(
      'INSERT INTO entity (rid, type, id, state, vid, number, pattern) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#update = db.prepare('UPDATE entity SET state = ?, vid = ?, number = ?, pattern = ? WHERE rid = ?');
    this.#remove = db.prepare('DELETE FROM entity WHERE rid = ?');
    const greatest = db.prepare<[number]>('SELECT coalesce(max(rid), 0) FROM entity').get()?.[0] ?? 0;
    this.#next = Math.max(greatest, Number(getSetting(db, 'greatest rid') ?? 0)) + 1;
  }

  find(type: number, id: string): Entity | undefined {
    const row = this.#select.get(type, id);
    if (row === undefined) return undefined;
    return { rid: row[0], state: row[1], vid: row[2], number: row[3], pattern: row[4] };
  }

  /** Numbers a resource that the commit in work creates, so that references to it lead there at once. */
  reserve(type: number, id: string): number {
    const rid = this.#next++;
    this.#reserved.set(`${type}/${id}`, rid);
    return rid;
  }

  /** Makes the row of a reserved number. */
  create(type: number, id: string, entity: Entity): void {
    this.#insert.get(entity.rid, type, id, entity.state, entity.vid, entity.number, entity.pattern);
    this.#remember(`${type}/${id}`, entity.rid);
  }

  update(entity: Entity): void {
    this.#update.run(entity.state, entity.vid, entity.number, entity.pattern, entity.rid);
  }

  /** Removes a row; its number is never given out again. */
  remove(type: number, id: string, rid: number): void {
    this.#remove.run(rid);
    this.#cache.delete(`${type}/${id}`);
    setSetting(this.#db, 'greatest rid', this.#next - 1);
  }

  /** The number of a referenced resource, whether or not it exists. */
  referred(type: number, id: string): number {
    const key = `${type}/${id}`;
    const known = this.#cache.get(key) ?? this.#reserved.get(key);
    if (known !== undefined) return known;
    const found = this.#select.get(type, id)?.[0];
    if (found !== undefined) {
      this.#cache.set(key, found);
      return found;
    }
    const rid = this.#next++;
    this.#insert.get(rid, type, id, 0, null, 0, null);
    this.#remember(key, rid);
    return rid;
  }

  mark(): number {
    return this.#made.length;
  }

  /** Forgets what was made since the mark; the caller rolls the table back. */
  rollback(mark: number): void {
    for (const key of this.#made.splice(mark)) this.#cache.delete(key);
    this.#reserved.clear();
  }

  /** The commit in work is complete: what it reserved has rows now. */
  release(): void {
    this.#reserved.clear();
  }

  /** The transaction is on disk. */
  commit(): void {
    this.#made = [];
  }

  #remember(key: string, rid: number): void {
    this.#cache.set(key, rid);
    this.#made.push(key);
  }
}

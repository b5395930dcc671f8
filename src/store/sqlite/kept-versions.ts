/**
 * Index rows of replaced versions, for walks that began before. https://hl7.org/fhir/R4/http.html#paging
 *
 * They cost as much as writing the version's rows again, so nothing is kept while no walk can be alive: whoever hands
 * out a cursor first sets a mark, on disk, up to when walks may be alive.
 */
import type { Contained } from './contained.ts';
import type { Entity } from './entities.ts';
import type { IndexRows } from './index-rows.ts';
import type { Database, Statement } from './open.ts';
import { containsOthers } from './rows.ts';
import { getSetting, setSetting } from './settings.ts';

export class KeptVersions {
  readonly #db: Database;
  readonly #index: IndexRows;
  readonly #contained: Contained;
  readonly #insert: Statement;
  readonly #ofResource: Statement<[vid: number, pattern: number]>;
  readonly #expired: Statement<[vid: number, pattern: number]>;
  readonly #remove: Statement;
  readonly #hide: Statement;
  readonly #selectTables: Statement<[number]>;
  readonly #tables = new Map<number, number>();
  #walksUntil: number;

  constructor(db: Database, index: IndexRows, contained: Contained) {
    this.#db = db;
    this.#index = index;
    this.#contained = contained;
    this.#insert = db.prepare('INSERT INTO kept (vid, rid, type, pattern, replaced, until) VALUES (?, ?, ?, ?, ?, ?)');
    this.#ofResource = db.prepare('SELECT vid, pattern FROM kept WHERE rid = ?');
    this.#expired = db.prepare('SELECT vid, pattern FROM kept WHERE until <= ? ORDER BY until LIMIT ?');
    this.#remove = db.prepare('DELETE FROM kept WHERE vid = ?');
    this.#hide = db.prepare('UPDATE kept SET deleted = 1 WHERE rid = ?');
    this.#selectTables = db.prepare('SELECT tables FROM pattern WHERE num = ?');
    this.#walksUntil = Number(getSetting(db, 'walks') ?? 0);
  }

  /** Walks may be alive until that instant (milliseconds); never earlier than said before. */
  walksUntil(until: number): void {
    if (until <= this.#walksUntil) return;
    setSetting(this.#db, 'walks', until);
    this.#walksUntil = until;
  }

  /**
   * Keeps the rows of a live resource's version that the change `by` replaces, and what it contains, if a walk may be
   * alive; otherwise what it contains goes.
   */
  replace(entity: Entity, type: number, by: number, now: number, lifetime: number): void {
    if (entity.vid === null || entity.pattern === null) return;
    if (now >= this.#walksUntil) {
      this.dropContained(entity.vid, entity.pattern);
      return;
    }
    this.#insert.run(entity.vid, entity.rid, type, entity.pattern, by, now + lifetime);
    this.#index.keep(entity.rid, this.tablesOf(entity.pattern), entity.vid);
  }

  /** What is kept of a deleted resource isn't shown any more; others may still be found by it. */
  deleted(rid: number): void {
    this.#hide.run(rid);
  }

  /** Removes what is kept of a resource. */
  forget(rid: number): void {
    for (const [vid, pattern] of this.#ofResource.all(rid)) this.#drop(vid, pattern);
  }

  /** Removes up to `limit` versions that no walk may show any more; returns how many. */
  purge(now: number, limit: number): number {
    const expired = this.#expired.all(now, limit);
    for (const [vid, pattern] of expired) this.#drop(vid, pattern);
    return expired.length;
  }

  /** The bits of the index tables in which the resources of a pattern have rows. */
  tablesOf(pattern: number | null): number {
    if (pattern === null) return 0;
    const known = this.#tables.get(pattern);
    if (known !== undefined) return known;
    const tables = this.#selectTables.get(pattern)?.[0] ?? 0;
    this.#tables.set(pattern, tables);
    return tables;
  }

  /** Removes the contained resources of a version, if it has any. */
  dropContained(vid: number | null, pattern: number | null): void {
    if (vid !== null && (this.tablesOf(pattern) & containsOthers) !== 0) this.#contained.drop(vid);
  }

  #drop(vid: number, pattern: number): void {
    this.dropContained(vid, pattern);
    this.#index.removeKept(vid);
    this.#remove.run(vid);
  }
}

/**
 * The full-text index, on the writing connection: filled when it is asked for, never by commits.
 * https://hl7.org/fhir/R4/search.html#content
 *
 * It has a row for each version that is current or kept for walks, under its change number, up to the change that the
 * setting `words` names. A version that was replaced is found by nobody; its row goes when no walk needs it any more.
 * FTS5 keeps no text of ours, so what is removed is told by its words, and what is removed leaves nothing in the file.
 */
import { storedJson } from '../../fhir/json.ts';
import { type Words, wordsOf, wordsVersion } from '../../search/words.ts';
import type { Database, Row, Statement } from './open.ts';
import { getSetting, setSetting } from './settings.ts';

/** The tables; `words_docsize` is FTS5's own and has each row's number. */
export const textSchema = `
CREATE VIRTUAL TABLE words USING fts5(type, narrative, content, content = '', tokenize = 'ascii');
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
-- Rows of versions that were replaced. kept: 1 while walks may show them.
CREATE TABLE replaced_words (vid INTEGER PRIMARY KEY, kept INTEGER NOT NULL);
CREATE INDEX replaced_words_free ON replaced_words (vid) WHERE kept = 0;
`;

/** Beginnings of words have rows of their own: gathering all words that begin so can't be stopped and takes seconds. */
export const prefixSchema = `
DROP TABLE words;
CREATE VIRTUAL TABLE words USING fts5(type, narrative, content, content = '', tokenize = 'ascii', prefix = '1 2 3');
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
DELETE FROM replaced_words;
DELETE FROM setting WHERE name = 'words';
`;

/** The words of a stored body. One of which they can't be made has none: it must not keep the index from all others. */
export function wordsOfBody(body: Uint8Array, failed?: (error: unknown) => void): Words {
  try {
    return wordsOf(storedJson(body));
  } catch (error) {
    failed?.(error);
    return { narrative: [], content: [] };
  }
}

/** The word by which the rows of a type are found. */
export function typeWord(typeNumber: number): string {
  return `t${typeNumber}`;
}

/** Empties an index whose words were made by the rules of another release; searches fill it again. */
export function refreshTextIndex(db: Database): void {
  const made = getSetting(db, 'words version');
  if (made === wordsVersion) return;
  if (made !== undefined) emptyTextIndex(db);
  setSetting(db, 'words version', wordsVersion);
}

/** Forgets all that the index has. */
export function emptyTextIndex(db: Database): void {
  db.exec(`BEGIN; INSERT INTO words (words) VALUES ('delete-all'); DELETE FROM replaced_words;
    DELETE FROM setting WHERE name = 'words'; COMMIT`);
}

type Change = readonly [
  vid: number,
  rid: number,
  type: number,
  number: number,
  body: Uint8Array | null,
  wanted: number,
];

/** Hears of what went wrong and was passed over. */
export type Report = (text: string) => void;

export class TextIndex {
  readonly #db: Database;
  readonly #changes: Statement<[...Change]>;
  readonly #version: Statement<[number, number, Uint8Array | null, number]>;
  readonly #versionsOf: Statement<[number]>;
  readonly #has: Statement<[number]>;
  readonly #insert: Statement<Row>;
  readonly #delete: Statement<Row>;
  readonly #replaced: Statement<Row>;
  readonly #free: Statement<[number]>;
  readonly #forget: Statement<Row>;
  readonly #name: Statement<[string, string]>;
  readonly #report: Report;

  /** @param report is told of resources that can't be found by their words. */
  constructor(db: Database, report: Report = () => undefined) {
    this.#db = db;
    this.#report = report;
    this.#changes = db.prepare(`SELECT v.vid, v.rid, v.type, v.number, v.body,
        (e.state = 1 AND e.vid = v.vid) OR EXISTS (SELECT 1 FROM kept k WHERE k.vid = v.vid)
      FROM version v CROSS JOIN entity e ON e.rid = v.rid WHERE v.vid > ? ORDER BY v.vid LIMIT ?`);
    this.#version = db.prepare(`SELECT v.vid, v.type, v.body, EXISTS (SELECT 1 FROM kept k WHERE k.vid = v.vid)
      FROM version v INDEXED BY version_by_number WHERE v.rid = ? AND v.number = ?`);
    this.#versionsOf = db.prepare('SELECT number FROM version INDEXED BY version_by_number WHERE rid = ?');
    this.#has = db.prepare('SELECT 1 FROM words_docsize WHERE id = ?');
    this.#insert = db.prepare('INSERT INTO words (rowid, type, narrative, content) VALUES (?, ?, ?, ?)');
    this.#delete = db.prepare(
      "INSERT INTO words (words, rowid, type, narrative, content) VALUES ('delete', ?, ?, ?, ?)",
    );
    this.#replaced = db.prepare('INSERT OR REPLACE INTO replaced_words (vid, kept) VALUES (?, ?)');
    this.#free = db.prepare('SELECT vid FROM replaced_words INDEXED BY replaced_words_free WHERE kept = 0 LIMIT ?');
    this.#forget = db.prepare('DELETE FROM replaced_words WHERE vid = ?');
    this.#name = db.prepare(`SELECT t.name, e.id FROM version v CROSS JOIN entity e ON e.rid = v.rid
      CROSS JOIN type t ON t.num = e.type WHERE v.vid = ?`);
  }

  /** Whether anybody has searched by words yet: until then nothing is done. */
  get used(): boolean {
    return getSetting(this.#db, 'words') !== undefined;
  }

  /** Takes in so many changes at most, in the caller's transaction. @returns whether there may be more. */
  advance(limit: number): boolean {
    // FTS5 rewrites its pages again and again: none may leave words in the file that an erasure doesn't find.
    this.#db.exec('PRAGMA secure_delete = ON');
    try {
      const more = this.#advance(limit);
      this.#flush();
      return more;
    } finally {
      this.#db.exec('PRAGMA secure_delete = OFF');
    }
  }

  #advance(limit: number): boolean {
    const from = Number(getSetting(this.#db, 'words') ?? 0);
    const changes = this.#changes.all(from, limit);
    for (const change of changes) this.#take(change);
    const last = changes.at(-1)?.[0] ?? from;
    if (last > from || !this.used) setSetting(this.#db, 'words', last);
    return this.#clean(limit) || changes.length === limit;
  }

  /** Removes the words of all versions of a resource, before they go themselves; the caller lets pages be overwritten. */
  erase(rid: number): void {
    if (!this.used) return;
    let removed = false;
    for (const [number] of this.#versionsOf.all(rid)) removed = this.#remove(rid, number) || removed;
    if (removed) this.#flush();
  }

  /** Lets FTS5 write what it holds, which it does when a savepoint begins: while pages are overwritten. */
  #flush(): void {
    this.#db.exec('SAVEPOINT words; RELEASE words');
  }

  #take([vid, rid, type, number, body, wanted]: Change): void {
    const before = number > 1 ? this.#version.get(rid, number - 1) : undefined;
    if (before !== undefined && this.#has.get(before[0]) !== undefined) this.#replaced.run(before[0], before[3]);
    if (body === null || wanted !== 1) return;
    this.#insert.run(vid, ...columnsOf(type, body, (error) => this.#tell(vid, number, error)));
  }

  /** Libraries may quote the body: the error's kind says enough. */
  #tell(vid: number, number: number, error: unknown): void {
    const [type, id] = this.#name.get(vid) ?? [];
    const kind = error instanceof Error ? error.name : typeof error;
    this.#report(`${type}/${id}/_history/${number} can't be found by its words, of which none could be made: ${kind}.`);
  }

  /** Removes rows that no walk needs any more. */
  #clean(limit: number): boolean {
    const free = this.#free.all(limit);
    const place = this.#db.prepare<[number, number]>('SELECT rid, number FROM version WHERE vid = ?');
    for (const [vid] of free) {
      const [rid, number] = place.get(vid) ?? [];
      if (rid !== undefined && number !== undefined) this.#remove(rid, number);
      this.#forget.run(vid);
    }
    return free.length === limit;
  }

  /** Whether the version had a row. */
  #remove(rid: number, number: number): boolean {
    const [vid, type, body] = this.#version.get(rid, number) ?? [];
    if (vid === undefined || type === undefined || body == null || this.#has.get(vid) === undefined) return false;
    this.#delete.run(vid, ...columnsOf(type, body));
    this.#forget.run(vid);
    return true;
  }
}

/** What a row has in its columns. */
function columnsOf(
  type: number,
  body: Uint8Array,
  failed?: (error: unknown) => void,
): readonly [string, string, string] {
  const { narrative, content } = wordsOfBody(body, failed);
  return [typeWord(type), narrative.join(' '), content.join(' ')];
}

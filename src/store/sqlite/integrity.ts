/** What `REFERENTIAL_INTEGRITY` asks of a commit. https://hl7.org/fhir/R4/http.html#delete */
import { IntegrityViolation } from '../errors.ts';
import type { ResourceKey } from '../write.ts';
import type { Database, Statement } from './open.ts';

/** How many referrers an error names: not contained ones, whose references are their container's too. */
const referrersNamed = 10;

/** The reference parameters that have rows: a skip over the index, since few of all parameters do. */
const presentParameters = `WITH RECURSIVE present (param) AS (
  SELECT min(param) FROM reference
  UNION ALL
  SELECT (SELECT min(param) FROM reference WHERE param > present.param) FROM present WHERE present.param IS NOT NULL)`;

export class Integrity {
  readonly #exists: Statement<[number]>;
  readonly #rid: Statement<[number]>;
  readonly #referrers: Statement<[string, string]>;
  readonly #referenced: Statement<[number]>;

  constructor(db: Database) {
    this.#exists = db.prepare('SELECT 1 FROM entity WHERE type = ? AND id = ? AND state = 1');
    this.#rid = db.prepare('SELECT rid FROM entity WHERE type = ? AND id = ?');
    this.#referrers = db.prepare(`${presentParameters}
      SELECT DISTINCT type.name, entity.id FROM present
        CROSS JOIN reference ON reference.param = present.param AND reference.target = ?
        CROSS JOIN entity ON entity.rid = reference.rid
        CROSS JOIN type ON type.num = entity.type
      WHERE present.param > 0
      LIMIT ${referrersNamed}`);
    this.#referenced = db.prepare(`${presentParameters}
      SELECT 1 FROM present CROSS JOIN reference ON reference.param = present.param AND reference.target = ? LIMIT 1`);
  }

  /** Throws IntegrityViolation unless the resource exists and isn't deleted. */
  mustExist(type: number, key: ResourceKey): void {
    if (this.#exists.get(type, key.id) === undefined) throw new IntegrityViolation('missing', key, []);
  }

  /** Throws IntegrityViolation, naming up to ten, when a live resource refers to this one through a search parameter. */
  mustBeUnreferenced(type: number, key: ResourceKey): void {
    const rid = this.#rid.get(type, key.id)?.[0];
    if (rid === undefined) return;
    const referrers = this.#referrers.all(rid).map(([name, id]) => ({ type: name, id }));
    if (referrers.length > 0) throw new IntegrityViolation('referenced', key, referrers);
  }

  /** Whether a live resource refers to the one of this number. */
  isReferenced(rid: number): boolean {
    return this.#referenced.get(rid) !== undefined;
  }
}

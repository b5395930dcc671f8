/** Prepared statements of one connection, kept by their text: preparing costs as much as a page. https://hl7.org/fhir/R4/search.html */
import { BoundedCache } from './bounded-cache.ts';
import type { Database, Row, Statement } from './open.ts';
import type { Sql } from './sql.ts';

/** How many statements are kept at least. */
const kept = 250;

export class Statements {
  readonly #db: Database;
  readonly #prepared = new BoundedCache<Statement>(kept);

  constructor(db: Database) {
    this.#db = db;
  }

  /** All rows of a query. */
  all(query: Sql): readonly Row[] {
    return this.#prepare(query.text).all(...query.values);
  }

  /** The first row of a query. */
  get(query: Sql): Row | undefined {
    return this.#prepare(query.text).get(...query.values);
  }

  #prepare(text: string): Statement {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(text);
    this.#prepared.set(text, statement);
    return statement;
  }
}

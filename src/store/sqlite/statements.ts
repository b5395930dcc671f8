/** Prepared statements of one connection, kept by their text: preparing costs as much as a page. https://hl7.org/fhir/R4/search.html */
import { TooCostly } from '../errors.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Database, Row, Statement } from './open.ts';
import type { Sql } from './sql.ts';

/** What SQLite says of statements beyond its limits. */
const tooLarge = /too (?:large|many|long|big|complex)|at most|stack overflow/i;
/** How many statements are kept at least. */
const kept = 250;

export class Statements {
  readonly #db: Database;
  readonly #check: () => void;
  readonly #prepared = new BoundedCache<Statement>(kept);

  /** @param check is called before each query: it throws when the time is up. */
  constructor(db: Database, check: () => void = () => {}) {
    this.#db = db;
    this.#check = check;
  }

  /** All rows of a query. */
  all(query: Sql): readonly Row[] {
    this.#check();
    return this.#prepare(query.text).all(...query.values);
  }

  /** The first row of a query. */
  get(query: Sql): Row | undefined {
    return this.#prepare(query.text).get(...query.values);
  }

  #prepare(text: string): Statement {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    const statement = this.#compiled(text);
    this.#prepared.set(text, statement);
    return statement;
  }

  #compiled(text: string): Statement {
    try {
      return this.#db.prepare(text);
    } catch (error) {
      if (!(error instanceof Error) || !tooLarge.test(error.message)) throw error;
      throw new TooCostly('Ask for less at once: the search has more criteria than can be combined.');
    }
  }
}

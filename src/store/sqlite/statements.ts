/** Prepared statements of one connection, kept by their text: preparing costs as much as a page. https://hl7.org/fhir/R4/search.html */
import { TooCostly } from '../errors.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Database, Row, Statement } from './open.ts';
import type { Sql } from './sql.ts';

/** What SQLite says of statements beyond its limits. */
const tooLarge = /too (?:large|many|long|big|complex)|at most|stack overflow/i;
/** How many statements are kept at least. */
const kept = 250;

/** Is told of each statement that runs. */
export interface Watch {
  /** The text to run in place of another. */
  text(text: string): string;
  /** Runs it. */
  run(query: Sql, read: () => readonly Row[]): readonly Row[];
}

export class Statements {
  readonly #db: Database;
  readonly #check: (toPrepare?: number) => void;
  readonly #watch: Watch | undefined;
  readonly #prepared = new BoundedCache<Statement>(kept);

  /**
   * @param check is called before each query: it throws when the time is up; also before a statement is prepared, with its
   *   length.
   */
  constructor(db: Database, check: (toPrepare?: number) => void = () => {}, watch?: Watch) {
    this.#db = db;
    this.#check = check;
    this.#watch = watch;
  }

  /** All rows of a query. */
  all(query: Sql): readonly Row[] {
    this.#check();
    if (this.#watch !== undefined) return this.#watched(query, this.#watch);
    return this.#prepare(query.text).all(...query.values);
  }

  /** The number that a query gives. */
  number(query: Sql): number {
    return Number(this.all(query)[0]?.[0]);
  }

  /** The first row of a query. */
  get(query: Sql): Row | undefined {
    if (this.#watch !== undefined) return this.#watched(query, this.#watch)[0];
    return this.#prepare(query.text).get(...query.values);
  }

  #watched({ text, values }: Sql, watch: Watch): readonly Row[] {
    const query = { text: watch.text(text), values };
    return watch.run(query, () => this.#prepare(query.text).all(...values));
  }

  #prepare(text: string): Statement {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    const statement = this.#compiled(text);
    this.#prepared.set(text, statement);
    return statement;
  }

  #compiled(text: string): Statement {
    this.#check(text.length);
    try {
      return this.#db.prepare(text);
    } catch (error) {
      if (!(error instanceof Error) || !tooLarge.test(error.message)) throw error;
      throw new TooCostly('Ask for less at once: the search has more criteria than can be combined.');
    }
  }
}

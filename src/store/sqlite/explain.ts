/** Watches the statements of a search: what they read, and how long it takes. https://hl7.org/fhir/R4/search.html */
import type { ExplainedStep } from '../port.ts';
import type { Database, Row } from './open.ts';
import { eachRow, type Sql } from './sql.ts';
import type { Watch } from './statements.ts';

/** `tick` in `sql.ts`: asked about every 1,024th row. */
const tick = /\(\((\S+) & 1023\) <> 0 OR tick\(\)\)/g;

/** Statements shorter than this many milliseconds are looks into dictionaries: together they are one step. */
const short = 0.05;

export class StatementWatch implements Watch {
  readonly #db: Database;
  readonly #steps: ExplainedStep[] = [];
  #examined = 0;
  #shortOnes = 0;
  #shortTime = 0;

  constructor(db: Database) {
    this.#db = db;
    db.function('examined', {}, () => {
      this.#examined++;
      return 1;
    });
  }

  text(text: string): string {
    return text
      .replaceAll(tick, '(($1 & 1023) <> 0 OR tick()) AND examined()')
      .replaceAll(eachRow.text, 'examined() AND');
  }

  run({ text, values }: Sql, read: () => readonly Row[]): readonly Row[] {
    this.#examined = 0;
    const start = performance.now();
    const rows = read();
    const milliseconds = performance.now() - start;
    if (this.#examined === 0 && milliseconds < short) {
      this.#shortOnes++;
      this.#shortTime += milliseconds;
      return rows;
    }
    this.#steps.push({
      access: this.#planOf(text, values),
      rowsExamined: this.#examined,
      rowsFound: rows.length,
      milliseconds,
    });
    return rows;
  }

  /** What ran so far; what runs later isn't added to it. */
  get steps(): readonly ExplainedStep[] {
    if (this.#shortOnes === 0) return [...this.#steps];
    const access = [`${this.#shortOnes} look-ups of numbers, counts and patterns`];
    const looks = { access, rowsExamined: 0, rowsFound: this.#shortOnes, milliseconds: this.#shortTime };
    return [...this.#steps, looks];
  }

  #planOf(text: string, values: Sql['values']): readonly string[] {
    const plan = this.#db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...values);
    return plan.map((row) => String(row[3]));
  }
}

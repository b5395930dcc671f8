/** Counts hits up to a limit, to decide which criterion leads. https://hl7.org/fhir/R4/search.html */
import { BoundedCache } from './bounded-cache.ts';
import type { Condition, Drive } from './compile/condition.ts';
import { rowsOfCodes } from './counted.ts';
import { ordered } from './numbered.ts';
import { shortName } from './short-name.ts';
import { type Sql, sql } from './sql.ts';
import type { Statements } from './statements.ts';
import type { Thresholds } from './thresholds.ts';

/** Milliseconds for which a count is still a good guess. */
const fresh = 5_000;
const remembered = 500;

interface Count {
  readonly hits: number;
  readonly limit: number;
  readonly at: number;
  readonly state: number;
}

/** What a search is driven by. */
export interface Choice {
  /** The place of the condition; undefined: all resources of the type. */
  readonly place: number | undefined;
  /** How many rows it has; infinite where they are more than were counted. */
  readonly hits: number;
}

export class Probes {
  /** The number of the store's last change, as it is read now; NaN where that isn't all that tells it from others. */
  state = Number.NaN;
  readonly #statements: Statements;
  readonly #limits: readonly number[];
  readonly #gathered: number;
  readonly #counts = new BoundedCache<Count>(remembered);
  /** What was compiled of a search, and with it its drives, is forgotten when resources change that it may find. */
  readonly #lists = new WeakMap<Drive, readonly number[] | 'many'>();

  constructor(statements: Statements, { probes, gathered }: Pick<Thresholds, 'probes' | 'gathered'>) {
    this.#statements = statements;
    this.#limits = probes;
    this.#gathered = gathered;
  }

  /** The condition with the fewest rows; of those with more than can be counted quickly the likeliest one. */
  choose(conditions: readonly Condition[]): Choice {
    const drives = conditions
      .flatMap(({ drive }, place) => (drive === undefined ? [] : [{ drive, place }]))
      .sort((a, b) => a.drive.rank - b.drive.rank);
    // With nothing to compare it is enough to know whether there are more than can be counted.
    for (const limit of drives.length === 1 ? this.#limits.slice(-1) : this.#limits) {
      let best: { place: number; hits: number } | undefined;
      for (const { drive, place } of drives) {
        // More than the best so far has need not be counted.
        const most = best?.hits ?? limit;
        const hits = this.count(drive, most);
        if (hits < most) best = { place, hits };
      }
      if (best !== undefined) return best;
    }
    return { place: drives[0]?.place, hits: Number.POSITIVE_INFINITY };
  }

  /** The rows of a drive, at most `limit`; perhaps of some seconds ago. */
  count(drive: Drive, limit: number): number {
    const rows = drive.rows('');
    const key = keyOf(rows);
    const now = performance.now();
    const known = this.#counts.get(key);
    if (known !== undefined && now - known.at < fresh && (known.hits < known.limit || known.limit >= limit)) {
      return Math.min(known.hits, limit);
    }
    const count = rowsOfCodes(drive.ranges, this.#statements);
    const hits = count ?? this.#statements.number(sql`SELECT count(*) FROM (SELECT 1 FROM (${rows}) LIMIT ${limit})`);
    const counted = count === undefined ? limit : Number.POSITIVE_INFINITY;
    this.#counts.set(key, { hits, limit: counted, at: now, state: this.state });
    return Math.min(hits, limit);
  }

  /** The numbers of all resources that a drive finds, rising; undefined where it has many rows. */
  all(drive: Drive): readonly number[] | undefined {
    if (drive.numbers !== undefined) return drive.numbers;
    const list = this.#lists.get(drive) ?? this.#gather(drive);
    this.#lists.set(drive, list);
    return list === 'many' ? undefined : list;
  }

  #gather(drive: Drive): readonly number[] | 'many' {
    const rows = sql`SELECT rid FROM (${drive.rows('')}) LIMIT ${this.#gathered + 1}`;
    // As one text: each row costs the binding more than SQLite takes to find it.
    const [text] = this.#statements.get(sql`SELECT json_group_array(rid) FROM (${rows})`) ?? [];
    const found: readonly number[] = JSON.parse(String(text));
    return found.length > this.#gathered ? 'many' : ordered(found);
  }

  /** All rows of a drive, where they were counted to their end in this state of the store. */
  exactly(drive: Drive): number | undefined {
    const known = this.#counts.get(keyOf(drive.rows('')));
    return known !== undefined && known.state === this.state && known.hits < known.limit ? known.hits : undefined;
  }
}

function keyOf({ text, values }: Sql): string {
  return shortName(`${text} ${JSON.stringify(values)}`);
}

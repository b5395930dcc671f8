/**
 * Pages of histories, newest first. https://hl7.org/fhir/R4/http.html#history
 *
 * Versions are appended once and never moved, so a walk that stays at or below the change number of its first page shows
 * the state of then; only what was erased since is gone.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { HistoryPage, HistoryQuery, Position } from '../port.ts';
import type { Database, Row } from './open.ts';
import { type TypeNumbers, versionOf } from './read.ts';
import { all, isIn, raw, type Sql, sql } from './sql.ts';
import { Statements } from './statements.ts';

/** Totals beyond this are left out. */
const countBound = 10_000;
/** Versions that are looked at before other requests get a turn. */
const scanStep = 2_000;

/** Which versions a history is of. */
interface Selection {
  /** A test of `version AS v`. */
  readonly test: Sql;
  readonly index: Sql;
  /** What totals are counted by. */
  readonly countIndex: Sql;
  /** Whether every version in the index's range belongs to the history, so that a page looks at few. */
  readonly dense: boolean;
}

export class Histories {
  readonly #statements: Statements;
  readonly #types: TypeNumbers;
  readonly #clock: () => number;

  constructor(db: Database, types: TypeNumbers, clock: () => number) {
    this.#statements = new Statements(db);
    this.#types = types;
    this.#clock = clock;
  }

  /** A page; see `Store.history`. */
  async page(query: HistoryQuery): Promise<HistoryPage> {
    const { position, count } = query;
    const at = position?.at ?? this.#lastChange();
    const selection = this.#select(query, at);
    if (selection === undefined) return { versions: [], total: 0 };
    const total = position === undefined ? this.#total(query, selection) : position.total;
    const since = position?.since ?? this.#clock();
    const walk = { at, since, ...(total === undefined ? {} : { total }) };
    if (count === 0) return { versions: [], ...(total === undefined ? {} : { total }) };

    const backwards = position?.direction === 'previous';
    const key = position?.key?.[0];
    const edge = Number(key ?? (backwards ? 0 : at + 1));
    const rows = await this.#scan(selection, edge, backwards, count + 1, at);
    const more = rows.length > count;
    const shown = backwards ? rows.slice(0, count).reverse() : rows.slice(0, count);
    const place = (direction: Position['direction'], row: Row | undefined): Position | undefined =>
      row === undefined ? undefined : { ...walk, direction, key: [Number(row[0])] };
    const previous = (backwards ? more : key !== undefined) ? place('previous', shown[0]) : undefined;
    const next = backwards || more ? place('next', shown.at(-1)) : undefined;
    return {
      versions: shown.map(([, type, id, ...row]) => versionOf(this.#types.name(Number(type)), String(id), row)),
      ...(total === undefined ? {} : { total }),
      ...(previous === undefined && next === undefined ? {} : { first: { ...walk, direction: 'next' } }),
      ...(previous === undefined ? {} : { previous }),
      ...(next === undefined ? {} : { next }),
    };
  }

  /** undefined where nothing can belong to the history. */
  #select({ type, id, ids, since, at: period }: HistoryQuery, at: number): Selection | undefined {
    const tests: Sql[] = [sql`v.vid <= ${at}`];
    // Of the whole system: versions lie in the order of the table itself, but a narrower index counts faster, unless
    // only the newest ones count.
    let index = raw('NOT INDEXED');
    let countIndex = since === undefined ? raw('INDEXED BY version_by_type') : index;
    if (ids !== undefined || id !== undefined) {
      const keys = ids ?? [{ type: type ?? '', id: id ?? '' }];
      const chosen = keys.filter(
        (key) => (type === undefined || key.type === type) && (id === undefined || key.id === id),
      );
      const rids = new Set<number>();
      for (const one of chosen) {
        const rid = this.#rid(one.type, one.id);
        if (rid !== undefined) rids.add(rid);
      }
      if (rids.size === 0) return undefined;
      tests.push(isIn(raw('v.rid'), [...rids]));
      index = raw('INDEXED BY version_by_number');
      countIndex = index;
    } else if (type !== undefined) {
      const number = this.#types.number(type);
      if (number === undefined) return undefined;
      tests.push(sql`v.type = ${number}`);
      index = raw('INDEXED BY version_by_type');
      countIndex = index;
    }
    // `updated` never falls while the change number rises, so an instant is a change number too.
    if (since !== undefined) tests.push(sql`v.vid >= ${this.#firstChangeSince(since)}`);
    if (period !== undefined) {
      tests.push(sql`v.updated < ${period.high} AND NOT EXISTS (SELECT 1 FROM version AS n
        WHERE n.rid = v.rid AND n.number = v.number + 1 AND n.vid <= ${at} AND n.updated <= ${period.low})`);
    }
    return { test: all(tests), index, countIndex, dense: period === undefined };
  }

  /** Up to `limit` rows beyond `edge` in the walk's direction; a limited number of versions is looked at in a turn. */
  async #scan(
    { test, index, dense }: Selection,
    edge: number,
    backwards: boolean,
    limit: number,
    at: number,
  ): Promise<readonly Row[]> {
    const rows: Row[] = [];
    const order = raw(backwards ? 'ASC' : 'DESC');
    for (let from = edge; rows.length < limit && (backwards ? from < at : from > 1); ) {
      const to = backwards ? (dense ? at : Math.min(at, from + scanStep)) : dense ? 1 : Math.max(1, from - scanStep);
      const range = backwards ? sql`v.vid > ${from} AND v.vid <= ${to}` : sql`v.vid < ${from} AND v.vid >= ${to}`;
      // Bodies are read for the page's rows alone, not sorted along.
      rows.push(
        ...this.#statements.all(sql`SELECT v.vid, v.type, e.id, v.number, v.updated, v.method, v.body
          FROM (SELECT v.vid AS vid FROM version AS v ${index} WHERE ${test} AND ${range}
            ORDER BY v.vid ${order} LIMIT ${limit - rows.length}) AS page
          CROSS JOIN version AS v ON v.vid = page.vid CROSS JOIN entity AS e ON e.rid = v.rid ORDER BY v.vid ${order}`),
      );
      from = to;
      if (!dense) await turn();
    }
    return rows;
  }

  #total(query: HistoryQuery, { test, countIndex }: Selection): number | undefined {
    const exact = query.id !== undefined;
    // Whether a version was current in a period takes a look at it and the next: too dear for many.
    if (!exact && query.at !== undefined) return undefined;
    const limit = exact ? raw('') : sql`LIMIT ${countBound + 1}`;
    const count = Number(
      this.#statements.get(
        sql`SELECT count(*) FROM (SELECT 1 FROM version AS v ${countIndex} WHERE ${test} ${limit})`,
      )?.[0],
    );
    return exact || count <= countBound ? count : undefined;
  }

  #rid(type: string, id: string): number | undefined {
    const number = this.#types.number(type);
    if (number === undefined) return undefined;
    const row = this.#statements.get(sql`SELECT rid FROM entity WHERE type = ${number} AND id = ${id}`);
    return row === undefined ? undefined : Number(row[0]);
  }

  #lastChange(): number {
    return Number(this.#statements.get(sql`SELECT vid FROM version ORDER BY vid DESC LIMIT 1`)?.[0] ?? 0);
  }

  /** The least change number whose instant is at or after `since` (milliseconds), by halving. */
  #firstChangeSince(since: number): number {
    let low = 1;
    let high = this.#lastChange() + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const next = this.#statements.get(
        sql`SELECT vid, updated FROM version WHERE vid >= ${middle} ORDER BY vid LIMIT 1`,
      );
      if (next === undefined || Number(next[1]) >= since) high = middle;
      else low = Number(next[0]) + 1;
    }
    return low;
  }
}

/** Reads matches of one type in an order, of what is current and of what a walk kept. https://hl7.org/fhir/R4/http.html#paging */
import type { Version } from '../port.ts';
import type { Branch, Frame, Walk } from './frame.ts';
import { beyond, compareKeys, type Key, type KeyValue, type OrderColumn, orderBy } from './keyset.ts';
import type { Row, SqlValue } from './open.ts';
import { methods } from './pack.ts';
import { all, join, raw, type Sql, sql } from './sql.ts';
import type { Statements } from './statements.ts';

/** A match: its place in the walk, its number, and the change that made the version to show. */
export interface Hit {
  /** Ends with the resource's number. */
  readonly key: Key;
  readonly rid: number;
  readonly vid: number;
  readonly version: Version | undefined;
}

/** Rows that a statement reads, with the tests that they must pass and the columns that order them. */
export interface Source {
  readonly frame: Frame;
  readonly tests: readonly Sql[];
  /** Without the resource's number, which is the last column of every order. */
  readonly columns: readonly OrderColumn[];
  /** Whether the rows don't come in this order anyway, so that all of them are read and sorted. */
  readonly sorted: boolean;
}

/** Where a page begins, which way it goes, and how many matches it takes. */
export interface Span {
  readonly after: Key | undefined;
  readonly backwards: boolean;
  readonly limit: number;
}

export class HitReader {
  readonly walk: Walk;
  readonly #statements: Statements;
  readonly #typeName: string;
  readonly #bodies: boolean;
  /** Which kept versions there are for this walk. */
  readonly kept: Exclude<Branch, 'current'> | undefined;

  /**
   * @param bodies whether to read the versions together with their places, where one statement finds all.
   * @param few kept versions up to which all are looked at.
   */
  constructor(statements: Statements, typeName: string, walk: Walk, bodies: boolean, few: number) {
    this.#statements = statements;
    this.#typeName = typeName;
    this.walk = walk;
    this.#bodies = bodies;
    this.kept = this.#keptBranch(few);
  }

  /** The first matches of all sources beyond the span's beginning, in the columns' order (backwards: the reverse). */
  read(make: (branch: Branch) => readonly Source[], span: Span): readonly Hit[] {
    const sources = [...make('current'), ...(this.kept === undefined ? [] : make(this.kept))];
    const [first] = sources;
    if (first === undefined) return [];
    if (sources.length === 1) return this.#query(first, span, this.#bodies);
    const lists = sources.map((source) => this.#query(source, span, false)).filter((list) => list.length > 0);
    if (lists.length === 1) return lists[0] ?? [];
    const order = [...first.columns, { descending: false }];
    const sign = span.backwards ? -1 : 1;
    return lists
      .flat()
      .sort((a, b) => sign * compareKeys(order, a.key, b.key))
      .slice(0, span.limit);
  }

  #query(source: Source, { after, backwards, limit }: Span, bodies: boolean): readonly Hit[] {
    const { frame, tests } = source;
    const columns = [...source.columns, { value: frame.rid, descending: false, nullable: false }];
    const id = raw(frame.subject.prefix === '' ? 'r.id' : '(SELECT e.id FROM entity e WHERE e.rid = r.rid)');
    const selected = (list: readonly OrderColumn[]) =>
      join([...list.map(({ value }) => value), raw('r.vid'), ...(bodies ? [id] : [])], ', ');
    const where = all([frame.where, ...tests]);
    let query: Sql;
    if (source.sorted && after !== undefined && source.columns.length > 0) {
      // Correlated values are computed once for each row: a subquery with a limit is not taken apart.
      const named = columns.map((column, place) => ({ ...column, value: raw(`k${place}`) }));
      const inner = join(
        [
          ...columns.map(({ value }, place) => sql`${value} AS ${raw(`k${place}`)}`),
          raw('r.vid AS vid'),
          ...(bodies ? [sql`${id} AS id`] : []),
        ],
        ', ',
      );
      const outer = join([...named.map(({ value }) => value), raw('vid'), ...(bodies ? [raw('id')] : [])], ', ');
      query = sql`SELECT ${outer} FROM (SELECT ${inner} FROM ${frame.from} WHERE ${where} LIMIT -1)
        WHERE ${beyond(named, after, backwards)} ORDER BY ${orderBy(named, backwards)} LIMIT ${limit}`;
    } else {
      const from = after === undefined ? where : all([where, beyond(columns, after, backwards)]);
      query = sql`SELECT ${selected(columns)} FROM ${frame.from} WHERE ${from}
        ORDER BY ${orderBy(columns, backwards)} LIMIT ${limit}`;
    }
    if (bodies) query = withVersions(query, columns.length);
    const rows = this.#statements.all(query);
    return rows.map((row) => this.#hit(row, columns.length, bodies));
  }

  #hit(row: Row, columns: number, bodies: boolean): Hit {
    const key = row.slice(0, columns).map(keyValue);
    return {
      key,
      rid: Number(key[columns - 1]),
      vid: Number(row[columns]),
      version: bodies ? versionOf(this.#typeName, row.slice(columns + 1)) : undefined,
    };
  }

  /** The versions of hits that were read without them. */
  versions(hits: readonly Hit[]): readonly Version[] {
    return hits.map(({ version, vid }) => {
      if (version !== undefined) return version;
      const row = this.#statements.get(sql`SELECT e.id, v.number, v.updated, v.method, v.body
        FROM version v CROSS JOIN entity e ON e.rid = v.rid WHERE v.vid = ${vid}`);
      if (row === undefined) throw new Error(`version ${vid} is indexed but not stored`);
      return versionOf(this.#typeName, row);
    });
  }

  #keptBranch(few: number): Exclude<Branch, 'current'> | undefined {
    const { type, at } = this.walk;
    if (at === undefined) return undefined;
    const row = this.#statements.get(sql`SELECT count(*) FROM (SELECT 1 FROM kept INDEXED BY kept_by_type
      WHERE type = ${type} AND replaced > ${at} LIMIT ${few})`);
    const count = Number(row?.[0]);
    if (count === 0) return undefined;
    return count < few ? 'kept by change' : 'kept by index';
  }
}

/** A query for places with the versions that belong to them. */
function withVersions(query: Sql, columns: number): Sql {
  const names = raw([...Array.from({ length: columns }, (_, place) => `c${place}`), 'vid', 'id'].join(', '));
  return sql`WITH p (${names}) AS (${query})
    SELECT p.*, v.number, v.updated, v.method, v.body FROM p CROSS JOIN version v ON v.vid = p.vid`;
}

function versionOf(type: string, [id, number, updated, method, body]: readonly SqlValue[]): Version {
  return {
    type,
    id: String(id),
    versionId: Number(number),
    lastUpdated: Number(updated),
    method: methods[Number(method)] ?? 'PUT',
    body: body instanceof Uint8Array ? body : undefined,
  };
}

function keyValue(value: SqlValue): KeyValue {
  if (value instanceof Uint8Array) throw new Error('a walk is never ordered by bytes');
  return value;
}

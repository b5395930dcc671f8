/** Reads matches of one type in an order, of what is current and of what a walk kept. https://hl7.org/fhir/R4/http.html#paging */
import type { Around, Spliced, Version } from '../port.ts';
import type { Branch, Frame, Walk } from './frame.ts';
import { beyond, compareKeys, type Key, type KeyValue, type OrderColumn, orderBy } from './keyset.ts';
import type { Row, SqlValue } from './open.ts';
import { methods } from './pack.ts';
import { localId } from './rows.ts';
import { all, filters, join, raw, type Sql, sql } from './sql.ts';
import type { Statements } from './statements.ts';

/** A match as it was read: its place in the walk, its number, and what else is known of the version to show. */
export interface Hit {
  /** What its key begins with. */
  readonly prefix: Key;
  /** The columns of the order, the last of which is the resource's number; then what `withVersion` says. */
  readonly row: Row;
  readonly columns: number;
  /**
   * Whether the version follows (id, number, updated, method, body). Else it is the number of its change in a walk that goes
   * on, which may show what isn't current any more; on a first page nothing follows.
   */
  readonly withVersion: boolean;
}

/** A match's place in the walk, which ends with the resource's number. */
export function keyOf({ prefix, row, columns }: Hit): Key {
  const key = [...prefix];
  for (let place = 0; place < columns; place++) key.push(keyValue(row[place] ?? null));
  return key;
}

/** The number of a match. */
export function ridOf({ row, columns }: Hit): number {
  return Number(row[columns - 1]);
}

/** Rows that a statement reads, with the tests that they must pass and the columns that order them. */
export interface Source {
  readonly frame: Frame;
  readonly tests: readonly Sql[];
  /** Without the resource's number, which is the last column of every order. */
  readonly columns: readonly OrderColumn[];
  /**
   * Whether the rows come in this order by the index (so that reading stops at the limit), in blocks that are sorted
   * apart, or in none (so that all are read).
   */
  readonly order: 'index' | 'blocks' | 'none';
  /** Whether all of its rows come after the place where the page begins. */
  readonly whole?: boolean;
  /** Whether the frame is of index rows alone, without the resource. Read in an order they have no version. */
  readonly bare?: boolean;
}

/** Where a page begins, which way it goes, and how many matches it takes. */
export interface Span {
  /** What the keys of the matches begin with. */
  readonly prefix: Key;
  /** The place to begin after, without the prefix. */
  readonly after: Key | undefined;
  readonly backwards: boolean;
  readonly limit: number;
  /** Whether ties go by falling numbers. */
  readonly falling: boolean;
}

/** What follows the columns of the order: the version, the number of its change, or nothing. */
type Behind = 'version' | 'change' | 'nothing';

/** A statement that reads matches of a source. */
interface Query {
  readonly statement: Sql;
  /** How many columns the order has. */
  readonly columns: number;
  readonly withVersion: boolean;
}

/** A remembered statement of a first page. */
interface FirstPage {
  readonly limit: number;
  readonly query: Query;
}

/** What SQLite says of a text beyond its limit. */
const tooBig = /too big/;

/** How stored versions are looked up: the tables `e` of resources and `v` of versions, and the column of the number. */
interface Stored {
  readonly tables: Sql;
  readonly by: Sql;
}

const currentVersions: Stored = { tables: raw('entity e CROSS JOIN version v ON v.vid = e.vid'), by: raw('e.rid') };
const changes: Stored = { tables: raw('version v CROSS JOIN entity e ON e.rid = v.rid'), by: raw('v.vid') };

export class HitReader {
  readonly walk: Walk;
  readonly #statements: Statements;
  readonly #typeName: string;
  readonly #bodies: boolean;
  /** Which kept versions there are for this walk. */
  readonly #kept: Exclude<Branch, 'current'> | undefined;
  /** By the names of what is read. */
  readonly #firstPages = new Map<string, FirstPage>();
  readonly #stored: Stored;

  /**
   * @param bodies whether to read the versions together with their places, where one statement finds all.
   * @param few kept versions up to which all are looked at.
   */
  constructor(statements: Statements, typeName: string, walk: Walk, bodies: boolean, few: number) {
    this.#statements = statements;
    this.#typeName = typeName;
    this.walk = walk;
    this.#bodies = bodies;
    this.#kept = this.#keptBranch(few);
    this.#stored = walk.at === undefined ? currentVersions : changes;
  }

  /** Whether the matches' numbers are all that is read of them: the resources themselves needn't be looked at. */
  get onlyNumbers(): boolean {
    return !this.#bodies && this.walk.at === undefined;
  }

  /**
   * The first matches of all sources beyond the span's beginning, in the columns' order (backwards: the reverse).
   * @param name where the sources are the same whenever this is read again: names them among those of the reader.
   */
  read(make: (branch: Branch) => readonly Source[], span: Span, name?: string): readonly Hit[] {
    const { after, backwards, limit } = span;
    const begins = after === undefined && !backwards && this.#kept === undefined ? name : undefined;
    const known = begins === undefined ? undefined : this.#firstPages.get(begins);
    if (known?.limit === limit) return this.#run(known.query, span);
    const sources = this.#kept === undefined ? make('current') : [...make('current'), ...make(this.#kept)];
    const [first] = sources;
    if (first === undefined) return [];
    if (sources.length === 1) {
      const query = queryOf(first, span, this.#behind(this.#bodies));
      if (begins !== undefined) this.#firstPages.set(begins, { limit, query });
      return this.#run(query, span);
    }
    const lists = sources
      .map((source) => this.#run(queryOf(source, span, this.#behind(false)), span))
      .filter((list) => list.length > 0);
    const [only = []] = lists;
    if (lists.length <= 1) return only;
    const order = [...first.columns, { descending: span.falling }];
    const sign = backwards ? -1 : 1;
    return lists
      .flat()
      .map((hit) => ({ hit, key: keyOf({ ...hit, prefix: [] }) }))
      .sort((a, b) => sign * compareKeys(order, a.key, b.key))
      .slice(0, limit)
      .map(({ hit }) => hit);
  }

  /** The versions of matches. */
  versions(hits: readonly Hit[]): readonly Version[] {
    return hits.map((hit) => {
      const { row, columns, withVersion } = hit;
      if (withVersion) return versionOf(this.#typeName, row, columns);
      const found = this.#statements.get(sql`SELECT e.id, v.number, v.updated, v.method, v.body
        FROM ${this.#stored.tables} WHERE ${this.#stored.by} = ${this.#named(hit)}`);
      if (found === undefined) throw new Error(`the version of resource ${ridOf(hit)} is indexed but not stored`);
      return versionOf(this.#typeName, found, 0);
    });
  }

  /**
   * The matches as one text in pieces, a comma between two; `undefined` where SQLite can't hold it. The binding takes longer
   * to give twenty bodies than SQLite to find and to join them.
   */
  spliced(hits: readonly Hit[], { before, between, after }: Around): Spliced | undefined {
    const named = JSON.stringify(hits.map((hit) => this.#named(hit)));
    // What stands between two bodies goes with the second as its separator, so that no body is copied for it. The first id is
    // that of the row with the least key.
    const query = sql`SELECT count(*),
        CAST(group_concat(CAST(v.body AS TEXT), ${`${after},${before}`} || e.id || ${between}) AS BLOB), e.id, min(j.key)
      FROM json_each(${named}) j CROSS JOIN ${this.#stored.tables} WHERE ${this.#stored.by} = j.value`;
    try {
      const [count, bytes, first] = this.#statements.get(query) ?? [];
      if (count === hits.length && bytes instanceof Uint8Array)
        return [`${before}${String(first)}${between}`, bytes, after];
    } catch (error) {
      if (!(error instanceof Error) || !tooBig.test(error.message)) throw error;
      return undefined;
    }
    throw new Error(`of the versions of ${named} not all are stored`);
  }

  /** The versions in which matches of contained resources lie. */
  containers(hits: readonly Hit[]): readonly Version[] {
    return hits.map((hit) => {
      const found = this.#statements.get(sql`SELECT e.id, v.number, v.updated, v.method, v.body, t.name, i.id
        FROM entity i CROSS JOIN version v ON v.vid = i.vid CROSS JOIN entity e ON e.rid = v.rid
        CROSS JOIN type t ON t.num = e.type WHERE i.rid = ${ridOf(hit)}`);
      if (found === undefined) throw new Error(`resource ${ridOf(hit)} is contained in nothing`);
      return { ...versionOf(String(found[5]), found, 0), contained: localId(String(found[6])) };
    });
  }

  /** What a statement gives behind the order's columns. */
  #behind(bodies: boolean): Behind {
    if (bodies) return 'version';
    return this.walk.at === undefined ? 'nothing' : 'change';
  }

  /** What matches without versions are looked up by: the number of the resource, or where it isn't enough, of the change. */
  #named({ row, columns }: Hit): number {
    return Number(row[this.walk.at === undefined ? columns - 1 : columns]);
  }

  #run({ statement, columns, withVersion }: Query, { prefix }: Span): readonly Hit[] {
    return this.#statements.all(statement).map((row) => ({ prefix, row, columns, withVersion }));
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

function queryOf(source: Source, { after, backwards, limit, falling }: Span, behind: Behind): Query {
  const columns = [...source.columns, { value: source.frame.rid, descending: falling, nullable: false }];
  const make = source.order === 'none' ? sortingQuery : scanningQuery;
  const statement = make(source, columns, source.whole === true ? undefined : after, backwards, limit, behind);
  return { statement, columns: columns.length, withVersion: behind === 'version' };
}

const versionColumns = raw('v.number, v.updated, v.method, v.body');

/** The resource's logical id: kept versions don't repeat it. */
function idOf({ subject }: Frame): Sql {
  return raw(subject.prefix === '' ? 'r.id' : '(SELECT e.id FROM entity e WHERE e.rid = r.rid)');
}

/** Rows that come in the order, or in blocks of it: reading stops at the limit. */
function scanningQuery(
  source: Source,
  columns: readonly OrderColumn[],
  after: Key | undefined,
  backwards: boolean,
  limit: number,
  behind: Behind,
): Sql {
  const { frame, tests } = source;
  const begin = after === undefined ? [] : [beyond(columns, after, backwards)];
  // Of two bounds of the same columns SQLite seeks the one that stands first: by the stretch's own it would read all pages before.
  const where = all([...begin, frame.where, filters(tests)]);
  const values = join(
    columns.map(({ value }) => value),
    ', ',
  );
  const order = orderBy(columns, backwards);
  if (behind === 'version' && source.order === 'blocks') {
    const names = columns.map((_, place) => raw(`k${place}`));
    const named = columns.map(({ value }, place) => sql`${value} AS ${names[place] ?? value}`);
    return sql`SELECT ${join(
      names.map((name) => sql`p.${name}`),
      ', ',
    )}, p.id, ${versionColumns}
      FROM (SELECT ${join(named, ', ')}, r.vid AS vid, ${idOf(frame)} AS id FROM ${frame.from}
        WHERE ${where} ORDER BY ${order} LIMIT ${limit}) p CROSS JOIN version v ON v.vid = p.vid`;
  }
  if (behind === 'version') {
    return sql`SELECT ${values}, ${idOf(frame)}, ${versionColumns}
        FROM ${frame.from} CROSS JOIN version v ON v.vid = r.vid WHERE ${where} ORDER BY ${order} LIMIT ${limit}`;
  }
  const read = behind === 'change' ? sql`${values}, r.vid` : values;
  return sql`SELECT ${read} FROM ${frame.from} WHERE ${where} ORDER BY ${order} LIMIT ${limit}`;
}

/** All rows, sorted: what is sorted is small, so versions join the rows that are left. */
function sortingQuery(
  { frame, tests, bare = false }: Source,
  columns: readonly OrderColumn[],
  after: Key | undefined,
  backwards: boolean,
  limit: number,
  behind: Behind,
): Sql {
  const named = columns.map((column, place) => ({ ...column, value: raw(`k${place}`) }));
  const values = columns.map(({ value }, place) => sql`${value} AS ${raw(`k${place}`)}`);
  const own = bare || behind === 'nothing' ? [] : [raw('r.vid AS vid')];
  if (!bare && behind === 'version') own.push(sql`${idOf(frame)} AS id`);
  const list = join([...values, ...own], ', ');
  const where = all([frame.where, filters(tests)]);
  const order = orderBy(named, backwards);
  const found = sql`SELECT ${list} FROM ${frame.from} WHERE ${where}`;
  // Correlated values are computed once for each row: a subquery with a limit is not taken apart.
  const sorted =
    after === undefined
      ? sql`${found} ORDER BY ${order} LIMIT ${limit}`
      : sql`SELECT * FROM (${found} LIMIT -1) WHERE ${beyond(named, after, backwards)} ORDER BY ${order} LIMIT ${limit}`;
  if (behind !== 'version') return sorted;
  const names = join(
    named.map(({ value }) => sql`p.${value}`),
    ', ',
  );
  if (!bare)
    return sql`SELECT ${names}, p.id, ${versionColumns} FROM (${sorted}) p CROSS JOIN version v ON v.vid = p.vid`;
  return sql`SELECT ${names}, r.id, ${versionColumns} FROM (${sorted}) p
    CROSS JOIN entity r ON r.rid = p.${raw(`k${columns.length - 1}`)} CROSS JOIN version v ON v.vid = r.vid`;
}

/** The version in a row's columns id, number, updated, method and body, from a place on. */
function versionOf(type: string, row: Row, place: number): Version {
  const body: SqlValue | undefined = row[place + 4];
  return {
    type,
    id: String(row[place]),
    versionId: Number(row[place + 1]),
    lastUpdated: Number(row[place + 2]),
    method: methods[Number(row[place + 3])] ?? 'PUT',
    body: body instanceof Uint8Array ? body : undefined,
  };
}

function keyValue(value: SqlValue): KeyValue {
  if (value instanceof Uint8Array) throw new Error('a walk is never ordered by bytes');
  return value;
}

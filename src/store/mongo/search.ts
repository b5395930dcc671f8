/** Searches: pages of walks, totals, and the matches that conditions are evaluated on. https://hl7.org/fhir/R4/search.html */
import type { ClientSession, Db } from 'mongodb';
import { isContained } from '../../search/contained.ts';
import type { Criterion } from '../../search/criteria.ts';
import { CursorExpired } from '../errors.ts';
import type { Explanation, Position, SearchPage, SearchQuery, TypeQuery } from '../port.ts';
import type { Snapshot } from './clock.ts';
import { contextOf, type Env } from './compiling.ts';
import { typeOfCollection } from './document.ts';
import { explanationOf, ReadWatch } from './explain.ts';
import type { Fields } from './fields.ts';
import { versionsOf } from './hits.ts';
import type { Key } from './keyset.ts';
import { type PageOfHits, readPage } from './page.ts';
import { Part } from './part.ts';
import { type Found, State, type Watch } from './state.ts';

/** What the writes of this process say of change numbers (`clock.ts`). */
export interface Changes {
  /** A number that was given somewhere: later ones are greater. */
  observe(change: number): void;
  /** Commits of this process that are in flight are its exceptions. */
  snapshot(): Snapshot;
}

export interface SearcherOptions {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Milliseconds for which a walk of pages can go on. */
  readonly cursorLifetime: number;
  readonly fields: Fields;
  readonly changes: Changes;
  /** The bytes of a version, which may lie in a file. */
  readonly bytesOf: (document: Found) => Promise<Uint8Array>;
  /** Says that documents of a type are found or sorted by a path. */
  readonly uses?: (type: string, path: string) => void;
  /** Resources of other types that a criterion may list. */
  readonly most?: number;
  /** Whether to give up whatever is being read. */
  readonly stopped?: () => boolean;
}

/** Milliseconds that the criteria of a conditional interaction may take. */
export const matchesBudget = 10_000;

const mostListed = 10_000;

const nothing: PageOfHits = { hits: [], more: false };

/** A state with what was compiled on it. */
interface Reading {
  readonly state: State;
  readonly parts: readonly Part[];
  /** The types that it looks at. */
  readonly types: ReadonlySet<string>;
}

export class Searcher {
  readonly #db: Db;
  readonly #options: SearcherOptions;
  /** By type the greatest change number that was seen. */
  readonly #newest = new Map<string, number>();

  constructor(db: Db, options: SearcherOptions) {
    this.#db = db;
    this.#options = options;
  }

  /**
   * A page of a search, as `Store.search` says.
   * @throws TooCostly, CursorExpired.
   */
  search(query: SearchQuery): Promise<SearchPage> {
    return this.#search(query);
  }

  /**
   * How the first page of a search is read.
   * @throws TooCostly.
   */
  async explain({ position: _, ...query }: SearchQuery): Promise<Explanation> {
    const watch = new ReadWatch();
    const page = await this.#search(query, watch);
    return explanationOf(query, page, watch);
  }

  /**
   * Logical ids of current matches, sorted: the first `limit` of them.
   * @param session the transaction to read in.
   * @throws TooCostly.
   */
  async matches(type: string, criterion: Criterion, limit: number, session?: ClientSession): Promise<readonly string[]> {
    if (limit <= 0) return [];
    const state = this.#state(matchesBudget, { session });
    const { parts } = await this.#compile([{ type, criterion, sort: [] }], state);
    const { hits } = await readPage(parts, false, undefined, false, limit);
    return hits.map(({ id }) => id).sort();
  }

  async #search(query: SearchQuery, watch?: Watch): Promise<SearchPage> {
    const now = this.#options.clock();
    const { position, budget, parts: queries, count } = query;
    if (position === undefined) return this.#first(query, now, watch);
    if (position.since + this.#options.cursorLifetime < now) throw new CursorExpired();
    const { snapshot, key } = placeOf(position);
    const reading = await this.#compile(queries, this.#state(budget, { snapshot, watch }));
    return this.#page(query, reading, key, snapshot, position.since, position.total, count);
  }

  /** The first page of a walk: what is current, and if there is more than that the state that the walk will show. */
  async #first(query: SearchQuery, now: number, watch: Watch | undefined): Promise<SearchPage> {
    const { budget, parts: queries, count } = query;
    const known = new Map(this.#newest);
    const { except } = this.#options.changes.snapshot();
    const reading = await this.#compile(queries, this.#state(budget, { watch }));
    const sorted = isSorted(queries);
    const found = count === 0 ? nothing : await readPage(reading.parts, sorted, undefined, false, count);
    const shown = count > 0 && !found.more ? found.hits.length : undefined;
    const total = await this.#total(query, reading, shown);
    if (!found.more) return { matches: await versionsOf(found.hits, reading.state), total };
    const { snapshot, unchanged } = await this.#settle(reading.types, known);
    if (unchanged && except.length === 0) {
      return this.#shown(found, reading, undefined, 'next', snapshot, now, total);
    }
    const settled = await this.#compile(queries, this.#state(budget, { snapshot, watch }));
    return this.#page(query, settled, undefined, snapshot, now, total, count);
  }

  /** A page of a walk. */
  async #page(
    { parts: queries, position }: SearchQuery,
    reading: Reading,
    key: Key | undefined,
    snapshot: Snapshot,
    since: number,
    total: number | undefined,
    count: number,
  ): Promise<SearchPage> {
    const direction = position?.direction ?? 'next';
    const backwards = direction === 'previous';
    const found = count === 0 ? nothing : await readPage(reading.parts, isSorted(queries), key, backwards, count);
    return this.#shown(found, reading, key, direction, snapshot, since, total);
  }

  async #shown(
    { hits, more }: PageOfHits,
    { state }: Reading,
    key: Key | undefined,
    direction: Position['direction'],
    snapshot: Snapshot,
    since: number,
    total: number | undefined,
  ): Promise<SearchPage> {
    const backwards = direction === 'previous';
    const [first, last] = [hits[0], hits.at(-1)];
    const next = (backwards ? true : more) && last !== undefined;
    const previous = (backwards ? more : key !== undefined) && first !== undefined;
    const place = (way: Position['direction'], at: Key): Position => {
      return { at: snapshot.at, since, total, direction: way, key: [exceptText(snapshot), ...at] };
    };
    return {
      matches: await versionsOf(hits, state),
      total,
      first: next || previous || key !== undefined ? place('next', []) : undefined,
      next: next ? place('next', last.key) : undefined,
      previous: previous ? place('previous', first.key) : undefined,
    };
  }

  /** The state of now as walks show it, and whether nothing has changed in these types since it was known how far they are. */
  async #settle(types: ReadonlySet<string>, known: ReadonlyMap<string, number>): Promise<{ snapshot: Snapshot; unchanged: boolean }> {
    let unchanged = true;
    let at = 0;
    const newest = await Promise.all([...types].map(async (type) => [type, await this.#newestOf(type)] as const));
    for (const [type, change] of newest) {
      if (known.get(type) !== change) unchanged = false;
      this.#newest.set(type, change);
      this.#options.changes.observe(change);
      at = Math.max(at, change);
    }
    const except = this.#options.changes.snapshot().except.filter((first) => first <= at);
    return { snapshot: { at, except }, unchanged: unchanged && except.length === 0 };
  }

  /** The number of the last change of a type's resources. */
  async #newestOf(type: string): Promise<number> {
    const options = { sort: { change: -1 }, projection: { change: 1 } } as const;
    const found = await this.#db.collection<{ readonly change: number }>(type).findOne({}, options);
    return found?.change ?? 0;
  }

  /** The total to show: what the only page shows, or counted. */
  async #total({ total, totalBound }: SearchQuery, { parts }: Reading, shown: number | undefined): Promise<number | undefined> {
    if (total === 'none') return undefined;
    if (shown !== undefined) return shown;
    const bound = total === 'bounded' ? totalBound + 1 : Number.POSITIVE_INFINITY;
    let counted = 0;
    for (const part of parts) {
      counted += await part.count(bound - counted);
      if (counted >= bound) break;
    }
    return total === 'bounded' && counted > totalBound ? undefined : counted;
  }

  async #compile(queries: readonly TypeQuery[], state: State): Promise<Reading> {
    const { fields, uses = () => {}, most = mostListed } = this.#options;
    const types = new Set<string>();
    const env: Env = { state, fields, most, uses, looksAt: (type) => types.add(type) };
    const alone = queries.length === 1;
    let live: Promise<readonly string[]> | undefined;
    const typesWithData = () => {
      live ??= this.#typesWithData();
      return live;
    };
    const held = alone ? undefined : new Set(await typesWithData());
    const parts: Part[] = [];
    for (const [place, query] of queries.entries()) {
      const { type } = query;
      if (held?.has(type) === false && !isContained(type)) continue;
      const context = contextOf(type, env);
      const condition = await context.compile(query.criterion);
      const { fieldOf } = context;
      parts.push(new Part(query, { state, place, condition, alone, types: typesWithData, fieldOf }));
      for (const { path } of parts.at(-1)?.columns ?? []) if (path !== undefined) context.uses(path);
      if (isContained(type)) for (const each of await typesWithData()) types.add(each);
      else types.add(type);
    }
    return { state, parts, types };
  }

  async #typesWithData(): Promise<readonly string[]> {
    const collections = await this.#db.listCollections({}, { nameOnly: true }).toArray();
    return collections.flatMap(({ name }) => typeOfCollection(name) ?? []).sort();
  }

  #state(budget: number, more: { snapshot?: Snapshot; session?: ClientSession | undefined; watch?: Watch | undefined }): State {
    const { bytesOf, stopped } = this.#options;
    return new State(this.#db, { deadline: performance.now() + budget, bytesOf, stopped, ...more });
  }
}

function isSorted(queries: readonly TypeQuery[]): boolean {
  return queries.some(({ sort }) => sort.length > 0);
}

/** A walk's exceptions as they stand at the beginning of its keys. */
function exceptText({ except }: Snapshot): string {
  return except.map((first) => first.toString(36)).join(' ');
}

/** The state of a walk, and the key to go on after; undefined: the walk's beginning. */
function placeOf({ at, key = [] }: Position): { readonly snapshot: Snapshot; readonly key: Key | undefined } {
  const [text, ...rest] = key;
  const except = typeof text === 'string' && text !== '' ? text.split(' ').map((first) => Number.parseInt(first, 36)) : [];
  return { snapshot: { at, except }, key: rest.length === 0 ? undefined : rest };
}

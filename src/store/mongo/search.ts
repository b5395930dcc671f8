/** Searches: pages of walks, totals, and the matches that conditions are evaluated on. https://hl7.org/fhir/R4/search.html */
import type { ClientSession } from 'mongodb';
import { isContained, resourceTypeOf } from '../../search/contained.ts';
import type { Criterion, SortBy } from '../../search/criteria.ts';
import { CursorExpired } from '../errors.ts';
import type {
  ExplainedCriterion,
  ExplainedPart,
  Explanation,
  Position,
  SearchPage,
  SearchQuery,
  TypeQuery,
} from '../port.ts';
import type { Tally, TallyQuery } from '../tally.ts';
import type { Snapshot } from './clock.ts';
import { TooWide } from './compile/too-wide.ts';
import { contextOf, type Env } from './compiling.ts';
import type { SearchContext } from './context.ts';
import { HasToLook, type Look, readCurrent, transactionBudget } from './current.ts';
import { conjuncts, ReadWatch } from './explain.ts';
import { SharedContainers } from './gathered.ts';
import { versionsOf } from './hits.ts';
import type { Key } from './keyset.ts';
import { type PageOfHits, readPage } from './page.ts';
import { Part } from './part.ts';
import { State, type Watch } from './state.ts';
import { tallyOf } from './tally.ts';
import { ofOneState } from './transaction.ts';

export interface SearcherOptions {
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
/** Rows of each criterion that an explanation counts. */
const mostExplained = 8192;

/** Types whose contained resources are looked for one type after the other. */
const fewTypes = 3;

const nothing: PageOfHits = { hits: [], more: false };

/** A state with what was compiled on it. */
interface Reading {
  readonly state: State;
  readonly parts: readonly Part[];
  /** The types that it looks at. */
  readonly types: ReadonlySet<string>;
  /** The types that held data, where that was asked. */
  readonly held: readonly string[] | undefined;
  /** Whether resources were looked at for its criteria, before what is found by them was. */
  readonly looked: boolean;
}

export class Searcher {
  readonly #context: SearchContext;
  readonly #options: SearcherOptions;

  constructor(context: SearchContext, options: SearcherOptions = {}) {
    this.#context = context;
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
    const held = query.parts.length === 1 ? undefined : await this.#context.types.known();
    const parts: ExplainedPart[] = [];
    for (const part of query.parts) {
      if (held?.includes(resourceTypeOf(part.type)) === false) continue;
      const criteria: ExplainedCriterion[] = [];
      for (const criterion of conjuncts(part.criterion)) {
        criteria.push({ criterion, ...(await this.#rowsOf(part.type, criterion, query.budget)) });
      }
      parts.push({ type: part.type, criteria, lead: watch.leadOf(part.type, criteria, part.sort.length > 0) });
    }
    const { matches, total } = page;
    return { parts, steps: watch.steps, matches: matches.length, total, thorough: false };
  }

  /**
   * Logical ids of current matches, sorted: the first `limit` of them.
   * @param session the transaction to read in.
   * @throws TooCostly.
   */
  async matches(
    type: string,
    criterion: Criterion,
    limit: number,
    session?: ClientSession,
  ): Promise<readonly string[]> {
    if (limit <= 0) return [];
    const queries = [{ type, criterion, sort: [] }];
    const end = performance.now() + matchesBudget;
    const read = async (more: { session?: ClientSession | undefined; snapshot?: Snapshot; single?: boolean }) => {
      const reading = await this.#compile(queries, this.#state(end - performance.now(), more), more.single);
      return { reading, page: await readPage(reading.parts, false, undefined, false, limit) };
    };
    const idsOf = ({ hits }: PageOfHits) => hits.map(({ id }) => id).sort();
    if (session !== undefined) return idsOf((await read({ session })).page);
    return readCurrent(this.#context, type, matchesBudget, async ({ before, ...look }) => {
      const { reading, page } = await read(look);
      // A transaction sees one state, and so does a single look.
      if (look.session !== undefined || !reading.looked) return idsOf(page);
      const snapshot = await this.#context.snapshots.begin([...reading.types]);
      const same = isSame(before, snapshot) || (await this.#isUnchanged(before, reading));
      return idsOf(same ? page : (await read({ snapshot })).page);
    });
  }

  /**
   * How often values occur among current matches; in one state of the store where the server has transactions.
   * @throws TooCostly.
   */
  tally(query: TallyQuery): Promise<Tally> {
    const { client, transactions } = this.#context.connection;
    if (!transactions) return this.#tally(query, query.budget, undefined);
    const end = performance.now() + Math.min(query.budget, transactionBudget);
    return ofOneState(client, (session) => this.#tally(query, end - performance.now(), session));
  }

  async #tally(query: TallyQuery, budget: number, session: ClientSession | undefined): Promise<Tally> {
    const { type, criterion } = query;
    const state = this.#state(budget, { session });
    const {
      parts: [part],
    } = await this.#compile([{ type, criterion, sort: [] }], state);
    if (part === undefined) throw new Error('a search of one type has a part');
    return tallyOf(state, part, query, (parameter) => this.#context.fields.ofParameter(parameter));
  }

  /**
   * What an index finds by a criterion, counted up to a limit; nothing where each resource is to be tested, or what the other
   * criteria leave is looked at.
   */
  async #rowsOf(
    type: string,
    criterion: Criterion,
    budget: number,
  ): Promise<{ readonly rows?: number; readonly more: boolean }> {
    try {
      const { parts } = await this.#compile([{ type, criterion, sort: [] }], this.#state(budget, {}));
      const [part] = parts;
      if (part?.condition.live !== true) return { more: false };
      const rows = await part.count(mostExplained + 1);
      return { rows: Math.min(rows, mostExplained), more: rows > mostExplained };
    } catch (error) {
      // By itself it is refused; the search has been answered from the side of the others.
      if (error instanceof TooWide) return { more: true };
      throw error;
    }
  }

  async #search(query: SearchQuery, watch?: Watch): Promise<SearchPage> {
    const now = this.#context.clock();
    const { position, budget, parts: queries, count } = query;
    if (position === undefined && queries.some(isByTime)) return this.#complete(query, now, watch);
    if (position === undefined) {
      // The server doesn't explain what it does in a transaction.
      if (watch !== undefined)
        return this.#first(query, now, { budget, before: await this.#context.snapshots.begin([]) }, watch);
      return readCurrent(this.#context, queries[0]?.type, budget, (look) => this.#first(query, now, look, undefined));
    }
    if (position.since + this.#context.cursorLifetime < now) throw new CursorExpired();
    const { snapshot, key } = placeOf(position);
    const reading = await this.#compile(queries, this.#state(budget, { snapshot, watch }));
    return this.#page(query, reading, key, snapshot, position.since, position.total, count);
  }

  /**
   * The first page of a walk: what is current, and if there is more than that the state that the walk will show. What was
   * looked at one after the other is one state, too: a resource that changed in between may have been missed, or found by
   * what it has never been.
   */
  async #first(query: SearchQuery, now: number, look: Look, watch: Watch | undefined): Promise<SearchPage> {
    const { parts: queries, count } = query;
    const { budget, before, session } = look;
    const start = performance.now();
    const reading = await this.#compile(queries, this.#state(budget, { session, watch }), look.single);
    const sorted = isSorted(queries);
    const together = session === undefined ? undefined : 1;
    const found = count === 0 ? nothing : await readPage(reading.parts, sorted, undefined, false, count, together);
    const shown = ({ more, hits }: PageOfHits) => (count > 0 && !more ? hits.length : undefined);
    const total = await this.#total(query, reading, shown(found));
    const whole = session !== undefined || !reading.looked;
    if (!found.more && whole) return { matches: await versionsOf(found.hits, reading.state), total };
    const begun = await this.#context.snapshots.begin([...reading.types], session);
    const same = isSame(before, begun) || (await this.#isUnchanged(before, reading, session));
    const snapshot = session === undefined ? begun : await this.#shownIn(session, reading, before, begun);
    // What came since isn't in the transaction.
    const walk = session === undefined ? snapshot : before;
    if (same) return this.#shown(found, reading, undefined, 'next', walk, now, total);
    const left = budget - (performance.now() - start);
    const settled = await this.#compile(queries, this.#state(left, { session, snapshot, watch }));
    const again = count === 0 ? nothing : await readPage(settled.parts, sorted, undefined, false, count, together);
    const counted = await this.#total(query, settled, shown(again));
    return this.#shown(again, settled, undefined, 'next', snapshot, now, counted);
  }

  /** The state that a transaction shows, which has nothing of what this process committed after it began. */
  async #shownIn(
    session: ClientSession,
    { types }: Reading,
    before: Snapshot,
    { except }: Snapshot,
  ): Promise<Snapshot> {
    const newest = await this.#context.types.newest([...types], session);
    return { at: Math.max(before.at, newest), except: [...new Set([...before.except, ...except])] };
  }

  /**
   * Whether nothing of what is looked at was written since a state, as far as it is known here: what another process erases
   * leaves nothing to tell it by.
   */
  async #isUnchanged({ at, except }: Snapshot, { types, held }: Reading, session?: ClientSession): Promise<boolean> {
    const newest = await this.#context.types.newest([...types], session);
    if (newest >= Math.min(at + 1, ...except)) return false;
    return held === undefined || (await this.#context.types.known()).length === held.length;
  }

  /**
   * The first page of a search by `_lastUpdated`: up to what no commit in flight comes before any more, so that a client that
   * asks again from the greatest one on misses nothing.
   */
  async #complete(query: SearchQuery, now: number, watch: Watch | undefined): Promise<SearchPage> {
    const { budget, parts: queries, count } = query;
    const at = await this.#context.snapshots.complete(queries.map(({ type }) => type));
    const snapshot = { at, except: [] };
    const reading = await this.#compile(queries, this.#state(budget, { snapshot, watch }));
    const found = count === 0 ? nothing : await readPage(reading.parts, isSorted(queries), undefined, false, count);
    const total = await this.#total(query, reading, count > 0 && !found.more ? found.hits.length : undefined);
    return this.#shown(found, reading, undefined, 'next', snapshot, now, total);
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

  /** The total to show: what the only page shows, or counted. */
  async #total(
    { total, totalBound }: SearchQuery,
    { parts }: Reading,
    shown: number | undefined,
  ): Promise<number | undefined> {
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

  /** @param single whether to throw `HasToLook` where resources are to be looked at first. */
  async #compile(queries: readonly TypeQuery[], state: State, single = false): Promise<Reading> {
    const { fields, connection } = this.#context;
    const { uses = () => {}, most = mostListed } = this.#options;
    const types = new Set<string>();
    let looked = false;
    const looksAt: Env['looksAt'] = (type, what) => {
      // Shards don't tell texts in a transaction, without which a search is wide.
      const apart = what === 'texts' && connection.sharded;
      if (single && !apart) throw new HasToLook();
      looked = true;
      types.add(type);
    };
    const alone = queries.length === 1;
    let live: Promise<readonly string[]> | undefined;
    const typesWithData = () => {
      live ??= this.#context.types.known();
      return live;
    };
    const env: Env = { state, fields, most, uses, types: typesWithData, looksAt };
    const held = alone ? undefined : new Set(await typesWithData());
    const parts: Part[] = [];
    // What contains resources of many types is read once for all of them, before which each part has to be compiled.
    const inside = queries.filter(({ type }) => isContained(type)).length;
    const shared = inside > fewTypes ? new SharedContainers() : undefined;
    for (const [place, query] of queries.entries()) {
      const { type } = query;
      if (held?.has(type) === false && !isContained(type)) continue;
      const context = contextOf(type, env);
      const condition = await context.compile(query.criterion);
      const { fieldOf } = context;
      parts.push(new Part(query, { state, place, condition, alone, types: typesWithData, fieldOf, shared }));
      for (const { path } of parts.at(-1)?.columns ?? []) if (path !== undefined) context.uses(path);
      if (isContained(type)) {
        shared?.add(type, condition);
        for (const each of await typesWithData()) types.add(each);
      } else types.add(type);
      for (const { by } of query.sort) for (const each of typesOf(by)) types.add(each);
    }
    return { state, parts, types, held: await live, looked };
  }

  #state(
    budget: number,
    more: { snapshot?: Snapshot | undefined; session?: ClientSession | undefined; watch?: Watch | undefined },
  ): State {
    const {
      connection: { db, sharded },
      bodies,
    } = this.#context;
    const { stopped } = this.#options;
    return new State(db, { deadline: performance.now() + budget, bodies, sharded, stopped, ...more });
  }
}

/** Whether nothing was written in this process from the one state to the other, nor in another as far as it is known. */
function isSame(before: Snapshot, after: Snapshot): boolean {
  return before.at === after.at && before.except.length === 0 && after.except.length === 0;
}

/** The types whose values are sorted by. */
function typesOf(by: SortBy): readonly string[] {
  return typeof by === 'object' && 'through' in by ? by.ends.flatMap((end) => [end.target, ...typesOf(end.by)]) : [];
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
  const except =
    typeof text === 'string' && text !== '' ? text.split(' ').map((first) => Number.parseInt(first, 36)) : [];
  return { snapshot: { at, except }, key: rest.length === 0 ? undefined : rest };
}

/** Whether a search asks for what was last updated at some time. */
function isByTime({ type, criterion }: TypeQuery): boolean {
  return !isContained(type) && conjuncts(criterion).some(({ kind }) => kind === 'lastUpdated');
}

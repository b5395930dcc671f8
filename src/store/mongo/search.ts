/** Searches: pages of walks, totals, and the matches that conditions are evaluated on. https://hl7.org/fhir/R4/search.html */
import type { ClientSession } from 'mongodb';
import { isContained, resourceTypeOf } from '../../search/contained.ts';
import type { Criterion } from '../../search/criteria.ts';
import { CursorExpired } from '../errors.ts';
import type { ExplainedCriterion, ExplainedPart, Explanation, SearchPage, SearchQuery, TypeQuery } from '../port.ts';
import type { Tally, TallyQuery } from '../tally.ts';
import type { Snapshot } from './clock.ts';
import { TooWide } from './compile/too-wide.ts';
import type { SearchContext } from './context.ts';
import { type Look, readTogether } from './current.ts';
import { conjuncts, ReadWatch } from './explain.ts';
import { versionsOf } from './hits.ts';
import { type PageOfHits, readPage } from './page.ts';
import { transactionBudget } from './read-transactions.ts';
import { compileSearch, isAtOnce, type Reading } from './reading.ts';
import { State, type Watch } from './state.ts';
import { tallyOf } from './tally.ts';
import { beginning, isSame, type Place, pageOf, placeOf, type Walk } from './walk.ts';

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

/** Rows of each criterion that an explanation counts. */
const mostExplained = 8192;

const nothing: PageOfHits = { hits: [], more: false };

export class Searcher {
  readonly #context: SearchContext;
  readonly #options: SearcherOptions;

  constructor(context: SearchContext, options: SearcherOptions = {}) {
    this.#context = context;
    this.#options = options;
  }

  /**
   * A page of a search, as `Store.search` says.
   * @throws TooCostly, CursorExpired; StoreUnavailable where it isn't its own fault that it took too long.
   */
  search(query: SearchQuery): Promise<SearchPage> {
    return this.#context.connection.absence.within(() => this.#search(query));
  }

  /**
   * How the first page of a search is read.
   * @throws as `search`.
   */
  explain({ position: _, ...query }: SearchQuery): Promise<Explanation> {
    return this.#context.connection.absence.within(() => this.#explain(query));
  }

  async #explain(query: SearchQuery): Promise<Explanation> {
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
   * @throws as `search`.
   */
  async matches(
    type: string,
    criterion: Criterion,
    limit: number,
    session?: ClientSession,
  ): Promise<readonly string[]> {
    if (limit <= 0) return [];
    return this.#context.connection.absence.within(() => this.#matches(type, criterion, limit, session));
  }

  async #matches(
    type: string,
    criterion: Criterion,
    limit: number,
    session: ClientSession | undefined,
  ): Promise<readonly string[]> {
    const queries = [{ type, criterion, sort: [] }];
    const end = performance.now() + matchesBudget;
    const read = async (more: { session?: ClientSession | undefined; snapshot?: Snapshot; single?: boolean }) => {
      const reading = await this.#compile(queries, this.#state(end - performance.now(), more), more.single);
      return { reading, page: await readPage(reading.parts, false, undefined, false, limit) };
    };
    const idsOf = ({ hits }: PageOfHits) => hits.map(({ id }) => id).sort();
    if (session !== undefined) return idsOf((await read({ session })).page);
    return readTogether(this.#context, type, matchesBudget, async ({ before, ...look }) => {
      const { reading, page } = await read(look);
      // A transaction sees one state, and so does a single look.
      if (look.session !== undefined || isAtOnce(reading)) return idsOf(page);
      const snapshot = await this.#begun(reading);
      const same = isSame(before, snapshot) || (await this.#isUnchanged(before, reading));
      return idsOf(same ? page : (await read({ snapshot })).page);
    });
  }

  /**
   * How often values occur among current matches; in one state of the store where the server has transactions.
   * @throws as `search`.
   */
  tally(query: TallyQuery): Promise<Tally> {
    const { connection, transactions } = this.#context;
    return connection.absence.within(async () => {
      if (!connection.transactions) return this.#tallyIn(query, query.budget, undefined);
      const end = performance.now() + Math.min(query.budget, transactionBudget);
      return transactions.run(end, (session) => this.#tallyIn(query, end - performance.now(), session));
    });
  }

  async #tallyIn(query: TallyQuery, budget: number, session: ClientSession | undefined): Promise<Tally> {
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
    const { position, budget, parts: queries } = query;
    if (position === undefined && queries.some(isByTime)) return this.#complete(query, now, watch);
    if (position === undefined) {
      // The server doesn't explain what it does in a transaction.
      if (watch !== undefined)
        return this.#first(query, now, { budget, before: await this.#context.snapshots.begin([]) }, watch);
      return readTogether(this.#context, queries[0]?.type, budget, (look) => this.#first(query, now, look, undefined));
    }
    if (position.since + this.#context.cursorLifetime < now) throw new CursorExpired();
    const { walk, place } = placeOf(position);
    const page = (look: Omit<Look, 'before'>) => this.#page(query, walk, place, look);
    // A walk by time shows a state that nothing can come to any more.
    if (queries.some(isByTime)) return page({ budget });
    return readTogether(this.#context, queries[0]?.type, budget, page);
  }

  /**
   * The first page of a walk: what is current, and if there is more than that the state that the walk will show. What was
   * looked at one after the other is one state, too: a resource that changed in between may have been missed, or found by
   * what it has never been.
   */
  async #first(query: SearchQuery, now: number, look: Look, watch: Watch | undefined): Promise<SearchPage> {
    const { parts: queries, count } = query;
    const { budget, before, session, meanwhile = [] } = look;
    const start = performance.now();
    const reading = await this.#compile(queries, this.#state(budget, { session, watch }), look.single);
    const sorted = isSorted(queries);
    const together = session === undefined ? undefined : 1;
    const found = count === 0 ? nothing : await readPage(reading.parts, sorted, undefined, false, count, together);
    const shown = ({ more, hits }: PageOfHits) => (count > 0 && !more ? hits.length : undefined);
    const total = await this.#total(query, reading, shown(found));
    const whole = session !== undefined || isAtOnce(reading);
    if (!found.more && whole) return { matches: await versionsOf(found.hits, reading.state), total };
    const begun = await this.#begun(reading);
    const same = isSame(before, begun) || (await this.#isUnchanged(before, reading));
    const snapshot = session === undefined ? begun : await this.#shownIn(reading, before, meanwhile);
    // What came since isn't in the transaction.
    const walk = session === undefined ? snapshot : before;
    if (same) return pageOf(found, reading.state, beginning, { snapshot: walk, since: now, total });
    const left = budget - (performance.now() - start);
    const settled = await this.#compile(queries, this.#state(left, { session, snapshot, watch }));
    const again = count === 0 ? nothing : await readPage(settled.parts, sorted, undefined, false, count, together);
    const counted = await this.#total(query, settled, shown(again));
    return pageOf(again, settled.state, beginning, { snapshot, since: now, total: counted });
  }

  /** A state that has all that any process has acknowledged of what is looked at. */
  #begun({ state, types }: Reading): Promise<Snapshot> {
    return state.within((options) => this.#context.snapshots.begin([...types], options));
  }

  /** The greatest change number of what is looked at. */
  #newest({ state, types }: Reading): Promise<number> {
    return state.within((options) => this.#context.types.newest([...types], options));
  }

  /** The state that a transaction shows, which has nothing of what this process committed after it began. */
  async #shownIn(reading: Reading, before: Snapshot, meanwhile: readonly number[]): Promise<Snapshot> {
    const at = Math.max(before.at, await this.#newest(reading));
    // Those that are done may have lower numbers than what other processes had committed before.
    return { at, except: [...new Set([...before.except, ...meanwhile.filter((first) => first <= at)])] };
  }

  /**
   * Whether nothing of what is looked at was written since a state, as far as it is known here: what another process erases
   * leaves nothing to tell it by.
   */
  async #isUnchanged({ at, except }: Snapshot, reading: Reading): Promise<boolean> {
    const { held } = reading;
    if ((await this.#newest(reading)) >= Math.min(at + 1, ...except)) return false;
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
    return pageOf(found, reading.state, beginning, { snapshot, since: now, total });
  }

  /**
   * A later page of a walk. A commit of another process whose number is lower than those of the walk's state may come at any
   * time: what is looked at for the page shows all of it, or nothing.
   */
  async #page(
    { parts: queries, count }: SearchQuery,
    walk: Walk,
    place: Place,
    { budget, session, single }: Omit<Look, 'before'>,
  ): Promise<SearchPage> {
    const state = this.#state(budget, { session, snapshot: walk.snapshot });
    const { parts } = await this.#compile(queries, state, single);
    const together = session === undefined ? undefined : 1;
    const backwards = place.direction === 'previous';
    const found =
      count === 0 ? nothing : await readPage(parts, isSorted(queries), place.key, backwards, count, together);
    return pageOf(found, state, place, walk);
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

  #compile(queries: readonly TypeQuery[], state: State, single?: boolean): Promise<Reading> {
    const { uses, most } = this.#options;
    return compileSearch(this.#context, queries, state, { uses, most, single });
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

function isSorted(queries: readonly TypeQuery[]): boolean {
  return queries.some(({ sort }) => sort.length > 0);
}

/** Whether a search asks for what was last updated at some time. */
function isByTime({ type, criterion }: TypeQuery): boolean {
  return !isContained(type) && conjuncts(criterion).some(({ kind }) => kind === 'lastUpdated');
}

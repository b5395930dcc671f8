/** Searches on one connection: pages of walks, totals, and the matches that conditions are evaluated on. https://hl7.org/fhir/R4/search.html */
import { isContained } from '../../search/contained.ts';
import type { Criterion } from '../../search/criteria.ts';
import { distance } from '../../search/distance.ts';
import { CursorExpired, StoreUnavailable, TooCostly } from '../errors.ts';
import type { Explanation, Position, SearchPage, SearchQuery, TypeQuery } from '../port.ts';
import type { Tally, TallyQuery } from '../tally.ts';
import { StatementWatch } from './explain.ts';
import { type KnownSearch, partsKnown } from './known-search.ts';
import { lastChange } from './last-change.ts';
import { LookUp } from './look-up.ts';
import type { Database, Statement } from './open.ts';
import { isBeginning, type PageOfHits, readPage } from './page.ts';
import { type Connection, Part, type SearchTime } from './part.ts';
import { Probes } from './probe.ts';
import { LastChanges, Remembered } from './remembered.ts';
import { RememberedPages } from './remembered-pages.ts';
import { Scores } from './scores.ts';
import type { Snapshot } from './snapshot.ts';
import { sql } from './sql.ts';
import { Statements } from './statements.ts';
import { tallyOf } from './tally.ts';
import { quickThresholds, type Thresholds, thoroughThresholds } from './thresholds.ts';

export interface SearcherOptions {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Milliseconds for which a walk of pages can go on. */
  readonly cursorLifetime: number;
  /** Those of a test. */
  readonly thresholds?: Thresholds;
  /** Whether to give up whatever is being read: asked now and then. */
  readonly stopped?: () => boolean;
  /** Bytes of first pages that are remembered at least; absent: none. */
  readonly pages?: number;
  /** What reads on the connection share; absent: each search begins and ends a read of its own. */
  readonly snapshot?: Snapshot;
}

/** A way to read on a connection, and what is remembered of searches that are read so. */
interface Reading {
  readonly connection: Connection;
  readonly known: Remembered<KnownSearch>;
}

/** How many are remembered at least: compiled criteria take some kilobytes. */
const rememberedSearches = 1500;

/** Matches up to which a page is given as one text, so that the text stays small. */
const mostSpliced = 100;

/** Milliseconds that the criteria of a conditional interaction may take. */
export const matchesBudget = 10_000;

/** Milliseconds after which it pays to find out more about a search. */
const longAfter = 10;

/**
 * A clock goes on while the processor does other work. A search past its allowance that has hardly looked at rows isn't
 * slow itself and is soon done: it goes on, up to so many times the allowance. (A tick stands for about 1,024 rows.)
 */
const fewTicks = 2;
/** A resource that is scored, or hundreds of tests of one row, take as long as that part of a tick's rows. */
const tickPart = 1 / 16;
const patience = 8;

/** Characters of a statement that takes milliseconds to prepare: whoever has but a few doesn't begin. */
const longStatement = 30_000;
/**
 * About how many milliseconds a statement of so many characters takes until it runs, which nothing stops: SQLite plans it in a
 * time that grows with the square of its tests, when it is prepared and when it first runs (66,000 characters: twice 250 ms).
 */
const planning = (length: number): number => 2 * (length / 4000) ** 2;

const fewerValues =
  'The search has more values to compare with than its time is enough for: give fewer of them at once.';
const hint =
  'Add a criterion that few resources match, such as a patient, an identifier, a code or a shorter period, ' +
  'or leave out _sort or _total=accurate.';

/** Who reads on a connection: in memory, requests and the writer's conditions share one, and with it the tick. */
const reading = new WeakMap<Database, Searcher>();

export class Searcher {
  readonly #db: Database;
  readonly #options: SearcherOptions;
  readonly #begin: Statement;
  readonly #end: Statement;
  readonly #quick: Reading;
  readonly #thorough: Reading;
  readonly #pages: RememberedPages;
  #deadline = Number.POSITIVE_INFINITY;
  /** When a search that has hardly looked at rows ends: not before the deadline. */
  #lastDeadline = Number.POSITIVE_INFINITY;
  #ticks = 0;
  /** The number of the last change, as it was found in a shared state. */
  #newest: { readonly snapshot: number; readonly change: number } | undefined;
  /** That of the last erasure. */
  #erasure: number | undefined;
  /** Whether another will read what this one can't quickly. */
  #hurried = false;
  /** Why the statement that runs was stopped: the binding gives another error for one that its function throws. */
  #stopped: TooCostly | StoreUnavailable | undefined;

  constructor(db: Database, options: SearcherOptions) {
    this.#db = db;
    this.#options = options;
    this.#pages = new RememberedPages(options.pages ?? 0);
    this.#begin = db.prepare('BEGIN');
    this.#end = db.prepare('COMMIT');
    const statements = new Statements(db, (length) => this.#check(length));
    const lookUp = new LookUp(db);
    const time: SearchTime = { left: () => this.#deadline - performance.now(), passOn: () => this.#passOn() };
    this.#quick = readingOf({ statements, lookUp, time, thresholds: options.thresholds ?? quickThresholds });
    this.#thorough = readingOf({ statements, lookUp, time, thresholds: options.thresholds ?? thoroughThresholds });
    db.function('tick', {}, () => {
      const reader = reading.get(db);
      if (reader !== undefined) reader.#tick();
      return 1;
    });
    db.function('kilometres', { deterministic: true }, (latitude, longitude, toLatitude, toLongitude) => {
      return distance(Number(latitude), Number(longitude), Number(toLatitude), Number(toLongitude));
    });
    const part = (): number => {
      const reader = reading.get(db);
      if (reader !== undefined) reader.#tickPart();
      return 1;
    };
    db.function('tried', {}, part);
    const scores = new Scores(part);
    db.function('score', {}, (vid, body, relevance) => scores.of(Number(vid), body, String(relevance)));
  }

  /**
   * A page of a search, as `Store.search` says.
   * @param allowance milliseconds to use at most, where they are fewer than the query's budget; what turns out to be
   *   cheap but had to wait for the processor may take longer.
   * @param quickly whether to try first whether it is quick.
   * @throws TooCostly, CursorExpired.
   */
  search(query: SearchQuery, allowance = Number.POSITIVE_INFINITY, quickly = true): SearchPage {
    const now = this.#options.clock();
    const { position, budget } = query;
    if (position !== undefined && position.since + this.#options.cursorLifetime < now) throw new CursorExpired();
    return this.#reading(budget, allowance, quickly, (reading) => this.#page(reading, query, now));
  }

  /**
   * How the first page of a search is read.
   * @throws TooCostly.
   */
  explain(query: SearchQuery): Explanation {
    const now = this.#options.clock();
    const { parts: queries } = query;
    let attempts = 0;
    return this.#reading(query.budget, Number.POSITIVE_INFINITY, true, ({ connection }) => {
      attempts++;
      const watch = new StatementWatch(this.#db);
      const statements = new Statements(this.#db, (length) => this.#check(length), watch);
      const reading = readingOf({ ...connection, statements });
      const parts = partsOf(reading.connection, queries, undefined);
      const page = this.#page(reading, query, now, parts);
      // The parts know by now what led them.
      const { steps } = watch;
      const explained = parts.flatMap((part) => part.explain() ?? []);
      return { parts: explained, steps, matches: page.matches.length, total: page.total, thorough: attempts > 1 };
    });
  }

  /**
   * Logical ids of current matches, sorted: the first `limit` by the resources' numbers.
   * @param budget milliseconds.
   * @param allowance as for `search`.
   * @throws TooCostly.
   */
  matches(
    type: string,
    criterion: Criterion,
    limit: number,
    budget = matchesBudget,
    allowance = Number.POSITIVE_INFINITY,
  ): readonly string[] {
    if (limit <= 0) return [];
    return this.#reading(budget, allowance, true, ({ connection }) => {
      const part = new Part(connection, { type, criterion, sort: [] }, undefined, { bodies: false, alone: true });
      const ids = part.first(limit).map((rid) => {
        return String(connection.statements.get(sql`SELECT id FROM entity WHERE rid = ${rid}`)?.[0]);
      });
      return ids.sort();
    });
  }

  /**
   * How often values occur among current matches.
   * @throws TooCostly.
   */
  tally(query: TallyQuery): Tally {
    return this.#reading(query.budget, Number.POSITIVE_INFINITY, false, ({ connection }) => tallyOf(connection, query));
  }

  /**
   * Reads one state of the store, inside the caller's transaction if there is one: at first as what is quick is best
   * read, and if that takes too long, thoroughly.
   */
  #reading<T>(budget: number, allowance: number, quickly: boolean, read: (reading: Reading) => T): T {
    const { snapshot } = this.#options;
    const foreign = snapshot === undefined && this.#db.isTransaction;
    this.#quick.connection.lookUp.remembers = !foreign;
    reading.set(this.#db, this);
    const start = performance.now();
    const most = Math.min(budget, allowance);
    this.#hurried = allowance < budget;
    const own = snapshot === undefined && !foreign;
    if (own) this.#begin.run();
    else snapshot?.hold();
    try {
      const last = start + Math.min(budget, allowance * patience);
      if (!quickly) return this.#until(start + most, last, () => read(this.#thorough));
      try {
        return this.#until(start + Math.min(most, longAfter), last, () => read(this.#quick));
      } catch (error) {
        if (!(error instanceof TooCostly) || most <= longAfter) throw error;
        return this.#until(start + most, last, () => read(this.#thorough));
      }
    } finally {
      if (own) this.#end.run();
    }
  }

  /** The number of the last change: looked up once in a shared state. */
  #newestChange(connection: Connection): number {
    const snapshot = this.#options.snapshot?.hold();
    if (snapshot !== undefined && this.#newest?.snapshot === snapshot) return this.#newest.change;
    const { change, erasure } = lastChange(connection.statements);
    // What is erased isn't kept in memory either.
    if (erasure !== this.#erasure) this.#pages.forget();
    this.#erasure = erasure;
    if (snapshot !== undefined) this.#newest = { snapshot, change };
    return change;
  }

  /** Reads up to a deadline, or where hardly any rows are looked at to the last one, by the clock of `performance`. */
  #until<T>(deadline: number, last: number, read: () => T): T {
    this.#deadline = deadline;
    this.#lastDeadline = last;
    this.#ticks = 0;
    this.#stopped = undefined;
    try {
      return read();
    } catch (error) {
      throw this.#stopped ?? error;
    }
  }

  /** @param compiled the parts of a first page; absent: they are compiled, or remembered. */
  #page(reading: Reading, query: SearchQuery, now: number, compiled?: readonly Part[]): SearchPage {
    const { parts: queries, count, position } = query;
    const { connection } = reading;
    const around = isSpliced(query) ? query.around : undefined;
    const newest = this.#newestChange(connection);
    const at = position === undefined || position.at >= newest ? undefined : position.at;
    // Inside another's transaction there is no telling.
    connection.probes.state = connection.lookUp.remembers ? newest : Number.NaN;
    // Inside another's transaction what is found may be taken back.
    const known =
      position === undefined && connection.lookUp.remembers
        ? reading.known.get(queries, newest, () => ({ totals: new Map() }))
        : undefined;
    const parts =
      compiled ?? partsKnown(known, around !== undefined, () => partsOf(connection, queries, at, around === undefined));
    const backwards = position?.direction === 'previous';
    const sorted = queries.some(({ sort }) => sort.length > 0);
    const read = () => readPage(parts, sorted, position?.key, backwards, count, around);
    const name = `${count} ${JSON.stringify(around)}`;
    const page = count === 0 ? nothing : known === undefined || compiled ? read() : this.#pages.get(known, name, read);
    const begins = isBeginning(position?.key);
    const shown = begins && count > 0 && !page.more ? page.size : undefined;
    const total = this.#total(query, shown, (bound) => {
      const counted = known?.totals.get(bound) ?? countedOf(parts, bound);
      known?.totals.set(bound, counted);
      return counted;
    });
    const begun = position?.at ?? newest;
    const since = position?.since ?? now;
    const place = (direction: Position['direction'], key: Position['key']): Position => {
      return { at: begun, since, total, direction, key };
    };
    const { first, last, more } = page;
    const next = (backwards ? true : more) && last !== undefined;
    const previous = (backwards ? more : !begins) && first !== undefined;
    return {
      matches: page.versions,
      ...(page.spliced === undefined ? {} : { spliced: page.spliced }),
      total,
      first: (next || previous || !begins) && count > 0 ? place('next', page.beginning) : undefined,
      next: next ? place('next', last) : undefined,
      previous: previous ? place('previous', first) : undefined,
    };
  }

  /** The total to show: the walk's own, what the only page shows, or counted. */
  #total(query: SearchQuery, shown: number | undefined, count: (bound: number) => number): number | undefined {
    const { position, total, totalBound } = query;
    if (position?.total !== undefined) return position.total;
    if (position !== undefined || total === 'none') return undefined;
    if (shown !== undefined) return shown;
    const counted = count(total === 'bounded' ? totalBound + 1 : Number.POSITIVE_INFINITY);
    return total === 'bounded' && counted > totalBound ? undefined : counted;
  }

  /** Throws where another will read what this one can't quickly. */
  #passOn(): void {
    if (!this.#hurried) return;
    this.#stopped = new TooCostly(hint);
    throw this.#stopped;
  }

  /** Some rows were looked at. Throws when the time is up. */
  #tick(): void {
    this.#ticks++;
    this.#check();
  }

  /** A resource was scored, or hundreds of tests made. Throws when the time is up. */
  #tickPart(): void {
    this.#ticks += tickPart;
    this.#check();
  }

  /** Throws when the time is up, and where it is too short for a statement of a length to prepare. */
  #check(toPrepare = 0): void {
    const now = performance.now();
    if (this.#hurried && toPrepare > longStatement) this.#stopped = new TooCostly(hint);
    else if (toPrepare > longStatement && now + planning(toPrepare) > this.#deadline)
      this.#stopped = new TooCostly(fewerValues);
    else if (now > this.#deadline && (this.#ticks >= fewTicks || now > this.#lastDeadline))
      this.#stopped = new TooCostly(hint);
    else if (this.#options.stopped?.() === true) this.#stopped = new StoreUnavailable('The store is closing.');
    if (this.#stopped !== undefined) throw this.#stopped;
  }
}

/** The types that have resources. */
function liveTypes({ statements }: Connection): ReadonlySet<string> {
  return new Set(statements.all(sql`SELECT name FROM type WHERE live > 0`).map(([name]) => String(name)));
}

/** A way to read, with nothing remembered yet. */
function readingOf(own: Omit<Connection, 'probes'>): Reading {
  const { statements, lookUp, thresholds } = own;
  const connection = { ...own, probes: new Probes(statements, thresholds) };
  const changes = new LastChanges((type) => lookUp.resources.lastChange(lookUp.type(type) ?? 0));
  return { connection, known: new Remembered(changes, rememberedSearches) };
}

const nothing: PageOfHits = {
  size: 0,
  versions: [],
  first: undefined,
  last: undefined,
  beginning: undefined,
  more: false,
};

/** Whether the matches of a page are given as one text: a few of one type, which has them itself. */
function isSpliced({ around, count, parts: [first, ...others] }: SearchQuery): boolean {
  if (around === undefined || first === undefined || others.length > 0) return false;
  return count <= mostSpliced && !isContained(first.type);
}

/**
 * The searched types of a search, at a change of the store or now.
 * @param bodies whether versions are read together with their places, where one type is searched.
 */
function partsOf(
  connection: Connection,
  queries: readonly TypeQuery[],
  at: number | undefined,
  bodies = true,
): readonly Part[] {
  const alone = queries.length === 1;
  const live = alone ? undefined : liveTypes(connection);
  return queries.map((query) => {
    const empty = live?.has(query.type) === false && !isContained(query.type);
    return new Part(connection, query, at, { bodies: alone && bodies, alone, empty });
  });
}

/** Matches of all parts, counted no further than the bound. */
function countedOf(parts: readonly Part[], bound: number): number {
  let counted = 0;
  for (const part of parts) {
    counted += part.count(bound - counted);
    if (counted >= bound) break;
  }
  return counted;
}

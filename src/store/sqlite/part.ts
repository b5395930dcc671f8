/** One searched type of a search: its compiled criteria and how its matches are read. https://hl7.org/fhir/R4/search.html */
import { isContained } from '../../search/contained.ts';
import type { Criterion } from '../../search/criteria.ts';
import { TooCostly } from '../errors.ts';
import type { Around, ExplainedCriterion, ExplainedPart, Spliced, TypeQuery, Version } from '../port.ts';
import { type Condition, type Context, isImpossible } from './compile/condition.ts';
import { conjuncts } from './compile/conjuncts.ts';
import { ofShownVersions } from './compile/contains.ts';
import { contextOf, type Searched } from './compile/criterion.ts';
import type { Walk } from './frame.ts';
import { type Hit, HitReader, ridOf, type Span } from './hits.ts';
import type { Key, OrderColumn } from './keyset.ts';
import type { LookUp } from './look-up.ts';
import type { Probes } from './probe.ts';
import { looksElsewhere } from './remembered.ts';
import { type SortColumn, sortColumn } from './sort-key.ts';
import { readSorted } from './sorted.ts';
import type { Sql } from './sql.ts';
import type { Statements } from './statements.ts';
import type { Thresholds } from './thresholds.ts';
import { countMatches, matchedRows } from './total.ts';
import { type Lead, leadName, leadOf, readByNumber, readUnsorted } from './unsorted.ts';

/** The time that a search has. */
export interface SearchTime {
  /** Milliseconds that are left. */
  left(): number;
  /** Throws where another thread reads what takes long: it needn't be begun here. */
  passOn(): void;
}

/** What searches of one connection share. */
export interface Connection {
  readonly statements: Statements;
  readonly lookUp: LookUp;
  readonly probes: Probes;
  readonly thresholds: Thresholds;
  readonly time: SearchTime;
}

/** SQLite plans a statement in a time that grows with the square of its tests. */
const mostCriteria = 250;
/** Rows of each criterion that an explanation counts. */
const mostExplained = 8192;

export interface PartOptions {
  /** Whether to read versions together with their places. */
  readonly bodies: boolean;
  /** Whether no other type is searched. */
  readonly alone: boolean;
  /** Whether it is known that the type has no live resource: then a walk has nothing to show either. */
  readonly empty?: boolean;
}

/** Rows up to which it is counted how many resources the other criteria leave. */
const probed = 64;
/**
 * How many resources of another type may be listed for each of those that are tested anyway. What a resource refers to lies
 * anywhere in the file, what refers to it lies together: of those few that other criteria find some hundred are tested as fast.
 */
const listedForEach = 16;

/** Where other criteria leave few resources, testing these costs less than listing what they refer to, or what refers to them. */
function compiled(
  criteria: readonly Criterion[],
  searched: Searched,
  context: Context,
  probes: Probes,
): readonly Condition[] {
  const own = new Map<Criterion, Condition>();
  for (const criterion of criteria) if (!looksElsewhere(criterion)) own.set(criterion, context.compile(criterion));
  const drives = [...own.values()].flatMap(({ drive }) => drive ?? []);
  const fewest =
    own.size === criteria.length ? probed : Math.min(probed, ...drives.map((each) => probes.count(each, probed)));
  const most = fewest < probed ? Math.min(searched.most, (fewest + 1) * listedForEach) : searched.most;
  const others = most === searched.most ? context : contextOf({ ...searched, most });
  return criteria.map((criterion) => own.get(criterion) ?? others.compile(criterion));
}

/** The first matches, for when the same page is asked for again. */
interface First {
  readonly limit: number;
  readonly hits: readonly Hit[];
}

/** Matches up to which those of a first page are remembered: those of a page without `_count`, and one more. */
const mostRemembered = 51;

export class Part {
  /** What leads an unsorted walk, once it is known. */
  lead: Lead | undefined;
  #first: First | undefined;
  readonly #connection: Connection;
  readonly #type: string;
  readonly #criteria: readonly Criterion[];
  readonly #conditions: readonly Condition[];
  readonly #columns: readonly SortColumn[];
  readonly #context: Context | undefined;
  readonly #reader: HitReader | undefined;
  readonly #walk: Walk;

  /**
   * @param at the change number of the walk's first page; undefined: what is current.
   */
  constructor(
    connection: Connection,
    query: TypeQuery,
    at: number | undefined,
    { bodies, alone, empty = false }: PartOptions,
  ) {
    const { statements, lookUp } = connection;
    this.#connection = connection;
    const typeNumber = lookUp.type(query.type);
    this.#walk = { type: typeNumber ?? 0, at };
    const last = query.sort.length - 1;
    const { type } = query;
    const most = connection.thresholds.listed;
    const rows = (asked: Sql) => statements.all(asked);
    const searched = typeNumber === undefined ? undefined : { type, typeNumber, lookUp, rows, at, most };
    const context = searched === undefined ? undefined : contextOf(searched);
    this.#columns = query.sort.map((key, place) => sortColumn(key, context, place === last, alone));
    this.#type = type;
    if (searched === undefined || context === undefined || empty) {
      this.#criteria = [];
      this.#conditions = [];
      return;
    }
    const criteria = conjuncts(query.criterion);
    if (criteria.length > mostCriteria) {
      throw new TooCostly(`Ask for less at once: at most ${mostCriteria} criteria can be combined.`);
    }
    this.#criteria = criteria;
    const conditions = compiled(criteria, searched, context, connection.probes);
    this.#conditions = isContained(type) ? [...conditions, ofShownVersions(at)] : conditions;
    this.#context = context;
    if (!this.#conditions.some(isImpossible)) {
      this.#reader = new HitReader(
        statements,
        type,
        this.#walk,
        bodies && !isContained(type),
        connection.thresholds.kept,
      );
    }
  }

  /** The order of a sorted walk's keys. */
  get order(): readonly Pick<OrderColumn, 'descending'>[] {
    return [...this.#columns, { descending: this.#falling }];
  }

  get #falling(): boolean {
    return this.#columns.at(-1)?.descending ?? false;
  }

  /**
   * Matches in the order of the sort, or of what leads where there is none. Their keys begin with the prefix, which is always
   * the same. The first ones are remembered where they are places alone: a part lives as long as what was compiled for it holds.
   */
  read(prefix: Key, after: Key | undefined, backwards: boolean, limit: number): readonly Hit[] {
    const reader = this.#reader;
    const context = this.#context;
    if (reader === undefined || context === undefined) return [];
    const begins = after === undefined && !backwards && reader.onlyNumbers;
    if (begins && this.#first?.limit === limit) return this.#first.hits;
    const hits = this.#read(reader, context, { prefix, after, backwards, limit, falling: this.#falling });
    if (begins && hits.length <= mostRemembered) this.#first = { limit, hits };
    return hits;
  }

  #read(reader: HitReader, context: Context, span: Span): readonly Hit[] {
    const { probes, thresholds } = this.#connection;
    const most = thresholds.sorted;
    if (this.#columns.length > 0)
      return readSorted({ reader, context, probes, most }, this.#conditions, this.#columns, span);
    this.lead ??= leadOf(this.#conditions, probes, most, this.#walk);
    return readUnsorted(reader, this.#conditions, this.lead, probes, most, span);
  }

  /** How matches are found; undefined where it is known that there are none. */
  explain(): ExplainedPart | undefined {
    const { probes } = this.#connection;
    if (this.#context === undefined) return undefined;
    const criteria = this.#conditions.map(({ drive }, place): ExplainedCriterion => {
      const criterion = this.#criteria[place] ?? { kind: 'and', of: [] };
      if (drive === undefined) return { criterion, more: false };
      const rows = probes.count(drive, mostExplained);
      return { criterion, rows, more: rows >= mostExplained };
    });
    const lead = this.#columns.length > 0 ? 'sort' : leadName(this.lead);
    return { type: this.#type, criteria, lead };
  }

  /** The numbers of the first matches, in the order of these numbers. */
  first(limit: number): readonly number[] {
    if (this.#reader === undefined) return [];
    const span: Span = { prefix: [], after: undefined, backwards: false, limit, falling: false };
    const { probes, thresholds } = this.#connection;
    return readByNumber(this.#reader, this.#conditions, probes, thresholds.sorted, span).map(ridOf);
  }

  /** The numbers of current matches as `rid`, some perhaps twice: `all` where every resource matches, undefined where none can. */
  matched(): Sql | 'all' | undefined {
    if (this.#reader === undefined) return undefined;
    if (this.#conditions.length === 0) return 'all';
    return matchedRows({ walk: this.#walk, conditions: this.#conditions }, this.#connection.probes).rows;
  }

  versions(hits: readonly Hit[]): readonly Version[] {
    return (isContained(this.#type) ? this.#reader?.containers(hits) : this.#reader?.versions(hits)) ?? [];
  }

  /** The matches as one text; undefined where that isn't possible. Only for a part that reads no bodies with its hits. */
  spliced(hits: readonly Hit[], around: Around): Spliced | undefined {
    return this.#reader?.spliced(hits, around);
  }

  /** The current matches, at most `bound`. */
  count(bound: number): number {
    if (this.#reader === undefined) return 0;
    const counted = { walk: this.#walk, conditions: this.#conditions };
    const { statements, probes, thresholds, time } = this.#connection;
    const { unwatched: least, counted: each, few } = thresholds;
    // A whole number: it is a LIMIT.
    const unwatched = () => (each === 0 ? least : Math.max(least, Math.floor(time.left() * each)));
    return countMatches(counted, bound, { statements, probes, unwatched, few, passOn: time.passOn });
  }
}

/**
 * What every store does. Each rule below is the title of a contract test (`test/contract/`).
 * https://hl7.org/fhir/R4/http.html
 */
import type { Criterion, Parameter, SortKey } from '../search/criteria.ts';
import type { SimpleValue } from '../search/entry.ts';
import type { AuditLog } from './audit-log.ts';
import type { ParameterIndex } from './parameter-index.ts';
import type { SharedStore } from './shared.ts';
import type { Tally, TallyQuery } from './tally.ts';
import type { TerminologyStore } from './terminology.ts';
import type { Commit, Committed, ResourceKey, WriteMethod } from './write.ts';

/** A version of a resource as stored. `body` is its exact JSON in UTF-8, undefined for a deletion. */
export interface Version {
  readonly type: string;
  readonly id: string;
  readonly versionId: number;
  /** Milliseconds since 1970. */
  readonly lastUpdated: number;
  readonly method: WriteMethod;
  readonly body: Uint8Array | undefined;
  /** Where contained resources were searched: the id of the one in it that matched. */
  readonly contained?: string;
}

/** A place in a walk: plain data that `search/cursor.ts` signs. Only the store that made it reads `key`. */
export interface Position {
  /** The change number of the walk's first page. */
  readonly at: number;
  /** When the first page was read, in milliseconds since 1970. */
  readonly since: number;
  /** The total of the first page, where it was counted; kept for the walk. */
  readonly total?: number | undefined;
  readonly direction: 'next' | 'previous';
  /** The store's own key of the last row seen, or of the place before the first page; absent: also the first page. */
  readonly key?: readonly (string | number | null)[] | undefined;
}

/** A criterion and a sort on resources of one type. */
export interface TypeQuery {
  /** In the form of `containedType`: resources of that type that others contain; their containers' versions match. */
  readonly type: string;
  readonly criterion: Criterion;
  /** As many as every other part of the same query has; keys at the same place compare with each other. */
  readonly sort: readonly SortKey[];
}

/** What stands before, between and after the id and the body of each resource, where a page is wanted as a text. */
export interface Around {
  readonly before: string;
  readonly between: string;
  readonly after: string;
}

/** A text in pieces, of which bytes are UTF-8. */
export type Spliced = readonly (string | Uint8Array)[];

export interface SearchQuery {
  /** One part for each searched type. */
  readonly parts: readonly TypeQuery[];
  /** Matches a page; 0 asks for the total alone. */
  readonly count: number;
  /** `bounded`: exact up to `totalBound` matches, otherwise absent. Ignored where `position` has a total. */
  readonly total: 'none' | 'bounded' | 'accurate' | 'estimate';
  readonly totalBound: number;
  /** The page to read; absent: the first page of a new walk. */
  readonly position?: Position;
  /** Milliseconds the search may take. */
  readonly budget: number;
  /** A store may then give the matches as the bytes of one text, which costs less than to give each. */
  readonly around?: Around;
}

export interface SearchPage {
  /** None where they are in `spliced`. */
  readonly matches: readonly Version[];
  /** The matches with what stands around them, a comma between two; only where the query says what that is. */
  readonly spliced?: Spliced;
  readonly total?: number | undefined;
  /** The walk's first page; absent where the walk has but one. */
  readonly first?: Position | undefined;
  /** Absent on the last page. */
  readonly next?: Position | undefined;
  /** Absent on the first page. */
  readonly previous?: Position | undefined;
}

/** How a page of a search was read: for people. */
export interface Explanation {
  /** By searched type that has resources. */
  readonly parts: readonly ExplainedPart[];
  /** What was read, in order. */
  readonly steps: readonly ExplainedStep[];
  /** Matches on the page. */
  readonly matches: number;
  readonly total?: number | undefined;
  /** Whether what is cheap did not answer in time, so that it was read more thoroughly. */
  readonly thorough: boolean;
}

export interface ExplainedPart {
  readonly type: string;
  /** Criteria that must all hold, as they were combined. */
  readonly criteria: readonly ExplainedCriterion[];
  /** What the matches were found by: a criterion's place, or all resources in some order. */
  readonly lead: number | 'sort' | 'number' | 'change';
}

export interface ExplainedCriterion {
  readonly criterion: Criterion;
  /**
   * Rows that its index has, counted up to a limit; absent: no index finds it, so that each resource is tested, or (`more`)
   * what passes the other criteria.
   */
  readonly rows?: number | undefined;
  /** Whether there are more than were counted. */
  readonly more: boolean;
}

export interface ExplainedStep {
  /** What the store did, in its own words: tables and indexes in the order in which they are read. */
  readonly access: readonly string[];
  readonly rowsExamined: number;
  readonly rowsFound: number;
  readonly milliseconds: number;
}

export interface HistoryQuery {
  /** Absent: all types. */
  readonly type?: string;
  /** Only with `type`. */
  readonly id?: string;
  /** Only these; absent: all (`_list`). */
  readonly ids?: readonly ResourceKey[];
  /** Versions last updated at or after this instant (milliseconds). */
  readonly since?: number;
  /** Versions that were current at any moment of [low, high) (milliseconds). */
  readonly at?: { readonly low: number; readonly high: number };
  readonly count: number;
  readonly position?: Position;
}

export interface HistoryPage {
  /** Newest first. */
  readonly versions: readonly Version[];
  /** Exact for an instance's history, otherwise as far as it is cheap. */
  readonly total?: number;
  readonly first?: Position;
  readonly next?: Position;
  readonly previous?: Position;
}

export interface Store {
  /** For people: `sqlite ./data/osteon.db`. Never a password. */
  readonly name: string;

  /** The current version, a deletion included; undefined for an id that was never used or was erased. */
  read(type: string, id: string): Promise<Version | undefined>;

  /** That version, a deletion included; undefined where there is none. */
  vread(type: string, id: string, versionId: number): Promise<Version | undefined>;

  /**
   * A page of a history. A walk shows the state of its first page. The history of an unknown id has no versions.
   */
  history(query: HistoryQuery): Promise<HistoryPage>;

  /**
   * A page of a search. A walk shows what matched on its first page, in the order and version of then, each resource
   * once, without what was deleted since. Missing sort values come last in both directions; ties have a stable order.
   * Throws TooCostly past the budget, CursorExpired for a walk older than the cursor lifetime.
   */
  search(query: SearchQuery): Promise<SearchPage>;

  /** How the first page of a search is read. Throws TooCostly past the budget. */
  explain(query: SearchQuery): Promise<Explanation>;

  /** Logical ids of current matches, sorted, at most `limit`: the first ones in a stable order of the store. */
  matches(type: string, criterion: Criterion, limit: number): Promise<readonly string[]>;

  /**
   * Commits all writes or none; resolves when they are on disk. Conditions are evaluated before the writes, then
   * preconditions, then the writes in order. `lastUpdated` rises with the order of commits.
   * A put whose body equals the current one apart from versionId and lastUpdated is `unchanged`; so is a deletion of
   * what does not exist or is deleted. A deletion takes the next version id.
   * Throws PreconditionFailed, Conflict, IntegrityViolation, StoreUnavailable.
   */
  commit(commit: Commit): Promise<Committed>;

  /** The distinct values of a token or uri parameter that live resources have, in no order. */
  values(parameter: Parameter): Promise<readonly SimpleValue[]>;

  /** How often values occur among current matches. Throws TooCostly past the budget, and for more than `mostTallied` of them. */
  tally(query: TallyQuery): Promise<Tally>;

  /** Current resources by type, without deleted ones. Types without any are left out. */
  counts(): Promise<ReadonlyMap<string, number>>;

  /**
   * Keeps a text under a key until an instant (milliseconds); the same key again prolongs it.
   * @param soon whether a crash may lose it for a moment, and it may live some minutes longer.
   */
  keep(key: string, text: string, until: number, soon?: boolean): Promise<void>;

  /** The text kept under the key, undefined once its instant has passed. */
  kept(key: string): Promise<string | undefined>;

  /** 32 random bytes, made when the store was made: they sign cursors. */
  readonly secret: Uint8Array;

  /** The search parameters that it keeps entries of. */
  readonly parameters: ParameterIndex;

  /** The server's own AuditEvents. */
  readonly audit: AuditLog;

  /** Loaded code systems. */
  readonly terminology: TerminologyStore;

  /** What several processes need that have it open; absent where only one can. */
  readonly shared?: SharedStore;

  /** Resolves if the store answers; throws StoreUnavailable. */
  ready(): Promise<void>;

  /** Finishes what is in flight, then closes. Later calls throw StoreUnavailable. */
  close(): Promise<void>;
}

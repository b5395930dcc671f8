/** Writes are data: what `Store.commit` takes and gives. https://hl7.org/fhir/R4/http.html#transaction */
import type { Body } from '../fhir/body.ts';
import type { Criterion } from '../search/criteria.ts';
import type { ContainedEntries, IndexEntry } from '../search/entry.ts';
import type { AuditRecord } from './audit-record.ts';

export type WriteMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Put {
  readonly kind: 'put';
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly type: string;
  readonly id: string;
  readonly body: Body;
  readonly entries: readonly IndexEntry[];
  /** The contained resources, each with its own entries. */
  readonly contained?: readonly ContainedEntries[];
  readonly precondition?: Precondition;
}

/** What a resource is indexed by. */
export type Entries = Pick<Put, 'entries' | 'contained'>;

export interface Delete {
  readonly kind: 'delete';
  readonly type: string;
  readonly id: string;
  readonly precondition?: Precondition;
}

/** Removes a resource with all its versions, entries and text, without a trace but its change numbers. */
export interface Erase {
  readonly kind: 'erase';
  readonly type: string;
  readonly id: string;
}

export type Write = Put | Delete | Erase;

/** What must hold of the written resource itself; checked inside the commit. */
export interface Precondition {
  /** `If-Match`: version ids, one of which is the current one; `*`: any current version that is no deletion. */
  readonly ifMatch?: readonly string[] | '*';
  /** `If-None-Match: *`: there is no current version (or it is a deletion). */
  readonly ifNoneMatch?: '*';
  /** The version the write was computed from (a patch): another current one is a `Conflict`, which goes back for a retry. */
  readonly computedFrom?: number;
}

/** Criteria with the matches that a commit was planned on. The commit evaluates them again, before its writes. */
export interface Condition {
  readonly type: string;
  readonly criterion: Criterion;
  /** Logical ids, sorted; with at least `limit` of them only the first `limit` in the order of `Store.matches` count. */
  readonly matches: readonly string[];
  /** How many matches were asked for when planning. */
  readonly limit: number;
}

export interface Commit {
  /** At most one write for each resource. They take change numbers in this order. */
  readonly writes: readonly Write[];
  readonly conditions: readonly Condition[];
  /** `REFERENTIAL_INTEGRITY`: what must exist after the writes, and what nothing may refer to after them. */
  readonly mustExist?: readonly ResourceKey[];
  readonly mustBeUnreferenced?: readonly ResourceKey[];
  /** Written in the same transaction. */
  readonly audit: readonly AuditRecord[];
  /** Kept in the same transaction, as `Store.keep` does. */
  readonly notes?: readonly Note[];
  /**
   * Of a copy of another store: when each of the writes was made there (milliseconds since 1970), none before the one in front of
   * it. It becomes their `lastUpdated`, unless the store has a later one already. Absent: now.
   */
  readonly times?: readonly number[];
  /** `Store.parameters.generation` when the entries were extracted; another one by now is a `Conflict`. Absent: not checked. */
  readonly generation?: number;
  /** One of many that nobody waits for by itself: it may wait a little to be written together with those that follow. */
  readonly bulk?: boolean;
}

/** A text that the store keeps under a key until an instant (milliseconds since 1970). */
export interface Note {
  readonly key: string;
  readonly text: string;
  readonly until: number;
}

export interface ResourceKey {
  readonly type: string;
  readonly id: string;
}

/** What a write came to. */
export interface Written {
  readonly versionId: number;
  /** Milliseconds since 1970. */
  readonly lastUpdated: number;
  /** `unchanged`: an update with equal content, or a deletion of what is not there; nothing was written. */
  readonly outcome: 'created' | 'updated' | 'deleted' | 'unchanged';
}

export interface Committed {
  /** One for each write, in order. For `unchanged` the current version's values (versionId 0 where there is none). */
  readonly written: readonly Written[];
}

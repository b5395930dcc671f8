/** Reads and searches the server's own AuditEvents. https://hl7.org/fhir/R4/auditevent.html#search */
import type { Resource } from '../fhir/resource.ts';
import type { AuditLog, StoredAuditRecord } from '../store/audit-log.ts';
import type { AuditRecord } from '../store/audit-record.ts';
import { TooCostly } from '../store/errors.ts';
import type { Version } from '../store/port.ts';
import type { Criterion } from './criterion.ts';
import { judge } from './judge.ts';
import { narrow } from './narrow.ts';
import { auditEventOf, renderAuditEvent } from './render.ts';

/** What tells whether a criterion holds for an AuditEvent, for parameters that records don't tell. */
export interface AuditMatching {
  /** `search/match.ts`; `lastUpdated`: milliseconds since 1970. */
  readonly holds: (criterion: Criterion, event: Resource, lastUpdated: number) => boolean;
  /** Milliseconds, from any beginning. */
  readonly clock: () => number;
}

export interface AuditSearch {
  readonly criterion: Criterion;
  /** By sequence, which is the order of recording; so `_sort=date` is ascending. */
  readonly order: 'ascending' | 'descending';
  /** Sequence of the last match seen, in that order; absent: from the beginning. */
  readonly after?: number;
  /** The newest sequence of the walk's first page (`AuditLog.last`): what came later is not shown. */
  readonly upTo: number;
  /** Matches wanted. */
  readonly count: number;
  /** Milliseconds it may take. */
  readonly budget: number;
}

export interface AuditMatch {
  /** The position in a walk. */
  readonly sequence: number;
  readonly version: Version;
}

/** A record's AuditEvent as a store gives resources. */
export function auditVersion(record: AuditRecord): Version {
  const { id, recorded } = record;
  return {
    type: 'AuditEvent',
    id,
    versionId: 1,
    lastUpdated: recorded,
    method: 'POST',
    body: renderAuditEvent(record),
  };
}

/** The AuditEvent of the server's own with that id, undefined where there is none. */
export async function readAudit(log: AuditLog, id: string): Promise<Version | undefined> {
  for await (const found of log.find({ ids: [id] }, 'descending')) {
    const [newest] = found;
    if (newest !== undefined) return auditVersion(newest.record);
  }
  return undefined;
}

/**
 * The first `count` matches beyond `after`, and whether there are more.
 * Throws TooCostly past the budget.
 */
export async function searchAudit(
  log: AuditLog,
  search: AuditSearch,
  matching: AuditMatching,
): Promise<{ readonly matches: readonly AuditMatch[]; readonly more: boolean }> {
  const { order, after, upTo, count } = search;
  const matches: AuditMatch[] = [];
  for await (const { sequence, record } of holding(log, search, matching, order, after, upTo)) {
    if (matches.length === count) return { matches, more: true };
    matches.push({ sequence, version: auditVersion(record) });
  }
  return { matches, more: false };
}

/**
 * How many match, counted up to `bound` + 1.
 * Throws TooCostly past the budget.
 */
export async function countAudit(
  log: AuditLog,
  search: Pick<AuditSearch, 'criterion' | 'upTo' | 'budget'>,
  bound: number,
  matching: AuditMatching,
): Promise<number> {
  let count = 0;
  for await (const _ of holding(log, search, matching, 'descending', undefined, search.upTo)) {
    count++;
    if (count > bound) break;
  }
  return count;
}

async function* holding(
  log: AuditLog,
  { criterion, budget }: Pick<AuditSearch, 'criterion' | 'budget'>,
  matching: AuditMatching,
  order: 'ascending' | 'descending',
  after: number | undefined,
  upTo: number,
): AsyncGenerator<StoredAuditRecord> {
  const end = matching.clock() + budget;
  for await (const found of log.find(narrow(criterion), order, after, upTo)) {
    for (const stored of found) {
      if (holds(criterion, stored.record, matching)) yield stored;
    }
    if (matching.clock() > end) {
      throw new TooCostly(
        'add entity, patient, agent, date, action, subtype or outcome, which AuditEvents are indexed by',
      );
    }
  }
}

function holds(criterion: Criterion, record: AuditRecord, matching: AuditMatching): boolean {
  return judge(criterion, record) ?? matching.holds(criterion, auditEventOf(record), record.recorded);
}

/** AuditEvents in another order than that of time. https://hl7.org/fhir/R4/search.html#sort */
import { type AuditMatching, searchAudit } from '../audit/search.ts';
import { parseJson } from '../fhir/json.ts';
import { isResource } from '../fhir/resource.ts';
import type { Criterion, SortKey } from '../search/criteria.ts';
import { compareBy, type Indexed, matches } from '../search/match.ts';
import { looksAtWords, wordsOf } from '../search/words.ts';
import { TooCostly } from '../store/errors.ts';
import { makePace } from '../store/pace.ts';
import type { Position, SearchPage, SearchQuery, Version } from '../store/port.ts';
import type { Context } from './context.ts';

/** The server's own lie in the order of time; so many can be sorted otherwise. */
const most = 10_000;

/** How a context's search decides whether a criterion holds for an AuditEvent. */
export function matchingOf({ extract, clock }: Context): AuditMatching {
  return {
    holds: (criterion, event, lastUpdated) => {
      const { resourceType: type, id = '' } = event;
      const words = looksAtWords(criterion) ? wordsOf(event) : undefined;
      return matches(criterion, { type, id, lastUpdated, entries: extract(event), words });
    },
    clock,
  };
}

/** Without what clients created since the walk began: an AuditEvent never changes, so that is the state of then. */
export function createdBy(criterion: Criterion, since: number): Criterion {
  const before: Criterion = { kind: 'lastUpdated', interval: [[{ end: 'low', operator: '<=', value: since }]] };
  return { kind: 'and', of: [criterion, before] };
}

/**
 * A page of all AuditEvents that match, sorted anew for each page; its key has the places where it begins and ends.
 * `upTo`: the newest sequence of the walk's first page; `since`: when that was read.
 * Throws TooCostly past the budget, and for more than can be sorted.
 */
export async function sortedPage(
  context: Context,
  query: SearchQuery,
  upTo: number,
  since: number,
): Promise<SearchPage> {
  const { position, count, total } = query;
  const sorted = await sortedMatches(context, query, upTo, since);
  const shownTotal = position === undefined ? (total === 'none' ? undefined : sorted.length) : position.total;
  const [from, until] = position?.key ?? [];
  const start = typeof from === 'number' ? from : 0;
  const end = Math.min(typeof until === 'number' ? until : sorted.length, start + count);
  const place = (direction: Position['direction'], key: Position['key']): Position => {
    return { at: upTo, since, total: shownTotal, direction, key };
  };
  const more = end < sorted.length;
  return {
    matches: sorted.slice(start, end),
    total: shownTotal,
    first: more || start > 0 ? place('next', [0]) : undefined,
    next: more ? place('next', [end]) : undefined,
    previous: start > 0 ? place('previous', [Math.max(0, start - count), start]) : undefined,
  };
}

async function sortedMatches(
  context: Context,
  query: SearchQuery,
  upTo: number,
  since: number,
): Promise<readonly Version[]> {
  const end = context.clock() + query.budget;
  const sort: readonly SortKey[] = query.parts[0]?.sort ?? [];
  const found = await allMatches(context, query, upTo, since);
  const resources: (Indexed & { readonly version: Version })[] = [];
  const pace = makePace();
  for (const version of found) {
    resources.push({ ...indexedOf(context, version, sort), version });
    await pace();
    if (context.clock() > end) throw tooMany();
  }
  return resources.sort(compareBy(sort)).map(({ version }) => version);
}

/** The server's own as they were recorded, then those of clients: the order of what sorts alike. */
async function allMatches(
  context: Context,
  { parts, position, budget }: SearchQuery,
  upTo: number,
  since: number,
): Promise<readonly Version[]> {
  const { store } = context;
  const [part] = parts;
  if (part === undefined) return [];
  const { type, criterion } = part;
  const asked = { criterion, order: 'ascending' as const, upTo, count: most, budget };
  const own = await searchAudit(store.audit, asked, matchingOf(context));
  const ofThen = position === undefined ? criterion : createdBy(criterion, since);
  const clients = await store.search({
    parts: [{ type, criterion: ofThen, sort: [] }],
    count: most,
    total: 'none',
    totalBound: 0,
    budget,
  });
  if (own.more || own.matches.length + clients.matches.length > most || clients.next !== undefined) throw tooMany();
  return [...own.matches.map(({ version }) => version), ...clients.matches];
}

function isByScore({ by }: SortKey): boolean {
  return typeof by === 'object' && 'score' in by;
}

/** What a sort needs to know of an AuditEvent. */
function indexedOf({ extract }: Context, { type, id, lastUpdated, body }: Version, sort: readonly SortKey[]): Indexed {
  const { indexed, value } = parseJson(body ?? new Uint8Array());
  const entries = isResource(indexed) ? extract(indexed) : [];
  return { type, id, lastUpdated, entries, ...(sort.some(isByScore) && { words: wordsOf(value) }) };
}

function tooMany(): TooCostly {
  return new TooCostly(
    `Up to ${most} AuditEvents are sorted by other parameters than date: add criteria, such as a date.`,
  );
}

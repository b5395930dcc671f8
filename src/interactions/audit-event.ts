/** AuditEvents: the server's own beside those that clients created. https://hl7.org/fhir/R4/auditevent.html#search */
import { countAudit, readAudit, searchAudit } from '../audit/search.ts';
import { parseJson } from '../fhir/json.ts';
import { failure } from '../fhir/outcome.ts';
import { dateRange } from '../fhir/period.ts';
import { isObject } from '../fhir/resource.ts';
import type { Criterion, SortKey } from '../search/criteria.ts';
import { CursorExpired } from '../store/errors.ts';
import type { Position, SearchPage, SearchQuery, Version } from '../store/port.ts';
import { followed } from './audit-chains.ts';
import { createdBy, matchingOf, sortedPage } from './audit-event-sort.ts';
import type { Context } from './context.ts';

/** The AuditEvent of the server's own with this id, undefined where there is none. */
export async function readAuditEvent(context: Context, id: string): Promise<Version | undefined> {
  await context.audit.settle();
  return readAudit(context.store.audit, id);
}

/** How far a walk has come among the server's own: the sequences between which its last page lay. */
interface OwnPlace {
  readonly after?: number;
}

/** Where a page of a walk begins. Kept in `Position.key`: own sequence, then the clients' position as JSON. */
interface Place {
  readonly own: OwnPlace;
  /** Of the clients' own; null: none of them are left, undefined: at their beginning. */
  readonly clients: Position | null | undefined;
}

/**
 * A page of AuditEvents, as `Store.search` gives pages: the newest first unless sorted otherwise. What clients created
 * is merged in by date. Pages go forward; where there are only the server's own, or in another order, backward too.
 * Throws 400 for a sort through references.
 */
export async function searchAuditEvents(context: Context, query: SearchQuery): Promise<SearchPage> {
  const [asked] = query.parts;
  if (asked === undefined) return { matches: [] };
  const part = { ...asked, criterion: await followed(context, asked.criterion, query.budget) };
  const { position } = query;
  const { cursorLifetime } = context.settings;
  if (position !== undefined && context.clock() - position.since > cursorLifetime) throw new CursorExpired();
  await context.audit.settle();
  const upTo = position?.at ?? (await context.store.audit.last());
  const since = position?.since ?? context.clock();
  // A total needs no order.
  const order = query.count === 0 ? 'descending' : orderOf(part.sort);
  if (order === undefined) return sortedPage(context, { ...query, parts: [part] }, upTo, since);
  // What clients create while a walk through the server's own goes on isn't part of it.
  const mixed = position?.key?.length !== 1 && (await context.store.counts()).has('AuditEvent');
  const search = { context, query, criterion: part.criterion, order, keys: keysOf(context, part.sort), upTo };
  const total = position === undefined ? await totalOf(search, mixed) : position.total;
  const walk = { at: upTo, since, ...(total === undefined ? {} : { total }) };
  if (query.count === 0) return total === undefined ? { matches: [] } : { matches: [], total };
  return mixed ? mixedPage(search, walk, position) : ownPage(search, walk, position);
}

type Walk = Omit<Position, 'direction' | 'key'>;

interface AuditWalk {
  readonly context: Context;
  readonly query: SearchQuery;
  readonly criterion: Criterion;
  /** That of the first key. The server's own have the same time by every key, so the others only tell clients' apart. */
  readonly order: 'ascending' | 'descending';
  /** At least one; all of them by time. */
  readonly keys: readonly SortKey[];
  readonly upTo: number;
}

/** The keys of a sort by time; the newest first where there is none. */
function keysOf({ registry }: Context, sort: readonly SortKey[]): readonly SortKey[] {
  if (sort.length > 0) return sort;
  return [{ by: registry.get('AuditEvent', 'date')?.parameter ?? 'lastUpdated', descending: true }];
}

/** The order of time that a sort means; undefined: another order. Throws 400 for one through references. */
function orderOf(sort: readonly SortKey[]): 'ascending' | 'descending' | undefined {
  const [first] = sort;
  if (first === undefined) return 'descending';
  if (sort.some(({ by }) => typeof by === 'object' && 'through' in by))
    throw failure(400, 'not-supported', 'AuditEvents are not sorted through references.');
  const byTime = ({ by }: SortKey) =>
    by === 'lastUpdated' || (typeof by === 'object' && 'code' in by && by.code === 'date');
  if (!sort.every(byTime)) return undefined;
  return first.descending ? 'descending' : 'ascending';
}

async function totalOf({ context, query, criterion, upTo }: AuditWalk, mixed: boolean): Promise<number | undefined> {
  const { total, totalBound, budget, parts } = query;
  if (total === 'none') return undefined;
  const bound = total === 'bounded' ? totalBound : Number.MAX_SAFE_INTEGER;
  const own = await countAudit(context.store.audit, { criterion, upTo, budget }, bound, matchingOf(context));
  if (own > bound) return undefined;
  if (!mixed) return own;
  const clients = await context.store.search({ parts, count: 0, total, totalBound, budget });
  return clients.total === undefined || own + clients.total > bound ? undefined : own + clients.total;
}

/** A page of the server's own; walked backward, the rows are found in reverse and turned round. */
async function ownPage(search: AuditWalk, walk: Walk, position: Position | undefined): Promise<SearchPage> {
  const { context, query, criterion, order, upTo } = search;
  const backward = position?.direction === 'previous';
  const turned = order === 'ascending' ? 'descending' : 'ascending';
  const [key] = position?.key ?? [];
  const found = await searchAudit(
    context.store.audit,
    {
      criterion,
      order: backward ? turned : order,
      ...(typeof key === 'number' ? { after: key } : {}),
      upTo,
      count: query.count,
      budget: query.budget,
    },
    matchingOf(context),
  );
  const rows = backward ? found.matches.toReversed() : found.matches;
  const first = rows[0];
  const last = rows.at(-1);
  const hasNext = backward ? true : found.more;
  const hasPrevious = backward ? found.more : typeof key === 'number';
  return {
    matches: rows.map(({ version }) => version),
    ...(walk.total === undefined ? {} : { total: walk.total }),
    ...(hasNext || hasPrevious ? { first: { ...walk, direction: 'next' as const } } : {}),
    ...(hasNext && last !== undefined ? { next: { ...walk, direction: 'next' as const, key: [last.sequence] } } : {}),
    ...(hasPrevious && first !== undefined
      ? { previous: { ...walk, direction: 'previous' as const, key: [first.sequence] } }
      : {}),
  };
}

/** A page of both kinds, by time. */
async function mixedPage(search: AuditWalk, walk: Walk, position: Position | undefined): Promise<SearchPage> {
  const { context, query, criterion, order, upTo } = search;
  const ofClients = position === undefined ? search : { ...search, criterion: createdBy(criterion, walk.since) };
  const place = placeOf(position);
  const own = await searchAudit(
    context.store.audit,
    { criterion, order, ...place.own, upTo, count: query.count + 1, budget: query.budget },
    matchingOf(context),
  );
  const versions: Version[] = [];
  let { after } = place.own;
  let clients = await nextOfClients(ofClients, place.clients);
  let taken = 0;
  while (versions.length < query.count) {
    const mine = own.matches[taken];
    if (mine === undefined && clients.version === undefined) break;
    if (clients.version === undefined || (mine !== undefined && comesFirst(search, mine.version, clients.version))) {
      if (mine === undefined) break;
      versions.push(mine.version);
      after = mine.sequence;
      taken += 1;
    } else {
      versions.push(clients.version);
      clients = await nextOfClients(ofClients, clients.next);
    }
  }
  const more = taken < own.matches.length || clients.version !== undefined;
  const key = [after ?? null, clients.from === undefined ? null : JSON.stringify(clients.from)];
  return {
    matches: versions,
    ...(walk.total === undefined ? {} : { total: walk.total }),
    ...(more || position !== undefined ? { first: { ...walk, direction: 'next' as const } } : {}),
    ...(more ? { next: { ...walk, direction: 'next' as const, key } } : {}),
  };
}

function placeOf(position: Position | undefined): Place {
  const [after, clients] = position?.key ?? [];
  return {
    own: typeof after === 'number' ? { after } : {},
    // The key is ours: it comes from a signed link.
    clients: typeof clients === 'string' ? (JSON.parse(clients) as Position | null) : undefined,
  };
}

/** The clients' next AuditEvent, the place where it was found, and the place behind it. */
async function nextOfClients(
  { context, query, criterion, keys }: AuditWalk,
  from: Position | null | undefined,
): Promise<{
  readonly version: Version | undefined;
  readonly from: Position | null | undefined;
  readonly next: Position | null;
}> {
  if (from === null) return { version: undefined, from, next: null };
  const page = await context.store.search({
    parts: [{ type: 'AuditEvent', criterion, sort: keys }],
    count: 1,
    total: 'none',
    totalBound: 0,
    budget: query.budget,
    ...(from === undefined ? {} : { position: from }),
  });
  const [version] = page.matches;
  return { version, from: version === undefined ? null : from, next: page.next ?? null };
}

/** Whether one of the server's own comes before a client's; it does so where all keys are the same. */
function comesFirst({ context, keys }: AuditWalk, own: Version, client: Version): boolean {
  for (const key of keys) {
    const mine = timeOf(context, key, own);
    const theirs = timeOf(context, key, client);
    if (mine === theirs) continue;
    if (mine === undefined || theirs === undefined) return theirs === undefined;
    return key.descending ? mine > theirs : mine < theirs;
  }
  return true;
}

/** What a key of time sorts by; undefined where a client's has no `recorded` that is one. */
function timeOf({ settings }: Context, { by, descending }: SortKey, version: Version): number | undefined {
  if (by === 'lastUpdated') return version.lastUpdated;
  const { value } = parseJson(version.body ?? new Uint8Array(0));
  const recorded = isObject(value) && typeof value.recorded === 'string' ? value.recorded : '';
  const range = dateRange(recorded, settings.timezone);
  return descending ? range?.high : range?.low;
}

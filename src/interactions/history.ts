/** The history of a resource, a type or the whole system. https://hl7.org/fhir/R4/http.html#history */
import { type BundleEntry, bundleBytes } from '../fhir/bundle.ts';
import { etag } from '../fhir/etag.ts';
import { formatInstant } from '../fhir/instant.ts';
import { parseJson } from '../fhir/json.ts';
import { failure } from '../fhir/outcome.ts';
import { dateRange } from '../fhir/period.ts';
import { parseReference } from '../fhir/reference.ts';
import { isArray, isObject } from '../fhir/resource.ts';
import type { HistoryPage, HistoryQuery, Version } from '../store/port.ts';
import type { ResourceKey } from '../store/write.ts';
import { readAuditEvent } from './audit-event.ts';
import { patientConcerned } from './concerned.ts';
import type { Answer, Call, Context, QueryParameters } from './context.ts';
import { type Cut, cut, cutOf, single } from './cut.ts';
import { linkPages, openPage, type Walk } from './page-link.ts';

const historyParameters = ['_since', '_at', '_count', '_list'];
const resultParameters = ['_format', '_pretty', '_summary', '_elements'];

/** What a call asks for. */
interface HistoryPlan extends ParsedHistory {
  /** What `page-link.ts` calls it. */
  readonly of: string;
  readonly walk: Walk | undefined;
  readonly wanted: Cut | undefined;
}

/** Reads a call's parameters. Throws 400 for those that can't be followed, 404 for an unknown List, 410 for an old link. */
export async function planHistory(context: Context, call: Call): Promise<HistoryPlan> {
  const { type, id } = call;
  const of = ['history', type, id].filter((part) => part !== undefined).join('/');
  const walk = await openPage(context, of, call.parameters);
  const parameters = walk?.query ?? call.parameters;
  const parsed = await parseHistory(context, call, parameters);
  const wanted = cutOf(context, parameters, type === undefined ? context.definitions.resourceTypes : [type]);
  return { ...parsed, of, walk, wanted };
}

/** 200 with a Bundle of type history, newest first; 404 for the history of an id that was never used. */
export async function history(context: Context, call: Call): Promise<Answer> {
  const { type, id } = call;
  const path = [context.settings.baseUrl, type, id, '_history'].filter((part) => part !== undefined).join('/');
  const { of, walk, query, used, wanted } = await planHistory(context, call);
  const page = await context.store.history(walk === undefined ? query : { ...query, position: walk.position });
  const shown = await withServersOwn(context, call, query, page);
  const created = await creations(context, shown.versions);
  const links = await linkPages(context, of, used, path, [
    ['first', shown.first],
    ['previous', shown.previous],
    ['next', shown.next],
  ]);
  const self = walk === undefined ? queryUrl(path, used) : queryUrl(path, call.parameters);
  const body = bundleBytes({
    type: 'history',
    ...(shown.total === undefined ? {} : { total: shown.total }),
    lastUpdated: context.clock(),
    links: [{ relation: 'self', url: self }, ...links],
    entries: shown.versions.map((version) => historyEntry(context, version, created.has(version), wanted)),
  });
  if (type === undefined) return { status: 200, body };
  const newest = shown.versions.find((version) => version.body !== undefined);
  const patient = id === undefined ? '' : patientConcerned(type, id, newest?.body);
  return { status: 200, body, about: { type, id: id ?? '', patient } };
}

/** The one version of an AuditEvent of the server's own; 404 for an id that was never used. */
async function withServersOwn(
  context: Context,
  call: Call,
  query: HistoryQuery,
  page: HistoryPage,
): Promise<HistoryPage> {
  const { type = '', id } = call;
  if (id === undefined || page.versions.length > 0 || page.previous !== undefined) return page;
  if ((await context.store.read(type, id)) !== undefined) return page;
  const own = type === 'AuditEvent' ? await readAuditEvent(context, id) : undefined;
  if (own === undefined) throw failure(404, 'not-found', `There is no ${type} with the id ${id}.`);
  const versions = isSelected(own, query) ? [own] : [];
  return { versions: query.count === 0 ? [] : versions, total: versions.length };
}

/** Whether a history shows a version that has always been the current one. */
function isSelected({ type, id, lastUpdated }: Version, { ids, since, at }: HistoryQuery): boolean {
  if (ids !== undefined && !ids.some((key) => key.type === type && key.id === id)) return false;
  return (since === undefined || lastUpdated >= since) && (at === undefined || lastUpdated < at.high);
}

/** A URL with a query. */
export function queryUrl(path: string, parameters: QueryParameters): string {
  if (parameters.length === 0) return path;
  return `${path}?${parameters.map(([name, value]) => `${encodeName(name)}=${encodeURIComponent(value)}`).join('&')}`;
}

// `:` may stand in a query as it is, and modifiers read better so.
const encodeName = (name: string) => encodeURIComponent(name).replaceAll('%3A', ':');

function historyEntry(context: Context, version: Version, created: boolean, wanted: Cut | undefined): BundleEntry {
  const { type, id, method, versionId, lastUpdated, body } = version;
  const url = method === 'POST' ? type : `${type}/${id}`;
  const status = { POST: '201', PUT: created ? '201' : '200', PATCH: '200', DELETE: '204' }[method];
  return {
    fullUrl: `${context.settings.baseUrl}/${type}/${id}`,
    ...(body === undefined ? {} : { resource: wanted === undefined ? body : cut(context, body, wanted) }),
    request: { method, url },
    response: { status, etag: etag(versionId), lastModified: formatInstant(lastUpdated) },
  };
}

/** The versions of a page that came out of nothing or followed a deletion: their PUT was answered with 201. */
async function creations({ store }: Context, versions: readonly Version[]): Promise<ReadonlySet<Version>> {
  const created = new Set<Version>();
  const shown = new Map(versions.map((version) => [keyOf(version, version.versionId), version]));
  for (const version of versions) {
    const { type, id, versionId, method } = version;
    if (method !== 'PUT') continue;
    const before = versionId - 1;
    const previous =
      before === 0 ? undefined : (shown.get(keyOf(version, before)) ?? (await store.vread(type, id, before)));
    if (before === 0 || previous?.method === 'DELETE') created.add(version);
  }
  return created;
}

const keyOf = ({ type, id }: Version, versionId: number) => `${type}/${id}/${versionId}`;

interface ParsedHistory {
  readonly query: HistoryQuery;
  readonly used: QueryParameters;
}

async function parseHistory(context: Context, call: Call, parameters: QueryParameters): Promise<ParsedHistory> {
  const { ignoredParameters, maxCount, defaultCount, timezone } = context.settings;
  for (const [name] of parameters) {
    if (historyParameters.includes(name) || resultParameters.includes(name) || name === '_cursor') continue;
    if (ignoredParameters.includes(name) || call.prefer.handling === 'lenient') continue;
    throw failure(
      400,
      'not-supported',
      `${name.slice(0, 80)} is no parameter of a history; it takes ${historyParameters.join(', ')}.`,
    );
  }
  const count = parseCount(single(parameters, '_count'), defaultCount, maxCount);
  const since = withPlus(single(parameters, '_since'));
  const at = withPlus(single(parameters, '_at'));
  const list = single(parameters, '_list');
  const sinceRange = since === undefined ? undefined : dateRange(since, timezone);
  if (since !== undefined && (sinceRange === undefined || !since.includes('T'))) {
    throw failure(400, 'value', '_since must be an instant, e.g. 2026-01-31T08:00:00Z.');
  }
  const atRange = at === undefined ? undefined : dateRange(at, timezone);
  if (at !== undefined && atRange === undefined) {
    throw failure(400, 'value', '_at must be a date, a dateTime or an instant, e.g. 2026-01-31.');
  }
  const ids = list === undefined ? undefined : await listed(context, list);
  const used = parameters.filter(
    ([name, value]) =>
      value !== '' && name !== '_count' && (historyParameters.includes(name) || resultParameters.includes(name)),
  );
  return {
    query: {
      ...(call.type === undefined ? {} : { type: call.type }),
      ...(call.id === undefined ? {} : { id: call.id }),
      ...(ids === undefined ? {} : { ids }),
      ...(sinceRange === undefined ? {} : { since: sinceRange.low }),
      ...(atRange === undefined ? {} : { at: atRange }),
      count,
    },
    used: [...used, ['_count', String(count)]],
  };
}

/** The `+` of a zone that was sent without escaping arrives as a space, which no date has. */
const withPlus = (text: string | undefined) => text?.replace(/ (?=\d\d:\d\d$)/, '+');

/** `_count` as a number: the default where absent, lowered to the maximum. Throws 400 for what is no whole number. */
function parseCount(text: string | undefined, defaultCount: number, maxCount: number): number {
  if (text === undefined) return defaultCount;
  if (!/^\d{1,9}$/.test(text)) throw failure(400, 'value', '_count must be a whole number.');
  return Math.min(Number(text), maxCount);
}

/** What a List on this server refers to. Throws 404 where there is no such List. */
async function listed(context: Context, text: string): Promise<readonly ResourceKey[]> {
  const id = text.startsWith('List/') ? text.slice('List/'.length) : text;
  if (id.startsWith('$')) throw failure(400, 'not-supported', `_list=${id}: functional lists are not supported.`);
  const list = await context.store.read('List', id);
  if (list?.body === undefined) throw failure(404, 'not-found', `_list: there is no List with the id ${id}.`);
  const { value } = parseJson(list.body);
  const entries = isObject(value) && isArray(value.entry) ? value.entry : [];
  return entries.flatMap((entry) => {
    const item = isObject(entry) && isObject(entry.item) ? entry.item.reference : undefined;
    const reference = typeof item === 'string' ? parseReference(item, context.settings.baseUrl) : undefined;
    return reference?.kind === 'local' ? [{ type: reference.type, id: reference.id }] : [];
  });
}

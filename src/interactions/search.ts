/** Searches a type or the whole system. https://hl7.org/fhir/R4/http.html#search */
import { aroundMatch, type BundleEntry, bundleBytes } from '../fhir/bundle.ts';
import { containedBytes } from '../fhir/contained.ts';
import { parseJson } from '../fhir/json.ts';
import { failure, type Issue, operationOutcome } from '../fhir/outcome.ts';
import { isResource } from '../fhir/resource.ts';
import { compartmentTypes } from '../search/compartment.ts';
import type { ContainedEntries, IndexEntry } from '../search/entry.ts';
import { extractContained } from '../search/extract/contained.ts';
import { collectIncludes } from '../search/include.ts';
import { parseSearch, type Search } from '../search/query.ts';
import { relevanceOf } from '../search/score.ts';
import { TooCostly } from '../store/errors.ts';
import { makePace } from '../store/pace.ts';
import type { SearchPage, Version } from '../store/port.ts';
import { namesAuditEvent, withOwnAuditEvents } from './audit-chains.ts';
import { searchAuditEvents } from './audit-event.ts';
import { patientSought } from './concerned.ts';
import { refuseAmbiguous, searchContext } from './condition.ts';
import type { Answer, Call, Context } from './context.ts';
import { type Cut, cut } from './cut.ts';
import { explained } from './explain.ts';
import { queryUrl } from './history.ts';
import { expired, linkPages, openPage, type Walk } from './page-link.ts';
import { keepSearch, parsedSearch } from './parsed-searches.ts';
import { scoresOf } from './scores.ts';
import { withTerms } from './terms.ts';

const encoder = new TextEncoder();

/** What a call asks for. */
interface SearchPlan {
  /** What `page-link.ts` calls it. */
  readonly of: string;
  readonly walk: Walk | undefined;
  readonly parsed: Search;
  readonly wanted: Cut | undefined;
}

/** Reads a call's parameters. Throws 400 for those that can't be followed, 400 and 410 for a page link's token. */
export async function planSearch(context: Context, call: Call): Promise<SearchPlan> {
  const path = searchedPath(call);
  const of = path === '' ? 'search' : `search/${path}`;
  const handling = call.prefer.handling ?? 'strict';
  const key = `${handling} ${of} ${JSON.stringify(call.parameters)}`;
  const known = parsedSearch(context, key);
  if (known !== undefined) return { of, walk: undefined, parsed: known, wanted: cutOfSearch(known) };
  const walk = await openPage(context, of, call.parameters);
  if (walk !== undefined && context.searchParameters.endsWalk(walk.query, walk.position.since)) throw expired();
  // A walk keeps the "now" of its first page.
  const now = walk?.position.since;
  let lasting = walk === undefined;
  const passing = (): void => {
    lasting = false;
  };
  const { generation } = context.searchParameters;
  const searching = {
    ...searchContext(context, searchedTypes(context, call), handling, now, call.compartment),
    usesNow: passing,
  };
  const query = walk?.query ?? call.parameters;
  // The places of a walk through AuditEvents are none of the resources'.
  const audited =
    call.type === 'AuditEvent' || query.some(([name, value]) => name === '_type' && value === 'AuditEvent');
  const position = audited ? undefined : walk?.position;
  const parsed = await withTerms(context, searching, (resolved) => parseSearch(query, resolved), position, passing);
  if (lasting) keepSearch(context, key, generation, parsed);
  return { of, walk, parsed, wanted: cutOfSearch(parsed) };
}

/** Relative to the base: '' for the system, a type, or that in a compartment. */
function searchedPath({ type, compartment }: Call): string {
  if (compartment === undefined) return type ?? '';
  return `${compartment.type}/${compartment.id}/${type ?? '*'}`;
}

function searchedTypes({ definitions }: Context, { type, compartment }: Call): readonly string[] {
  if (type !== undefined) return [type];
  return compartment === undefined ? [...definitions.resourceTypes] : compartmentTypes(definitions, compartment.type);
}

/** How often a search begins again, since search parameters became others while it ran. */
const attempts = 3;

/** 200 with a Bundle of type searchset. */
export async function search(context: Context, call: Call): Promise<Answer> {
  const { parameters } = context.store;
  for (let attempt = 1; ; attempt += 1) {
    const { generation } = parameters;
    const answer = await searchOnce(context, call);
    // What it read of a definition that was replaced may have been gone already.
    if (generation === parameters.generation || attempt === attempts) return answer;
  }
}

async function searchOnce(context: Context, call: Call): Promise<Answer> {
  const { type, compartment } = call;
  const { baseUrl } = context.settings;
  const searched = searchedPath(call);
  const path = searched === '' ? baseUrl : `${baseUrl}/${searched}`;
  const { of, walk, parsed, wanted } = await planSearch(context, call);
  const begun = performance.now();
  if (walk === undefined) await refuseAmbiguous(context, parsed.ambiguousIds);
  const { searchBudget } = context.settings;
  const query = {
    parts: await withAuditEvents(context, parsed.parts),
    count: parsed.count,
    total: parsed.total,
    totalBound: context.settings.totalBound,
    budget: searchBudget,
    ...(walk === undefined ? {} : { position: walk.position }),
  };
  if (parsed.explain) {
    if (namesAuditEvents(type, parsed))
      throw failure(400, 'not-supported', '_explain: AuditEvents are not read by the indexes of other resources.');
    return explained(parsed, await context.store.explain(query));
  }
  const around = isWhole(parsed, wanted) && type !== undefined ? aroundMatch(`${baseUrl}/${type}/`) : undefined;
  const page = namesAuditEvents(type, parsed)
    ? await searchAuditEvents(context, query)
    : await context.store.search(around === undefined ? query : { ...query, around });
  const { included, capped } = await include(context, parsed, page.matches, walk !== undefined, begun);
  const scores = await scoresOf(parsed.parts, page.matches);
  const links = await linkPages(context, of, parsed.used, path, [
    ['first', page.first],
    ['previous', page.previous],
    ['next', page.next],
  ]);
  const self = walk === undefined ? queryUrl(path, parsed.used) : queryUrl(path, call.parameters);
  const body = bundleBytes({
    type: 'searchset',
    ...(page.total === undefined ? {} : { total: page.total }),
    lastUpdated: context.clock(),
    links: [{ relation: 'self', url: self }, ...(parsed.count === 0 ? [] : links)],
    ...(page.spliced === undefined ? {} : { spliced: page.spliced }),
    entries: [
      ...page.matches.map((version, n) => entryOf(context, version, { mode: 'match', score: scores[n] }, wanted)),
      ...included.map((version) => entryOf(context, version, { mode: 'include' }, wanted)),
      ...outcomeEntries(context, parsed, capped),
    ],
  });
  const patient = compartment?.type === 'Patient' ? compartment.id : patientSought(parsed.parts);
  return { status: 200, body, about: { type: type ?? '', id: '', patient } };
}

/** The searched types, with what they find by way of the server's own AuditEvents. */
function withAuditEvents(context: Context, parts: Search['parts']): Search['parts'] | Promise<Search['parts']> {
  if (!parts.some(({ criterion }) => namesAuditEvent(criterion))) return parts;
  const { searchBudget } = context.settings;
  return Promise.all(
    parts.map(async (part) => {
      if (!namesAuditEvent(part.criterion)) return part;
      const { type } = part;
      return {
        ...part,
        criterion: await withOwnAuditEvents(context, type, part.criterion, searchBudget, searchAuditEvents),
      };
    }),
  );
}

/**
 * Whether the search names AuditEvent, so that the server's own are meant too.
 * Throws 400 for `_type` with AuditEvent beside other types, whose walks are of another kind, and for contained ones.
 */
function namesAuditEvents(type: string | undefined, { parts, used, contained }: Search): boolean {
  if (contained) {
    const names = type ?? used.find(([name]) => name === '_type')?.[1] ?? '';
    if (!names.split(',').includes('AuditEvent')) return false;
    throw failure(400, 'not-supported', '_contained: AuditEvents are not searched inside others.');
  }
  if (type !== undefined) return type === 'AuditEvent';
  const named = used.some(([name]) => name === '_type') && parts.some((part) => part.type === 'AuditEvent');
  if (named && parts.length > 1) {
    throw failure(400, 'not-supported', '_type: AuditEvent is searched by itself; ask for the other types apart.');
  }
  return named;
}

/** Whether each match is shown as it is stored, and nothing is looked up in it. */
function isWhole({ parts, includes, revincludes, contained }: Search, wanted: Cut | undefined): boolean {
  if (wanted !== undefined || contained || includes.length + revincludes.length > 0) return false;
  return parts.every(({ criterion }) => relevanceOf(criterion) === undefined);
}

/** The part of each resource that the search asks for. Throws 400 for `_summary=text` with includes, as R4 says. */
function cutOfSearch(parsed: Search): Cut | undefined {
  const { summary, elements, includes, revincludes } = parsed;
  if (elements !== undefined && summary !== undefined && summary !== 'count') {
    throw failure(400, 'invalid', 'Use _summary or _elements, not both.');
  }
  if (summary === 'text' && includes.length + revincludes.length > 0) {
    throw failure(400, 'invalid', '_summary=text does not go with _include and _revinclude.');
  }
  if (elements !== undefined && elements.length > 0) return { elements };
  return summary === undefined || summary === 'count' ? undefined : { summary };
}

function entryOf(
  context: Context,
  version: Version,
  search: NonNullable<BundleEntry['search']>,
  wanted: Cut | undefined,
): BundleEntry {
  const { type, id, contained } = version;
  const url = `${context.settings.baseUrl}/${type}/${id}`;
  const fullUrl = contained === undefined ? url : `${url}#${contained}`;
  const body =
    contained === undefined || version.body === undefined ? version.body : containedBytes(version.body, contained);
  if (body === undefined) return { fullUrl, search };
  return { fullUrl, resource: wanted === undefined ? body : cut(context, body, wanted), search };
}

/** `begun`: when the search did, by the clock of `performance`: it has one budget, however many searches its includes come to. */
async function include(
  context: Context,
  parsed: Search,
  matches: readonly Version[],
  walking: boolean,
  begun: number,
): Promise<{ readonly included: readonly Version[]; readonly capped: boolean }> {
  const { includes, revincludes } = parsed;
  if (matches.length === 0 || includes.length + revincludes.length === 0) return { included: [], capped: false };
  const { includeCap, searchBudget } = context.settings;
  let counts: Promise<ReadonlyMap<string, number>> | undefined;
  const ownAuditEvents = parsed.used.some(([name, value]) => {
    return (name === '_include' || name === '_revinclude') && value.split(':').includes('AuditEvent');
  });
  const left = (): number => {
    const budget = Math.floor(begun + searchBudget - performance.now());
    if (budget <= 0) throw new TooCostly(lessIncludes);
    return budget;
  };
  const pace = makePace();
  // Included since a reference names them: the index may have other versions.
  const named = new Set<Version>();
  return collectIncludes<Version>(
    async ({ type, criterion }, limit) => {
      const budget = left();
      const query = {
        parts: [{ type, criterion, sort: [] }],
        count: limit,
        total: 'none' as const,
        totalBound: 0,
        budget,
      };
      const page: SearchPage =
        type === 'AuditEvent' && ownAuditEvents
          ? await searchAuditEvents(context, query)
          : await context.store.search(query);
      return page.matches;
    },
    matches,
    includes,
    revincludes,
    includeCap,
    {
      entries: remembering(({ body }) => (body === undefined ? [] : entriesOf(context, body))),
      inside: remembering(({ body, contained }) =>
        contained === undefined || body === undefined ? undefined : insideOf(context, body, contained),
      ),
      refersOtherwise: (version) => {
        const { type, body } = version;
        // What a later page shows may have changed since; the server's own AuditEvents have no rows in the index.
        if (walking || type === 'AuditEvent' || named.has(version)) return true;
        return body !== undefined && Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes('/_history/');
      },
      vread: async (type, id, versionId) => {
        const version = await context.store.vread(type, id, Number(versionId));
        if (version?.body === undefined) return undefined;
        named.add(version);
        return version;
      },
      has: async (type) => {
        counts ??= context.store.counts();
        return (type === 'AuditEvent' && ownAuditEvents) || (await counts).has(type);
      },
      pause: () => {
        left();
        return pace();
      },
    },
  );
}

function entriesOf(context: Context, body: Uint8Array): readonly IndexEntry[] {
  const { indexed } = parseJson(body);
  return isResource(indexed) ? context.extract(indexed) : [];
}

/** The same, evaluated once for each version: every include of `*` asks again. */
function remembering<T>(find: (version: Version) => T): (version: Version) => T {
  const known = new Map<Version, { readonly found: T }>();
  return (version) => {
    const { found } = known.get(version) ?? { found: find(version) };
    known.set(version, { found });
    return found;
  };
}

const lessIncludes = 'Ask for less that is included: leave out * or :iterate, or take smaller pages with _count.';

/** A contained resource as it is indexed. */
function insideOf(context: Context, body: Uint8Array, id: string): ContainedEntries | undefined {
  const { indexed } = parseJson(body);
  const all = isResource(indexed) ? extractContained(indexed, context.extract) : undefined;
  return all?.find((each) => each.id === id);
}

/** What the client should know: parameters that were ignored, includes that were cut. */
function outcomeEntries(context: Context, parsed: Search, capped: boolean): readonly BundleEntry[] {
  const issues: Issue[] = parsed.ignored.map((name) => ({
    severity: 'warning',
    code: 'not-supported',
    diagnostics: `The parameter ${name} is unknown and was ignored.`,
  }));
  if (capped) {
    const diagnostics = `Only the first ${context.settings.includeCap} included resources of this page are shown. Ask for smaller pages with _count.`;
    issues.push({ severity: 'warning', code: 'too-costly', diagnostics });
  }
  if (issues.length === 0) return [];
  const resource = encoder.encode(JSON.stringify(operationOutcome(issues)));
  return [{ fullUrl: `urn:uuid:${context.newId()}`, resource, search: { mode: 'outcome' } }];
}

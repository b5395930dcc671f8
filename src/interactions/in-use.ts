/** Which resources a definition is used by: whoever takes it away is warned of them. https://hl7.org/fhir/R4/conformance-module.html */
import { bodyBytes } from '../fhir/body.ts';
import { topMember } from '../fhir/json-scan.ts';
import { type Issue, ruleDetails } from '../fhir/outcome.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import type { Criterion } from '../search/criteria.ts';
import { makePace } from '../store/pace.ts';
import type { Version } from '../store/port.ts';
import type { Put, ResourceKey, Write } from '../store/write.ts';
import { contentOf, findCanonical, isCanonicalType, splitCanonical, versionKey } from './canonical.ts';
import type { Context } from './context.ts';

/** How many of the users are named. */
const mostNamed = 10;
/** How many definitions of a type are looked through. */
const mostRead = 1000;
const page = 50;

/** The current resources of a type that are stored, at most a thousand of them. */
export async function* storedOf(context: Context, type: string): AsyncGenerator<Version> {
  const { store, settings } = context;
  const query = {
    parts: [{ type, criterion: { kind: 'and', of: [] } as Criterion, sort: [] }],
    count: page,
    total: 'none' as const,
    totalBound: 0,
    budget: settings.searchBudget,
  };
  let read = 0;
  let found = await store.search(query);
  for (;;) {
    yield* found.matches;
    read += found.matches.length;
    if (found.next === undefined || read >= mostRead) return;
    found = await store.search({ ...query, position: found.next });
  }
}

/**
 * Warnings for each of the writes that deletes a definition (StructureDefinition, ValueSet, CodeSystem, ConceptMap), or gives it another
 * url or version, where others name it as it was: definitions that are stored or lie in files, and resources by `meta.profile`.
 * What the writes themselves leave behind counts as it is then. A list for each write; none at all where no definition is written, and in
 * an import, whose warnings nobody sees.
 */
export async function warningsOfLoss(
  context: Context,
  writes: readonly Write[],
): Promise<readonly (readonly Issue[])[]> {
  if (context.bulk === true || !writes.some(({ type }) => isCanonicalType(type))) return [];
  const losses: Loss[] = [];
  for (const write of writes) {
    const loss = await lossOf(context, write);
    if (loss !== undefined) losses.push(loss);
  }
  if (losses.length === 0) return [];
  const brought = await broughtBy(writes, losses);
  const lasting = losses
    .map((loss) => ({
      ...loss,
      canonicals: loss.canonicals.filter((canonical) => !isBrought(canonical, loss, brought)),
    }))
    .filter(({ canonicals }) => canonicals.length > 0);
  await findUsers(context, lasting, { brought, replaced: new Set(writes.map(keyOf)) });
  const warnings = new Map(lasting.map((loss) => [loss.write, loss.users.length === 0 ? [] : [warningOf(loss)]]));
  return writes.map((write) => warnings.get(write) ?? []);
}

const keyOf = ({ type, id }: ResourceKey): string => `${type}/${id}`;

/** A definition that can't be found any more as it was. */
interface Loss {
  readonly write: Write;
  /** By which it was found. */
  readonly canonicals: readonly string[];
  /** What names them: up to one more than are told. */
  readonly users: string[];
}

async function lossOf(context: Context, write: Write): Promise<Loss | undefined> {
  const { type, id } = write;
  if (!isCanonicalType(type) || (write.kind === 'put' && write.method === 'POST')) return undefined;
  const stored = await context.store.read(type, id);
  if (stored?.body === undefined) return undefined;
  const next = write.kind === 'put' ? canonicalsOf(namesIn(bodyBytes(write.body, 1, 0))) : [];
  const before = canonicalsOf(namesIn(stored.body)).filter((canonical) => !next.includes(canonical));
  // Another version may be what the url alone means.
  const found = await Promise.all(before.map((canonical) => findCanonical(context, type, canonical)));
  const canonicals = before.filter((_, place) => found[place]?.key === versionKey(stored));
  return canonicals.length === 0 ? undefined : { write, canonicals, users: [] };
}

/** What a definition goes by: one of many megabytes isn't read for it. */
function namesIn(body: Uint8Array): JsonObject {
  return { url: topMember(body, 'url'), version: topMember(body, 'version') };
}

/** A resource as one of the writes leaves it. */
interface Brought {
  readonly put: Put;
  readonly content: JsonObject;
}

/** The puts among the writes that mention what is lost. */
async function broughtBy(writes: readonly Write[], losses: readonly Loss[]): Promise<readonly Brought[]> {
  const urls = new Set(losses.flatMap(({ canonicals }) => canonicals.map((canonical) => splitCanonical(canonical)[0])));
  const brought: Brought[] = [];
  const pace = makePace();
  for (const put of writes) {
    if (put.kind !== 'put') continue;
    const body = bodyBytes(put.body, 1, 0);
    if (mayMention(body, urls)) brought.push({ put, content: contentOf({ body }) });
    await pace();
  }
  return brought;
}

/** Whether another definition of the type can be found by the canonical afterwards. */
function isBrought(canonical: string, { write }: Loss, brought: readonly Brought[]): boolean {
  return brought.some(
    ({ put, content }) => put !== write && put.type === write.type && canonicalsOf(content).includes(canonical),
  );
}

/** What names a definition: `url`, and `url|version`. */
function canonicalsOf({ url, version }: JsonObject): readonly string[] {
  if (typeof url !== 'string') return [];
  return typeof version === 'string' ? [url, `${url}|${version}`] : [url];
}

function warningOf({ write, canonicals, users }: Loss): Issue {
  const named = users.slice(0, mostNamed).join(', ');
  const more = users.length > mostNamed ? ' and others' : '';
  const happens = write.kind === 'delete' ? 'is deleted' : 'has another url or version now';
  return {
    severity: 'warning',
    code: 'business-rule',
    diagnostics: `${keyOf(write)} ${happens}, but ${canonicals.join(' or ')} is still named by ${named}${more}.`,
    details: ruleDetails('in-use'),
  };
}

/** Notes the users of all losses in one pass. `replaced`: what doesn't stay as it is stored. */
async function findUsers(
  context: Context,
  losses: readonly Loss[],
  { brought, replaced }: { readonly brought: readonly Brought[]; readonly replaced: ReadonlySet<string> },
): Promise<void> {
  if (losses.length === 0) return;
  const of = new Map<string, Loss[]>();
  for (const loss of losses) for (const each of loss.canonicals) of.set(each, [...(of.get(each) ?? []), loss]);
  const wanted = new Set(of.keys());
  const note = (user: string, losers: readonly Loss[]): void => {
    for (const { write, users } of losers)
      if (users.length <= mostNamed && keyOf(write) !== user && !users.includes(user)) users.push(user);
  };
  const losers = (named: Iterable<string>): readonly Loss[] =>
    [...named].flatMap((canonical) => of.get(canonical) ?? []);
  const { registry, store } = context;
  const hasUrl = (type: string): boolean => registry.of(type).some(({ code }) => code === 'url');
  const stored = [...(await store.counts()).keys()];
  for (const type of stored.filter(hasUrl))
    for await (const each of storedOf(context, type))
      if (!replaced.has(keyOf(each))) note(keyOf(each), losers(namedIn(each, wanted)));
  for (const { put, content } of brought)
    note(keyOf(put), losers(canonicalsIn(hasUrl(put.type) ? content : profilesOf(content), wanted)));
  const pace = makePace();
  for (const each of context.filed?.naming?.(wanted) ?? []) {
    if (each !== undefined) note(each.user, losers(each.named));
    await pace();
  }
  for (const loss of losses) {
    if (loss.write.type !== 'StructureDefinition' || loss.users.length > mostNamed) continue;
    const most = Math.min(mostNamed + 1 + replaced.size, mostRead);
    for (const user of await conformingTo(context, stored, loss.canonicals, most))
      if (!replaced.has(user)) note(user, [loss]);
  }
}

/** What a resource says it conforms to. */
function profilesOf({ meta }: JsonObject): JsonObject {
  return isObject(meta) && meta.profile !== undefined ? { profile: meta.profile } : {};
}

/** Resources that say they conform to the profile, `most` of them. */
async function conformingTo(
  { store, registry, settings }: Context,
  types: readonly string[],
  canonicals: readonly string[],
  most: number,
): Promise<readonly string[]> {
  const parts = types.flatMap((type) => {
    const parameter = registry.get(type, '_profile')?.parameter;
    if (parameter === undefined) return [];
    const criterion: Criterion = {
      kind: 'value',
      parameter,
      anyOf: canonicals.map((value) => ({ kind: 'uri', match: 'exact', value }) as const),
    };
    return [{ type, criterion, sort: [] }];
  });
  if (parts.length === 0) return [];
  const budget = settings.searchBudget;
  const { matches } = await store.search({ parts, count: most, total: 'none', totalBound: 0, budget });
  return matches.map(keyOf);
}

const none: ReadonlySet<string> = new Set();

/** Which of the canonicals a stored definition has anywhere but as its own. */
function namedIn(stored: Version, wanted: ReadonlySet<string>): ReadonlySet<string> {
  return stored.body !== undefined && mayMention(stored.body, wanted) ? canonicalsIn(contentOf(stored), wanted) : none;
}

/** Most resources don't have a text at all; to look for many takes longer than to parse. */
function mayMention({ buffer, byteOffset, byteLength }: Uint8Array, texts: ReadonlySet<string>): boolean {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  return texts.size > mostNamed || [...texts].some((text) => bytes.includes(text));
}

/** The same of a definition that was read. */
export function canonicalsIn({ url: _, ...content }: JsonObject, wanted: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>();
  gather(content, wanted, found);
  return found;
}

function gather(value: JsonValue, wanted: ReadonlySet<string>, found: Set<string>): void {
  if (typeof value === 'string') {
    if (wanted.has(value)) found.add(value);
  } else if (isArray(value)) {
    for (const each of value) gather(each, wanted, found);
  } else if (isObject(value)) {
    for (const each of Object.values(value)) if (each !== undefined) gather(each, wanted, found);
  }
}

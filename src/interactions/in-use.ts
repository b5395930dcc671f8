/** Which resources a definition is used by: deleting it warns of them. https://hl7.org/fhir/R4/conformance-module.html */
import { type Issue, ruleDetails } from '../fhir/outcome.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import type { Criterion } from '../search/criteria.ts';
import { makePace } from '../store/pace.ts';
import type { Version } from '../store/port.ts';
import type { ResourceKey, Write } from '../store/write.ts';
import { canonicalTypes } from './canonical.ts';
import type { Context } from './context.ts';

/** How many of the users are named. */
const mostNamed = 10;
/** How many definitions of a type are looked through. */
const mostRead = 1000;
const page = 50;

const decoder = new TextDecoder();

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
 * A warning for each definition (StructureDefinition, ValueSet, CodeSystem, ConceptMap) that the writes delete and that others name:
 * definitions that are stored or lie in files, and resources by `meta.profile`.
 */
export async function warningsOfDeletion(context: Context, writes: readonly Write[]): Promise<readonly Issue[]> {
  const warnings: Issue[] = [];
  for (const { type, id, kind } of writes) {
    if (kind !== 'delete' || !canonicalTypes.has(type)) continue;
    const body = (await context.store.read(type, id))?.body;
    const url = body === undefined ? undefined : contentOf(body).url;
    if (typeof url !== 'string') continue;
    const users = await usersOf(context, { type, id }, url);
    if (users.length === 0) continue;
    const named = users.slice(0, mostNamed).join(', ');
    const more = users.length > mostNamed ? ' and others' : '';
    warnings.push({
      severity: 'warning',
      code: 'business-rule',
      diagnostics: `${type}/${id} is deleted, but ${url} is still named by ${named}${more}.`,
      details: ruleDetails('in-use'),
    });
  }
  return warnings;
}

async function usersOf(context: Context, deleted: ResourceKey, url: string): Promise<readonly string[]> {
  const users: string[] = [];
  for (const type of canonicalTypes) {
    for await (const { id, body } of storedOf(context, type)) {
      if (body === undefined || (type === deleted.type && id === deleted.id)) continue;
      if (names(body, url)) users.push(`${type}/${id}`);
      if (users.length > mostNamed) return users;
    }
  }
  const filed: string[] = [];
  const pace = makePace();
  for (const each of context.filed?.naming?.(url) ?? []) {
    if (each !== undefined) filed.push(each);
    await pace();
  }
  const conforming = deleted.type === 'StructureDefinition' ? await conformingTo(context, url) : [];
  return [...users, ...filed, ...conforming];
}

/** Resources that say they conform to the profile. */
async function conformingTo({ store, registry, settings }: Context, url: string): Promise<readonly string[]> {
  const parts = [...(await store.counts()).keys()].flatMap((type) => {
    const parameter = registry.get(type, '_profile')?.parameter;
    if (parameter === undefined) return [];
    const criterion: Criterion = {
      kind: 'value',
      parameter,
      anyOf: [{ kind: 'uri', match: 'canonical', value: url }],
    };
    return [{ type, criterion, sort: [] }];
  });
  if (parts.length === 0) return [];
  const budget = settings.searchBudget;
  const { matches } = await store.search({ parts, count: mostNamed + 1, total: 'none', totalBound: 0, budget });
  return matches.map(({ type, id }) => `${type}/${id}`);
}

/** Whether a stored definition names a canonical URL anywhere but as its own. */
function names(body: Uint8Array, url: string): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  // Most definitions don't have the text at all.
  if (!bytes.includes(url)) return false;
  return namesCanonical(contentOf(body), url);
}

/** The same of a definition that was read. */
export function namesCanonical({ url: _, ...content }: JsonObject, url: string): boolean {
  return hasCanonical(content, url);
}

function hasCanonical(value: JsonValue, url: string): boolean {
  if (typeof value === 'string') return value === url || value.startsWith(`${url}|`);
  if (isArray(value)) return value.some((each) => hasCanonical(each, url));
  if (!isObject(value)) return false;
  return Object.values(value).some((each) => each !== undefined && hasCanonical(each, url));
}

/** A stored body as plain JSON. */
export function contentOf(body: Uint8Array): JsonObject {
  const value: JsonValue = JSON.parse(decoder.decode(body));
  return isObject(value) ? value : {};
}

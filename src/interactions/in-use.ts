/** Which resources a definition is used by: whoever takes it away is warned of them. https://hl7.org/fhir/R4/conformance-module.html */
import { bodyBytes } from '../fhir/body.ts';
import { type Issue, ruleDetails } from '../fhir/outcome.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import type { Criterion } from '../search/criteria.ts';
import { makePace } from '../store/pace.ts';
import type { Version } from '../store/port.ts';
import type { ResourceKey, Write } from '../store/write.ts';
import { contentOf, findCanonical, isCanonicalType, versionKey } from './canonical.ts';
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
 * A list for each write; none at all where no definition is written.
 */
export async function warningsOfLoss(
  context: Context,
  writes: readonly Write[],
): Promise<readonly (readonly Issue[])[]> {
  if (!writes.some(({ type }) => isCanonicalType(type))) return [];
  const gone = new Set(writes.filter(({ kind }) => kind === 'delete').map(keyOf));
  const warnings: (readonly Issue[])[] = [];
  for (const write of writes) warnings.push(await ofDefinition(context, write, gone));
  return warnings;
}

const keyOf = ({ type, id }: ResourceKey): string => `${type}/${id}`;

async function ofDefinition(context: Context, write: Write, gone: ReadonlySet<string>): Promise<readonly Issue[]> {
  const { type, id } = write;
  if (!isCanonicalType(type)) return [];
  const stored = write.kind === 'put' && write.method === 'POST' ? undefined : await context.store.read(type, id);
  if (stored?.body === undefined) return [];
  const next = write.kind === 'put' ? canonicalsOf(contentOf({ body: bodyBytes(write.body, 1, 0) })) : [];
  const lost = canonicalsOf(contentOf(stored)).filter((canonical) => !next.includes(canonical));
  // Another version may be what the url alone means.
  const found = await Promise.all(lost.map((canonical) => findCanonical(context, type, canonical)));
  const meant = lost.filter((_, place) => found[place]?.key === versionKey(stored));
  if (meant.length === 0) return [];
  const users = await usersOf(context, write, meant, gone);
  if (users.length === 0) return [];
  const named = users.slice(0, mostNamed).join(', ');
  const more = users.length > mostNamed ? ' and others' : '';
  const happens = write.kind === 'delete' ? 'deleted' : 'another one';
  return [
    {
      severity: 'warning',
      code: 'business-rule',
      diagnostics: `${keyOf(write)} is ${happens}, but ${meant.join(' or ')} is still named by ${named}${more}.`,
      details: ruleDetails('in-use'),
    },
  ];
}

/** What names a definition: `url`, and `url|version`. */
function canonicalsOf({ url, version }: JsonObject): readonly string[] {
  if (typeof url !== 'string') return [];
  return typeof version === 'string' ? [url, `${url}|${version}`] : [url];
}

async function usersOf(
  context: Context,
  lost: ResourceKey,
  canonicals: readonly string[],
  gone: ReadonlySet<string>,
): Promise<readonly string[]> {
  const users: string[] = [];
  const { registry, store } = context;
  const stored = [...(await store.counts()).keys()];
  for (const type of stored.filter((each) => registry.of(each).some(({ code }) => code === 'url'))) {
    for await (const each of storedOf(context, type)) {
      const key = keyOf(each);
      if (key === keyOf(lost) || gone.has(key)) continue;
      if (names(each, canonicals)) users.push(key);
      if (users.length > mostNamed) return users;
    }
  }
  const filed: string[] = [];
  const pace = makePace();
  for (const each of context.filed?.naming?.(canonicals) ?? []) {
    if (each !== undefined) filed.push(each);
    await pace();
  }
  const conforming = lost.type === 'StructureDefinition' ? await conformingTo(context, stored, canonicals) : [];
  return [...users, ...filed, ...conforming.filter((key) => !gone.has(key))];
}

/** Resources that say they conform to the profile. */
async function conformingTo(
  { store, registry, settings }: Context,
  types: readonly string[],
  canonicals: readonly string[],
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
  const { matches } = await store.search({ parts, count: mostNamed + 1, total: 'none', totalBound: 0, budget });
  return matches.map(keyOf);
}

/** Whether a stored definition has one of these canonicals anywhere but as its own. */
function names(stored: Version, canonicals: readonly string[]): boolean {
  const { buffer, byteOffset, byteLength } = stored.body ?? new Uint8Array(0);
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  // Most definitions don't have the text at all.
  if (!canonicals.some((canonical) => bytes.includes(canonical))) return false;
  return namesCanonical(contentOf(stored), canonicals);
}

/** The same of a definition that was read. */
export function namesCanonical({ url: _, ...content }: JsonObject, canonicals: readonly string[]): boolean {
  return hasText(content, canonicals);
}

function hasText(value: JsonValue, texts: readonly string[]): boolean {
  if (typeof value === 'string') return texts.includes(value);
  if (isArray(value)) return value.some((each) => hasText(each, texts));
  if (!isObject(value)) return false;
  return Object.values(value).some((each) => each !== undefined && hasText(each, texts));
}

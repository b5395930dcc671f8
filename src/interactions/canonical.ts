/**
 * Resources that others name by canonical: those of the store, of files, and R4's own. https://hl7.org/fhir/R4/references.html#canonical
 */
import { builtInStructure } from '../fhir/definitions/structures.ts';
import { parseInSlices } from '../fhir/json-slices.ts';
import { parseReference } from '../fhir/reference.ts';
import { isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import { compareVersions } from '../search/canonical-target.ts';
import type { Criterion } from '../search/criteria.ts';
import { makePace } from '../store/pace.ts';
import type { Position, Version } from '../store/port.ts';
import { builtIn, isBuiltIn } from '../terminology/built-in.ts';
import type { Conformance } from './conformance.ts';
import type { Context } from './context.ts';
import { KeptCanonicals } from './kept-canonicals.ts';

/** Types whose resources say what others mean. */
export type CanonicalType = 'CodeSystem' | 'ValueSet' | 'ConceptMap' | 'StructureDefinition';

export const canonicalTypes: ReadonlySet<string> = new Set<CanonicalType>([
  'CodeSystem',
  'ValueSet',
  'ConceptMap',
  'StructureDefinition',
]);

export const isCanonicalType = (type: string): type is CanonicalType => canonicalTypes.has(type);

/** A resource that was looked up. */
export interface Found {
  /** Names its very version. */
  readonly key: string;
  readonly content: () => JsonObject;
  /** The same of what may be large, read while others go on; absent: `content` has it at hand. */
  readonly read?: () => Promise<JsonObject>;
  /** Whether it is a resource of the store. */
  readonly stored?: boolean;
  /** Bytes that it takes in memory; absent: of what is there anyway. */
  readonly bytes?: number;
}

/** Resources in the files that the server was started with. */
export interface FiledResources {
  /** The one of that url; `version` undefined: the latest active one. */
  readonly find: (type: CanonicalType, url: string, version: string | undefined) => Found | undefined;
  /** The CodeSystems that supplement others. */
  readonly supplements?: () => readonly Found[];
  /** The ConceptMaps, of several versions of one the latest. */
  readonly maps?: () => readonly Found[];
  /**
   * What names some of these canonicals, for people: type and url; and which. One after the other, undefined for what names none: each takes
   * its time.
   */
  readonly naming?: (
    canonicals: ReadonlySet<string>,
  ) => Iterable<{ readonly user: string; readonly named: ReadonlySet<string> } | undefined>;
  /** Constraining StructureDefinitions of resource types: what `supportedProfile` of the type lists. */
  readonly profiles?: () => Iterable<{ readonly type: string; readonly url: string }>;
  /** Canonicals of implementation guides, `url|version`. */
  readonly guides?: () => Iterable<string>;
}

/** How many resources with one url are compared to find the one that is meant. */
const mostVersions = 100;

const kept = new WeakMap<Conformance, KeptCanonicals<Found>>();

/**
 * Looks up a resource by canonical (`url`, `url|version`; without version the latest active one is meant) or literal reference: what
 * the store has goes before what files have, and that before what R4 has.
 * What is current is looked up once until definitions change.
 * `position`: the walk whose state is looked at; undefined: what is current.
 */
export async function findCanonical(
  context: Context,
  type: CanonicalType,
  canonical: string,
  position?: Pick<Position, 'at' | 'since'>,
): Promise<Found | undefined> {
  if (position !== undefined) return lookUp(context, type, canonical, position);
  const { conformance, registry } = context;
  await conformance.refresh();
  // Another definition of `url` may find others.
  const key = JSON.stringify([type, canonical, registry.get(type, 'url')?.parameter.definition]);
  const answers = kept.get(conformance) ?? new KeptCanonicals<Found>();
  kept.set(conformance, answers);
  return answers.find(conformance.generation, key, () => lookUp(context, type, canonical, undefined));
}

async function lookUp(
  context: Context,
  type: CanonicalType,
  canonical: string,
  position: Pick<Position, 'at' | 'since'> | undefined,
): Promise<Found | undefined> {
  const stored = await storedCanonical(context, type, canonical, position);
  if (stored !== undefined) return stored;
  const [url, version] = splitCanonical(canonical);
  const filed = context.filed?.find(type, url, version);
  if (filed !== undefined) return filed;
  return ofR4(type, url, version);
}

async function storedCanonical(
  context: Context,
  type: CanonicalType,
  canonical: string,
  position: Pick<Position, 'at' | 'since'> | undefined,
): Promise<Found | undefined> {
  const coming = (context.coming ?? []).filter((each) => each.type === type);
  const parsed = parseReference(canonical, context.settings.baseUrl);
  if (parsed.kind === 'local' && parsed.type === type) {
    // R4: "If the reference can be treated as a literal URL, it takes precedence."
    const next = coming.find(({ id }) => id === parsed.id);
    if (next !== undefined) return next.content && foundComing(next.key, next.content);
    const [found] = await versionsOf(context, type, { kind: 'id', ids: [parsed.id] }, position);
    if (found !== undefined) return foundStored(found);
  }
  const [url, version] = splitCanonical(canonical);
  const parameter = context.registry.get(type, 'url')?.parameter;
  if (parameter === undefined) return undefined;
  const named: Criterion = { kind: 'value', parameter, anyOf: [{ kind: 'uri', match: 'exact', value: url }] };
  const stored = await versionsOf(context, type, named, position);
  const staying = stored.filter(({ id }) => coming.every((each) => each.id !== id));
  const next = coming.flatMap(({ key, content }) => (content?.url === url ? [foundComing(key, content)] : []));
  return await latest([...staying.map(foundStored), ...next], version);
}

/** A resource of the store, or one that is about to be there. */
interface Candidate extends Found {
  readonly since: number;
  /** Whether it may be a CodeSystem that supplements another: large ones aren't parsed for it. */
  readonly maySupplement: boolean;
}

function foundStored(version: Version): Candidate {
  const { type, lastUpdated, body } = version;
  const bytes = body?.byteLength ?? 0;
  const maySupplement =
    type === 'CodeSystem' &&
    body !== undefined &&
    Buffer.from(body.buffer, body.byteOffset, bytes).includes('"supplement"');
  const content = () => contentOf(version);
  const read = () => readContent(version);
  return { key: versionKey(version), content, read, stored: true, bytes, since: lastUpdated, maySupplement };
}

/** The key of a stored version. */
export function versionKey({ type, id, versionId, lastUpdated }: Version): string {
  return `${type}/${id}/${versionId} ${lastUpdated}`;
}

function foundComing(key: string, content: JsonObject): Candidate {
  const maySupplement = content.content === 'supplement';
  return { key, content: () => content, stored: true, since: Number.MAX_SAFE_INTEGER, maySupplement };
}

/** The resources of a type that match, at the walk's beginning or now. */
async function versionsOf(
  { store, settings }: Context,
  type: CanonicalType,
  criterion: Criterion,
  position: Pick<Position, 'at' | 'since'> | undefined,
): Promise<readonly Version[]> {
  const page = await store.search({
    parts: [{ type, criterion, sort: [] }],
    count: mostVersions,
    total: 'none',
    totalBound: 0,
    budget: settings.searchBudget,
    ...(position === undefined ? {} : { position: { at: position.at, since: position.since, direction: 'next' } }),
  });
  return page.matches;
}

/** The one with that version, or the latest where none is named, an active one if there is one; supplements are not meant. */
async function latest(found: readonly Candidate[], version: string | undefined): Promise<Found | undefined> {
  const [only, another] = found;
  if (only !== undefined && another === undefined && version === undefined && !only.maySupplement) return only;
  const read: { readonly found: Candidate; readonly content: JsonObject }[] = [];
  for (const each of found) read.push({ found: each, content: await contentSlowly(each) });
  const candidates = read
    .filter(({ content }) => content.content !== 'supplement')
    .filter(({ content }) => version === undefined || content.version === version)
    .sort(
      (a, b) =>
        Number(a.content.status === 'active') - Number(b.content.status === 'active') ||
        compareVersions(a.content.version, b.content.version) ||
        a.found.since - b.found.since,
    );
  return candidates.at(-1)?.found;
}

function ofR4(type: CanonicalType, url: string, version: string | undefined): Found | undefined {
  if (type === 'StructureDefinition') {
    const found = builtInStructure(url);
    if (found === undefined || (version !== undefined && found.version !== version)) return undefined;
    return { key: `R4 ${type} ${url}`, content: () => found };
  }
  if (!isBuiltIn(type, url)) return undefined;
  // Some are large: they are read when somebody needs more than their version.
  const content = (): JsonObject => builtIn(type, url) ?? {};
  if (version !== undefined && content().version !== version) return undefined;
  return { key: `R4 ${type} ${url}`, content };
}

/** `url|version` in its parts. */
export function splitCanonical(canonical: string): readonly [url: string, version: string | undefined] {
  const bar = canonical.indexOf('|');
  return bar < 0 ? [canonical, undefined] : [canonical.slice(0, bar), canonical.slice(bar + 1)];
}

const decoder = new TextDecoder();

/** The content of what may be large: reading it lets others go on. */
export function contentSlowly(found: Found): JsonObject | Promise<JsonObject> {
  return found.read?.() ?? found.content();
}

async function readContent({ body }: Pick<Version, 'body'>): Promise<JsonObject> {
  const value = body === undefined ? null : await parseInSlices(body, makePace());
  return isObject(value) ? value : {};
}

/** A stored resource as plain JSON: of its numbers none is compared by its text here. */
export function contentOf({ body }: Pick<Version, 'body'>): JsonObject {
  const value: JsonValue = body === undefined ? null : JSON.parse(decoder.decode(body));
  return isObject(value) ? value : {};
}

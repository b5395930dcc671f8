/** Finds the CodeSystems that supplement others, in the store and in files. https://hl7.org/fhir/R4/codesystem.html#supplements */
import type { JsonObject } from '../fhir/resource.ts';
import { compareVersions } from '../search/canonical-target.ts';
import type { Criterion } from '../search/criteria.ts';
import type { Position, Store } from '../store/port.ts';
import { text } from '../terminology/json.ts';
import { contentOf, splitCanonical, versionKey } from './canonical.ts';
import type { Conformance } from './conformance.ts';
import type { Context } from './context.ts';
import { KeptCanonicals } from './kept-canonicals.ts';

/** How many of the store are looked at. */
const mostSupplements = 200;

/** A supplement that was found. */
export interface FoundSupplement {
  /** Names its very version. */
  readonly key: string;
  /** Those of the store are read when they are needed. */
  readonly content: () => JsonObject | Promise<JsonObject>;
  readonly stored: boolean;
  readonly url: string;
  readonly version: string;
  /** The canonical of the code system that it is for. */
  readonly of: string;
}

/** What is known of all of them takes no room worth counting. */
interface Known {
  readonly supplements: readonly FoundSupplement[];
  readonly bytes?: never;
}

const kept = new WeakMap<Conformance, KeptCanonicals<Known>>();

/** All that are not retired, those that the request is about to store too, in all versions: those of the store, then those of files. */
export async function supplementsHere(
  context: Context,
  position?: Pick<Position, 'at' | 'since'>,
): Promise<readonly FoundSupplement[]> {
  if (position !== undefined) return (await lookUp(context, position)).supplements;
  const { conformance } = context;
  await conformance.refresh();
  const answers = kept.get(conformance) ?? new KeptCanonicals<Known>();
  kept.set(conformance, answers);
  return (await answers.find(conformance.generation, '', () => lookUp(context, undefined)))?.supplements ?? [];
}

/** Those that add to a version of a code system: of one url one alone. */
export function supplementsFor(
  system: { readonly url: string; readonly version: string },
  here: readonly FoundSupplement[],
): readonly FoundSupplement[] {
  return meantOf(here.filter((each) => isFor(each, system)));
}

/** The one that a canonical names. */
export function supplementOf(canonical: string, here: readonly FoundSupplement[]): FoundSupplement | undefined {
  const [url, version] = splitCanonical(canonical);
  const named = here.filter((each) => each.url === url && (version === undefined || each.version === version));
  return meantOf(named)[0];
}

function isFor({ of }: FoundSupplement, system: { readonly url: string; readonly version: string }): boolean {
  const [url, version] = splitCanonical(of);
  return url === system.url && (version === undefined || version === system.version);
}

async function lookUp(context: Context, position: Pick<Position, 'at' | 'since'> | undefined): Promise<Known> {
  const coming = (context.coming ?? []).filter(({ type }) => type === 'CodeSystem');
  const staying = await ofStore(context, position, new Set(coming.map(({ id }) => id)));
  const next = coming.flatMap(({ key, content }) =>
    content === undefined ? [] : described(content, { key, content: () => content, stored: true }),
  );
  const filed = (context.filed?.supplements?.() ?? []).flatMap(({ key, content }) =>
    described(content(), { key, content, stored: false }),
  );
  return { supplements: [...staying, ...next, ...filed] };
}

async function ofStore(
  { store, registry, settings }: Context,
  position: Pick<Position, 'at' | 'since'> | undefined,
  without: ReadonlySet<string>,
): Promise<readonly FoundSupplement[]> {
  const parameter = registry.get('CodeSystem', 'content-mode')?.parameter;
  if (parameter === undefined) return [];
  const criterion: Criterion = {
    kind: 'value',
    parameter,
    anyOf: [{ kind: 'token', code: 'supplement', fold: false }],
  };
  const page = await store.search({
    parts: [{ type: 'CodeSystem', criterion, sort: [] }],
    count: mostSupplements,
    total: 'none',
    totalBound: 0,
    budget: settings.searchBudget,
    ...(position === undefined ? {} : { position: { at: position.at, since: position.since, direction: 'next' } }),
  });
  const staying = page.matches.filter(({ id }) => !without.has(id));
  return staying.flatMap((each) =>
    described(contentOf(each), {
      key: versionKey(each),
      content: () => contentAgain(store, each.id, each.versionId),
      stored: true,
    }),
  );
}

/** One that has been erased since adds nothing. */
async function contentAgain(store: Store, id: string, versionId: number): Promise<JsonObject> {
  const version = await store.vread('CodeSystem', id, versionId);
  return version === undefined ? {} : contentOf(version);
}

function described(
  content: JsonObject,
  found: Pick<FoundSupplement, 'key' | 'content' | 'stored'>,
): readonly FoundSupplement[] {
  const [of, url, version] = [text(content.supplements), text(content.url), text(content.version)];
  if (content.content !== 'supplement' || content.status === 'retired' || of === '') return [];
  return [{ ...found, url, version, of }];
}

/** Of several with one url the latest, and one of the store before all of files; without url each is one by itself. */
function meantOf(found: readonly FoundSupplement[]): readonly FoundSupplement[] {
  const meant = new Map<string, FoundSupplement>();
  for (const each of found) {
    const name = each.url === '' ? each.key : `url ${each.url}`;
    const known = meant.get(name);
    if (known === undefined || goesBefore(each, known)) meant.set(name, each);
  }
  return [...meant.values()];
}

function goesBefore(one: FoundSupplement, other: FoundSupplement): boolean {
  if (one.stored !== other.stored) return one.stored;
  return compareVersions(other.version, one.version) < 0;
}

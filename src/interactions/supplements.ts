/** Finds the CodeSystems that supplement others, in the store and in files. https://hl7.org/fhir/R4/codesystem.html#supplements */
import type { JsonObject } from '../fhir/resource.ts';
import { compareVersions } from '../search/canonical-target.ts';
import type { Criterion } from '../search/criteria.ts';
import type { Position } from '../store/port.ts';
import { text } from '../terminology/json.ts';
import { contentOf, type Found, splitCanonical, versionKey } from './canonical.ts';
import type { Conformance } from './conformance.ts';
import type { Context } from './context.ts';
import { KeptCanonicals } from './kept-canonicals.ts';

/** How many of the store are looked at. */
const mostSupplements = 200;

/** A supplement that was found. */
export interface FoundSupplement extends Found {
  readonly url: string;
  readonly version: string;
  /** The canonical of the code system that it is for. */
  readonly of: string;
}

interface Known {
  readonly supplements: readonly FoundSupplement[];
  readonly bytes: number;
}

const kept = new WeakMap<Conformance, KeptCanonicals<Known>>();

/** All that are not retired, each in its latest version: those of the store go before those of files. */
export async function supplementsHere(
  context: Context,
  position?: Pick<Position, 'at' | 'since'>,
): Promise<readonly FoundSupplement[]> {
  if (position !== undefined) return (await lookUp(context, position)).supplements;
  const { conformance } = context;
  const answers = kept.get(conformance) ?? new KeptCanonicals<Known>();
  kept.set(conformance, answers);
  return (await answers.find(conformance.generation, '', () => lookUp(context, undefined)))?.supplements ?? [];
}

/** Whether a supplement is for a version of a code system. */
export function isFor({ of }: FoundSupplement, system: { readonly url: string; readonly version: string }): boolean {
  const [url, version] = splitCanonical(of);
  return url === system.url && (version === undefined || version === system.version);
}

async function lookUp(context: Context, position: Pick<Position, 'at' | 'since'> | undefined): Promise<Known> {
  const stored = await ofStore(context, position);
  const urls = new Set(stored.map(({ url }) => url));
  const filed = (context.filed?.supplements?.() ?? []).flatMap(described).filter(({ url }) => !urls.has(url));
  const supplements = [...latestOf(stored), ...latestOf(filed)];
  return { supplements, bytes: supplements.reduce((sum, { bytes = 0 }) => sum + bytes, 0) };
}

async function ofStore(
  { store, registry, settings }: Context,
  position: Pick<Position, 'at' | 'since'> | undefined,
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
  return page.matches.flatMap((each) =>
    described({ key: versionKey(each), content: () => contentOf(each), bytes: each.body?.byteLength ?? 0 }),
  );
}

function described(found: Found): readonly FoundSupplement[] {
  const content: JsonObject = found.content();
  const [of, url, version] = [text(content.supplements), text(content.url), text(content.version)];
  if (content.content !== 'supplement' || content.status === 'retired' || of === '') return [];
  return [{ ...found, url, version, of }];
}

function latestOf(found: readonly FoundSupplement[]): readonly FoundSupplement[] {
  const byUrl = new Map<string, FoundSupplement>();
  for (const each of found) {
    const known = byUrl.get(each.url);
    if (known === undefined || compareVersions(known.version, each.version) < 0) byUrl.set(each.url, each);
  }
  return [...byUrl.values()];
}

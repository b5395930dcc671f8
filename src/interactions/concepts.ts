/** Finds the concepts of a code system: those of the store, of files, or R4's own. https://hl7.org/fhir/R4/codesystem.html */
import type { JsonObject } from '../fhir/resource.ts';
import { compareVersions } from '../search/canonical-target.ts';
import { wordsIn } from '../search/words.ts';
import { makePace } from '../store/pace.ts';
import type { Position, Store } from '../store/port.ts';
import type { CountedSystem, TerminologyStore } from '../store/terminology.ts';
import { readCodeSystemInSlices } from '../terminology/code-system.ts';
import { type Concepts, hasConcepts } from '../terminology/concepts.ts';
import { MemoryConcepts } from '../terminology/memory-concepts.ts';
import { readSupplement, type Supplement, SupplementedConcepts } from '../terminology/supplements.ts';
import { namesVersion } from '../terminology/versions.ts';
import { contentSlowly, findCanonical, splitCanonical } from './canonical.ts';
import type { Context } from './context.ts';
import { LoadedConcepts } from './loaded-concepts.ts';
import { type FoundSupplement, supplementsFor, supplementsHere } from './supplements.ts';

/** A code system that was found. */
export interface FoundConcepts {
  /** Names its very content. */
  readonly key: string;
  readonly concepts: Concepts;
}

/**
 * The code system of a canonical: the store's resource, then what is loaded, then files, then R4's own, with what supplements add. A
 * resource without the concepts (`not-present`, `example`) doesn't keep from what is loaded; a supplement is no code system.
 * `position`: the walk whose resources are looked at. `here`: the supplements.
 */
export async function findConcepts(
  context: Context,
  canonical: string,
  position?: Pick<Position, 'at' | 'since'>,
  here = () => supplementsHere(context, position),
): Promise<FoundConcepts | undefined> {
  const found = await findUnsupplemented(context, canonical, position);
  if (found === undefined || !hasConcepts(found.concepts)) return found;
  const supplements = supplementsFor(found.concepts, await here());
  if (supplements.length === 0) return found;
  const key = [found.key, ...supplements.map((each) => each.key)].join(' + ');
  return { key, concepts: await supplementedOnce(found.concepts, key, supplements) };
}

/** Of each code system what supplements made of it last: it is there as long as the system itself. */
const withSupplements = new WeakMap<Concepts, { readonly key: string; readonly concepts: Promise<Concepts> }>();

function supplementedOnce(base: Concepts, key: string, supplements: readonly FoundSupplement[]): Promise<Concepts> {
  const last = withSupplements.get(base);
  if (last?.key === key) return last.concepts;
  const made = { key, concepts: supplemented(base, supplements) };
  withSupplements.set(base, made);
  made.concepts.catch(() => {
    // A store that could not be asked is asked again.
    if (withSupplements.get(base) === made) withSupplements.delete(base);
  });
  return made.concepts;
}

async function supplemented(concepts: Concepts, supplements: readonly FoundSupplement[]): Promise<Concepts> {
  const read: Supplement[] = [];
  for (const { content } of supplements) read.push(readSupplement(await content()));
  return new SupplementedConcepts(concepts, read, wordsIn);
}

async function findUnsupplemented(
  context: Context,
  canonical: string,
  position: Pick<Position, 'at' | 'since'> | undefined,
): Promise<FoundConcepts | undefined> {
  const found = await findCanonical(context, 'CodeSystem', canonical, position);
  const read = async (): Promise<FoundConcepts | undefined> => {
    if (found === undefined) return undefined;
    const concepts = await readOnce(context.store, found.key, async () => readSystem(await contentSlowly(found)));
    return concepts.content === 'supplement' ? undefined : { key: found.key, concepts };
  };
  if (found?.stored === true) {
    const resource = await read();
    if (resource !== undefined && hasConcepts(resource.concepts)) return resource;
  }
  return (await findLoaded(context.store, canonical)) ?? read();
}

async function findLoaded({ terminology }: Store, canonical: string): Promise<FoundConcepts | undefined> {
  const [url, version] = splitCanonical(canonical);
  const system = (await terminology.systems())
    .filter((each) => each.url === url && (version === undefined || namesVersion(version, each.version)))
    .reduce<CountedSystem | undefined>(
      (best, each) => (best === undefined || compareVersions(best.version, each.version) < 0 ? each : best),
      undefined,
    );
  return system && foundIn(terminology, system);
}

const loaded = new WeakMap<TerminologyStore, Map<string, FoundConcepts>>();

function foundIn(terminology: TerminologyStore, system: CountedSystem): FoundConcepts {
  const known = loaded.get(terminology) ?? new Map<string, FoundConcepts>();
  loaded.set(terminology, known);
  const name = `${system.url}|${system.version}`;
  const key = `loaded ${name} ${system.revision}`;
  const last = known.get(name);
  if (last?.key === key) return last;
  const found = { key, concepts: new LoadedConcepts(terminology, system) };
  known.set(name, found);
  return found;
}

/** How many concepts of resources are kept in memory, what supplements add apart; the system that was asked for last is always kept. */
const mostKept = 300_000;

interface Kept {
  readonly concepts: Concepts;
  readonly size: number;
}

const kept = new WeakMap<Store, Map<string, Kept>>();
/** What is being read. */
const reading = new WeakMap<Store, Map<string, Promise<Kept>>>();

/** Concepts that are made of resources, kept for the next request. `key` names the resources' very versions. */
async function readOnce(store: Store, key: string, make: () => Promise<Kept>): Promise<Concepts> {
  const systems = kept.get(store) ?? new Map<string, Kept>();
  kept.set(store, systems);
  const made = systems.get(key) ?? (await readTogether(store, key, make));
  // Whatever was asked for last is kept longest.
  systems.delete(key);
  systems.set(key, made);
  let size = [...systems.values()].reduce((sum, each) => sum + each.size, 0);
  for (const [oldest, each] of systems) {
    if (size <= mostKept || oldest === key) break;
    systems.delete(oldest);
    size -= each.size;
  }
  return made.concepts;
}

/** Whoever asks while something is being read waits for it. */
async function readTogether(store: Store, key: string, make: () => Promise<Kept>): Promise<Kept> {
  const all = reading.get(store) ?? new Map<string, Promise<Kept>>();
  reading.set(store, all);
  const made = all.get(key) ?? make();
  all.set(key, made);
  try {
    return await made;
  } finally {
    all.delete(key);
  }
}

async function readSystem(resource: JsonObject): Promise<Kept> {
  const system = await readCodeSystemInSlices(resource, makePace());
  return { concepts: new MemoryConcepts(system, wordsIn), size: system.concepts.size + 100 };
}

/** The concepts of a resource that a request carries, or names by its id, with what supplements add. */
export async function conceptsIn(context: Context, resource: JsonObject): Promise<Concepts> {
  const { concepts } = await readSystem(resource);
  const supplements = supplementsFor(concepts, await supplementsHere(context));
  return supplements.length === 0 || !hasConcepts(concepts) ? concepts : supplemented(concepts, supplements);
}

/** Resources that travel with the matches of a page, found by further searches. https://hl7.org/fhir/R4/search.html#include */
import { namedBy } from './canonical-target.ts';
import { containedType } from './contained.ts';
import type { CanonicalTarget, Criterion, Parameter, ValueTest } from './criteria.ts';
import type { ContainedEntries, IndexEntry, ReferenceValue } from './entry.ts';
import { foldToken } from './normalise.ts';

/** One reference parameter that `_include` follows, or `_revinclude` follows backwards. Wildcards are expanded. */
export interface Include {
  /** The reference parameter; its `type` is the type of the resources that refer. */
  readonly parameter: Parameter;
  /** Resource types that are referred to. */
  readonly targets: readonly string[];
  /** The targets that canonical URLs lead to, where the parameter has such values. */
  readonly canonicals: readonly CanonicalTarget[];
  /** Whether it is followed from what was included too (`:iterate`). */
  readonly iterate: boolean;
}

/** A resource that was found. */
export interface Found {
  readonly type: string;
  readonly id: string;
  readonly versionId: number;
  /** For a contained resource, whose container the others say, its local id. */
  readonly contained?: string;
}

/** Finds current resources of a type, at most `limit`. */
export type Find<F extends Found> = (
  part: { readonly type: string; readonly criterion: Criterion },
  limit: number,
) => Promise<readonly F[]>;

/** What following versioned references and canonicals needs besides searching. */
export interface IncludeSources<F extends Found> {
  /** The index entries of a found resource. */
  entries(found: F): readonly IndexEntry[];
  /** A found contained resource with its entries; undefined for others. */
  inside?(found: F): ContainedEntries | undefined;
  /**
   * Whether the resource may refer to others than the index of current resources says: by versioned references, or because
   * it is no current version. A cheap test, true when in doubt.
   */
  refersOtherwise(found: F): boolean;
  /** A version of a resource, undefined where there is none. */
  vread(type: string, id: string, versionId: string): Promise<F | undefined>;
  /** Whether there are resources of a type at all: asked where many types are wanted. */
  has(type: string): boolean | Promise<boolean>;
  /** Awaited between resources: looking at thousands takes its time. It may throw. */
  pause?(): Promise<void> | undefined;
}

/** Types of which finding nothing costs no more than to ask which there are. */
const fewTypes = 2;

/**
 * The resources that the matches refer to, or that refer to them; none twice, and no match. At most `cap`; `capped`
 * says that there are more. Without `sources`, versioned references lead to the current version and canonicals nowhere.
 */
export async function collectIncludes<F extends Found>(
  find: Find<F>,
  matches: readonly F[],
  includes: readonly Include[],
  revincludes: readonly Include[],
  cap: number,
  sources?: IncludeSources<F>,
): Promise<{ readonly included: readonly F[]; readonly capped: boolean }> {
  const collection = new Collection(matches, cap);
  let from = matches;
  let forward = includes;
  let backward = revincludes;
  while (from.length > 0 && forward.length + backward.length > 0 && !collection.capped) {
    const before = collection.included.length;
    const wanted = new Wanted();
    for (const include of forward) await wantReferred(include, from, wanted, collection, sources);
    for (const include of backward) await wantReferring(include, from, wanted, sources);
    for (const [type, of] of wanted.byType) {
      if (collection.capped) break;
      if (wanted.byType.size > fewTypes && (await sources?.has(type)) === false) continue;
      const criterion: Criterion = { kind: 'or', of };
      for (const found of await find({ type, criterion }, collection.limit(type))) collection.add(found);
    }
    from = collection.included.slice(before);
    forward = includes.filter(({ iterate }) => iterate);
    backward = revincludes.filter(({ iterate }) => iterate);
  }
  return { included: collection.included, capped: collection.capped };
}

/** What was found so far. */
class Collection<F extends Found> {
  readonly included: F[] = [];
  capped = false;
  readonly #cap: number;
  readonly #seen = new Set<string>();
  readonly #seenOfType = new Map<string, number>();

  constructor(matches: readonly F[], cap: number) {
    this.#cap = cap;
    for (const match of matches) this.#see(match);
  }

  /** How many resources of a type to ask for, so that one too many shows among those that are there already. */
  limit(type: string): number {
    return this.#cap - this.included.length + (this.#seenOfType.get(type) ?? 0) + 1;
  }

  has(type: string, id: string, versionId: string): boolean {
    return this.#seen.has(`${type}/${id}/${versionId}`);
  }

  add(found: F): void {
    if (this.capped || this.has(found.type, found.id, String(found.versionId))) return;
    if (this.included.length >= this.#cap) {
      this.capped = true;
      return;
    }
    this.#see(found);
    this.included.push(found);
  }

  #see({ type, id, versionId, contained }: F): void {
    // What lies in a resource doesn't stand for it.
    if (contained !== undefined) return;
    this.#seen.add(`${type}/${id}/${versionId}`);
    this.#seenOfType.set(type, (this.#seenOfType.get(type) ?? 0) + 1);
  }
}

/** Criteria for the resources to find next; any of a type's may hold. */
class Wanted {
  readonly byType = new Map<string, Criterion[]>();

  add(type: string, criterion: Criterion): void {
    const of = this.byType.get(type);
    if (of === undefined) this.byType.set(type, [criterion]);
    else of.push(criterion);
  }
}

async function wantReferred<F extends Found>(
  include: Include,
  from: readonly F[],
  wanted: Wanted,
  collection: Collection<F>,
  sources: IncludeSources<F> | undefined,
): Promise<void> {
  const { parameter, targets } = include;
  await wantReferredInside(include, from, wanted, collection, sources);
  const of = from.filter(({ type, contained }) => contained === undefined && type === parameter.type);
  const plain = sources === undefined ? of : of.filter((found) => !sources.refersOtherwise(found));
  const by = plain.map(({ id }) => id);
  if (by.length > 0) for (const type of targets) wanted.add(type, { kind: 'referenced', parameter, by });
  if (sources === undefined) return;
  const isPlain = new Set(plain);
  for (const found of of) {
    if (include.canonicals.length === 0 && isPlain.has(found)) continue;
    await sources.pause?.();
    for (const { parameter: code, value } of sources.entries(found)) {
      if (code !== parameter.code) continue;
      if (value.kind === 'uri') wantCanonical(value.value, include.canonicals, wanted);
      if (value.kind !== 'reference' || isPlain.has(found) || !targets.includes(value.type)) continue;
      await wantVersion(value, wanted, collection, sources);
    }
  }
}

/** What contained resources that were found refer to; not what lies beside them, which no search includes. */
async function wantReferredInside<F extends Found>(
  { parameter, targets, canonicals }: Include,
  from: readonly F[],
  wanted: Wanted,
  collection: Collection<F>,
  sources: IncludeSources<F> | undefined,
): Promise<void> {
  if (sources === undefined) return;
  for (const found of from) {
    if (found.contained === undefined) continue;
    await sources.pause?.();
    const inside = sources.inside?.(found);
    if (inside?.type !== parameter.type) continue;
    for (const { parameter: code, value } of inside.entries) {
      if (code !== parameter.code) continue;
      if (value.kind === 'uri') wantCanonical(value.value, canonicals, wanted);
      if (value.kind === 'reference' && targets.includes(value.type))
        await wantVersion(value, wanted, collection, sources);
    }
  }
}

/** Wants what a reference leads to: the version that it names, or the current one. */
async function wantVersion<F extends Found>(
  { type, id, version: named }: ReferenceValue,
  wanted: Wanted,
  collection: Collection<F>,
  sources: IncludeSources<F>,
): Promise<void> {
  if (named === '') wanted.add(type, { kind: 'id', ids: [id] });
  else if (!collection.has(type, id, named)) {
    const version = await sources.vread(type, id, named);
    if (version !== undefined) collection.add(version);
  }
}

/** Wants what a canonical names: that version of the URL, or all versions. */
function wantCanonical(canonical: string, targets: readonly CanonicalTarget[], wanted: Wanted): void {
  for (const target of targets) wanted.add(target.type, namedBy([canonical], target));
}

async function wantReferring<F extends Found>(
  { parameter, targets, canonicals }: Include,
  from: readonly F[],
  wanted: Wanted,
  sources: IncludeSources<F> | undefined,
): Promise<void> {
  const tests: ValueTest[] = [];
  for (const found of from) {
    const { type, id, contained } = found;
    if (contained !== undefined) {
      wantContainer(parameter, targets, found, wanted, sources);
      continue;
    }
    if (targets.includes(type)) tests.push({ kind: 'reference', type, id });
    const canonical = canonicals.find((each) => each.type === type);
    if (canonical === undefined || sources === undefined) continue;
    await sources.pause?.();
    tests.push(...ownCanonicals(canonical, sources.entries(found)));
  }
  if (tests.length > 0) wanted.add(parameter.type, valueCriterion(parameter, tests));
}

/** Only what contains a contained resource refers to it. */
function wantContainer<F extends Found>(
  parameter: Parameter,
  targets: readonly string[],
  found: F,
  wanted: Wanted,
  sources: IncludeSources<F> | undefined,
): void {
  const { type, id, contained } = found;
  const inside = type === parameter.type ? sources?.inside?.(found) : undefined;
  if (inside === undefined || !targets.includes(inside.type)) return;
  const refers = sources?.entries(found).some(({ parameter: code, value }) => {
    if (code !== parameter.code || value.kind !== 'reference') return false;
    return value.type === containedType(inside.type) && value.id === contained;
  });
  if (refers === true) wanted.add(type, { kind: 'id', ids: [id] });
}

/** Tests for the canonicals that name a resource: its URL alone, and with its version; each may go on to a place in it (`#`). */
function ownCanonicals({ url, version }: CanonicalTarget, entries: readonly IndexEntry[]): readonly ValueTest[] {
  const texts = (code: string | undefined): readonly string[] =>
    entries.flatMap(({ parameter, value }) => {
      if (parameter !== code) return [];
      return value.kind === 'uri' || value.kind === 'identifier' || value.kind === 'token' ? [value.value] : [];
    });
  const versions = [...new Set(texts(version?.code).map(foldToken))];
  return texts(url.code).flatMap((each): readonly ValueTest[] => [
    { kind: 'uri', match: 'exact', value: each },
    { kind: 'uri', match: 'begins', value: `${each}#` },
    ...versions.map((number) => ({ kind: 'canonical', url: each, version: number }) as const),
  ]);
}

function valueCriterion(parameter: Parameter, anyOf: readonly ValueTest[]): Criterion {
  return { kind: 'value', parameter, anyOf };
}

/**
 * Criteria of a bundle that lead from one resource to another, of which one may be stored and the other be written by the
 * bundle. https://hl7.org/fhir/R4/http.html#trules
 */
import { namedBy, splitCanonical } from '../../search/canonical-target.ts';
import { isContained } from '../../search/contained.ts';
import type {
  CanonicalTarget,
  ChainCriterion,
  Criterion,
  HasCriterion,
  Parameter,
  ReferenceTest,
  UriTest,
} from '../../search/criteria.ts';
import { foldToken } from '../../search/normalise.ts';
import type { Condition } from '../../store/write.ts';
import type { Context } from '../context.ts';
import type { OwnResource, OwnResources } from './own.ts';

/** A criterion as it is asked of what is stored, and of what the bundle writes. */
export interface Sides {
  /** Holds for what is stored and left alone, as it is after the bundle's writes. */
  readonly stored: Criterion;
  /** Looks at no other resource than those in the tested one. */
  readonly own: Criterion;
}

/** What a bundle leaves behind. */
export interface Left {
  readonly own: readonly OwnResources[];
  /** The ids of a type whose stored content is replaced or deleted. */
  readonly gone: (type: string) => ReadonlySet<string>;
}

/** Matches that are listed at a time. */
const most = 1000;
/** Ids that are asked for themselves rather than sought among all matches. */
const few = 100;
const nothing: Criterion = { kind: 'or', of: [] };

/** Whether a criterion leads to other resources by chains, forwards or backwards. */
export function leadsElsewhere(criterion: Criterion): boolean {
  switch (criterion.kind) {
    case 'chain':
    case 'has':
      return true;
    case 'and':
    case 'or':
      return criterion.of.some(leadsElsewhere);
    case 'not':
      return leadsElsewhere(criterion.of);
    default:
      return false;
  }
}

export class Across {
  readonly #context: Context;
  readonly #left: Left;
  readonly #referred = new Map<string, ReadonlySet<string>>();
  readonly #contained = new Map<string, boolean>();
  readonly #expected = new Map<string, readonly string[]>();
  /** What was looked up, for the commit. */
  readonly conditions: Condition[] = [];

  constructor(context: Context, left: Left) {
    this.#context = context;
    this.#left = left;
  }

  /** Both sides of a criterion on resources of a type. Throws TooCostly as the store's look-ups do. */
  async sidesOf(criterion: Criterion, type: string): Promise<Sides> {
    switch (criterion.kind) {
      case 'and':
      case 'or': {
        const sides: Sides[] = [];
        for (const part of criterion.of) sides.push(await this.sidesOf(part, type));
        const { kind } = criterion;
        return {
          stored: { kind, of: sides.map(({ stored }) => stored) },
          own: { kind, of: sides.map(({ own }) => own) },
        };
      }
      case 'not': {
        const { stored, own } = await this.sidesOf(criterion.of, type);
        return { stored: { kind: 'not', of: stored }, own: { kind: 'not', of: own } };
      }
      case 'chain':
        return this.#chain(criterion, type);
      case 'has':
        return this.#has(criterion, type);
      default:
        return { stored: criterion, own: criterion };
    }
  }

  async #chain(criterion: ChainCriterion, type: string): Promise<Sides> {
    const { parameter, target, canonical, of } = criterion;
    const inner = await this.sidesOf(of, target);
    const written = this.#matching(target, inner.own);
    const ids = written.map(({ id }) => id);
    const left = this.#remaining(target, inner.stored);
    const there = await this.#among(target, left, this.#referredBy(type, parameter, target));
    const names = namesOf(written, canonical);
    const known = new Set(names.map(comparable));
    const given = canonicalsOf(this.#all(type), parameter, canonical);
    const toStored = await this.#withMatches(
      target,
      given.filter((each) => !known.has(comparable(each))),
      (some) => both(left, named(some, canonical)),
    );
    const toOthers = either(
      toAny(parameter, target, [...ids, ...there]),
      saysAny(parameter, [...given.filter((each) => known.has(comparable(each))), ...toStored]),
    );
    return {
      stored: either({ ...criterion, of: left }, toAny(parameter, target, ids), saysAny(parameter, names)),
      own: this.#contains(type) ? either(toOthers, { ...criterion, of: inner.own }) : toOthers,
    };
  }

  async #has(criterion: HasCriterion, type: string): Promise<Sides> {
    const { parameter, canonical, of } = criterion;
    const inner = await this.sidesOf(of, parameter.type);
    const sources = this.#matching(parameter.type, inner.own);
    const referred = new Set(sources.flatMap((each) => referredIds(each, parameter, type)));
    const given = named(canonicalsOf(sources, parameter, canonical), canonical);
    const remaining = this.#remaining(parameter.type, inner.stored);
    const left: HasCriterion = { ...criterion, of: remaining };
    const own = this.#all(type);
    const chosen = own.flatMap(({ id, isNew }) => (isNew ? [] : [id]));
    // By ids alone: the URL of what is written may be another than that of what is stored.
    const there = await this.#among(type, { ...left, canonical: undefined }, new Set(chosen));
    // What isn't stored yet may be referred to already: that is asked of what refers to it.
    const awaited = await this.#withMatches(parameter.type, await this.#expectedBy(parameter, type, chosen), (some) =>
      both(remaining, toAny(parameter, type, some)),
    );
    const names = await this.#withMatches(parameter.type, namesOf(own, canonical), (some) =>
      both(remaining, saysAny(parameter, some)),
    );
    return {
      stored: either(left, toIds([...referred]), given),
      own: either(toIds([...new Set([...referred, ...there, ...awaited])]), given, named(names, canonical)),
    };
  }

  #all(type: string): readonly OwnResource[] {
    return this.#left.own.flatMap((own) => own.of(type));
  }

  #matching(type: string, criterion: Criterion): readonly OwnResource[] {
    return this.#left.own.flatMap((own) => own.matching(type, criterion));
  }

  /** The criterion on what of a type the bundle leaves alone. */
  #remaining(type: string, criterion: Criterion): Criterion {
    const ids = [...this.#left.gone(type)];
    return ids.length === 0 ? criterion : { kind: 'and', of: [criterion, { kind: 'not', of: { kind: 'id', ids } }] };
  }

  /** Those of the ids whose stored resources pass. */
  async #among(type: string, criterion: Criterion, ids: ReadonlySet<string>): Promise<readonly string[]> {
    // Of few it doesn't matter what else matches, and whether others change that meanwhile.
    if (ids.size > few) {
      const all = await this.#matches(type, criterion, most + 1);
      if (all.length <= most) return all.filter((id) => ids.has(id));
    }
    const found: string[] = [];
    const list = [...ids];
    for (let n = 0; n < list.length; n += most) {
      const some: Criterion = { kind: 'id', ids: list.slice(n, n + most) };
      found.push(...(await this.#matches(type, { kind: 'and', of: [some, criterion] }, most + 1)));
    }
    return found;
  }

  /** Those of the items for which, each by itself, something stored of a type passes `of`. Most are expected to have nothing. */
  async #withMatches(
    type: string,
    items: readonly string[],
    of: (some: readonly string[]) => Criterion,
  ): Promise<readonly string[]> {
    if (items.length === 0) return [];
    if (items.length <= most && (await this.#matches(type, of(items), 1)).length === 0) return [];
    if (items.length === 1) return items;
    const half = Math.ceil(items.length / 2);
    return [
      ...(await this.#withMatches(type, items.slice(0, half), of)),
      ...(await this.#withMatches(type, items.slice(half), of)),
    ];
  }

  async #matches(type: string, criterion: Criterion, limit: number): Promise<readonly string[]> {
    const matches = await this.#context.store.matches(type, criterion, limit);
    this.conditions.push({ type, criterion, matches, limit });
    return matches;
  }

  /** Ids of a type that are not stored yet and that what is stored may refer to: it does to one at least of each thousand. */
  async #expectedBy(parameter: Parameter, type: string, ids: readonly string[]): Promise<readonly string[]> {
    const key = `${parameter.type} ${parameter.code} ${type}`;
    const known = this.#expected.get(key);
    if (known !== undefined) return known;
    const expected: string[] = [];
    for (let n = 0; n < ids.length; n += most) {
      const some = ids.slice(n, n + most);
      const stored = new Set(await this.#matches(type, toIds(some), most + 1));
      const lacking = some.filter((id) => !stored.has(id));
      if (lacking.length === 0) continue;
      const [first] = await this.#matches(parameter.type, toAny(parameter, type, lacking), 1);
      if (first !== undefined) expected.push(...lacking);
    }
    this.#expected.set(key, expected);
    return expected;
  }

  /** The ids of a type that what the bundle writes of another refers to. */
  #referredBy(type: string, parameter: Parameter, target: string): ReadonlySet<string> {
    const key = `${type} ${parameter.code} ${target}`;
    const known = this.#referred.get(key);
    if (known !== undefined) return known;
    const ids = new Set(this.#all(type).flatMap((each) => referredIds(each, parameter, target)));
    this.#referred.set(key, ids);
    return ids;
  }

  /** Whether what the bundle writes of a type contains resources. */
  #contains(type: string): boolean {
    const known = this.#contained.get(type);
    if (known !== undefined) return known;
    const contains = this.#all(type).some(({ contained }) => contained !== undefined);
    this.#contained.set(type, contains);
    return contains;
  }
}

/** The ids of `Type/id` by type. */
export function idsByType(keys: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  const byType = new Map<string, string[]>();
  for (const key of keys) {
    const [type = '', id = ''] = key.split('/');
    const others = byType.get(type);
    if (others === undefined) byType.set(type, [id]);
    else others.push(id);
  }
  return byType;
}

/** The types and parameters that a criterion looks at on what it leads to, and to get there. */
export function lookedAt(criterion: Criterion): readonly { readonly type: string; readonly of: Criterion }[] {
  switch (criterion.kind) {
    case 'and':
    case 'or':
      return criterion.of.flatMap(lookedAt);
    case 'not':
      return lookedAt(criterion.of);
    case 'chain': {
      const { target, canonical, of } = criterion;
      return [{ type: target, of }, ...identity(canonical), ...lookedAt(of)];
    }
    case 'has': {
      const { parameter, canonical, of } = criterion;
      return [{ type: parameter.type, of: both(present(parameter), of) }, ...identity(canonical), ...lookedAt(of)];
    }
    default:
      return [];
  }
}

/** What canonicals look at. */
function identity(canonical: CanonicalTarget | undefined): ReturnType<typeof lookedAt> {
  if (canonical === undefined) return [];
  const { type, url, version } = canonical;
  return [url, version].flatMap((parameter) => (parameter === undefined ? [] : [{ type, of: present(parameter) }]));
}

function present(parameter: Parameter): Criterion {
  return { kind: 'missing', parameter, missing: false };
}

/** The canonicals that name these resources: their URLs, alone and with a version; those with a `#fragment` besides are not listed. */
function namesOf(resources: readonly OwnResource[], canonical: CanonicalTarget | undefined): readonly string[] {
  if (canonical === undefined) return [];
  const { url, version } = canonical;
  const names = resources.flatMap(({ entries }) => {
    const of = (code: string | undefined): readonly string[] =>
      entries.flatMap(({ parameter, value }) => (parameter === code && 'value' in value ? [value.value] : []));
    return of(url.code).flatMap((each) => [each, ...of(version?.code).map((one) => `${each}|${one}`)]);
  });
  return [...new Set(names)];
}

/** The same text for canonicals that name the same. */
function comparable(canonical: string): string {
  const { url, version } = splitCanonical(canonical);
  return version === undefined ? url : `${url}|${foldToken(version)}`;
}

/** The canonicals in these resources' values of a parameter. */
function canonicalsOf(
  resources: readonly OwnResource[],
  { code }: Parameter,
  canonical: CanonicalTarget | undefined,
): readonly string[] {
  if (canonical === undefined) return [];
  const all = resources.flatMap(({ entries }) =>
    entries.flatMap(({ parameter, value }) => (parameter === code && value.kind === 'uri' ? [value.value] : [])),
  );
  return [...new Set(all)];
}

/** Is named by any of these. */
function named(canonicals: readonly string[], canonical: CanonicalTarget | undefined): Criterion {
  return canonical === undefined || canonicals.length === 0 ? nothing : namedBy(canonicals, canonical);
}

/** Has any of these canonicals. */
function saysAny(parameter: Parameter, canonicals: readonly string[]): Criterion {
  if (canonicals.length === 0) return nothing;
  return {
    kind: 'value',
    parameter,
    anyOf: canonicals.map((value): UriTest => ({ kind: 'uri', match: 'exact', value })),
  };
}

/** The ids of a type that a resource's references of a parameter lead to. */
function referredIds({ entries }: OwnResource, { code }: Parameter, type: string): readonly string[] {
  if (isContained(type)) return [];
  return entries.flatMap(({ parameter, value }) =>
    parameter === code && value.kind === 'reference' && value.type === type ? [value.id] : [],
  );
}

/** Refers to any of these. */
function toAny(parameter: Parameter, type: string, ids: readonly string[]): Criterion {
  if (ids.length === 0) return nothing;
  return {
    kind: 'value',
    parameter,
    anyOf: ids.map((id): ReferenceTest => ({ kind: 'reference', type, id })),
  };
}

function toIds(ids: readonly string[]): Criterion {
  return ids.length === 0 ? nothing : { kind: 'id', ids };
}

function both(one: Criterion, other: Criterion): Criterion {
  return { kind: 'and', of: [one, other] };
}

/** Any of these; those that are nothing are left out. */
function either(...of: readonly Criterion[]): Criterion {
  const some = of.filter((each) => each !== nothing);
  const [only] = some;
  return only !== undefined && some.length === 1 ? only : { kind: 'or', of: some };
}

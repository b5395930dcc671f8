/**
 * Criteria of a bundle that lead from one resource to another, of which one may be stored and the other be written by the
 * bundle. https://hl7.org/fhir/R4/http.html#trules
 */
import { isContained } from '../../search/contained.ts';
import type { ChainCriterion, Criterion, HasCriterion, Parameter, ReferenceTest } from '../../search/criteria.ts';
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

  /** Canonicals lead to what is stored alone. */
  async #chain(criterion: ChainCriterion, type: string): Promise<Sides> {
    const { parameter, target, of } = criterion;
    const inner = await this.sidesOf(of, target);
    const written = this.#matching(target, inner.own).map(({ id }) => id);
    const left = this.#remaining(target, inner.stored);
    const toWritten = toAny(parameter, target, written);
    const there = await this.#among(target, left, this.#referredBy(type, parameter, target));
    const toOthers = toAny(parameter, target, [...written, ...there]);
    return {
      stored: written.length === 0 ? { ...criterion, of: left } : either({ ...criterion, of: left }, toWritten),
      own: this.#contains(type) ? either(toOthers, { ...criterion, of: inner.own }) : toOthers,
    };
  }

  async #has(criterion: HasCriterion, type: string): Promise<Sides> {
    const { parameter, of } = criterion;
    const inner = await this.sidesOf(of, parameter.type);
    const referred = new Set(
      this.#matching(parameter.type, inner.own).flatMap((each) => referredIds(each, parameter, type)),
    );
    const left: Criterion = { ...criterion, of: this.#remaining(parameter.type, inner.stored) };
    const ids = new Set(this.#left.own.flatMap((own) => own.ids(type)));
    const there = await this.#among(type, left, ids);
    return {
      stored: referred.size === 0 ? left : either(left, { kind: 'id', ids: [...referred] }),
      own: { kind: 'id', ids: [...new Set([...referred, ...there])] },
    };
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
    if (ids.size === 0) return [];
    const all = await this.#matches(type, criterion, most + 1);
    if (all.length <= most) return all.filter((id) => ids.has(id));
    const found: string[] = [];
    const list = [...ids];
    for (let n = 0; n < list.length; n += most) {
      const some: Criterion = { kind: 'id', ids: list.slice(n, n + most) };
      found.push(...(await this.#matches(type, { kind: 'and', of: [some, criterion] }, most + 1)));
    }
    return found;
  }

  async #matches(type: string, criterion: Criterion, limit: number): Promise<readonly string[]> {
    const matches = await this.#context.store.matches(type, criterion, limit);
    this.conditions.push({ type, criterion, matches, limit });
    return matches;
  }

  /** The ids of a type that what the bundle writes of another refers to. */
  #referredBy(type: string, parameter: Parameter, target: string): ReadonlySet<string> {
    const key = `${type} ${parameter.code} ${target}`;
    const known = this.#referred.get(key);
    if (known !== undefined) return known;
    const all = this.#left.own.flatMap((own) => own.of(type));
    const ids = new Set(all.flatMap((each) => referredIds(each, parameter, target)));
    this.#referred.set(key, ids);
    return ids;
  }

  /** Whether what the bundle writes of a type contains resources. */
  #contains(type: string): boolean {
    const known = this.#contained.get(type);
    if (known !== undefined) return known;
    const contains = this.#left.own.some((own) => own.of(type).some(({ contained }) => contained !== undefined));
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
    case 'chain':
      return [{ type: criterion.target, of: criterion.of }, ...lookedAt(criterion.of)];
    case 'has': {
      const { parameter, of } = criterion;
      const by: Criterion = { kind: 'missing', parameter, missing: false };
      return [{ type: parameter.type, of: { kind: 'and', of: [by, of] } }, ...lookedAt(of)];
    }
    default:
      return [];
  }
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

function either(one: Criterion, other: Criterion): Criterion {
  return { kind: 'or', of: [one, other] };
}

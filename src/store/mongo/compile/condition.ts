/** What a criterion compiles to: a filter of documents, and what is left to test on each. https://hl7.org/fhir/R4/search.html */
import type { CanonicalTarget, Criterion, Parameter } from '../../../search/criteria.ts';
import { allOf, always, anyOf, type Filter, isNever, never } from '../filter.ts';

/** A compiled criterion. */
export interface Condition {
  /** Passed by every document for which the criterion holds, and where it isn't `exact` perhaps by others. */
  readonly filter: Filter;
  readonly exact: boolean;
  /** Whether no deletion passes the filter. */
  readonly live: boolean;
  /**
   * The same for `search/match.ts` on a document alone: parameters go by their fields, and what looks at other resources
   * is resolved into their ids.
   */
  readonly local: Criterion;
}

/** What compiling needs to know. */
export interface Context {
  /** The searched type, or what its contained resources go by (`containedType`). */
  readonly type: string;
  /** Resources of another type that are listed at most. */
  readonly most: number;
  /** The field of a parameter in documents; undefined where it isn't indexed. */
  fieldOf(parameter: Parameter): string | undefined;
  /** Says that documents of the searched type are found by this path. */
  uses(path: string): void;
  /** The same for another type. */
  on(type: string): Context;
  /** Compiles a criterion that is part of another. */
  compile(criterion: Criterion): Promise<Condition>;
  /** What every resource passes of which a criterion is asked here: others may be taken to pass the criterion or not. */
  readonly candidates: Condition | undefined;
  /** The same context for criteria that are only asked of what passes a condition. */
  beside(candidates: Condition): Context;
  /** Logical ids of resources that pass, as they were when the walk began; undefined where they are more than `most`. */
  ids(condition: Condition): Promise<readonly string[] | undefined>;
  /**
   * The distinct references of a field that begin so, one more than `most` at most; undefined where documents have to be
   * looked at.
   */
  references(condition: Condition, field: string, beginning: string): Promise<readonly string[] | undefined>;
  /** The distinct texts that resources have at some paths; undefined where documents would have to be looked at, or they are many. */
  texts(paths: readonly string[]): Promise<readonly string[] | undefined>;
  /** What they have at some paths, one after the other; of contained resources at least those that pass the filter. */
  read(condition: Condition, paths: readonly string[]): AsyncIterable<object>;
}

/** How canonicals of a parameter lead to a type. */
export type Canonical = CanonicalTarget | undefined;

/** Passed by none. */
export const impossible: Condition = { filter: never, exact: true, live: true, local: { kind: 'or', of: [] } };

/** Passed by all. */
export const certain: Condition = { filter: always, exact: true, live: false, local: { kind: 'and', of: [] } };

/** Whether it is known that nothing passes. */
export function isImpossible({ filter }: Condition): boolean {
  return isNever(filter);
}

/** Passed by what passes all. */
export function both(conditions: readonly Condition[]): Condition {
  if (conditions.some(isImpossible)) return impossible;
  const [only] = conditions;
  if (only !== undefined && conditions.length === 1) return only;
  return {
    filter: allOf(conditions.map(({ filter }) => filter)),
    exact: conditions.every(({ exact }) => exact),
    live: conditions.some(({ live }) => live),
    local: { kind: 'and', of: conditions.map(({ local }) => local) },
  };
}

/** Passed by what passes any. */
export function either(conditions: readonly Condition[]): Condition {
  const possible = conditions.filter((condition) => !isImpossible(condition));
  const [only] = possible;
  if (only === undefined) return impossible;
  if (possible.length === 1) return only;
  return {
    filter: anyOf(possible.map(({ filter }) => filter)),
    exact: possible.every(({ exact }) => exact),
    live: possible.every(({ live }) => live),
    local: { kind: 'or', of: possible.map(({ local }) => local) },
  };
}

/** A filter of what passes without deletions. */
export function ofLive({ filter, live }: Condition): Filter {
  return live ? filter : allOf([filter, { deleted: null }]);
}

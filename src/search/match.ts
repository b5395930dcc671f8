/**
 * What criteria and sort keys mean, evaluated on index entries: every store must give the same answers.
 * https://hl7.org/fhir/R4/search.html
 */
import { names, namesVersion } from './canonical-target.ts';
import { containedType, isContained } from './contained.ts';
import type {
  CanonicalTarget,
  ComparisonOperator,
  Criterion,
  HierarchyCriterion,
  IntervalTest,
  NearTest,
  Parameter,
  SimpleTest,
  SortBy,
  SortKey,
  StringTest,
  ValueTest,
} from './criteria.ts';
import { distance } from './distance.ts';
import type { ContainedEntries, IndexEntry, IndexValue, PositionValue, StringValue } from './entry.ts';
import { foldToken } from './normalise.ts';
import { score } from './score.ts';
import { intervalIn } from './units.ts';
import { says, type Words } from './words.ts';

/** A current resource as stores index it. `lastUpdated`: milliseconds since 1970. */
export interface Indexed {
  readonly type: string;
  readonly id: string;
  readonly lastUpdated: number;
  readonly entries: readonly IndexEntry[];
  /** Absent: it has none. */
  readonly words?: Words | undefined;
  /** The resources inside it. */
  readonly contained?: readonly ContainedEntries[] | undefined;
  /** For a contained resource, whose type is one of `containedType`: the one that it lies in. */
  readonly container?: Indexed;
}

/** The current resources, for criteria that look at others than the tested one. */
export interface Others {
  /** undefined where there is no such resource. */
  get(type: string, id: string): Indexed | undefined;
  /** All of a type. */
  of(type: string): Iterable<Indexed>;
}

const none: Words = { narrative: [], content: [] };
const nothing: Others = { get: () => undefined, of: () => [] };

/** Whether the criterion holds for the resource, among `others`. */
export function matches(criterion: Criterion, resource: Indexed, others: Others = nothing): boolean {
  switch (criterion.kind) {
    case 'and':
      return criterion.of.every((part) => matches(part, resource, others));
    case 'or':
      return criterion.of.some((part) => matches(part, resource, others));
    case 'not':
      return !matches(criterion.of, resource, others);
    case 'id':
      // What is contained has no logical id.
      return resource.container === undefined && criterion.ids.includes(resource.id);
    case 'lastUpdated':
      return within(criterion.interval, resource.lastUpdated, resource.lastUpdated);
    case 'missing':
      return (valuesOf(criterion.parameter, resource.entries).length === 0) === criterion.missing;
    case 'value':
      return valuesOf(criterion.parameter, resource.entries).some((value) =>
        criterion.anyOf.some((test) => passes(test, value)),
      );
    case 'words':
      return says(criterion.query, criterion.scope, resource.words ?? none);
    case 'differs':
      return valuesOf(criterion.parameter, resource.entries).some(
        (value) => isWhole(value) && !criterion.from.some((test) => passes(test, value)),
      );
    case 'referenced':
      return criterion.by.some((id) =>
        refersTo(criterion.parameter, undefined, others.get(criterion.parameter.type, id), resource),
      );
    case 'chain': {
      const { parameter, target, canonical, of } = criterion;
      const named = valuesOf(parameter, resource.entries).flatMap((value): readonly Indexed[] => {
        if (value.kind === 'reference' && value.type === target) return one(others.get(target, value.id));
        if (value.kind === 'reference' && value.type === containedType(target))
          return containedIn(resource.container ?? resource).filter(
            ({ type, id }) => type === value.type && id === value.id,
          );
        if (value.kind !== 'uri' || canonical === undefined) return [];
        return [...others.of(target)].filter(({ entries }) => names(value.value, canonical, entries));
      });
      return named.some((each) => matches(of, each, others));
    }
    case 'has': {
      const { parameter, canonical, of } = criterion;
      for (const source of others.of(parameter.type)) {
        if (refersTo(parameter, canonical, source, resource) && matches(of, source, others)) return true;
      }
      return false;
    }
    case 'hierarchy':
      return referredIds(criterion.parameter, criterion.by.type, resource.entries).some((id) =>
        isWithin(criterion, id, others),
      );
    case 'contains':
      return containedIn(resource).some(
        (each) => each.type === containedType(criterion.type) && matches(criterion.of, each, others),
      );
  }
}

/** The resources inside another, as stores index them; none is inside a contained one. */
export function containedIn(container: Indexed): readonly Indexed[] {
  const { lastUpdated, contained = [] } = container;
  return contained.map(({ type, id, entries }) => ({ type: containedType(type), id, lastUpdated, entries, container }));
}

/** Whether a value of the source's parameter leads to the resource; to a contained one only its container's do. */
function refersTo(
  parameter: Parameter,
  canonical: CanonicalTarget | undefined,
  source: Indexed | undefined,
  { type, id, entries, container }: Indexed,
): boolean {
  if (container !== undefined && !(source?.type === container.type && source.id === container.id)) return false;
  return valuesOf(parameter, source?.entries ?? []).some((value) => {
    if (value.kind === 'reference') return value.type === type && value.id === id;
    if (container !== undefined) return false;
    return value.kind === 'uri' && canonical !== undefined && names(value.value, canonical, entries);
  });
}

/** Whether a resource is one of those that the hierarchy starts from, or lies above or below one of them. */
function isWithin({ by, direction, from }: HierarchyCriterion, id: string, others: Others): boolean {
  return direction === 'below' ? climbs(by, [id], from, others) : climbs(by, from, [id], others);
}

/** Whether the way up from any of the resources leads to one of the others, or begins there. The way may be a circle. */
function climbs(by: Parameter, from: readonly string[], to: readonly string[], others: Others): boolean {
  const seen = new Set(from);
  // A set's iteration goes on to what is added.
  for (const id of seen) {
    if (to.includes(id)) return true;
    for (const above of referredIds(by, by.type, others.get(by.type, id)?.entries ?? [])) seen.add(above);
  }
  return false;
}

/** The logical ids of a type that references of a parameter lead to. */
function referredIds(parameter: Parameter, type: string, entries: readonly IndexEntry[]): readonly string[] {
  return valuesOf(parameter, entries).flatMap((value) =>
    value.kind === 'reference' && value.type === type ? [value.id] : [],
  );
}

/** Whether one value passes one test. A value of another kind than the test's never does. */
export function passes(test: ValueTest, value: IndexValue): boolean {
  if (test.kind === 'text') return value.kind === 'token' && value.value.startsWith(test.value);
  if (test.kind === 'near') return value.kind === 'position' && isNear(test, value);
  if (test.kind === 'canonical') return value.kind === 'uri' && namesVersion(value.value, test);
  if (test.kind !== 'composite') return value.kind !== 'composite' && passesSimple(test, value);
  if (value.kind !== 'composite') return false;
  return test.components.every((part, n) => {
    const component = value.components[n];
    return component !== undefined && passesSimple(part, component);
  });
}

function isNear(test: NearTest, { latitude, longitude }: PositionValue): boolean {
  return distance(latitude, longitude, test.latitude, test.longitude) <= test.within;
}

function passesSimple(test: SimpleTest, value: IndexValue): boolean {
  switch (test.kind) {
    case 'token':
      if (value.kind !== 'token' && value.kind !== 'identifier') return false;
      if (test.system !== undefined && test.system !== value.system) return false;
      if (test.code === undefined) return true;
      if (test.begins === true) {
        return test.fold ? foldToken(value.value).startsWith(foldToken(test.code)) : value.value.startsWith(test.code);
      }
      return test.fold ? foldToken(test.code) === foldToken(value.value) : test.code === value.value;
    case 'string':
      return value.kind === 'string' && passesString(test, value);
    case 'date':
      return value.kind === 'date' && within(test.interval, value.low, value.high);
    case 'number':
      return value.kind === 'number' && within(test.interval, value.low, value.high);
    case 'quantity': {
      if (value.kind !== 'quantity') return false;
      const interval = intervalIn(test, value);
      return interval !== undefined && within(interval, value.low, value.high);
    }
    case 'reference':
      return value.kind === 'reference' && value.type === test.type && value.id === test.id;
    case 'uri':
      if (value.kind !== 'uri') return false;
      if (test.match === 'begins') return value.value.startsWith(test.value);
      if (value.value === test.value) return true;
      return test.match === 'canonical' && value.value.startsWith(`${test.value}|`);
  }
}

function passesString({ match, value: sought }: StringTest, value: StringValue): boolean {
  switch (match) {
    case 'starts':
      return value.norm.startsWith(sought);
    case 'contains':
      return value.norm.includes(sought);
    case 'ends':
      return isWhole(value) && value.norm.endsWith(sought);
    case 'exact':
      return value.exact === sought;
    case 'equal':
      return isWhole(value) && value.norm === sought;
    default:
      return isWhole(value) && holds(compare(value.norm, sought), match);
  }
}

/** Whether a value stands in the resource as it is, not as a word of a longer one; of a composite, all of its parts. */
function isWhole(value: IndexValue): boolean {
  if (value.kind === 'composite') return value.components.every(isWhole);
  return value.kind !== 'string' || value.exact !== null;
}

/** Whether the interval from `low` to `high` passes a test. */
export function within<V extends number | string>(test: IntervalTest<V>, low: V, high: V): boolean {
  return test.some((all) =>
    all.every(({ end, operator, value }) => holds(compare(end === 'low' ? low : high, value), operator)),
  );
}

function holds(order: number, operator: ComparisonOperator): boolean {
  switch (operator) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

/**
 * The order of a sort: negative if `a` comes first, 0 for ties. Ascending goes by the lowest value, descending by the
 * highest; resources without a value come last in both.
 */
export function compareBy(sort: readonly SortKey[], others: Others = nothing): (a: Indexed, b: Indexed) => number {
  return (a, b) => {
    for (const key of sort) {
      const left = sortValue(key, a, others);
      const right = sortValue(key, b, others);
      if (left === undefined || right === undefined) {
        if (left !== right) return left === undefined ? 1 : -1;
        continue;
      }
      const order = compare(left, right);
      if (order !== 0) return key.descending ? -order : order;
    }
    return 0;
  };
}

/** What a resource is sorted by: milliseconds, a decimal key or a text; undefined where it has no value. */
export function sortValue(
  { by, descending }: SortKey,
  resource: Indexed,
  others: Others = nothing,
): number | string | undefined {
  let best: number | string | undefined;
  for (const candidate of sortValues(by, descending, resource, others)) {
    if (best === undefined || (descending ? compare(candidate, best) > 0 : compare(candidate, best) < 0)) {
      best = candidate;
    }
  }
  return best;
}

function sortValues(by: SortBy, descending: boolean, resource: Indexed, others: Others): readonly (number | string)[] {
  if (by === 'id') return [resource.id];
  if (by === 'lastUpdated') return [resource.lastUpdated];
  if ('score' in by) return [score(by.score, resource.words ?? none)];
  if ('through' in by) {
    return valuesOf(by.through, resource.entries).flatMap((value) => {
      if (value.kind !== 'reference') return [];
      const found = others.get(value.type, value.id);
      if (found === undefined) return [];
      const ends = by.ends.filter(({ target }) => target === value.type);
      return ends.flatMap((end) => sortValues(end.by, descending, found, others));
    });
  }
  return valuesOf(by, resource.entries).flatMap((value) => {
    if (by.kind === 'reference' && value.kind === 'identifier') return [];
    return one(sortForm(value, descending));
  });
}

/**
 * A value as sorting sees it. Strings sort by whole values, tokens by their code, quantities by their number, references by
 * `Type/id`; words of longer strings, logical references (by identifier), those to contained resources, composites and
 * positions don't sort.
 */
function sortForm(value: IndexValue, descending: boolean): number | string | undefined {
  switch (value.kind) {
    case 'token':
    case 'identifier':
    case 'uri':
      return value.value;
    case 'string':
      return isWhole(value) ? value.norm : undefined;
    case 'date':
    case 'number':
    case 'quantity':
      return descending ? value.high : value.low;
    case 'reference':
      return isContained(value.type) ? undefined : `${value.type}/${value.id}`;
    case 'composite':
    case 'position':
      return undefined;
  }
}

function one<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

function valuesOf(parameter: Parameter, entries: readonly IndexEntry[]): readonly IndexValue[] {
  const values: IndexValue[] = [];
  for (const entry of entries) if (entry.parameter === parameter.code) values.push(entry.value);
  return values;
}

/** Numbers by size; text by the order of its UTF-8 bytes, which is that of its code points. */
function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' || typeof b === 'number') return a === b ? 0 : a < b ? -1 : 1;
  const length = Math.min(a.length, b.length);
  for (let n = 0; n < length; n++) {
    const left = a.charCodeAt(n);
    const right = b.charCodeAt(n);
    if (left === right) continue;
    // Surrogates stand for code points above all others, though their own numbers lie below U+E000.
    const surrogates = Number(left >= 0xd800 && left < 0xe000) - Number(right >= 0xd800 && right < 0xe000);
    return surrogates === 0 ? left - right : surrogates;
  }
  return a.length - b.length;
}

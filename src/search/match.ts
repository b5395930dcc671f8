/**
 * What criteria and sort keys mean, evaluated on index entries: every store must give the same answers.
 * https://hl7.org/fhir/R4/search.html
 */
import type {
  ComparisonOperator,
  Criterion,
  IntervalTest,
  NearTest,
  Parameter,
  SimpleTest,
  SortKey,
  ValueTest,
} from './criteria.ts';
import { distance } from './distance.ts';
import type { IndexEntry, IndexValue, PositionValue } from './entry.ts';
import { foldToken } from './normalise.ts';
import { intervalIn } from './units.ts';

/** A current resource as stores index it. `lastUpdated`: milliseconds since 1970. */
export interface Indexed {
  readonly type: string;
  readonly id: string;
  readonly lastUpdated: number;
  readonly entries: readonly IndexEntry[];
}

/** Gives the entries of a current resource, for criteria that look at others; undefined where there is none. */
export type Entries = (type: string, id: string) => readonly IndexEntry[] | undefined;

/** Whether the criterion holds for the resource. `others` is asked for the sources of `referenced` criteria. */
export function matches(criterion: Criterion, resource: Indexed, others: Entries = () => undefined): boolean {
  switch (criterion.kind) {
    case 'and':
      return criterion.of.every((part) => matches(part, resource, others));
    case 'or':
      return criterion.of.some((part) => matches(part, resource, others));
    case 'not':
      return !matches(criterion.of, resource, others);
    case 'id':
      return criterion.ids.includes(resource.id);
    case 'lastUpdated':
      return within(criterion.interval, resource.lastUpdated, resource.lastUpdated);
    case 'missing':
      return (valuesOf(criterion.parameter, resource.entries).length === 0) === criterion.missing;
    case 'value':
      return valuesOf(criterion.parameter, resource.entries).some((value) =>
        criterion.anyOf.some((test) => passes(test, value)),
      );
    case 'referenced':
      return criterion.by.some((id) =>
        valuesOf(criterion.parameter, others(criterion.parameter.type, id) ?? []).some(
          (value) => value.kind === 'reference' && value.type === resource.type && value.id === resource.id,
        ),
      );
  }
}

/** Whether one value passes one test. A value of another kind than the test's never does. */
export function passes(test: ValueTest, value: IndexValue): boolean {
  if (test.kind === 'text') return value.kind === 'token' && value.value.startsWith(test.value);
  if (test.kind === 'near') return value.kind === 'position' && isNear(test, value);
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
      return test.fold ? foldToken(test.code) === foldToken(value.value) : test.code === value.value;
    case 'string':
      if (value.kind !== 'string') return false;
      if (test.match === 'exact') return value.exact === test.value;
      return test.match === 'starts' ? value.norm.startsWith(test.value) : value.norm.includes(test.value);
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
      if (value.value === test.value) return true;
      return test.match === 'canonical' && value.value.startsWith(`${test.value}|`);
  }
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
export function compareBy(sort: readonly SortKey[]): (a: Indexed, b: Indexed) => number {
  return (a, b) => {
    for (const key of sort) {
      const left = sortValue(key, a);
      const right = sortValue(key, b);
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
export function sortValue(key: SortKey, resource: Indexed): number | string | undefined {
  if (key.by === 'id') return resource.id;
  if (key.by === 'lastUpdated') return resource.lastUpdated;
  let best: number | string | undefined;
  for (const value of valuesOf(key.by, resource.entries)) {
    if (key.by.kind === 'reference' && value.kind === 'identifier') continue;
    const candidate = sortForm(value, key.descending);
    if (candidate === undefined) continue;
    if (best === undefined || (key.descending ? compare(candidate, best) > 0 : compare(candidate, best) < 0)) {
      best = candidate;
    }
  }
  return best;
}

/**
 * A value as sorting sees it. Tokens sort by their code, quantities by their number, references by `Type/id`; logical
 * references (by identifier), composites and positions don't sort.
 */
function sortForm(value: IndexValue, descending: boolean): number | string | undefined {
  switch (value.kind) {
    case 'token':
    case 'identifier':
    case 'uri':
      return value.value;
    case 'string':
      return value.norm;
    case 'date':
    case 'number':
    case 'quantity':
      return descending ? value.high : value.low;
    case 'reference':
      return `${value.type}/${value.id}`;
    case 'composite':
    case 'position':
      return undefined;
  }
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

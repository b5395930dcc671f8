/** When values are equal, equivalent, or one before the other. https://hl7.org/fhirpath/N1/#equality */
import { isArray, isObject, type JsonValue } from '../resource.ts';
import { type Item, type Items, nothing } from './item.ts';
import { amountOf, compareAmounts } from './quantity.ts';
import type { Budget } from './scope.ts';
import type { Nature } from './shapes.ts';
import { compareMoments, type Moment, momentKey, momentOf, timeOf } from './temporal.ts';

function isNumber(nature: Nature): boolean {
  return nature === 'integer' || nature === 'decimal';
}

function isMoment(nature: Nature): boolean {
  return nature === 'date' || nature === 'dateTime';
}

function momentIn({ value, shape }: Item): Moment | undefined {
  if (typeof value !== 'string') return undefined;
  return shape.nature === 'time' ? timeOf(value) : momentOf(value);
}

/** Whether two values are equal; undefined where their precisions or units leave it open. */
function areEqual(a: Item, b: Item, budget: Budget): boolean | undefined {
  const [left, right] = [a.shape.nature, b.shape.nature];
  if (left === 'quantity' || right === 'quantity') return equalAmounts(a, b, budget);
  const timely = (isMoment(left) && isMoment(right)) || (left === 'time' && right === 'time');
  if (timely) {
    if (a.value === b.value) return true;
    const difference = comparedMoments(a, b);
    return difference === undefined ? undefined : difference === 0;
  }
  if (isObject(a.value) || isObject(b.value)) return sameJson(a.value, b.value, budget);
  // Numbers, truth values and texts: those of different types are different values in JSON.
  return a.value === b.value && a.value !== undefined;
}

function equalAmounts(a: Item, b: Item, budget: Budget): boolean | undefined {
  const [left, right] = [amountOf(a.value, a.shape.system), amountOf(b.value, b.shape.system)];
  // Without values they are compared as other elements are.
  if (left === undefined || right === undefined) return sameJson(a.value, b.value, budget);
  const difference = compareAmounts(left, right);
  return difference === undefined ? undefined : difference === 0;
}

/** Whether two JSON values are the same, whatever the order of their members. */
function sameJson(a: JsonValue | undefined, b: JsonValue | undefined, budget: Budget): boolean {
  budget.spend(1);
  if (a === b) return true;
  if (isArray(a) && isArray(b)) return a.length === b.length && a.every((item, n) => sameJson(item, b[n], budget));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameJson(a[name], b[name], budget))
  );
}

function comparedMoments(a: Item, b: Item): number | undefined {
  if (typeof a.value === 'string' && typeof b.value === 'string' && sameForm(a.value, b.value))
    return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  const [left, right] = [momentIn(a), momentIn(b)];
  return left === undefined || right === undefined ? undefined : compareMoments(left, right);
}

/** Whether two dates, of one precision and in one zone, are in the order of their texts. */
function sameForm(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  return a.length <= 10 || (a.endsWith('Z') ? b.endsWith('Z') : a.slice(-6) === b.slice(-6));
}

/** `=` of collections: their items in order. */
export function equalCollections(a: Items, b: Items, budget: Budget): boolean | undefined {
  if (a.length === 0 || b.length === 0) return undefined;
  if (a.length !== b.length) return false;
  let open = false;
  for (const [n, item] of a.entries()) {
    const other = b[n];
    const equal = other === undefined ? false : areEqual(item, other, budget);
    if (equal === false) return false;
    if (equal === undefined) open = true;
  }
  return open ? undefined : true;
}

/** Less, equal or greater than 0; undefined where it can't be said. */
export function compare(a: Item, b: Item): number | undefined {
  const [left, right] = [a.shape.nature, b.shape.nature];
  if (left === 'quantity' || right === 'quantity') {
    const [one, other] = [amountOf(a.value, a.shape.system), amountOf(b.value, b.shape.system)];
    return one === undefined || other === undefined ? undefined : compareAmounts(one, other);
  }
  if (isNumber(left) && isNumber(right) && typeof a.value === 'number' && typeof b.value === 'number')
    return a.value - b.value;
  if ((isMoment(left) && isMoment(right)) || (left === 'time' && right === 'time')) return comparedMoments(a, b);
  if (left !== 'string' || right !== 'string' || typeof a.value !== 'string' || typeof b.value !== 'string')
    return undefined;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/** A text that equal values share; undefined for a quantity, whose equals may have other units, and for no value. */
export function keyOf(item: Item, budget: Budget): string | undefined {
  const { value, shape } = item;
  switch (typeof value) {
    case 'string': {
      if (shape.nature === 'string') return `s${value}`;
      const moment = momentIn(item);
      if (moment === undefined) return `s${value}`;
      return `${shape.nature === 'time' ? 't' : 'd'}${momentKey(moment)}`;
    }
    case 'number':
      return `n${value}`;
    case 'boolean':
      return value ? 'yes' : 'no';
    case 'object':
      return shape.nature === 'quantity' ? undefined : `o${ordered(value, budget)}`;
    case 'undefined':
      return undefined;
  }
}

/** JSON with the members of objects in the order of their names. */
function ordered(value: JsonValue, budget: Budget): string {
  budget.spend(1);
  if (isArray(value)) return `[${value.map((each) => ordered(each, budget)).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${ordered(value[name] ?? null, budget)}`).join(',')}}`;
}

/** Values that are asked for many others: by their keys, quantities one by one. */
export class Members {
  readonly #keys = new Set<string>();
  readonly #others: Item[] = [];

  constructor(items: Items, budget: Budget) {
    budget.spend(items.length);
    for (const item of items) this.#put(item, keyOf(item, budget));
  }

  has(item: Item, budget: Budget): boolean {
    return this.#holds(item, keyOf(item, budget), budget);
  }

  /** Whether it wasn't there; from now on it is. */
  add(item: Item, budget: Budget): boolean {
    const key = keyOf(item, budget);
    if (this.#holds(item, key, budget)) return false;
    this.#put(item, key);
    return true;
  }

  #holds(item: Item, key: string | undefined, budget: Budget): boolean {
    budget.spend(1);
    if (key !== undefined) return this.#keys.has(key);
    budget.spend(this.#others.length);
    return this.#others.some((other) => areEqual(item, other, budget) === true);
  }

  #put(item: Item, key: string | undefined): void {
    if (key === undefined) this.#others.push(item);
    else this.#keys.add(key);
  }
}

/** The items, each value once, in the order in which they came first. */
export function distinct(items: Items, budget: Budget): Items {
  if (items.length < 2) return items;
  const seen = new Members(nothing, budget);
  return items.filter((item) => seen.add(item, budget));
}

/** `~`: equal, but for the case and white space of texts, the precision of numbers and dates, and the order of collections. */
export function equivalent(a: Items, b: Items, budget: Budget): boolean {
  if (a.length !== b.length) return false;
  const rest = [...b];
  for (const item of a) {
    budget.spend(rest.length);
    const found = rest.findIndex((other) => alike(item, other, budget));
    if (found < 0) return false;
    rest.splice(found, 1);
  }
  return true;
}

function alike(a: Item, b: Item, budget: Budget): boolean {
  if (typeof a.value === 'string' && typeof b.value === 'string' && a.shape.nature === 'string') {
    budget.spend((a.value.length + b.value.length) >> 4);
    return folded(a.value) === folded(b.value);
  }
  if (isNumber(a.shape.nature) && isNumber(b.shape.nature)) return alikeNumbers(Number(a.value), Number(b.value));
  return areEqual(a, b, budget) === true;
}

function folded(text: string): string {
  return text.trim().replace(/\s+/g, ' ').toLowerCase();
}

/** Numbers in the precision of the less precise. */
function alikeNumbers(a: number, b: number): boolean {
  const digits = Math.min(fraction(a), fraction(b), 20);
  return a.toFixed(digits) === b.toFixed(digits);
}

function fraction(value: number): number {
  const [, decimals = ''] = String(value).split('.');
  return decimals.length;
}

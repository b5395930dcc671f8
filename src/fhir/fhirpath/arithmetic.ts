/** Sums and products. https://hl7.org/fhirpath/N1/#math */
import type { JsonValue } from '../resource.ts';
import { type Item, type Items, nothing, single } from './item.ts';
import { amountOf } from './quantity.ts';
import { EvaluationFault } from './scope.ts';
import { type Shape, system } from './shapes.ts';
import { later } from './temporal.ts';

/** A number without the noise that doubles leave behind what R4's decimals have. */
export function number(value: number, integer: boolean): Items {
  if (!Number.isFinite(value)) return nothing;
  return integer ? single(value, system.Integer) : single(Number(value.toPrecision(15)), system.Decimal);
}

function bothIntegers(a: Item, b: Item): boolean {
  return a.shape.nature === 'integer' && b.shape.nature === 'integer';
}

function numeric(value: JsonValue | undefined): value is number {
  return typeof value === 'number';
}

/** Quantities in the same unit. */
function amounts(a: Item, b: Item, sum: (a: number, b: number) => number): Items | undefined {
  const [left, right] = [amountOf(a.value, a.shape.system), amountOf(b.value, b.shape.system)];
  if (left === undefined || right === undefined || left.unit !== right.unit) return undefined;
  return single({ value: Number(sum(left.value, right.value).toPrecision(15)), unit: left.unit }, system.Quantity);
}

/** A date and a time-valued quantity. */
function moved(a: Item, b: Item, sign: 1 | -1): Items | undefined {
  const amount = amountOf(b.value, b.shape.system);
  if (typeof a.value !== 'string' || amount === undefined) return undefined;
  const unit = calendarNames[amount.unit] ?? amount.unit;
  const found = later(a.value, sign * amount.value, unit);
  return found === undefined ? nothing : single(found, ownShape(a.shape));
}

const calendarNames: Readonly<Record<string, string>> = {
  wk: 'week',
  d: 'day',
  h: 'hour',
  min: 'minute',
  s: 'second',
  ms: 'millisecond',
};

function ownShape(shape: Shape): Shape {
  return shape.nature === 'date' ? system.Date : system.DateTime;
}

const isDate = ({ shape }: Item): boolean => shape.nature === 'date' || shape.nature === 'dateTime';

function unfit(): EvaluationFault {
  return new EvaluationFault('an operator between values that it is not for');
}

export function add(a: Item, b: Item): Items {
  if (numeric(a.value) && numeric(b.value)) return number(a.value + b.value, bothIntegers(a, b));
  if (isDate(a)) return moved(a, b, 1) ?? fault();
  if (typeof a.value === 'string' && typeof b.value === 'string') return single(a.value + b.value, system.String);
  return amounts(a, b, (x, y) => x + y) ?? fault();
}

export function subtract(a: Item, b: Item): Items {
  if (numeric(a.value) && numeric(b.value)) return number(a.value - b.value, bothIntegers(a, b));
  if (isDate(a)) return moved(a, b, -1) ?? fault();
  return amounts(a, b, (x, y) => x - y) ?? fault();
}

export function multiply(a: Item, b: Item): Items {
  const [x, y] = numbers(a, b);
  return number(x * y, bothIntegers(a, b));
}

export function divide(a: Item, b: Item): Items {
  const [x, y] = numbers(a, b);
  return number(x / y, false);
}

/** `div`: what is behind the point falls away. */
export function quotient(a: Item, b: Item): Items {
  const [x, y] = numbers(a, b);
  return number(Math.trunc(x / y), true);
}

/** `mod`. */
export function remainder(a: Item, b: Item): Items {
  const [x, y] = numbers(a, b);
  return number(x % y, bothIntegers(a, b));
}

function numbers(a: Item, b: Item): readonly [number, number] {
  if (!numeric(a.value) || !numeric(b.value)) throw unfit();
  return [a.value, b.value];
}

function fault(): never {
  throw unfit();
}

/** Conversions between units of UCUM (https://ucum.org/ucum). https://hl7.org/fhir/R4/search.html#quantity */
import { createRequire } from 'node:module';
import type { LinearMap } from './linear.ts';

/** The code system of UCUM's units. */
export const ucumSystem = 'http://unitsofmeasure.org';

/** What of the library is used. */
interface Library {
  convertToBaseUnits(unit: string, value: number): InBaseUnits;
}

interface InBaseUnits {
  readonly status: string;
  readonly magnitude?: number;
  readonly fromUnitIsSpecial?: boolean;
  readonly unitToExp?: Readonly<Record<string, number>>;
}

/** A unit whose values x are `scale` × x + `offset` of the base units of its dimension. */
interface Unit {
  readonly dimension: string;
  readonly scale: number;
  readonly offset: number;
}

/** Longer codes are none: a client may send any text for one. */
const longest = 100;

/** With more units or pairs than this all are forgotten: clients may ask for any. */
const remembered = 5_000;

const units = new Map<string, Unit | null>();
const conversions = new Map<string, LinearMap | null>();
let loaded: Library | undefined;

/** The library, loaded when the first unit needs it. */
function library(): Library {
  loaded ??= load();
  return loaded;
}

function load(): Library {
  const { UcumLhcUtils } = createRequire(import.meta.url)('@lhncbc/ucum-lhc');
  return UcumLhcUtils.getInstance();
}

/**
 * How values in one unit become values in another; undefined where a code is none of UCUM's, where the units measure
 * different things, where one has no linear scale (pH, decibel), or where their ratio is beyond what doubles hold.
 */
export function conversion(from: string, to: string): LinearMap | undefined {
  if (from.length > longest || to.length > longest) return undefined;
  const found = known(conversions, `${from}\n${to}`, () => {
    const a = unitOf(from);
    const b = a === undefined ? undefined : unitOf(to);
    if (a === undefined || b === undefined || a.dimension !== b.dimension) return null;
    const factor = a.scale / b.scale;
    return isScale(factor) && isScale(1 / factor) ? { ...ratio(factor), ...shift(a, b) } : null;
  });
  return found ?? undefined;
}

function unitOf(code: string): Unit | undefined {
  return known(units, code, (own) => measured(own) ?? null) ?? undefined;
}

function known<V>(values: Map<string, V>, key: string, find: (key: string) => V): V {
  const found = values.get(key);
  if (found !== undefined) return found;
  if (values.size >= remembered) values.clear();
  // A copy: as a part of a long query it would keep all of that.
  const own = Buffer.from(key).toString();
  const value = find(own);
  values.set(own, value);
  return value;
}

/** International units: arbitrary ones, which convert into nothing but themselves with another prefix. */
const international = /\[[iI]U\]/g;
/** Stands for them, since the library converts no arbitrary unit: a base unit that hardly anything is measured in. */
const standIn = 'cd';

function measured(code: string): Unit | undefined {
  const own = code.replaceAll(international, standIn);
  const one = inBaseUnits(own, 1);
  if (one?.magnitude === undefined) return undefined;
  const dimension = `${own === code ? '' : 'IU '}${JSON.stringify(one.unitToExp)}`;
  if (one.fromUnitIsSpecial !== true) return unit(dimension, one.magnitude, 0);
  // By three points: two say what the line is, the third whether it is one.
  const [zero, thousand, million] = [0, 1e3, 1e6].map((value) => inBaseUnits(own, value)?.magnitude);
  if (zero === undefined || thousand === undefined || million === undefined) return undefined;
  const scale = (million - zero) / 1e6;
  const straight = Math.abs(thousand - zero - 1e3 * scale) <= 1e-6 * Math.abs(scale);
  return straight ? unit(dimension, scale, zero) : undefined;
}

function unit(dimension: string, scale: number, offset: number): Unit | undefined {
  return isScale(scale) && Number.isFinite(offset) ? { dimension, scale, offset } : undefined;
}

function isScale(factor: number): boolean {
  return factor > 0 && Number.isFinite(factor);
}

function inBaseUnits(code: string, value: number): InBaseUnits | undefined {
  // The library writes codes that it can't read to the console, and they come from resources.
  const { log } = console;
  console.log = () => undefined;
  try {
    const found = library().convertToBaseUnits(code, value);
    return found.status === 'succeeded' ? found : undefined;
  } catch {
    return undefined;
  } finally {
    console.log = log;
  }
}

/** A factor as a decimal, or as one to divide by: of 60 and of a sixtieth alike it is 60 that is exact. */
function ratio(factor: number): Pick<LinearMap, 'times' | 'over'> {
  const times = short(factor, 12, 4e-15);
  if (times !== undefined) return { times, over: '1' };
  const over = short(1 / factor, 12, 4e-15);
  return over === undefined ? { times: factor.toPrecision(15), over: '1' } : { times: '1', over };
}

/** What has to be added before the scale or after it, whichever is exact. */
function shift(a: Unit, b: Unit): Pick<LinearMap, 'before' | 'after'> {
  const offset = a.offset - b.offset;
  if (offset === 0) return { before: '0', after: '0' };
  const before = short(offset / a.scale, 8, 1e-11);
  if (before !== undefined) return { before, after: '0' };
  return { before: '0', after: short(offset / b.scale, 8, 1e-11) ?? (offset / b.scale).toPrecision(12) };
}

/** The number in so many digits, if it is that number but for the noise of a few additions and multiplications. */
function short(number: number, digits: number, noise: number): string | undefined {
  const text = number.toPrecision(digits);
  return Math.abs(Number(text) - number) <= Math.abs(number) * noise ? text : undefined;
}

/** What a set of numbers is like: quartiles, mean, standard deviation. https://hl7.org/fhir/R4/valueset-observation-statistics.html */

/** A number and how often it occurs. */
export interface Occurrence {
  readonly value: number;
  /** An integer above 0. */
  readonly count: number;
}

export interface Summary {
  readonly count: number;
  readonly min: number;
  /** Quartiles between values are interpolated linearly (type 7 of Hyndman and Fan, as R, NumPy and spreadsheets have it). */
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly max: number;
  readonly mean: number;
  /** Of a sample; absent for a single number. */
  readonly sd?: number;
}

/** Digits that a double holds for certain; beyond them are only errors of rounding. */
const digits = 15;

/** A summary of numbers in any order; undefined for none. */
export function summarise(occurrences: readonly Occurrence[]): Summary | undefined {
  const sorted = [...occurrences].sort((a, b) => a.value - b.value);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  let count = 0;
  let sum = 0;
  for (const { value, count: times } of sorted) {
    count += times;
    sum += value * times;
  }
  const mean = sum / count;
  let squares = 0;
  // In a second pass: what is reckoned while the mean still changes may come out below 0.
  for (const { value, count: times } of sorted) squares += (value - mean) ** 2 * times;
  return {
    count,
    min: first.value,
    q1: quantile(sorted, count, 0.25),
    median: quantile(sorted, count, 0.5),
    q3: quantile(sorted, count, 0.75),
    max: last.value,
    mean: rounded(mean),
    ...(count === 1 ? {} : { sd: rounded(Math.sqrt(squares / (count - 1))) }),
  };
}

function quantile(sorted: readonly Occurrence[], count: number, share: number): number {
  const place = (count - 1) * share;
  const low = valueAt(sorted, Math.floor(place));
  const high = valueAt(sorted, Math.ceil(place));
  return low === high ? low : rounded(low + (high - low) * (place - Math.floor(place)));
}

/** The number at a place from 0 on, were each written as often as it occurs. */
function valueAt(sorted: readonly Occurrence[], place: number): number {
  let before = 0;
  for (const { value, count } of sorted) {
    before += count;
    if (place < before) return value;
  }
  return Number.NaN;
}

function rounded(value: number): number {
  return Number(value.toPrecision(digits));
}

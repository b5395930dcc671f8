/** Lists of the numbers that stand for resources and parameters. https://hl7.org/fhir/R4/search.html */

/** Rising, each once. */
export function ordered(numbers: readonly number[]): readonly number[] {
  // An array of numbers alone is sorted without a function to compare them.
  const sorted = Float64Array.from(numbers).sort();
  return [...sorted.filter((number, place) => number !== sorted[place - 1])];
}

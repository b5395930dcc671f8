/** Lists of the numbers that stand for resources and parameters. https://hl7.org/fhir/R4/search.html */

/** Rising, each once. */
export function ordered(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

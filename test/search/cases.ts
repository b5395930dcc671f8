/** How many random searches are compared with `search/match.ts` in each run of the tests. https://hl7.org/fhir/R4/search.html */

/** Criteria and sorts, given to a store. */
export const criteriaCases = 8_000;
/** Query strings, given to a server. */
export const queryCases = 2_000;
/** What they must come to together. */
export const leastCases = 10_000;

/** Where the random numbers begin: the same in every run, `TEST_SEED=random` for others; `CASES_SEED=…` repeats what a failure named. */
export const firstSeed = Number(
  process.env.CASES_SEED ?? (process.env.TEST_SEED === 'random' ? Date.now() % 2 ** 31 : 20261122),
);

/** Counts of what came up, by kind. */
export type Tally<K extends string> = Record<K, number>;

/** The kinds that never came up. */
export function missed(tally: Tally<string>): readonly string[] {
  return Object.keys(tally).filter((kind) => tally[kind] === 0);
}

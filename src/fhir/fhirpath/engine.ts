/** The `fhirpath` package, for expressions that nothing of ours runs. https://hl7.org/fhirpath/ */
import { createRequire } from 'node:module';
import type * as FhirPath from 'fhirpath';

export interface Engine {
  readonly fhirpath: typeof FhirPath;
  readonly model: FhirPath.Model;
}

/** What the package computes with. */
interface Decimals {
  readonly set: (bounds: { readonly minE: number; readonly maxE: number }) => unknown;
}

/** Zeros of a number before or behind its digits: what has more is 0 or infinite. */
const mostDigits = 400;

let engine: Engine | undefined;

/** Loaded with the first expression that needs it: it takes 170 ms and 25 MB. */
export function loadEngine(): Engine {
  if (engine === undefined) {
    const require = createRequire(import.meta.url);
    engine = { fhirpath: require('fhirpath'), model: require('fhirpath/fhir-context/r4') };
    // In one step it would divide numbers of a thousand million digits.
    const decimals: Decimals = createRequire(require.resolve('fhirpath'))('decimal.js');
    decimals.set({ minE: -mostDigits, maxE: mostDigits });
  }
  return engine;
}

/** What every evaluation has. */
export const quietly = {
  resolveInternalTypes: false,
  // `trace()` would write the resource's contents to the console.
  traceFn: (): void => {},
} as const;

/**
 * Functions that can't be stopped once they run: a client could write a regular expression that takes years, or a text that is
 * put into another one at thousands of places.
 */
export const unstoppable: ReadonlySet<string> = new Set(['matches', 'matchesFull', 'replaceMatches', 'replace']);

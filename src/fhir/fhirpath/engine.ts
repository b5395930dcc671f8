/** The `fhirpath` package, for expressions that nothing of ours runs. https://hl7.org/fhirpath/ */
import { createRequire } from 'node:module';
import type * as FhirPath from 'fhirpath';

export interface Engine {
  readonly fhirpath: typeof FhirPath;
  readonly model: FhirPath.Model;
}

let engine: Engine | undefined;

/** Loaded with the first expression that needs it: it takes 170 ms and 25 MB. */
export function loadEngine(): Engine {
  if (engine === undefined) {
    const require = createRequire(import.meta.url);
    engine = { fhirpath: require('fhirpath'), model: require('fhirpath/fhir-context/r4') };
  }
  return engine;
}

/** What every evaluation has. */
export const quietly = {
  resolveInternalTypes: false,
  // `trace()` would write the resource's contents to the console.
  traceFn: (): void => {},
} as const;

/** Functions with regular expressions, which can't be stopped once they run: a client could write one that takes years. */
export const unstoppable: ReadonlySet<string> = new Set(['matches', 'matchesFull', 'replaceMatches']);

/** Whether an expression, as the package parses it, calls one of them. */
export function callsUnstoppable(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if ('type' in node && node.type === 'Functn' && 'text' in node && unstoppable.has(String(node.text))) return true;
  return 'children' in node && Array.isArray(node.children) && node.children.some(callsUnstoppable);
}

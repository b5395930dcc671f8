/** All functions that are compiled. https://hl7.org/fhirpath/N1/#functions */
import type { CompileCall } from '../code.ts';
import { UnknownFunction } from '../syntax.ts';
import { conversion } from './conversion.ts';
import { existence } from './existence.ts';
import { fhir } from './fhir.ts';
import { filtering } from './filtering.ts';
import { math } from './math.ts';
import { strings } from './strings.ts';

const functions: ReadonlyMap<string, CompileCall> = new Map(
  [existence, filtering, strings, math, conversion, fhir].flatMap((group) => Object.entries(group)),
);

/** How a function is compiled. Throws UnknownFunction for one that isn't known. */
export function functionOf(name: string): CompileCall {
  const found = functions.get(name);
  if (found === undefined) throw new UnknownFunction(name);
  return found;
}

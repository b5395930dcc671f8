import type { JsonObject } from '../../fhir/resource.ts';
import type { Compiling } from './compile.ts';
import type { Check } from './run.ts';
export function constraintChecks(_e: JsonObject, _b: JsonObject, _t: string, _c: Compiling): readonly Check[] {
  return [];
}

/** Which expressions are compiled, rather than left to a package. https://hl7.org/fhir/R4/fhirpath.html */
import type { Definitions } from '../../src/fhir/definitions/definitions.ts';
import { compileTree } from '../../src/fhir/fhirpath/compile.ts';
import { parseFhirpath } from '../../src/fhir/fhirpath/parse.ts';
import { shapesOf } from '../../src/fhir/fhirpath/shapes.ts';
import { UnknownFunction } from '../../src/fhir/fhirpath/syntax.ts';

/** Throws ExpressionFault for what isn't FHIRPath. */
export function isCompiled(expression: string, definitions: Definitions): boolean {
  try {
    compileTree(parseFhirpath(expression), shapesOf(definitions));
    return true;
  } catch (error) {
    if (error instanceof UnknownFunction) return false;
    throw error;
  }
}

/**
 * Checks values by a JSON schema. In the bundle the finished check of the configuration takes this module's place
 * (`build/bundle.ts`): to load Ajv and to have it make the check takes a tenth of a start. https://hl7.org/fhir/R4/http.html
 */
import { Ajv, type JSONSchemaType, type Options, type ValidateFunction } from 'ajv';

/** Texts are taken for numbers and booleans where these are wanted; all faults are told. */
export const checkOptions: Options = { coerceTypes: true, allErrors: true };

/** The check of a schema: whether values are right, which it changes to the types wanted. What is wrong is in its `errors`. */
export function checkOf<T>(schema: JSONSchemaType<T>): ValidateFunction<T> {
  return new Ajv(checkOptions).compile(schema);
}

/** Elements of terminology resources that may not be as R4 has them. https://hl7.org/fhir/R4/json.html */
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';

/** The objects of a list; none for anything else. */
export function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return isArray(value) ? value.filter(isObject) : [];
}

/** A string; '' for anything else. */
export function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

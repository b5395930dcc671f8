/** What a resource is in memory: parsed JSON that nobody changes. https://hl7.org/fhir/R4/json.html */

export type JsonValue = string | number | boolean | null | JsonObject | readonly JsonValue[];

export interface JsonObject {
  readonly [name: string]: JsonValue | undefined;
}

/** A parsed resource: a JSON object with a `resourceType`. */
export interface Resource extends JsonObject {
  readonly resourceType: string;
  readonly id?: string;
}

/** Whether a JSON value is an object (neither an array nor null). */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a JSON value is an array. */
export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Whether a JSON value is a resource: an object with a `resourceType` that is a string. */
export function isResource(value: JsonValue | undefined): value is Resource {
  return isObject(value) && typeof value.resourceType === 'string';
}

/** How the tables of invariants are written. https://hl7.org/fhir/R4/conformance-rules.html#constraints */
import type { JsonObject } from '../../../src/fhir/resource.ts';

/**
 * An invariant's key (with the type where keys are not unique: `inv-1 of Task`), a resource type, and what of a resource of that type
 * breaks it, and what keeps it.
 */
export type Row = readonly [rule: string, type: string, breaks: JsonObject, keeps: JsonObject];

export const ucum = 'http://unitsofmeasure.org';

/** A CodeableConcept of one coding. */
export function concept(system: string, code: string): JsonObject {
  return { coding: [{ system, code }] };
}

/** A CodeableConcept of but a text. */
export function text(value: string): JsonObject {
  return { text: value };
}

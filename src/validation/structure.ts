/** The checks that no request escapes: what R4's JSON allows a resource to look like. https://hl7.org/fhir/R4/json.html */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import type { Issue } from '../fhir/outcome.ts';
import { isResource, type JsonValue } from '../fhir/resource.ts';
import { atOnce } from '../fhir/steps.ts';
import { Place } from './place.ts';
import { CheckedTypes } from './types.ts';

const compiled = new WeakMap<Definitions, CheckedTypes>();

/**
 * Checks the structure of a resource and of those within it: known properties of the right JSON type, nothing empty, null
 * only beside `_name`, primitives in their format, one type of a choice. Cardinality, bindings and invariants are other
 * checks' business.
 *
 * `path` is what expressions begin with, e.g. `Bundle.entry[2].resource`; without it they begin with the resource's type.
 * Returns at most 50 issues of severity `error`, each with the FHIRPath of its element; none for a sound resource.
 */
export function checkStructure(value: JsonValue, definitions: Definitions, path?: string): readonly Issue[] {
  return atOnce(structureSteps(value, definitions, path));
}

/** The same in steps. */
export function* structureSteps(
  value: JsonValue,
  definitions: Definitions,
  path?: string,
): Generator<void, readonly Issue[]> {
  let types = compiled.get(definitions);
  if (types === undefined) {
    types = new CheckedTypes(definitions);
    compiled.set(definitions, types);
  }
  const known = isResource(value) && definitions.resourceTypes.has(value.resourceType);
  const place = new Place(path ?? (known ? value.resourceType : 'Resource'));
  const checked = types;
  yield* place.pieces.steps(() => checked.resource(value, place));
  return place.issues;
}

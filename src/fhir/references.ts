/** The references of a resource to resources of this server. https://hl7.org/fhir/R4/references.html#literal */
import type { Definitions } from './definitions/definitions.ts';
import { visitSteps } from './links.ts';
import { parseReference } from './reference.ts';
import type { Resource } from './resource.ts';
import { atOnce } from './steps.ts';

export interface LocalReference {
  /** FHIRPath, e.g. `Observation.subject.reference`. */
  readonly expression: string;
  readonly type: string;
  readonly id: string;
}

/**
 * Each literal reference that leads to this server (`baseUrl`), relative or absolute, versioned or not, in the order of
 * the text; in contained resources and extensions too. The types need not exist.
 */
export function localReferences(value: Resource, definitions: Definitions, baseUrl: string): readonly LocalReference[] {
  return atOnce(localReferenceSteps(value, definitions, baseUrl));
}

/** The same in steps. */
export function* localReferenceSteps(
  value: Resource,
  definitions: Definitions,
  baseUrl: string,
): Generator<void, readonly LocalReference[]> {
  const references: LocalReference[] = [];
  yield* visitSteps(value, definitions, (element, text, place) => {
    if (element !== 'reference') return;
    const parsed = parseReference(text, baseUrl);
    if (parsed.kind === 'local') references.push({ expression: place.expression(), type: parsed.type, id: parsed.id });
  });
  return references;
}

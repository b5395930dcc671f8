/** R4's own code systems, value sets and concept maps, as the build leaves them. https://hl7.org/fhir/R4/terminologies-systems.html */
import { ResourceLines } from '../fhir/definitions/resource-lines.ts';
import type { JsonObject } from '../fhir/resource.ts';

/** Types that R4 has resources of. */
type BuiltInType = 'CodeSystem' | 'ValueSet' | 'ConceptMap';

const lines = new ResourceLines<BuiltInType>('terminology.ndjson');

/** Whether a url is that of one of R4's resources. */
export function isBuiltIn(type: BuiltInType, url: string): boolean {
  return lines.has(type, url);
}

/** The urls of R4's resources of a type. */
export function builtInUrls(type: BuiltInType): readonly string[] {
  return lines.urls(type);
}

/** One of R4's resources, with what telling its codes needs; undefined for a url that isn't R4's. */
export function builtIn(type: BuiltInType, url: string): JsonObject | undefined {
  return lines.read(type, url);
}

/** R4's own structure definitions, as the build leaves them. https://hl7.org/fhir/R4/structuredefinition.html */
import type { JsonObject } from '../resource.ts';
import { ResourceLines } from './resource-lines.ts';

const lines = new ResourceLines<'StructureDefinition'>('structures.ndjson');

/**
 * One of R4's types, profiles or extensions, with its snapshot cut down to what tells valid resources: the texts of its constraints alone, and not the
 * constraints that every element has (`ele-1`) or every extension (`ext-1`); undefined for a url that isn't R4's.
 */
export function builtInStructure(url: string): JsonObject | undefined {
  return lines.read('StructureDefinition', url);
}

/** Finds the index entries of contained resources. https://hl7.org/fhir/R4/references.html#contained */
import { isArray, isResource, type JsonValue, type Resource } from '../../fhir/resource.ts';
import type { ContainedEntries, IndexEntry } from '../entry.ts';
import { type Extractor, entrySteps } from './extract.ts';

/** Whether a contained resource can be referred to, so that it is indexed. */
function isIndexed(value: JsonValue): value is Resource & { readonly id: string } {
  return isResource(value) && typeof value.id === 'string' && value.id !== '';
}

/**
 * The contained resources that have an id, each with its entries; of those with the same id the first. A reference between
 * them leads from one to the other. undefined where there is none.
 */
export function extractContained(resource: Resource, extract: Extractor): readonly ContainedEntries[] | undefined {
  const { contained } = resource;
  if (contained === undefined || !isArray(contained)) return undefined;
  const found = new Map<string, ContainedEntries>();
  for (const each of contained) {
    if (!isIndexed(each) || found.has(each.id)) continue;
    // Its siblings are where its own references to contained resources lead.
    const entries = extract({ ...each, contained });
    found.set(each.id, { type: each.resourceType, id: each.id, entries });
  }
  return found.size === 0 ? undefined : [...found.values()];
}

/** All that a resource is indexed by, in steps. */
export function* extractionSteps(
  resource: Resource,
  extract: Extractor,
): Generator<void, { readonly entries: readonly IndexEntry[]; readonly contained?: readonly ContainedEntries[] }> {
  const entries = yield* entrySteps(resource, extract);
  const { contained } = resource;
  if (contained === undefined || !isArray(contained)) return { entries };
  const found = new Map<string, ContainedEntries>();
  for (const each of contained) {
    if (!isIndexed(each) || found.has(each.id)) continue;
    const own = yield* entrySteps({ ...each, contained }, extract);
    found.set(each.id, { type: each.resourceType, id: each.id, entries: own });
    yield;
  }
  return found.size === 0 ? { entries } : { entries, contained: [...found.values()] };
}

/** All that a resource is indexed by: its own entries, and those of what it contains. */
export function extractAll(
  resource: Resource,
  extract: Extractor,
): { readonly entries: readonly IndexEntry[]; readonly contained?: readonly ContainedEntries[] } {
  const contained = extractContained(resource, extract);
  return { entries: extract(resource), ...(contained === undefined ? {} : { contained }) };
}

/** The type of resource a reference leads to, as far as the reference itself tells. https://hl7.org/fhir/R4/references.html */
import { parseReference } from '../../fhir/reference.ts';
import { isArray, isObject, isResource, type JsonValue, type Resource } from '../../fhir/resource.ts';

const typed = /\/([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[^/]+)?$/;

/**
 * The resource type behind a Reference: from its literal reference, the contained resource it names, or its `type`;
 * undefined if none of them says.
 */
export function typeReferred(reference: JsonValue, resource: Resource, baseUrl: string): string | undefined {
  if (!isObject(reference)) return undefined;
  const stated = typeof reference.type === 'string' ? reference.type : undefined;
  if (typeof reference.reference !== 'string') return stated;
  const parsed = parseReference(reference.reference, baseUrl);
  switch (parsed.kind) {
    case 'local':
      return parsed.type;
    case 'absolute':
      return typed.exec(parsed.url)?.[1] ?? stated;
    case 'fragment':
      return containedTypeOf(parsed.id, resource) ?? stated;
    case 'urn':
    case 'other':
      return stated;
  }
}

/** Types by id, of lists of contained resources: a resource may refer to each of thousands. */
const typesById = new WeakMap<readonly JsonValue[], ReadonlyMap<string, string>>();

/** The type of the contained resource of that id; undefined where there is none. */
export function containedTypeOf(id: string, { contained }: Resource): string | undefined {
  if (contained === undefined || !isArray(contained) || id === '') return undefined;
  const known = typesById.get(contained) ?? typesOf(contained);
  typesById.set(contained, known);
  return known.get(id);
}

function typesOf(contained: readonly JsonValue[]): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const each of contained) {
    if (!isResource(each)) continue;
    const { id, resourceType } = each;
    // Of several with one id the first is meant.
    if (typeof id === 'string' && !types.has(id)) types.set(id, resourceType);
  }
  return types;
}

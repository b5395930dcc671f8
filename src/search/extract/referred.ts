/** The type of resource a reference leads to, as far as the reference itself tells. https://hl7.org/fhir/R4/references.html */
import { parseReference } from '../../fhir/reference.ts';
import { isArray, isObject, type JsonValue, type Resource } from '../../fhir/resource.ts';

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
    case 'fragment': {
      const contained = isArray(resource.contained) ? resource.contained : [];
      const found = contained.filter(isObject).find(({ id }) => id === parsed.id);
      return typeof found?.resourceType === 'string' ? found.resourceType : stated;
    }
    case 'urn':
    case 'other':
      return stated;
  }
}

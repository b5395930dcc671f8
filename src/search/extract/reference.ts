/** Index values of reference parameters. https://hl7.org/fhir/R4/search.html#reference */
import { parseReference } from '../../fhir/reference.ts';
import { isObject, isResource, type Resource } from '../../fhir/resource.ts';
import { containedType } from '../contained.ts';
import type { IndexValue } from '../entry.ts';
import type { Converter } from './converter.ts';
import { containedTypeOf } from './referred.ts';

/** The version at the end of a reference to another server's resource: a search doesn't name it. */
const version = /\/_history\/[^/]+$/;

/**
 * The converter of a data type, undefined for types that are no references. `targets`: the types the parameter may lead
 * to, for resources inside others (`Bundle.entry[0].resource`).
 */
export function referenceConverter(type: string, targets: readonly string[], baseUrl: string): Converter | undefined {
  switch (type) {
    case 'Reference':
      return (value, out, resource) => {
        if (!isObject(value)) return;
        if (typeof value.reference === 'string') addLiteral(value.reference, baseUrl, out, resource);
        const { identifier } = value;
        if (!isObject(identifier) || typeof identifier.value !== 'string') return;
        const system = typeof identifier.system === 'string' ? identifier.system : '';
        out.push({ kind: 'identifier', system, value: identifier.value });
      };
    case 'canonical':
    case 'uri':
    case 'url':
    case 'oid':
    case 'uuid':
      return (value, out, resource) => {
        if (typeof value !== 'string' || value === '') return;
        const { kind } = parseReference(value, baseUrl);
        if (kind !== 'fragment') out.push({ kind: 'uri', value });
        if (kind === 'local' || kind === 'fragment') addLiteral(value, baseUrl, out, resource);
      };
    case 'Resource':
      return (value, out) => {
        if (!isResource(value) || typeof value.id !== 'string' || !targets.includes(value.resourceType)) return;
        out.push({ kind: 'reference', type: value.resourceType, id: value.id, version: '' });
      };
    default:
      return undefined;
  }
}

/** A conditional reference, a malformed one, and one to a contained resource that isn't there have no value. */
function addLiteral(text: string, baseUrl: string, out: IndexValue[], resource: Resource): void {
  const parsed = parseReference(text, baseUrl);
  switch (parsed.kind) {
    case 'local':
      out.push({ kind: 'reference', type: parsed.type, id: parsed.id, version: parsed.version ?? '' });
      return;
    case 'absolute':
      out.push({ kind: 'uri', value: parsed.url.replace(version, '') });
      return;
    case 'urn':
      out.push({ kind: 'uri', value: parsed.urn });
      return;
    case 'fragment': {
      const type = containedTypeOf(parsed.id, resource);
      if (type !== undefined) out.push({ kind: 'reference', type: containedType(type), id: parsed.id, version: '' });
      return;
    }
    case 'other':
      return;
  }
}

/** Index values of reference parameters. https://hl7.org/fhir/R4/search.html#reference */
import { parseReference } from '../../fhir/reference.ts';
import { isObject, isResource } from '../../fhir/resource.ts';
import type { IndexValue } from '../entry.ts';
import type { Converter } from './converter.ts';

/** The version at the end of a reference to another server's resource: a search doesn't name it. */
const version = /\/_history\/[^/]+$/;

/**
 * The converter of a data type, undefined for types that are no references. `targets`: the types the parameter may lead
 * to, for resources inside others (`Bundle.entry[0].resource`).
 */
export function referenceConverter(type: string, targets: readonly string[], baseUrl: string): Converter | undefined {
  switch (type) {
    case 'Reference':
      return (value, out) => {
        if (!isObject(value)) return;
        if (typeof value.reference === 'string') addLiteral(value.reference, baseUrl, out);
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
      return (value, out) => {
        if (typeof value !== 'string' || value === '' || value.startsWith('#')) return;
        out.push({ kind: 'uri', value });
        const parsed = parseReference(value, baseUrl);
        if (parsed.kind === 'local') addLiteral(value, baseUrl, out);
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

/** A contained resource, a conditional reference and a malformed one have no value of their own. */
function addLiteral(text: string, baseUrl: string, out: IndexValue[]): void {
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
    case 'fragment':
    case 'other':
      return;
  }
}

/** Index values of uri parameters. https://hl7.org/fhir/R4/search.html#uri */
import type { Converter } from './converter.ts';

/** The converter of a data type, undefined for types that have no uris. */
export function uriConverter(type: string): Converter | undefined {
  switch (type) {
    case 'uri':
    case 'url':
    case 'canonical':
    case 'oid':
    case 'uuid':
      return (value, out) => {
        if (typeof value === 'string' && value !== '') out.push({ kind: 'uri', value });
      };
    default:
      return undefined;
  }
}

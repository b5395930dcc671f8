/** Values of uri parameters. https://hl7.org/fhir/R4/search.html#uri */
import type { UriTest } from '../criteria.ts';
import { unescaped } from '../parse/value.ts';
import type { Lowerable } from './context.ts';

/** A test of a uri parameter's values: the whole uri; for canonicals also any of its versions, unless one is named. */
export function lowerUri(value: string, parameter: Lowerable): UriTest {
  return uriTest(unescaped(value), parameter.values.types.includes('canonical'));
}

/** A test for a uri, or for a canonical with or without its version. */
export function uriTest(value: string, canonical: boolean): UriTest {
  return { kind: 'uri', match: canonical && !value.includes('|') ? 'canonical' : 'exact', value };
}

/** Values of uri parameters. https://hl7.org/fhir/R4/search.html#uri */
import type { UriTest } from '../criteria.ts';
import { unescaped } from '../parse/value.ts';
import { badValue, type Lowerable, type LowerContext, refuse } from './context.ts';

/** The modifiers `:above` and `:below`. */
export type Direction = 'above' | 'below';

/** How many segments or parts of a version a value may have: `:above` tries each. */
const mostParts = 100;

/** A test of a uri parameter's values: the whole uri; for canonicals also any of its versions, unless one is named. */
export function lowerUri(value: string, parameter: Lowerable): UriTest {
  return uriTest(unescaped(value), parameter.values.types.includes('canonical'));
}

/**
 * Tests for the URLs below a URL or above it, itself included, by whole segments of the path; for canonicals by their
 * versions where one is named, else in any version. Throws 400 for a URN, which has no path.
 */
export function lowerUriTree(
  value: string,
  direction: Direction,
  parameter: Lowerable,
  context: LowerContext,
): readonly UriTest[] {
  const text = unescaped(value);
  if (/^urn:/i.test(text))
    throw badValue(context, value, `a URL: :${direction} goes by the path, which a URN does not have`);
  const canonical = parameter.values.types.includes('canonical');
  if (canonical && text.includes('|')) return versionTests(text, direction);
  if (direction === 'below') {
    const whole = uriTest(text, canonical);
    return text.endsWith('/') ? [beginning(text)] : [whole, beginning(`${text}/`)];
  }
  const places = [...text.matchAll(/\//g)].map(({ index }) => index);
  if (places.length > mostParts) throw refuse('too-costly', `${context.name}: more than ${mostParts} segments.`);
  // What ends in a slash lies above as well: `http://a/` above `http://a/b`.
  const above = places.flatMap((place) => [text.slice(0, place), text.slice(0, place + 1)]);
  return [...new Set([text, ...above])].filter((each) => each !== '').map((each) => uriTest(each, canonical));
}

/**
 * Tests for the canonicals of a URL whose version is the named one or below it (`1` is above `1.2`), or above it, which
 * the URL without a version is too. A canonical without a version stands for all versions.
 */
export function versionTests(text: string, direction: Direction): readonly UriTest[] {
  const [url = '', ...rest] = text.split('|');
  const version = rest.join('|');
  if (version === '') return [uriTest(url, direction === 'below')];
  if (direction === 'below') return [uriTest(text, false), beginning(`${text}.`)];
  const parts = version.split('.').slice(0, mostParts);
  const versions = parts.map((_, place) => parts.slice(0, place + 1).join('.'));
  const above = [url, ...versions.map((each) => `${url}|${each}`), text];
  return [...new Set(above)].map((each) => uriTest(each, false));
}

/** A test for a uri, or for a canonical with or without its version. */
export function uriTest(value: string, canonical: boolean): UriTest {
  return { kind: 'uri', match: canonical && !value.includes('|') ? 'canonical' : 'exact', value };
}

function beginning(value: string): UriTest {
  return { kind: 'uri', match: 'begins', value };
}

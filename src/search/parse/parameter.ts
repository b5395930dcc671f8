/** One parameter of a query, as it was written. https://hl7.org/fhir/R4/search.html#combining */
import { failure } from '../../fhir/outcome.ts';
import { type ParameterName, parseName } from './name.ts';
import { split } from './value.ts';

/** Its value is an expression, in which commas mean nothing. https://hl7.org/fhir/R4/search_filter.html */
export const filterParameter = '_filter';

export interface QueryParameter {
  readonly name: ParameterName;
  /** The value as it was sent, decoded but with its escapes. */
  readonly text: string;
  /** The alternatives between commas, escapes kept, without empty ones; a `_filter` is one as it stands. */
  readonly values: readonly string[];
}

/**
 * A decoded name and value of a query string or form as the parameter they write.
 * Throws 400 for a value with U+0000: no string of FHIR has it, and stores may take it for a string's end.
 */
export function parseParameter([name, text]: readonly [string, string]): QueryParameter {
  if (text.includes('\0')) {
    throw failure(400, 'value', `${name.slice(0, 80)}: a value can not have the character U+0000.`);
  }
  const written = parseName(name);
  const values = written.steps[0]?.code === filterParameter ? [text.trim()] : split(text, ',');
  return { name: written, text, values: values.filter((value) => value !== '') };
}

/**
 * The decoded names and values of a query string, which may begin with `?`, or of a form, in order.
 * https://url.spec.whatwg.org/#urlencoded-parsing
 * Throws 400 for escapes that are no UTF-8: what they become would be another text, which finds nothing and so decides what is created.
 */
export function parseQueryString(query: string): readonly (readonly [string, string])[] {
  if (query === '') return [];
  const pairs = [...new URLSearchParams(query)];
  if (pairs.some(([name, value]) => name.includes(replacement) || value.includes(replacement)) && !isDecodable(query)) {
    throw failure(400, 'value', 'The query has % escapes that are no UTF-8, in which e.g. ü is %C3%BC.');
  }
  return pairs;
}

/** What stands for bytes that are no UTF-8. */
const replacement = '\u{FFFD}';

/** Whether its escapes are UTF-8; a `%` alone stands for itself. */
function isDecodable(query: string): boolean {
  try {
    decodeURIComponent(query.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'));
    return true;
  } catch {
    return false;
  }
}

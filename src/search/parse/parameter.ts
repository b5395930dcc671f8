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

/** The decoded names and values of a query string, which may begin with `?`. */
export function parseQueryString(query: string): readonly (readonly [string, string])[] {
  return [...new URLSearchParams(query)];
}

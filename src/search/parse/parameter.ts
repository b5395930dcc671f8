/** One parameter of a query, as it was written. https://hl7.org/fhir/R4/search.html#combining */
import { type ParameterName, parseName } from './name.ts';
import { split } from './value.ts';

export interface QueryParameter {
  readonly name: ParameterName;
  /** The value as it was sent, decoded but with its escapes. */
  readonly text: string;
  /** The alternatives between commas, escapes kept, without empty ones. */
  readonly values: readonly string[];
}

/** A decoded name and value of a query string or form as the parameter they write. */
export function parseParameter([name, text]: readonly [string, string]): QueryParameter {
  return { name: parseName(name), text, values: split(text, ',').filter((value) => value !== '') };
}

/** The decoded names and values of a query string, which may begin with `?`. */
export function parseQueryString(query: string): readonly (readonly [string, string])[] {
  return [...new URLSearchParams(query)];
}

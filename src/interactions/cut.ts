/** `_summary` and `_elements`: parts of resources. https://hl7.org/fhir/R4/search.html#summary */
import { isExactObject, parseExact, writeExact } from '../fhir/exact-json.ts';
import { failure } from '../fhir/outcome.ts';
import { subset } from '../fhir/subset.ts';
import { parseElements } from '../search/result-parameters.ts';
import type { Context, QueryParameters } from './context.ts';

/** Which part of each resource is wanted. */
export type Cut = { readonly summary: 'true' | 'text' | 'data' } | { readonly elements: readonly string[] };

/**
 * The part that the parameters of a read or a history ask for; undefined: the whole. `types`: of the resources to cut.
 * Throws 400 for an unknown value or element, for both parameters together, and for one given twice.
 */
export function cutOf(
  { definitions }: Pick<Context, 'definitions'>,
  parameters: QueryParameters,
  types: Iterable<string>,
): Cut | undefined {
  const summary = single(parameters, '_summary');
  const elements = single(parameters, '_elements');
  if (summary !== undefined && summary !== 'false' && elements !== undefined) {
    throw failure(400, 'invalid', 'Use _summary or _elements, not both.');
  }
  if (elements !== undefined) {
    const names = elements
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    if (names.length > 0) return { elements: parseElements(names, [...types], definitions) };
  }
  if (summary === undefined || summary === 'false') return undefined;
  if (summary === 'true' || summary === 'text' || summary === 'data') return { summary };
  throw failure(400, 'value', '_summary must be true, text, data or false here (count is for searches).');
}

/** The bytes of the wanted part, tagged SUBSETTED. */
export function cut(context: Context, body: Uint8Array, wanted: Cut): Uint8Array {
  const resource = parseExact(body);
  if (!isExactObject(resource)) throw new Error('a stored resource is an object');
  return writeExact(subset(resource, context.definitions, wanted));
}

/** The value of a parameter that may be given once; undefined where it is absent or empty. */
export function single(parameters: QueryParameters, name: string): string | undefined {
  const values = parameters.filter(([given]) => given === name);
  if (values.length > 1) throw failure(400, 'invalid', `${name} may be given once.`);
  const value = values[0]?.[1];
  return value === '' ? undefined : value;
}

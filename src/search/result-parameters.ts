/** Parameters that shape the answer instead of choosing resources. https://hl7.org/fhir/R4/search.html#return */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import { refuse } from './lower/context.ts';
import { nearest } from './nearest.ts';

/** Result parameters that a query has at most once. */
export const singleParameters: ReadonlySet<string> = new Set([
  '_count',
  '_sort',
  '_total',
  '_summary',
  '_elements',
  '_contained',
  '_containedType',
  '_type',
  '_explain',
]);

/** All result parameters. */
export const resultParameters: ReadonlySet<string> = new Set([...singleParameters, '_include', '_revinclude']);

/** Parameters of R4 that are refused as such, not as unknown ones, and with what. */
export const unsupportedParameters: ReadonlyMap<string, string> = new Map([
  ['_text', '_text is not supported yet.'],
  ['_content', '_content is not supported yet.'],
  ['_query', '_query: this server has no named queries; write the search with parameters or _filter.'],
]);

/** Parameters of every interaction. https://hl7.org/fhir/R4/http.html#parameters */
export const generalParameters: ReadonlySet<string> = new Set(['_format', '_pretty']);

/** How many matches a page has, at most `max`. Throws 400 for what is no number. */
export function parseCount(value: string, max: number): number {
  if (!/^[0-9]{1,15}$/.test(value))
    throw refuse('value', `_count: "${value.slice(0, 80)}" is not a number of matches.`);
  return Math.min(Number(value), max);
}

/** Throws 400 for what isn't one of R4's words. */
export function parseTotal(value: string): 'none' | 'estimate' | 'accurate' {
  return oneOf('_total', value, ['none', 'estimate', 'accurate'] as const);
}

/** Throws 400 for what isn't one of R4's words. */
export function parseSummary(value: string): 'true' | 'text' | 'data' | 'count' | 'false' {
  return oneOf('_summary', value, ['true', 'text', 'data', 'count', 'false'] as const);
}

/** Throws 400 for what isn't true or false. */
export function parseFlag(name: string, value: string): boolean {
  return oneOf(name, value, ['true', 'false'] as const) === 'true';
}

/** Throws 400 for what isn't one of the words. */
export function oneOf<T extends string>(name: string, value: string, words: readonly T[]): T {
  const found = words.find((word) => word === value);
  if (found === undefined) throw refuse('value', `${name}: "${value.slice(0, 80)}" is not one of ${words.join(', ')}.`);
  return found;
}

/**
 * The elements of `_elements`: top-level names, or `Type.name`. Throws 400 for one that none of the types has.
 */
export function parseElements(
  values: readonly string[],
  types: readonly string[],
  definitions: Definitions,
): readonly string[] {
  for (const value of values) {
    const dot = value.indexOf('.');
    const of = dot < 0 ? types : [value.slice(0, dot)];
    const name = value.slice(dot + 1);
    const names = of.flatMap((type) => elementsOf(type, definitions));
    if (name === 'resourceType' || names.includes(name)) continue;
    const hint =
      names.length === 0 ? `there is no resource type ${of.join()}` : `nearest: ${nearest(name, names).join(', ')}`;
    throw refuse('value', `_elements: there is no element "${value.slice(0, 80)}"; ${hint}.`);
  }
  return values;
}

/** Property names and the names of choices: `valueQuantity` and `value`. */
function elementsOf(type: string, definitions: Definitions): readonly string[] {
  if (!definitions.resourceTypes.has(type)) return [];
  const elements = [...(definitions.type(type)?.elements.values() ?? [])];
  return elements.flatMap(({ name, choice }) => (choice === undefined ? [name] : [name, choice]));
}

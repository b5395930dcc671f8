/** References to resources of this server. https://hl7.org/fhir/R4/search.html#reference */
import type { Parameter, ReferenceTest } from '../../../search/criteria.ts';
import { referenceKey } from '../values.ts';
import { type Condition, type Context, impossible } from './condition.ts';
import type { Element } from './element.ts';

export function reference(tests: readonly ReferenceTest[]): Element {
  const keys = [...new Set(tests.map(({ type, id }) => referenceKey(type, id)))];
  const [only] = keys;
  return { anyOf: [{ r: keys.length === 1 ? only : { $in: keys } }], exact: true };
}

/** Criteria on references to resources of a type. */
export async function referring(
  parameter: Parameter,
  type: string,
  ids: readonly string[],
  context: Context,
): Promise<Condition> {
  if (ids.length === 0) return impossible;
  return context.compile({
    kind: 'value',
    parameter,
    anyOf: ids.map((id) => ({ kind: 'reference', type, id })),
  });
}

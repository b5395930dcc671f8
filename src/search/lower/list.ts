/** `_list`: the resources that a List refers to. https://hl7.org/fhir/R4/search.html#list */
import { isId } from '../../fhir/id.ts';
import type { Criterion } from '../criteria.ts';
import { unescaped } from '../parse/value.ts';
import type { ParameterRegistry } from '../registry.ts';
import { badValue, type LowerContext, refuse } from './context.ts';

/**
 * The criterion on what the items of any of the Lists refer to; a value is `id` or `List/id`. An unknown List has no items.
 * Throws 400 for functional lists (`$current-allergies`), which this server doesn't keep.
 */
export function lowerList(values: readonly string[], registry: ParameterRegistry, context: LowerContext): Criterion {
  const by = values.map((value) => {
    const id = unescaped(value).replace(/^List\//, '');
    if (id.startsWith('$'))
      throw refuse('not-supported', `${context.name}=${id.slice(0, 80)}: there are no functional lists here.`);
    if (!isId(id)) throw badValue(context, value, 'the id of a List');
    return id;
  });
  const item = registry.get('List', 'item');
  if (item === undefined) return { kind: 'or', of: [] };
  return { kind: 'referenced', parameter: item.parameter, by: [...new Set(by)] };
}

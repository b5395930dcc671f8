/** What doesn't pass. https://hl7.org/fhir/R4/search.html#modifiers */
import type { NotCriterion } from '../../../search/criteria.ts';
import { always, noneOf } from '../filter.ts';
import type { Condition, Context } from './condition.ts';

export async function not({ of }: NotCriterion, context: Context): Promise<Condition> {
  const { filter, exact, local } = await context.compile(of);
  // Of a filter that others pass too nothing follows for those that don't.
  return { filter: exact ? noneOf(filter) : always, exact, live: false, local: { kind: 'not', of: local } };
}

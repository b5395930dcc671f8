/** Criteria on logical ids. https://hl7.org/fhir/R4/search.html#id */
import { isContained } from '../../../search/contained.ts';
import type { IdCriterion } from '../../../search/criteria.ts';
import { type Condition, type Context, impossible } from './condition.ts';

export function id(criterion: IdCriterion, context: Context): Condition {
  // What is contained has no logical id.
  if (criterion.ids.length === 0 || isContained(context.type)) return impossible;
  return { filter: { _id: { $in: criterion.ids } }, exact: true, live: false, local: criterion };
}

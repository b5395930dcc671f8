/** Criteria on having no value. https://hl7.org/fhir/R4/search.html#missing */
import type { MissingCriterion } from '../../../search/criteria.ts';
import { type Condition, type Context, certain, impossible } from './condition.ts';

export function missing({ parameter, missing: none }: MissingCriterion, context: Context): Condition {
  const field = context.fieldOf(parameter);
  if (field === undefined) return none ? certain : impossible;
  if (!none) context.uses('present');
  return {
    filter: { present: none ? { $ne: field } : field },
    exact: true,
    live: !none,
    local: { kind: 'missing', parameter: { ...parameter, code: field }, missing: none },
  };
}

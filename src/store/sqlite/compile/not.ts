/** A criterion that must not hold, also for resources without a value. https://hl7.org/fhir/R4/search.html#modifiers */
import type { NotCriterion } from '../../../search/criteria.ts';
import { negated, never, raw } from '../sql.ts';
import { type Condition, type Context, impossible, type Subject } from './condition.ts';

export function not({ of }: NotCriterion, context: Context): Condition {
  const condition = context.compile(of);
  const test: Condition['test'] = (subject) => negated(condition.test(subject));
  return test(anyone) === never ? impossible : { test, opposite: condition, usesResource: condition.usesResource };
}

const anyone: Subject = { prefix: '', row: 'r', number: raw('r.rid') };

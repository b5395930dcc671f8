/** A criterion that must not hold, also for resources without a value. https://hl7.org/fhir/R4/search.html#modifiers */
import type { NotCriterion } from '../../../search/criteria.ts';
import { always, never, sql } from '../sql.ts';
import { type Condition, type Context, impossible } from './condition.ts';

export function not({ of }: NotCriterion, context: Context): Condition {
  const condition = context.compile(of);
  const test: Condition['test'] = (subject) => {
    const positive = condition.test(subject);
    if (positive === never) return always;
    return positive === always ? never : sql`NOT (${positive})`;
  };
  if (of.kind === 'and' && of.of.length === 0) return impossible;
  return { test, usesResource: condition.usesResource };
}

/** All of several criteria. https://hl7.org/fhir/R4/search.html#combining */
import type { AndCriterion } from '../../../search/criteria.ts';
import { both, type Condition, type Context, certain, impossible, isImpossible } from './condition.ts';

export async function and({ of }: AndCriterion, context: Context): Promise<Condition> {
  if (of.length === 0) return certain;
  const conditions: Condition[] = [];
  for (const part of of) {
    const condition = await context.compile(part);
    // What others would have to be looked at for isn't, where nothing passes anyway.
    if (isImpossible(condition)) return impossible;
    conditions.push(condition);
  }
  return both(conditions);
}

/** Any of several criteria. https://hl7.org/fhir/R4/search.html#combining */
import type { OrCriterion } from '../../../search/criteria.ts';
import { type Condition, type Context, either } from './condition.ts';

export async function or({ of }: OrCriterion, context: Context): Promise<Condition> {
  const conditions: Condition[] = [];
  for (const part of of) conditions.push(await context.compile(part));
  return either(conditions);
}

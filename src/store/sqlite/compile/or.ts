/** Any of several criteria. https://hl7.org/fhir/R4/search.html#combining */
import type { OrCriterion } from '../../../search/criteria.ts';
import { any } from '../sql.ts';
import { type Condition, type Context, impossible, isImpossible } from './condition.ts';
import { union } from './value.ts';

export function or({ of }: OrCriterion, context: Context): Condition {
  const conditions = of.map((part) => context.compile(part)).filter((condition) => !isImpossible(condition));
  const [first, second] = conditions;
  if (first === undefined) return impossible;
  if (second === undefined) return first;
  const test: Condition['test'] = (subject) => any(conditions.map((condition) => condition.test(subject)));
  const usesResource = conditions.some((condition) => condition.usesResource);
  const drives = conditions.flatMap(({ drive }) => drive ?? []);
  if (drives.length < conditions.length) return { test, usesResource };
  return { test, usesResource, drive: union(drives) };
}

/** All of several criteria. https://hl7.org/fhir/R4/search.html#combining */
import type { AndCriterion } from '../../../search/criteria.ts';
import { all, always } from '../sql.ts';
import { type Condition, type Context, finding, impossible, isImpossible } from './condition.ts';
import { conjuncts } from './conjuncts.ts';

export function and(criterion: AndCriterion, context: Context): Condition {
  const conditions = conjuncts(criterion).map((part) => context.compile(part));
  if (conditions.some(isImpossible)) return impossible;
  const [only] = conditions;
  if (only !== undefined && conditions.length === 1) return only;
  const drive = conditions
    .flatMap((condition) => condition.drive ?? [])
    .reduce<Condition['drive']>((best, each) => (best === undefined || each.rank < best.rank ? each : best), undefined);
  const test: Condition['test'] = (subject) =>
    conditions.length === 0 ? always : all(conditions.map((condition) => condition.test(subject)));
  const usesResource = conditions.some((condition) => condition.usesResource);
  if (drive === undefined) return { test, usesResource };
  return { test, usesResource, drive: finding(drive.rows, drive.rank, false) };
}

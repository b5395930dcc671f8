/** Criteria on `meta.lastUpdated`. https://hl7.org/fhir/R4/search.html#lastUpdated */
import { isContained } from '../../../search/contained.ts';
import type { ComparisonOperator, LastUpdatedCriterion } from '../../../search/criteria.ts';
import { allOf, always, anyOf } from '../filter.ts';
import type { Condition, Context } from './condition.ts';

/** The last instants that dates have. */
const furthest = 8.64e15;

export function lastUpdated(criterion: LastUpdatedCriterion, context: Context): Condition {
  // What is contained has that of the resource that it lies in.
  if (isContained(context.type)) return { filter: always, exact: false, live: false, local: criterion };
  context.uses('updated');
  const filter = anyOf(
    criterion.interval.map((all) =>
      allOf(all.map(({ operator, value }) => ({ updated: { [names[operator]]: whole(operator, value) } }))),
    ),
  );
  return { filter, exact: true, live: false, local: criterion };
}

const names: Readonly<Record<ComparisonOperator, string>> = { '<': '$lt', '<=': '$lte', '>': '$gt', '>=': '$gte' };

/** The instant in whole milliseconds that the same instants lie before or after. */
function whole(operator: ComparisonOperator, value: number): Date {
  const rounded = operator === '<' || operator === '>=' ? Math.ceil(value) : Math.floor(value);
  return new Date(Math.max(-furthest, Math.min(furthest, rounded)));
}

/** Criteria on logical ids. https://hl7.org/fhir/R4/search.html#id */
import type { IdCriterion } from '../../../search/criteria.ts';
import { isIn, raw, sql } from '../sql.ts';
import { type Condition, type Context, finding, impossible } from './condition.ts';

/** Criteria of these resources, by number. */
export function ofResources(numbers: readonly number[]): Condition {
  if (numbers.length === 0) return impossible;
  const list = JSON.stringify(numbers);
  return {
    test: ({ row }) => isIn(raw(`${row}.rid`), numbers),
    drive: finding(
      (prefix) =>
        prefix === ''
          ? sql`SELECT j.value AS rid FROM json_each(${list}) j`
          : sql`SELECT k.vid AS rid FROM json_each(${list}) j
              CROSS JOIN kept k INDEXED BY kept_by_resource ON k.rid = j.value`,
      0,
      true,
    ),
    usesResource: true,
  };
}

export function id({ ids }: IdCriterion, { lookUp, typeNumber }: Context): Condition {
  return ofResources(lookUp.resources(typeNumber, ids));
}

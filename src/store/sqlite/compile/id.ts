/** Criteria on logical ids. https://hl7.org/fhir/R4/search.html#id */
import type { IdCriterion } from '../../../search/criteria.ts';
import { isIn, raw, type Sql, sql } from '../sql.ts';
import { type Condition, type Context, finding, impossible, type Prefix, type Range } from './condition.ts';

/** Criteria of these resources, by number. */
export function ofResources(given: readonly number[]): Condition {
  const numbers = [...new Set(given)];
  const [only] = numbers;
  if (only === undefined) return impossible;
  const list = JSON.stringify(numbers);
  // Of a row that is looked up by its number SQLite knows that there is nothing to sort.
  const current =
    numbers.length === 1
      ? sql`SELECT o.rid AS rid FROM entity o WHERE o.rid = ${only}`
      : sql`SELECT j.value AS rid FROM json_each(${list}) j`;
  const rows = (prefix: Prefix): Sql =>
    prefix === ''
      ? current
      : sql`SELECT k.vid AS rid FROM json_each(${list}) j
          CROSS JOIN kept k INDEXED BY kept_by_resource ON k.rid = j.value`;
  const test = (row: string): Sql => isIn(raw(`${row}.rid`), numbers);
  // Read by their numbers they come in that order, so that a page doesn't look at all of them. They lead no walk by a stretch:
  // on its next page there may be too many to list (`has.ts`), and what reads them then has no stretches.
  const range: Range = { table: 'entity', index: 'number', where: test('r'), order: [], fixed: [] };
  return {
    test: ({ row }) => test(row),
    drive: { ...finding(rows, 0, true, true), byNumber: [range] },
    usesResource: true,
  };
}

export function id({ ids }: IdCriterion, { lookUp, typeNumber }: Context): Condition {
  return ofResources(lookUp.resources(typeNumber, ids));
}

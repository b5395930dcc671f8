/** Criteria on logical ids. https://hl7.org/fhir/R4/search.html#id */
import type { IdCriterion } from '../../../search/criteria.ts';
import { ordered } from '../numbered.ts';
import { isIn, raw, type Sql, sql } from '../sql.ts';
import {
  type Condition,
  type Context,
  finding,
  impossible,
  type Prefix,
  type Range,
  readsCurrent,
} from './condition.ts';

/**
 * Criteria of these resources, by number.
 * @param current whether it is what is current that is read, and all of them are.
 */
export function ofResources(given: readonly number[], current = false): Condition {
  const numbers = ordered(given);
  const [only] = numbers;
  if (only === undefined) return impossible;
  // Of a row that is looked up by its number SQLite knows that there is nothing to sort.
  const rows = (prefix: Prefix): Sql => {
    if (prefix === '' && numbers.length === 1) return sql`SELECT o.rid AS rid FROM entity o WHERE o.rid = ${only}`;
    const listed = sql`json_each(${JSON.stringify(numbers)}) j`;
    if (prefix === '') return sql`SELECT j.value AS rid FROM ${listed}`;
    return sql`SELECT k.vid AS rid FROM ${listed} CROSS JOIN kept k INDEXED BY kept_by_resource ON k.rid = j.value`;
  };
  const test = (row: string): Sql => isIn(raw(`${row}.rid`), numbers);
  // Read by their numbers they come in that order, so that a page doesn't look at all of them. They lead no walk by a stretch:
  // on its next page there may be too many to list (`has.ts`), and what reads them then has no stretches.
  const byNumber: readonly Range[] = [{ table: 'entity', index: 'number', where: test('r'), order: [], fixed: [] }];
  return {
    test: ({ row }) => test(row),
    drive: { ...finding(rows, 0, true, true), byNumber, live: current, ...(current && { numbers }) },
    usesResource: true,
  };
}

export function id({ ids }: IdCriterion, context: Context): Condition {
  const { lookUp, typeNumber } = context;
  if (readsCurrent(context)) return ofResources(lookUp.resources.live(typeNumber, ids), true);
  return ofResources(lookUp.resources.numbers(typeNumber, ids));
}

/** Criteria on being referred to by given resources. https://hl7.org/fhir/R4/search.html#include */
import type { ReferencedCriterion } from '../../../search/criteria.ts';
import { raw, sql } from '../sql.ts';
import { type Condition, type Context, impossible, readsCurrent } from './condition.ts';
import { ofResources } from './id.ts';

export function referenced({ parameter, by }: ReferencedCriterion, context: Context): Condition {
  const { lookUp, typeNumber, at } = context;
  const number = lookUp.parameter(parameter);
  const sourceType = lookUp.type(parameter.type);
  if (number === undefined || sourceType === undefined) return impossible;
  const sources = JSON.stringify(lookUp.resources.numbers(sourceType, by));
  const current = readsCurrent(context);
  const targets = new Set(
    context.numbers(sql`SELECT x.target FROM json_each(${sources}) j
      CROSS JOIN entity s ON s.rid = j.value AND s.vid <= ${at ?? Number.MAX_SAFE_INTEGER}
      CROSS JOIN reference x INDEXED BY reference_by_resource ON x.rid = s.rid AND x.param = ${number}
      CROSS JOIN entity t ON t.rid = x.target AND t.type = ${typeNumber}${raw(current ? ' AND t.state = 1' : '')}`),
  );
  if (at !== undefined) {
    const kept = context.numbers(sql`SELECT x.target FROM json_each(${sources}) j
      CROSS JOIN kept k INDEXED BY kept_by_resource ON k.rid = j.value AND k.vid <= ${at} AND k.replaced > ${at}
      CROSS JOIN kept_reference x INDEXED BY kept_reference_by_resource ON x.rid = k.vid AND x.param = ${number}
      CROSS JOIN entity t ON t.rid = x.target AND t.type = ${typeNumber}`);
    for (const target of kept) targets.add(target);
  }
  return ofResources([...targets], current);
}

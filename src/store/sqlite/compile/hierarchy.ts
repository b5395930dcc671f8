/** Criteria on references into a hierarchy of resources. https://hl7.org/fhir/R4/search.html#reference */
import type { HierarchyCriterion } from '../../../search/criteria.ts';
import { TooCostly } from '../../errors.ts';
import { raw, type Sql, sql, tick } from '../sql.ts';
import { type Condition, type Context, impossible, indexed, type Prefix } from './condition.ts';
import { referring } from './reference.ts';
import { conditionOf } from './value.ts';

/** How many resources of a hierarchy are looked at. */
const most = 10_000;

/** A step from resources `part` to the next, through the parameter `by`. `change`: the last one that counts. */
interface Way {
  readonly by: number;
  readonly type: number;
  readonly change: number;
}

export function hierarchy({ parameter, by, direction, from }: HierarchyCriterion, context: Context): Condition {
  const { lookUp, at } = context;
  const number = context.numberOf(parameter);
  const type = lookUp.type(by.type);
  if (number === undefined || type === undefined) return impossible;
  const start = from.flatMap((id) => lookUp.resources.number(type, id) ?? []);
  if (start.length === 0) return impossible;
  const leading = lookUp.parameter(by);
  const found = leading === undefined ? start : context.numbers(partsOf(start, leading, type, direction, at));
  if (found.length > most) {
    throw new TooCostly(
      `More than ${most} ${by.type} resources lie ${direction} what you ask for: ask for a part of them.`,
    );
  }
  const matcher = referring([...found].sort((a, b) => a - b));
  return matcher === undefined ? impossible : conditionOf(matcher, number, parameter, context);
}

/** A query for the numbers of resources and of what lies above or below them. */
function partsOf(
  start: readonly number[],
  by: number,
  type: number,
  direction: HierarchyCriterion['direction'],
  at: number | undefined,
): Sql {
  const way: Way = { by, type, change: at ?? Number.MAX_SAFE_INTEGER };
  const step = direction === 'below' ? down : up;
  // A walk sees the hierarchy of its beginning, which is that of replaced versions too.
  const kept = at === undefined ? raw('') : sql`UNION ${step('kept_', way)}`;
  // What was found already isn't added again, so that circles end.
  return sql`WITH RECURSIVE part (num) AS (
      SELECT value FROM json_each(${JSON.stringify(start)}) UNION ${step('', way)} ${kept})
    SELECT num FROM part LIMIT ${most + 1}`;
}

/** What leads to a part of the hierarchy. */
function down(prefix: Prefix, { by, change }: Way): Sql {
  const rows = raw(indexed(prefix, 'reference', undefined, 'x'));
  const lead = sql`x.param = ${by} AND x.target = part.num AND ${tick(raw('x.rid'))}`;
  if (prefix === '') {
    return sql`SELECT s.rid FROM part CROSS JOIN ${rows} ON ${lead}
      CROSS JOIN entity s ON s.rid = x.rid AND s.vid <= ${change}`;
  }
  return sql`SELECT k.rid FROM part CROSS JOIN ${rows} ON ${lead}
    CROSS JOIN kept k ON k.vid = x.rid AND k.vid <= ${change} AND k.replaced > ${change}`;
}

/** What a part of the hierarchy leads to. */
function up(prefix: Prefix, { by, type, change }: Way): Sql {
  const rows = raw(indexed(prefix, 'reference', 'by_resource', 'x'));
  const target = sql`CROSS JOIN entity t ON t.rid = x.target AND t.type = ${type} AND ${tick(raw('t.rid'))}`;
  if (prefix === '') {
    return sql`SELECT x.target FROM part CROSS JOIN entity s ON s.rid = part.num AND s.vid <= ${change}
      CROSS JOIN ${rows} ON x.rid = s.rid AND x.param = ${by} ${target}`;
  }
  return sql`SELECT x.target FROM part
    CROSS JOIN kept k INDEXED BY kept_by_resource ON k.rid = part.num AND k.vid <= ${change} AND k.replaced > ${change}
    CROSS JOIN ${rows} ON x.rid = k.vid AND x.param = ${by} ${target}`;
}

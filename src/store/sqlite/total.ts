/** Counts matches. https://hl7.org/fhir/R4/search.html#total */
import { type Condition, isImpossible } from './compile/condition.ts';
import { collected, countsByIndex, type Frame, frameOf, type Walk } from './frame.ts';
import type { Probes } from './probe.ts';
import { all, always, filters, join, never, raw, type Sql, sql } from './sql.ts';
import type { Statements } from './statements.ts';

/** What counting needs of a search on one type. */
export interface Counted {
  readonly walk: Walk;
  readonly conditions: readonly Condition[];
}

/** The current matches, at most `bound`. */
export function countMatches(
  { walk, conditions }: Counted,
  bound: number,
  statements: Statements,
  probes: Probes,
): number {
  if (conditions.some(isImpossible)) return 0;
  if (conditions.length === 0) {
    const live = statements.get(sql`SELECT live FROM type WHERE num = ${walk.type}`)?.[0];
    return Math.min(Number(live ?? 0), bound);
  }
  const { rows, once } = matchedRows({ walk, conditions }, probes);
  const limited = Number.isFinite(bound) ? sql` LIMIT ${bound}` : raw('');
  const query = once
    ? sql`SELECT count(*) FROM (${rows}${limited})`
    : sql`SELECT count(*) FROM (SELECT DISTINCT rid FROM (${rows})${limited})`;
  return Number(statements.get(query)?.[0]);
}

/** The numbers of current matches, as `rid`; `once`: none comes twice. */
export function matchedRows(
  { walk, conditions }: Counted,
  probes: Probes,
): { readonly rows: Sql; readonly once: boolean } {
  const drivable = conditions.filter(({ drive }) => drive !== undefined);
  const place = drivable.length === 1 && conditions.length === 1 ? 0 : probes.choose(conditions).place;
  const leading = place === undefined ? undefined : conditions[place];
  const others = conditions.filter((condition) => condition !== leading);
  const rows = leading === undefined ? [] : indexRows(leading, others, walk);
  const frames = rows.length > 0 ? rows : [collected(leading ?? everything, 'current', walk)];
  const counted = frames.map((frame) => {
    const tests = others.map((condition) => condition.test(frame.subject));
    return sql`SELECT ${frame.rid} AS rid FROM ${frame.from} WHERE ${all([frame.where, filters(tests)])}`;
  });
  const once = rows.length === 0 || leading?.drive?.unique === true;
  return { rows: join(counted, ' UNION ALL '), once };
}

/** The rows of the leading criterion's index, without its resources where nothing else is asked of them. */
function indexRows(leading: Condition, others: readonly Condition[], walk: Walk): readonly Frame[] {
  const { drive } = leading;
  if (drive === undefined || !drive.exact || drive.ranges.length === 0) return [];
  const bare = countsByIndex(drive, others);
  return drive.ranges.filter(({ where }) => where !== never).map((range) => frameOf(range, 'current', walk, bare));
}

const everything: Condition = { test: () => always, usesResource: false };

/** Counts matches. https://hl7.org/fhir/R4/search.html#total */
import { type Condition, indexed, isImpossible, type Range } from './compile/condition.ts';
import { collected, countsByIndex, type Frame, frameOf, type Walk } from './frame.ts';
import { keyValue } from './hits.ts';
import { beyond, type Key, type OrderColumn, orderBy } from './keyset.ts';
import type { Probes } from './probe.ts';
import { all, always, eachRow, filters, join, never, raw, type Sql, sql } from './sql.ts';
import type { Statements } from './statements.ts';

/** What counting needs of a search on one type. */
export interface Counted {
  readonly walk: Walk;
  readonly conditions: readonly Condition[];
}

/** The current matches, at most `bound`. `slice`: rows that are counted at once. */
export function countMatches(
  { walk, conditions }: Counted,
  bound: number,
  { statements, probes, slice }: { readonly statements: Statements; readonly probes: Probes; readonly slice: number },
): number {
  if (conditions.some(isImpossible)) return 0;
  if (conditions.length === 0) {
    const live = statements.get(sql`SELECT live FROM type WHERE num = ${walk.type}`)?.[0];
    return Math.min(Number(live ?? 0), bound);
  }
  const ranges = countable(conditions);
  if (ranges !== undefined) return countRows(ranges, bound, statements, slice);
  const { rows, once } = matchedRows({ walk, conditions }, probes);
  const limited = Number.isFinite(bound) ? sql` LIMIT ${bound}` : raw('');
  const query = once
    ? sql`SELECT count(*) FROM (${rows}${limited})`
    : sql`SELECT count(*) FROM (SELECT DISTINCT rid FROM (${rows})${limited})`;
  return Number(statements.get(query)?.[0]);
}

/** The stretches of which each row is a match, where it is known that there are such. */
function countable(conditions: readonly Condition[]): readonly Range[] | undefined {
  const [only] = conditions;
  const drive = conditions.length === 1 ? only?.drive : undefined;
  return drive?.unique && countsByIndex(drive, []) ? drive.ranges : undefined;
}

/**
 * The rows of stretches, at most `bound`. SQLite counts twice as fast where it needn't look at each row's number, so
 * that nothing but the rows is asked for: the key of each slice's last row, and how many come after the last such key.
 */
function countRows(ranges: readonly Range[], bound: number, statements: Statements, slice: number): number {
  let counted = 0;
  for (const range of ranges) {
    if (range.where === never || range.table === 'entity') continue;
    const from = raw(indexed('', range.table, range.index, 'd'));
    const columns = [...range.order.slice(range.fixed.length), 'rid'].map((name): OrderColumn => {
      return { value: raw(`d.${name}`), descending: false, nullable: false };
    });
    const values = join(
      columns.map(({ value }) => value),
      ', ',
    );
    for (let after: Key | undefined; ; ) {
      const where = all([range.where, after === undefined ? always : beyond(columns, after, false)]);
      if (bound - counted <= slice) {
        const limited = sql`SELECT 1 FROM ${from} WHERE ${eachRow} ${where} LIMIT ${bound - counted}`;
        counted += firstNumber(statements, sql`SELECT count(*), tick() FROM (${limited})`);
        break;
      }
      const order = orderBy(columns, false);
      const [last] = statements.all(
        sql`SELECT ${values}, tick() FROM ${from} WHERE ${eachRow} ${where} ORDER BY ${order} LIMIT 1 OFFSET ${slice - 1}`,
      );
      if (last === undefined) {
        counted += firstNumber(statements, sql`SELECT count(*), tick() FROM ${from} WHERE ${eachRow} ${where}`);
        break;
      }
      counted += slice;
      after = last.slice(0, columns.length).map(keyValue);
    }
    if (counted >= bound) return bound;
  }
  return counted;
}

function firstNumber(statements: Statements, query: Sql): number {
  return Number(statements.all(query)[0]?.[0]);
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

/** Counts matches. https://hl7.org/fhir/R4/search.html#total */
import { type Condition, type Drive, isImpossible } from './compile/condition.ts';
import { type Counting, countRows } from './count-rows.ts';
import { resourcesOfCode } from './counted.ts';
import { collected, countsByIndex, type Frame, foundAlone, frameOf, gatheringDrive, type Walk } from './frame.ts';
import type { Probes } from './probe.ts';
import { all, always, filters, join, negated, never, raw, type Sql, sql } from './sql.ts';
import type { Statements } from './statements.ts';

/** What counting needs of a search on one type. */
export interface Counted {
  readonly walk: Walk;
  readonly conditions: readonly Condition[];
}

/** The current matches, at most `bound`. */
export function countMatches({ walk, conditions }: Counted, bound: number, counting: Counting): number {
  const { statements, probes } = counting;
  if (conditions.some(isImpossible)) return 0;
  const live = Number(statements.get(sql`SELECT live FROM type WHERE num = ${walk.type}`)?.[0] ?? 0);
  if (conditions.length === 0) return Math.min(live, bound);
  const countable = countableDrive(conditions);
  if (countable !== undefined) return countRows(countable, bound, live, counting);
  const ofOneCode = countByCode(conditions, statements);
  if (ofOneCode !== undefined) return Math.min(ofOneCode, bound);
  const opposite = conditions.length === 1 ? conditions[0]?.opposite : undefined;
  if (opposite !== undefined && isQuicklyCounted(opposite, counting)) {
    const others = countMatches({ walk, conditions: [opposite] }, Number.POSITIVE_INFINITY, counting);
    return Math.min(live - others, bound);
  }
  const limited = Number.isFinite(bound) ? sql` LIMIT ${bound}` : raw('');
  const each = conditions.length === 1 ? conditions[0]?.all : undefined;
  if (each !== undefined && probes.count(each.read, each.most) < each.most)
    return statements.number(sql`SELECT count(*) FROM (${each.rows}${limited})`);
  const gathering = gatheringDrive(conditions, walk);
  const gathered = gathering && probes.all(gathering);
  if (gathered !== undefined) return Math.min(gathered.length, bound);
  const drive = conditions.length === 1 ? conditions[0]?.drive : undefined;
  const known = drive?.unique && foundAlone(drive, [], walk) ? probes.exactly(drive) : undefined;
  if (known !== undefined) return Math.min(known, bound);
  const left = byWhatIsLeft({ walk, conditions }, bound, counting);
  if (left !== undefined) return left;
  const many = conditions.length > 1 && bound > live && live > counting.unwatched();
  // Each of very many is tested.
  if (many && probes.choose(conditions).hits === Number.POSITIVE_INFINITY) counting.passOn();
  const { rows, once } = matchedRows({ walk, conditions }, probes);
  const query = once
    ? sql`SELECT count(*) FROM (${rows}${limited})`
    : sql`SELECT count(*) FROM (SELECT DISTINCT rid FROM (${rows})${limited})`;
  return Number(statements.get(query)?.[0]);
}

/** Whether counting what passes, each resource once, costs less than to look for as many resources that don't as are counted. */
function isQuicklyCounted(condition: Condition, { statements, probes, few }: Counting): boolean {
  if (isImpossible(condition) || countByCode([condition], statements) !== undefined) return true;
  if (countableDrive([condition])?.ranges.every(({ bounded }) => bounded === true)) return true;
  const { drive } = condition;
  return drive?.exact === true && probes.count(drive, few) < few;
}

/**
 * Of criteria that all find many, one that hardly any resource fails to pass (a usual status): what the others find, but for the
 * resources that don't pass it. undefined where there is no such criterion.
 */
function byWhatIsLeft({ walk, conditions }: Counted, bound: number, counting: Counting): number | undefined {
  const { statements, probes, few } = counting;
  const fewOthers = Math.floor(few / 4);
  if (conditions.length < 2 || probes.choose(conditions).hits < few) return undefined;
  for (const usual of conditions) {
    const drive = usual.others?.();
    if (drive === undefined || probes.count(drive, fewOthers) === fewOthers) continue;
    // That may have been some seconds ago.
    const others = sql`SELECT count(*) FROM (SELECT 1 FROM (${drive.rows('')}) LIMIT ${fewOthers})`;
    if (statements.number(others) === fewOthers) continue;
    const rest = conditions.filter((condition) => condition !== usual);
    const most = bound + fewOthers;
    const found = countMatches({ walk, conditions: rest }, most, counting);
    if (found === most) return bound;
    const fails: Condition = { test: (subject) => negated(usual.test(subject)), usesResource: usual.usesResource };
    const frame = collected({ ...fails, drive: { ...drive, exact: false } }, 'current', walk);
    const tests = rest.map((condition) => condition.test(frame.subject));
    const from = sql`FROM ${frame.from} WHERE ${all([frame.where, filters(tests)])}`;
    return Math.min(bound, found - statements.number(sql`SELECT count(*) ${from}`));
  }
  return undefined;
}

/** The drive of which each row of an index is a match, where there is such a one. */
function countableDrive(conditions: readonly Condition[]): Drive | undefined {
  const drive = conditions.length === 1 ? conditions[0]?.drive : undefined;
  return drive?.unique && countsByIndex(drive, []) ? drive : undefined;
}

/**
 * What has any of some codes, where a resource may have several, but nothing has more than one of these. undefined where that
 * isn't known.
 */
function countByCode(conditions: readonly Condition[], statements: Statements): number | undefined {
  const drive = conditions.length === 1 ? conditions[0]?.drive : undefined;
  return drive && countsByIndex(drive, []) ? resourcesOfCode(drive.ranges, statements) : undefined;
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
  const bare = foundAlone(leading?.drive, others, walk);
  const frames = rows.length > 0 ? rows : [collected(leading ?? everything, 'current', walk, bare)];
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

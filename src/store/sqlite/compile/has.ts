/** Reverse chains: a resource that passes a criterion refers to the tested one. https://hl7.org/fhir/R4/search.html#has */
import { namedBy } from '../../../search/canonical-target.ts';
import { isContained } from '../../../search/contained.ts';
import type { HasCriterion } from '../../../search/criteria.ts';
import { any, raw, sql, tick } from '../sql.ts';
import { canonicalsIn, passingCanonicals } from './canonical.ts';
import {
  type AllThatPass,
  type Condition,
  type Context,
  impossible,
  indexed,
  isImpossible,
  readsCurrent,
  type Subject,
} from './condition.ts';
import { ofResources } from './id.ts';
import { either } from './or.ts';
import { type Passing, passing } from './passing.ts';

export function has({ parameter, canonical, of }: HasCriterion, context: Context): Condition {
  const number = context.lookUp.parameter(parameter);
  const there = context.on(parameter.type);
  if (number === undefined || there === undefined) return impossible;
  const condition = there.compile(of);
  if (isImpossible(condition)) return impossible;
  const found = passing(condition, there, context.most);
  const referred =
    found === undefined
      ? tested(condition, number, there, context)
      : ofResources(referredBy(found, number, context), readsCurrent(context));
  // What is contained has no URL of its own.
  if (canonical === undefined || isContained(context.type)) return referred;
  const canonicals = canonicalsIn(found ?? passingCanonicals(condition, there), parameter, there);
  return either([referred, context.compile(namedBy(canonicals, canonical))]);
}

/** The resources of the searched type that those which passed refer to. */
function referredBy({ current, kept }: Passing, parameter: number, context: Context): readonly number[] {
  const { typeNumber, numbers } = context;
  const isCurrent = raw(readsCurrent(context) ? ' AND t.state = 1' : '');
  const targets = (prefix: '' | 'kept_', owners: readonly number[]): readonly number[] =>
    numbers(sql`SELECT t.rid FROM (SELECT DISTINCT x.target AS target FROM json_each(${JSON.stringify(owners)}) j
        CROSS JOIN ${raw(indexed(prefix, 'reference', 'by_resource', 'x'))} ON x.rid = j.value AND x.param = ${parameter}) u
      CROSS JOIN entity t ON t.rid = u.target AND t.type = ${typeNumber}${isCurrent}`);
  const found = targets('', current);
  return kept.length === 0 ? found : [...new Set([...found, ...targets('kept_', kept)])];
}

/** Too many refer to list them: those that refer to the tested resource are. */
function tested(condition: Condition, parameter: number, there: Context, here: Context): Condition {
  const { alias: row, at } = there;
  const all = allReferred(condition, parameter, there, here);
  const rid = raw(`${row}.rid`);
  const vid = raw(`${row}.vid`);
  // Only live resources have rows in the index, so those that refer needn't be read themselves. Tests call their rows x.
  const by = `${row}x`;
  const bare = (subject: Subject) =>
    sql`EXISTS (SELECT 1 FROM ${raw(indexed('', 'reference', undefined, by))}
      WHERE ${raw(`${by}.param`)} = ${parameter} AND ${raw(`${by}.target`)} = ${raw(`${subject.row}.rid`)}
      AND ${tick(raw(`${by}.rid`))} AND ${condition.test({ prefix: '', number: raw(`${by}.rid`), row })})`;
  const current = (subject: Subject) =>
    sql`EXISTS (SELECT 1 FROM ${raw(indexed('', 'reference', undefined, 'x'))}
      CROSS JOIN ${raw(`entity ${row}`)} ON ${rid} = x.rid
      WHERE x.param = ${parameter} AND x.target = ${raw(`${subject.row}.rid`)} AND ${tick(raw('x.rid'))}
      AND ${vid} <= ${at ?? Number.MAX_SAFE_INTEGER} AND ${condition.test({ prefix: '', number: rid, row })})`;
  const kept = (subject: Subject) =>
    sql`EXISTS (SELECT 1 FROM ${raw(indexed('kept_', 'reference', undefined, 'x'))}
      CROSS JOIN ${raw(`kept ${row}`)} ON ${vid} = x.rid
      WHERE x.param = ${parameter} AND x.target = ${raw(`${subject.row}.rid`)} AND ${tick(raw('x.rid'))}
      AND ${vid} <= ${at ?? 0} AND ${raw(`${row}.replaced`)} > ${at ?? 0}
      AND ${condition.test({ prefix: 'kept_', number: vid, row })})`;
  const now = condition.usesResource ? current : bare;
  return {
    test: (subject) => (at === undefined ? now(subject) : any([current(subject), kept(subject)])),
    ...(all === undefined ? {} : { all }),
    usesResource: true,
  };
}

/**
 * Those that are referred to, by way of those that refer. Of n that refer to one resource m pass: a test looks at about n / m
 * of them, this way at m, each of which takes four times as long. So it costs less up to half the root of n.
 */
function allReferred(
  { drive }: Condition,
  parameter: number,
  there: Context,
  { typeNumber, numbers }: Context,
): AllThatPass | undefined {
  if (drive === undefined || !drive.exact || there.at !== undefined) return undefined;
  const referred = sql`SELECT DISTINCT x.target AS target FROM (${drive.rows('')}) o
    CROSS JOIN ${raw(indexed('', 'reference', 'by_resource', 'x'))} ON x.rid = o.rid AND x.param = ${parameter}`;
  const rows = sql`SELECT t.rid AS rid FROM (${referred}) u
    CROSS JOIN entity t ON t.rid = u.target AND t.type = ${typeNumber} AND t.state = 1`;
  const live = (type: number): number => numbers(sql`SELECT live FROM type WHERE num = ${type}`)[0] ?? 0;
  return { rows, read: drive, most: Math.floor(Math.sqrt(live(there.typeNumber) * live(typeNumber)) / 2) };
}

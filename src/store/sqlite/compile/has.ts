/** Reverse chains: a resource that passes a criterion refers to the tested one. https://hl7.org/fhir/R4/search.html#has */
import { namedBy } from '../../../search/canonical-target.ts';
import { isContained } from '../../../search/contained.ts';
import type { HasCriterion } from '../../../search/criteria.ts';
import { any, raw, sql, tick } from '../sql.ts';
import { canonicalsIn, passingCanonicals } from './canonical.ts';
import { type Condition, type Context, impossible, indexed, isImpossible, type Subject } from './condition.ts';
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
    found === undefined ? tested(condition, number, there) : ofResources(referredBy(found, number, context));
  // What is contained has no URL of its own.
  if (canonical === undefined || isContained(context.type)) return referred;
  const canonicals = canonicalsIn(found ?? passingCanonicals(condition, there), parameter, there);
  return either([referred, context.compile(namedBy(canonicals, canonical))]);
}

/** The resources of the searched type that those which passed refer to. */
function referredBy(
  { current, kept }: Passing,
  parameter: number,
  { typeNumber, numbers }: Context,
): readonly number[] {
  const targets = (prefix: '' | 'kept_', owners: readonly number[]): readonly number[] =>
    numbers(sql`SELECT DISTINCT x.target FROM json_each(${JSON.stringify(owners)}) j
      CROSS JOIN ${raw(indexed(prefix, 'reference', 'by_resource', 'x'))} ON x.rid = j.value AND x.param = ${parameter}
      CROSS JOIN entity t ON t.rid = x.target AND t.type = ${typeNumber}`);
  const found = targets('', current);
  return kept.length === 0 ? found : [...new Set([...found, ...targets('kept_', kept)])];
}

/** Too many refer to list them: those that refer to the tested resource are. */
function tested(condition: Condition, parameter: number, { alias: row, at }: Context): Condition {
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
    usesResource: true,
  };
}

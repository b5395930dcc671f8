/** Chains: the tested resource refers to one that passes a criterion. https://hl7.org/fhir/R4/search.html#chaining */
import type { ChainCriterion } from '../../../search/criteria.ts';
import { any, isIn, raw, type Sql, sql } from '../sql.ts';
import { canonicalsOf, passingCanonicals } from './canonical.ts';
import { type Condition, type Context, impossible, isImpossible } from './condition.ts';
import { filtered, type Matcher } from './matcher.ts';
import { either } from './or.ts';
import { passing } from './passing.ts';
import { conditionOf } from './value.ts';

const table = 'reference';
/** Not `fixed`, whatever the targets are: a walk's places stay the same while they become more or fewer. */
const order = ['target', 'version'];

export function chain({ parameter, target, canonical, of }: ChainCriterion, context: Context): Condition {
  const number = context.lookUp.parameter(parameter.type, parameter.code);
  const there = context.on(target);
  if (number === undefined || there === undefined) return impossible;
  const condition = there.compile(of);
  if (isImpossible(condition)) return impossible;
  const found = passing(condition, there, context.most);
  const matcher = found === undefined ? tested(condition, there) : listed(found.resources);
  const parts = matcher === undefined ? [] : [conditionOf(matcher, number, parameter, context)];
  if (canonical !== undefined) {
    const named = canonicalsOf(found ?? passingCanonicals(condition, there), canonical, number, there);
    if (named !== undefined) parts.push(conditionOf(named, number, parameter, context));
  }
  return either(parts);
}

/** References to these resources. */
function listed(targets: readonly number[]): Matcher | undefined {
  if (targets.length === 0) return undefined;
  const test = (alias: string) => isIn(raw(`${alias}.target`), targets);
  const stretches = [{ index: undefined, where: test('d'), order, fixed: [] }];
  return { table, test, stretches, byNumber: [], pinned: false, rank: 2 };
}

/** References to more resources than are worth listing: each target is tested. */
function tested(condition: Condition, there: Context): Matcher {
  const { alias: row, typeNumber, at } = there;
  const test = (alias: string): Sql => {
    const target = raw(`${alias}.target`);
    const number = raw(`${row}.rid`);
    const current = sql`EXISTS (SELECT 1 FROM ${raw(`entity ${row}`)}
      WHERE ${raw(`${row}.rid`)} = ${target} AND ${raw(`${row}.type`)} = ${typeNumber} AND ${raw(`${row}.state`)} = 1
      AND ${raw(`${row}.vid`)} <= ${at ?? Number.MAX_SAFE_INTEGER} AND ${condition.test({ prefix: '', number, row })})`;
    if (at === undefined) return current;
    const version = raw(`${row}.vid`);
    const kept = sql`EXISTS (SELECT 1 FROM ${raw(`kept ${row}`)} INDEXED BY kept_by_resource
      WHERE ${raw(`${row}.rid`)} = ${target} AND ${raw(`${row}.type`)} = ${typeNumber}
      AND ${version} <= ${at} AND ${raw(`${row}.replaced`)} > ${at}
      AND ${condition.test({ prefix: 'kept_', number: version, row })})`;
    return any([current, kept]);
  };
  return { table, test, stretches: [{ ...filtered(table, test('d')), order }], byNumber: [], pinned: false, rank: 7 };
}

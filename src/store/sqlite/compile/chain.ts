/** Chains: the tested resource refers to one that passes a criterion. https://hl7.org/fhir/R4/search.html#chaining */
import { containedType, isContained } from '../../../search/contained.ts';
import type { ChainCriterion, Criterion } from '../../../search/criteria.ts';
import { any, isIn, raw, type Sql, sql } from '../sql.ts';
import { canonicalsOf, passingCanonicals } from './canonical.ts';
import { type Condition, type Context, impossible, isImpossible } from './condition.ts';
import { filtered, type Matcher, type Stretch } from './matcher.ts';
import { either } from './or.ts';
import { type Passing, passing } from './passing.ts';
import { conditionOf } from './value.ts';

const table = 'reference';
/** Not `fixed`, whatever the targets are: a walk's places stay the same while they become more or fewer. */
const order = ['target', 'version'];

export function chain({ parameter, target, canonical, of }: ChainCriterion, context: Context): Condition {
  const number = context.numberOf(parameter);
  if (number === undefined) return impossible;
  const own = endOf(of, target, context);
  const ends = [own, endOf(of, containedType(target), context)].filter((end) => end !== undefined);
  const matcher = leadingTo(ends);
  const parts = matcher === undefined ? [] : [conditionOf(matcher, number, parameter, context)];
  if (canonical !== undefined && own !== undefined) {
    const { found, condition, there } = own;
    const named = canonicalsOf(found ?? passingCanonicals(condition, there), canonical, number, there);
    if (named !== undefined) parts.push(conditionOf(named, number, parameter, context));
  }
  return either(parts);
}

/** Resources of one type that the chain may lead to: of their own, or contained ones, which lie beside the reference. */
interface End {
  readonly there: Context;
  readonly condition: Condition;
  /** undefined: more than are worth listing. */
  readonly found: Passing | undefined;
}

/** The end of a chain on a type; undefined where it is known that none passes. */
function endOf(of: Criterion, type: string, context: Context): End | undefined {
  const there = context.on(type);
  if (there === undefined) return undefined;
  const condition = there.compile(of);
  if (isImpossible(condition)) return undefined;
  return { there, condition, found: passing(condition, there, context.most) };
}

/** References to what passes at any of the ends. */
function leadingTo(ends: readonly End[]): Matcher | undefined {
  const lists = ends.map(({ found }) => found?.resources);
  const known = lists.every((list) => list !== undefined) ? lists.flatMap((list) => list ?? []) : undefined;
  if (known?.length === 0) return undefined;
  const test = (alias: string): Sql => {
    const target = raw(`${alias}.target`);
    if (known !== undefined) return isIn(target, known);
    return any(ends.map((end) => (end.found === undefined ? tested(target, end) : isIn(target, end.found.resources))));
  };
  const stretch: Stretch =
    known === undefined
      ? filtered(table, test('d'))
      : { index: undefined, where: test('d'), order, fixed: [], bounded: true };
  return {
    table,
    test,
    stretches: [{ ...stretch, order }],
    byNumber: [],
    pinned: false,
    rank: known === undefined ? 7 : 2,
  };
}

/** There are more than are worth listing: each target is tested. */
function tested(target: Sql, { condition, there }: End): Sql {
  const { alias: row, typeNumber, at } = there;
  const number = raw(`${row}.rid`);
  const current = sql`EXISTS (SELECT 1 FROM ${raw(`entity ${row}`)}
    WHERE ${raw(`${row}.rid`)} = ${target} AND ${raw(`${row}.type`)} = ${typeNumber} AND ${raw(`${row}.state`)} = 1
    AND ${raw(`${row}.vid`)} <= ${at ?? Number.MAX_SAFE_INTEGER} AND ${condition.test({ prefix: '', number, row })})`;
  // What is contained stays with its version, kept or not.
  if (at === undefined || isContained(there.type)) return current;
  const version = raw(`${row}.vid`);
  const kept = sql`EXISTS (SELECT 1 FROM ${raw(`kept ${row}`)} INDEXED BY kept_by_resource
    WHERE ${raw(`${row}.rid`)} = ${target} AND ${raw(`${row}.type`)} = ${typeNumber}
    AND ${version} <= ${at} AND ${raw(`${row}.replaced`)} > ${at}
    AND ${condition.test({ prefix: 'kept_', number: version, row })})`;
  return any([current, kept]);
}

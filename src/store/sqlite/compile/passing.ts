/** The resources of another type that pass a criterion, for criteria that look at them. https://hl7.org/fhir/R4/search.html#chaining */
import { isContained } from '../../../search/contained.ts';
import { type Branch, collected } from '../frame.ts';
import { sql } from '../sql.ts';
import type { Condition, Context, Drive } from './condition.ts';

/** Numbers of resources that passed when the walk began. */
export interface Passing {
  readonly resources: readonly number[];
  /** Of those that are still as they were then: the owners of their index rows, `resources` too. */
  readonly current: readonly number[];
  /** Of those that were changed or deleted since: the owners of their kept rows, change numbers. */
  readonly kept: readonly number[];
}

/** A condition is compiled for one state of the store and one context. */
const known = new WeakMap<Condition, { readonly most: number; readonly found: Passing | undefined }>();

/** What passes on the context's type; undefined where it is more than `most`. */
export function passing(condition: Condition, context: Context, most: number): Passing | undefined {
  const before = known.get(condition);
  if (before?.most === most) return before.found;
  const found = find(condition, context, most);
  known.set(condition, { most, found });
  return found;
}

function find(condition: Condition, context: Context, most: number): Passing | undefined {
  const { at } = context;
  const current = ownersOf(condition, 'current', context, most);
  if (current.length > most) return undefined;
  if (at === undefined) return { resources: current, current, kept: [] };
  const kept = ownersOf(condition, 'kept by index', context, most);
  if (current.length + kept.length > most) return undefined;
  const replaced = context.numbers(
    sql`SELECT k.rid FROM json_each(${JSON.stringify(kept)}) j CROSS JOIN kept k ON k.vid = j.value`,
  );
  return { resources: [...new Set([...current, ...replaced])], current, kept };
}

function ownersOf(
  condition: Condition,
  branch: Branch,
  { type, typeNumber, at, numbers }: Context,
  most: number,
): readonly number[] {
  const { drive } = condition;
  const limit = sql`LIMIT ${most + 1}`;
  // Only live resources have index rows (and what kept versions contain): the resources themselves needn't be read.
  if (at === undefined && drive?.exact === true && isOfIndex(drive) && !isContained(type)) {
    return numbers(sql`SELECT DISTINCT rid FROM (${drive.rows('')}) ${limit}`);
  }
  const frame = collected(condition, branch, { type: typeNumber, at, deleted: true });
  return numbers(sql`SELECT ${frame.subject.number} FROM ${frame.from} WHERE ${frame.where} ${limit}`);
}

/** Whether all that a drive finds are rows of the index. */
function isOfIndex({ ranges }: Drive): boolean {
  return ranges.length > 0 && ranges.every(({ table }) => table !== 'entity');
}

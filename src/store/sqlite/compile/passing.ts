/** The resources of another type that pass a criterion, for criteria that look at them. https://hl7.org/fhir/R4/search.html#chaining */
import { type Branch, collected } from '../frame.ts';
import { sql } from '../sql.ts';
import type { Condition, Context } from './condition.ts';

/** Numbers of resources that passed when the walk began. */
export interface Passing {
  readonly resources: readonly number[];
  /** Of those that are still as they were then: the owners of their index rows, `resources` too. */
  readonly current: readonly number[];
  /** Of those that were changed or deleted since: the owners of their kept rows, change numbers. */
  readonly kept: readonly number[];
}

/** What passes on the context's type; undefined where it is more than `most`. */
export function passing(condition: Condition, context: Context, most: number): Passing | undefined {
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
  { typeNumber, at, numbers }: Context,
  most: number,
): readonly number[] {
  const frame = collected(condition, branch, { type: typeNumber, at, deleted: true });
  return numbers(sql`SELECT ${frame.subject.number} FROM ${frame.from} WHERE ${frame.where} LIMIT ${most + 1}`);
}

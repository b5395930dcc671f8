/** Criteria on references into a hierarchy of resources. https://hl7.org/fhir/R4/search.html#reference */
import type { HierarchyCriterion } from '../../../search/criteria.ts';
import { TooCostly } from '../../errors.ts';
import type { Condition, Context } from './condition.ts';
import { referredBy } from './has.ts';
import { referring } from './reference.ts';

export async function hierarchy(criterion: HierarchyCriterion, context: Context): Promise<Condition> {
  const { parameter, by, direction, from } = criterion;
  const there = context.on(by.type);
  const found = new Set(from);
  let level: readonly string[] = from;
  while (level.length > 0) {
    const next: readonly string[] = await (direction === 'below' ? below : above)(level, criterion, there);
    // What was found already isn't looked at again, so that circles end.
    level = next.filter((id) => !found.has(id));
    for (const id of level) found.add(id);
    if (found.size > context.most) throw tooMany(criterion, context);
  }
  return referring(parameter, by.type, [...found], context);
}

/** What refers to these. */
async function below(
  level: readonly string[],
  criterion: HierarchyCriterion,
  there: Context,
): Promise<readonly string[]> {
  const ids = await there.ids(await referring(criterion.by, criterion.by.type, level, there));
  if (ids === undefined) throw tooMany(criterion, there);
  return ids;
}

/** What these refer to. */
async function above(
  level: readonly string[],
  criterion: HierarchyCriterion,
  there: Context,
): Promise<readonly string[]> {
  const field = there.fieldOf(criterion.by);
  if (field === undefined) return [];
  const ids = await referredBy(await there.compile({ kind: 'id', ids: level }), field, there, criterion.by.type);
  if (ids === undefined) throw tooMany(criterion, there);
  return ids;
}

function tooMany({ by, direction }: HierarchyCriterion, { most }: Context): TooCostly {
  return new TooCostly(
    `More than ${most} ${by.type} resources lie ${direction} what you ask for: ask for a part of them.`,
  );
}

/** Containers of what passes. https://hl7.org/fhir/R4/search.html#contained */
import { containedType, isContained } from '../../../search/contained.ts';
import type { ContainsCriterion } from '../../../search/criteria.ts';
import { allOf, type Filter } from '../filter.ts';
import { type Condition, type Context, impossible, isImpossible } from './condition.ts';

export async function contains({ type, of }: ContainsCriterion, context: Context): Promise<Condition> {
  // What is contained contains nothing.
  if (isContained(context.type)) return impossible;
  const inside = await context.on(containedType(type)).compile(of);
  if (isImpossible(inside)) return impossible;
  return {
    filter: containing(type, inside),
    exact: inside.exact,
    live: true,
    local: { kind: 'contains', type, of: inside.local },
  };
}

/** A contained resource of a type passes. */
export function containing(type: string, { filter }: Pick<Condition, 'filter'>): Filter {
  return { contained: { $elemMatch: allOf([{ type }, filter]) } };
}

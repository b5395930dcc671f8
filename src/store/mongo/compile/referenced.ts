/** Criteria on being referred to by given resources. https://hl7.org/fhir/R4/search.html#include */
import { isContained } from '../../../search/contained.ts';
import type { ReferencedCriterion } from '../../../search/criteria.ts';
import { TooCostly } from '../../errors.ts';
import { type Condition, type Context, impossible } from './condition.ts';
import { referredBy } from './has.ts';

export async function referenced({ parameter, by }: ReferencedCriterion, context: Context): Promise<Condition> {
  if (by.length === 0) return impossible;
  const sources = { kind: 'id', ids: by } as const;
  if (isContained(context.type)) return context.compile({ kind: 'has', parameter, canonical: undefined, of: sources });
  const there = context.on(parameter.type);
  const field = there.fieldOf(parameter);
  if (field === undefined) return impossible;
  const ids = await referredBy(await there.compile(sources), field, there, context.type);
  if (ids === undefined) {
    throw new TooCostly(
      `${parameter.code} refers to more than ${context.most} ${context.type} resources: ask for fewer.`,
    );
  }
  return ids.length === 0 ? impossible : context.compile({ kind: 'id', ids });
}

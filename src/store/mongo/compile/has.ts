/** Reverse chains: a resource that passes a criterion refers to the tested one. https://hl7.org/fhir/R4/search.html#has */
import { namedBy } from '../../../search/canonical-target.ts';
import { isContained } from '../../../search/contained.ts';
import type { HasCriterion } from '../../../search/criteria.ts';
import { TooCostly } from '../../errors.ts';
import { always } from '../filter.ts';
import { referenceKey } from '../values.ts';
import { canonicalsIn, textsAt } from './canonical.ts';
import { type Condition, type Context, either, impossible, isImpossible } from './condition.ts';

export async function has({ parameter, canonical, of }: HasCriterion, context: Context): Promise<Condition> {
  const there = context.on(parameter.type);
  const field = there.fieldOf(parameter);
  if (field === undefined) return impossible;
  const condition = await there.compile(of);
  if (isImpossible(condition)) return impossible;
  if (isContained(context.type)) {
    // Only the resource that it lies in refers to a contained one.
    const local = {
      kind: 'has',
      parameter: { ...parameter, code: field },
      canonical: undefined,
      of: condition.local,
    } as const;
    return { filter: always, exact: false, live: false, local };
  }
  const ids = await referredBy(condition, field, there, context.type);
  if (ids === undefined) {
    throw new TooCostly(
      `_has:${parameter.type}:${parameter.code} finds more than ${context.most} ${context.type} resources: ` +
        'narrow what refers to them.',
    );
  }
  const referred = ids.length === 0 ? impossible : await context.compile({ kind: 'id', ids });
  if (canonical === undefined) return referred;
  const canonicals = await canonicalsIn(condition, parameter, there);
  return either([referred, await context.compile(namedBy(canonicals, canonical))]);
}

/** Ids of resources of a type that what passes refers to; undefined where they are more than are listed. */
export async function referredBy(
  passing: Condition,
  field: string,
  there: Context,
  type: string,
): Promise<readonly string[] | undefined> {
  const beginning = referenceKey(type, '');
  const known = await there.references(passing, field, beginning);
  if (known !== undefined) {
    return known.length > there.most ? undefined : known.map((reference) => reference.slice(beginning.length));
  }
  const ids = new Set<string>();
  for await (const document of there.read(passing, [`index.${field}.r`])) {
    for (const reference of textsAt(document, field, 'r')) {
      if (reference.startsWith(beginning)) ids.add(reference.slice(beginning.length));
    }
    if (ids.size > there.most) return undefined;
  }
  return [...ids];
}

/** Reverse chains: a resource that passes a criterion refers to the tested one. https://hl7.org/fhir/R4/search.html#has */
import { namedBy } from '../../../search/canonical-target.ts';
import { isContained } from '../../../search/contained.ts';
import type { HasCriterion, Parameter } from '../../../search/criteria.ts';
import { always } from '../filter.ts';
import { referenceKey } from '../values.ts';
import { canonicalsIn, textsAt } from './canonical.ts';
import { type Condition, type Context, either, impossible, isImpossible } from './condition.ts';
import { TooWide } from './too-wide.ts';

export async function has({ parameter, canonical, of }: HasCriterion, context: Context): Promise<Condition> {
  const there = context.on(parameter.type);
  const field = there.fieldOf(parameter);
  if (field === undefined) return impossible;
  if (context.candidates !== undefined && canonical === undefined && !isContained(context.type))
    return fromCandidates({ parameter, of }, field, context.candidates, context);
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
  if (ids === undefined) throw tooMany(parameter, context);
  const referred = ids.length === 0 ? impossible : await context.compile({ kind: 'id', ids });
  if (canonical === undefined) return referred;
  const canonicals = await canonicalsIn(condition, parameter, there);
  return either([referred, await context.compile(namedBy(canonicals, canonical))]);
}

/** The same of what passes the candidates' condition: only what refers to them is looked at. */
async function fromCandidates(
  { parameter, of }: Pick<HasCriterion, 'parameter' | 'of'>,
  field: string,
  candidates: Condition,
  context: Context,
): Promise<Condition> {
  const there = context.on(parameter.type);
  const tested = await context.ids(candidates);
  if (tested === undefined) throw tooMany(parameter, context);
  const found: string[] = [];
  for (const ids of inSteps(tested)) {
    const asked = new Set(ids);
    const anyOf = ids.map((id) => ({ kind: 'reference', type: context.type, id }) as const);
    const refer = { kind: 'value', parameter, anyOf } as const;
    const passing = await there.compile({ kind: 'and', of: [refer, of] });
    const referred = isImpossible(passing) ? [] : await referredBy(passing, field, there, context.type);
    if (referred === undefined) throw tooMany(parameter, context);
    found.push(...referred.filter((id) => asked.has(id)));
  }
  return found.length === 0 ? impossible : context.compile({ kind: 'id', ids: found });
}

/** What is looked up at a time. */
const step = 1000;

/** Ids, some at a time. */
export function inSteps(ids: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(ids.length / step) }, (_, n) => ids.slice(n * step, (n + 1) * step));
}

function tooMany({ type, code }: Parameter, { most, type: found }: Context): TooWide {
  return new TooWide(
    `_has:${type}:${code} finds more than ${most} ${found} resources: narrow what refers to them, or add a criterion ` +
      'that few of them match.',
  );
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

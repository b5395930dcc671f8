/** Chains: the tested resource refers to one that passes a criterion. https://hl7.org/fhir/R4/search.html#chaining */
import { containedType, isContained } from '../../../search/contained.ts';
import type { ChainCriterion, Criterion, Parameter } from '../../../search/criteria.ts';
import { allOf, always, beginsWith } from '../filter.ts';
import { referenceKey } from '../values.ts';
import { canonicalsOf } from './canonical.ts';
import { both, type Condition, type Context, certain, either, impossible, isImpossible } from './condition.ts';
import { containing } from './contains.ts';
import { inSteps, referredBy } from './has.ts';
import { referring } from './reference.ts';
import { TooWide } from './too-wide.ts';

export async function chain(
  { parameter, target, canonical, of }: ChainCriterion,
  context: Context,
): Promise<Condition> {
  const field = context.fieldOf(parameter);
  if (field === undefined) return impossible;
  const there = context.on(target);
  if (context.candidates !== undefined && canonical === undefined)
    return fromCandidates({ parameter, target, of }, field, context.candidates, context);
  const end = await there.compile(of);
  const parts: Condition[] = [];
  if (!isImpossible(end)) {
    const ids = await there.ids(end);
    if (ids === undefined) throw tooMany(parameter, target, context);
    parts.push(await referring(parameter, target, ids, context));
    if (canonical !== undefined) {
      const values = await canonicalsOf(end, canonical, there, field, context);
      if (values.length > 0) parts.push(await context.compile(anyOfUris(parameter, values)));
    }
  }
  parts.push(await inside(parameter, field, target, of, context));
  return either(parts);
}

/** The same of what passes the candidates' condition: only what they refer to is looked at. */
async function fromCandidates(
  { parameter, target, of }: Pick<ChainCriterion, 'parameter' | 'target' | 'of'>,
  field: string,
  candidates: Condition,
  context: Context,
): Promise<Condition> {
  const there = context.on(target);
  const referred = await referredBy(candidates, field, context, target);
  if (referred === undefined) throw tooMany(parameter, target, context);
  const passing: string[] = [];
  for (const ids of inSteps(referred)) {
    const end = await there.compile({ kind: 'and', of: [{ kind: 'id', ids }, of] });
    if (!isImpossible(end)) passing.push(...((await there.ids(end)) ?? []));
  }
  const refers = { [`index.${field}.r`]: beginsWith(referenceKey(containedType(target), '')) };
  const those = both([candidates, { ...certain, filter: refers, live: true }]);
  const others = (await any(those, `index.${field}.r`, context))
    ? await inside(parameter, field, target, of, context)
    : impossible;
  return either([await referring(parameter, target, passing, context), others]);
}

/** References to a contained resource that passes: it lies beside the reference. */
async function inside(
  parameter: Parameter,
  field: string,
  target: string,
  of: Criterion,
  context: Context,
): Promise<Condition> {
  const contained = containedType(target);
  const condition = await context.on(contained).compile(of);
  if (isImpossible(condition)) return impossible;
  const path = `index.${field}.r`;
  const refers = { [path]: beginsWith(referenceKey(contained, '')) };
  // Few resources refer to what they contain; where none does, the filter of the others stays exact.
  if (!isContained(context.type) && !(await any({ ...certain, filter: refers }, path, context))) return impossible;
  return {
    filter: allOf([refers, isContained(context.type) ? always : containing(target, condition)]),
    exact: false,
    live: true,
    local: {
      kind: 'chain',
      parameter: { ...parameter, code: field },
      target,
      canonical: undefined,
      of: condition.local,
    },
  };
}

async function any(condition: Condition, path: string, context: Context): Promise<boolean> {
  for await (const _ of context.read(condition, [path])) return true;
  return false;
}

function anyOfUris(parameter: Parameter, values: readonly string[]): Criterion {
  return { kind: 'value', parameter, anyOf: values.map((value) => ({ kind: 'uri', match: 'exact', value })) };
}

function tooMany({ code }: Parameter, target: string, { most }: Context): TooWide {
  return new TooWide(
    `${code} leads to more than ${most} ${target} resources that match: narrow the end of the chain, or add a criterion ` +
      `that few resources match, such as a patient.`,
  );
}

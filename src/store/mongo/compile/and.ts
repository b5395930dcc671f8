/** All of several criteria. https://hl7.org/fhir/R4/search.html#combining */
import { isContained } from '../../../search/contained.ts';
import type { AndCriterion, Criterion } from '../../../search/criteria.ts';
import { both, type Condition, type Context, certain, impossible, isImpossible } from './condition.ts';
import { TooWide } from './too-wide.ts';

export async function and({ of }: AndCriterion, context: Context): Promise<Condition> {
  if (of.length === 0) return certain;
  const conditions: Condition[] = [];
  const wide: Criterion[] = [];
  let refusal: TooWide | undefined;
  for (const part of of) {
    try {
      const condition = await context.compile(part);
      // What others would have to be looked at for isn't, where nothing passes anyway.
      if (isImpossible(condition)) return impossible;
      conditions.push(condition);
    } catch (error) {
      if (!(error instanceof TooWide)) throw error;
      wide.push(part);
      refusal ??= error;
    }
  }
  if (refusal === undefined) return both(conditions);
  // From the selective side: what passes the others is looked at first, and then what it refers to or is referred to by.
  const known = context.candidates === undefined ? conditions : [context.candidates, ...conditions];
  if (known.length === 0 || isContained(context.type)) throw refusal;
  for (const part of wide) {
    const condition = await context.beside(both(known)).compile(part);
    if (isImpossible(condition)) return impossible;
    known.push(condition);
  }
  return both(known);
}

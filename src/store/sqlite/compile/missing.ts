/** Criteria on having no value, by the patterns of which parameters resources have values of. https://hl7.org/fhir/R4/search.html#missing */
import type { MissingCriterion } from '../../../search/criteria.ts';
import { isIn, raw } from '../sql.ts';
import { type Condition, type Context, impossible, ofEntities, type Range } from './condition.ts';
import { mostMerged } from './matcher.ts';

const pattern = raw('r.pattern');

/** Criteria of these patterns of the searched type. */
export function ofPatterns(patterns: readonly number[], { typeNumber }: Context): Condition {
  if (patterns.length === 0) return impossible;
  const range = (some: readonly number[], order: readonly string[]): Range => {
    const fixed = some.length === 1 && order.length > 0 ? some : [];
    return { table: 'entity', index: 'by_pattern', where: isIn(pattern, some), order, fixed };
  };
  const all = ofEntities([range(patterns, ['pattern'])], [], 8, typeNumber);
  // A parameter that is filled, or one that goes, gives resources other patterns: a walk that went by these would show some twice.
  const drive =
    patterns.length > mostMerged ? all : { ...all, ranges: [], byNumber: patterns.map((one) => range([one], [])) };
  return { test: ({ row }) => isIn(raw(`${row}.pattern`), patterns), drive, usesResource: true };
}

export function missing({ parameter, missing: none }: MissingCriterion, context: Context): Condition {
  const number = context.numberOf(parameter);
  return ofPatterns(context.lookUp.patterns(context.typeNumber, number, !none), context);
}

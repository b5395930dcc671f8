/** One parameter of a query as a criterion. https://hl7.org/fhir/R4/search.html#combining */
import type { Criterion, ValueTest } from '../criteria.ts';
import { isEscaped, unescaped } from '../parse/value.ts';
import type { SearchParameter } from '../registry.ts';
import { lowerComposite } from './composite.ts';
import { badValue, type LowerContext, refuse } from './context.ts';
import { lowerInstant } from './date.ts';
import { lowerHierarchy } from './hierarchy.ts';
import { checkModifier } from './modifier.ts';
import { lowerNear } from './near.ts';
import { lowerOfType } from './of-type.ts';
import { lowerSimple } from './simple.ts';
import { lowerText } from './text.ts';

/**
 * The criterion that a parameter with these values means; they are alternatives, and there is at least one.
 * Throws 400 for a modifier or a value that the parameter doesn't take.
 */
export function lowerParameter(
  modifier: string | undefined,
  values: readonly string[],
  parameter: SearchParameter,
  context: LowerContext,
): Criterion {
  if (!parameter.multipleOr && values.length > 1) {
    throw refuse('not-supported', `${context.name} takes one value, no list: its definition says so.`);
  }
  context.allowance.values(values.length);
  if (isTestEach(modifier, parameter)) context.allowance.tests(values.length);
  if (modifier !== undefined) checkModifier(modifier, parameter, context.name, context.definitions.resourceTypes);
  const illegal = values.find((value) => !isEscaped(value));
  if (illegal !== undefined) throw badValue(context, illegal, 'escaped: write \\\\ for a backslash');
  if (modifier === 'missing') return missing(values, parameter, context);
  if (modifier === 'text') return lowerText(values, parameter, context);
  if (modifier === 'of-type') return lowerOfType(values, parameter, context);
  const criterion = anyOf(values, modifier, parameter, context);
  return modifier === 'not' || modifier === 'not-in' ? { kind: 'not', of: criterion } : criterion;
}

/** Whether each value is a test of its own: others are looked up in a list. */
function isTestEach(modifier: string | undefined, { kind }: SearchParameter): boolean {
  if (modifier === 'text') return true;
  return !['token', 'reference', 'uri'].includes(kind) && modifier !== 'exact';
}

function anyOf(
  values: readonly string[],
  modifier: string | undefined,
  parameter: SearchParameter,
  context: LowerContext,
): Criterion {
  const { kind } = parameter;
  if (parameter.code === '_id' && (modifier === undefined || modifier === 'not'))
    return { kind: 'id', ids: [...new Set(values.map(unescaped))] };
  if (parameter.code === '_lastUpdated') {
    return { kind: 'lastUpdated', interval: values.flatMap((value) => lowerInstant(value, context)) };
  }
  if (kind === 'reference' && (modifier === 'above' || modifier === 'below')) {
    return lowerHierarchy(values, modifier, { ...parameter, kind }, context);
  }
  const tests = values.flatMap((value): readonly ValueTest[] => {
    if (kind === 'composite') return lowerComposite(value, parameter.parts, context);
    if (kind === 'special') return [lowerNear(value, context)];
    return lowerSimple(value, modifier, { ...parameter, kind }, context);
  });
  // A value set may be empty.
  if (tests.length === 0) return { kind: 'or', of: [] };
  // The identifiers of logical references are text tokens that are kept beside the references.
  const searched = modifier === 'identifier' ? { ...parameter.parameter, textual: true } : parameter.parameter;
  return { kind: 'value', parameter: searched, anyOf: tests };
}

function missing(values: readonly string[], parameter: SearchParameter, context: LowerContext): Criterion {
  const [value = '', ...rest] = values;
  if (rest.length > 0 || (value !== 'true' && value !== 'false')) {
    throw badValue(context, values.join(), 'true or false');
  }
  // Every resource has an id and was updated.
  if (parameter.code === '_id' || parameter.code === '_lastUpdated') {
    return { kind: value === 'true' ? 'or' : 'and', of: [] };
  }
  return { kind: 'missing', parameter: parameter.parameter, missing: value === 'true' };
}

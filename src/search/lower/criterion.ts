/** One parameter of a query as a criterion. https://hl7.org/fhir/R4/search.html#combining */
import type { Criterion, ValueTest } from '../criteria.ts';
import type { QueryParameter } from '../parse/parameter.ts';
import { unescaped } from '../parse/value.ts';
import type { SearchParameter } from '../registry.ts';
import { lowerComposite } from './composite.ts';
import { badValue, type LowerContext, refuse } from './context.ts';
import { lowerInstant } from './date.ts';
import { checkModifier } from './modifier.ts';
import { lowerSimple } from './simple.ts';

/**
 * The criterion that a query's parameter means; its values are alternatives. `values` isn't empty.
 * Throws 400 for a modifier or a value that the parameter doesn't take.
 */
export function lowerParameter(written: QueryParameter, parameter: SearchParameter, context: LowerContext): Criterion {
  const modifier = written.name.steps[0]?.modifier;
  if (!parameter.multipleOr && written.values.length > 1) {
    throw refuse('not-supported', `${context.name} takes one value, no list: its definition says so.`);
  }
  if (modifier !== undefined) checkModifier(modifier, parameter, context.name, context.definitions.resourceTypes);
  if (modifier === 'missing') return missing(written.values, parameter, context);
  const criterion = anyOf(written.values, modifier, parameter, context);
  return modifier === 'not' ? { kind: 'not', of: criterion } : criterion;
}

function anyOf(
  values: readonly string[],
  modifier: string | undefined,
  parameter: SearchParameter,
  context: LowerContext,
): Criterion {
  if (parameter.code === '_id') return { kind: 'id', ids: [...new Set(values.map(unescaped))] };
  if (parameter.code === '_lastUpdated') {
    return { kind: 'lastUpdated', interval: values.flatMap((value) => lowerInstant(value, context)) };
  }
  const tests = values.flatMap((value): readonly ValueTest[] => {
    const { kind } = parameter;
    if (kind === 'composite') return lowerComposite(value, parameter.parts, context);
    if (kind === 'special') throw refuse('not-supported', `${context.name} is not supported yet.`);
    return lowerSimple(value, modifier, { ...parameter, kind }, context);
  });
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

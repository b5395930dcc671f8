/** Which operators of `_filter` fit which parameter types. https://hl7.org/fhir/R4/search_filter.html#ops */
import type { SearchParameterType } from '../criteria.ts';
import { type LowerContext, refuse } from '../lower/context.ts';
import type { SearchParameter } from '../registry.ts';
import type { FilterOperator } from './tree.ts';

/**
 * By R4's table; it has no column for uris, which are compared as tokens are, nor for composites, whose repetitions are the
 * same, others or none. References take `eq` as well, which clients write for `re`.
 */
const operators: Readonly<Record<SearchParameterType, readonly FilterOperator[]>> = {
  string: ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'lt', 'ge', 'le', 'pr'],
  number: ['eq', 'ne', 'co', 'gt', 'lt', 'ge', 'le', 'ap', 'sa', 'eb', 'pr'],
  date: ['eq', 'ne', 'co', 'gt', 'lt', 'ge', 'le', 'ap', 'sa', 'eb', 'pr', 'po'],
  token: ['eq', 'ne', 'pr', 'ss', 'sb', 'in', 'ni'],
  reference: ['re', 'eq', 'pr'],
  quantity: ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'ap', 'sa', 'eb', 'pr'],
  uri: ['eq', 'ne', 'pr'],
  composite: ['eq', 'ne', 'pr'],
  special: [],
};

/** Throws 400 unless the parameter takes the operator. */
export function checkOperator(operator: FilterOperator, { code, kind }: SearchParameter, context: LowerContext): void {
  const taken = operators[kind];
  if (taken.includes(operator)) return;
  const why = reasons[kind];
  const hint =
    taken.length === 0 ? 'takes no operator' : `takes ${taken.join(', ')}${why === undefined ? '' : `: ${why}`}`;
  throw refuse('invalid', `${context.name}: ${code}, a ${kind} parameter, ${hint}.`);
}

/** Why the others mean nothing, where one may wonder. */
const reasons: Readonly<Partial<Record<SearchParameterType, string>>> = {
  quantity: 'R4 gives co no meaning there',
  composite: 'a pair of values has no order and no parts; the prefixes of its components stand in its value (code$gt5)',
};

/**
 * The parameters of words, which have no definition that could be compared with: what `co` seeks is written as their own
 * values are. Throws 400 for other operators.
 */
export function checkWordsOperator(operator: FilterOperator, context: LowerContext): void {
  if (operator === 'co') return;
  throw refuse('invalid', `${context.name}: words are in a text or not; write co, e.g. _content co "knee OR hip".`);
}

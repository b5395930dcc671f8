/** Which operators of `_filter` fit which parameter types. https://hl7.org/fhir/R4/search_filter.html#ops */
import type { SearchParameterType } from '../criteria.ts';
import { type LowerContext, refuse } from '../lower/context.ts';
import type { SearchParameter } from '../registry.ts';
import type { FilterOperator } from './tree.ts';

/**
 * By R4's table; it has no column for uris, which are compared as tokens are, nor for composites. References take `eq` as
 * well, which clients write for `re`.
 */
const operators: Readonly<Record<SearchParameterType, readonly FilterOperator[]>> = {
  string: ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'lt', 'ge', 'le', 'pr'],
  number: ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'ap', 'sa', 'eb', 'pr'],
  date: ['eq', 'ne', 'co', 'gt', 'lt', 'ge', 'le', 'ap', 'sa', 'eb', 'pr', 'po'],
  token: ['eq', 'ne', 'pr', 'ss', 'sb', 'in', 'ni'],
  reference: ['re', 'eq', 'pr'],
  quantity: ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'ap', 'sa', 'eb', 'pr'],
  uri: ['eq', 'ne', 'pr'],
  composite: ['eq'],
  special: [],
};

/** Throws 400 unless the parameter takes the operator. */
export function checkOperator(operator: FilterOperator, { code, kind }: SearchParameter, context: LowerContext): void {
  const taken = operators[kind];
  if (taken.includes(operator)) return;
  if (operator === 'co' && kind === 'number') {
    throw refuse('not-supported', `${context.name}: the precision of stored numbers is not kept, so co has no answer.`);
  }
  const hint = taken.length === 0 ? 'takes no operator' : `takes ${taken.join(', ')}`;
  throw refuse('invalid', `${context.name}: ${code}, a ${kind} parameter, ${hint}.`);
}

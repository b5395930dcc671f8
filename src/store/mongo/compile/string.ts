/** Strings: by their beginning, a part, their end, exactly or by their order. https://hl7.org/fhir/R4/search.html#string */
import type { ComparisonOperator, StringTest } from '../../../search/criteria.ts';
import { normaliseString } from '../../../search/normalise.ts';
import { beginsWith, escaped, type Filter } from '../filter.ts';
import type { Element } from './element.ts';

export function string(tests: readonly StringTest[]): Element {
  return { anyOf: [...listed(tests), ...tests.flatMap(one)], exact: true };
}

/** Words of longer values have no text of their own. */
const whole: Filter = { e: { $ne: null } };

const operators: Readonly<Record<ComparisonOperator, string>> = { '<': '$lt', '<=': '$lte', '>': '$gt', '>=': '$gte' };

function one({ match, value }: StringTest): readonly Filter[] {
  switch (match) {
    case 'starts':
      return [{ n: beginsWith(value) }];
    case 'contains':
      return [{ n: { $regex: escaped(value) } }];
    case 'ends':
      return [{ n: { $regex: `${escaped(value)}\\z` }, ...whole }];
    case 'exact':
    case 'equal':
      return [];
    default:
      return [{ n: { [operators[match]]: value }, ...whole }];
  }
}

/** Whole values, together. */
function listed(tests: readonly StringTest[]): readonly Filter[] {
  const exact = tests.filter(({ match }) => match === 'exact').map(({ value }) => value);
  const equal = tests.filter(({ match }) => match === 'equal').map(({ value }) => value);
  return [
    // By the normalised text too, since that is what is indexed.
    ...(exact.length === 0 ? [] : [{ n: { $in: [...new Set(exact.map(normaliseString))] }, e: { $in: exact } }]),
    ...(equal.length === 0 ? [] : [{ n: { $in: equal }, ...whole }]),
  ];
}

/** Which lowering serves which parameter type. https://hl7.org/fhir/R4/search.html#ptypes */
import type { SimpleTest } from '../criteria.ts';
import { lowerMembers, lowerSubsumption } from './codes.ts';
import type { Lowerable, LowerContext } from './context.ts';
import { lowerDate } from './date.ts';
import { lowerNumber } from './number.ts';
import { lowerQuantity } from './quantity.ts';
import { lowerReference } from './reference.ts';
import { lowerString } from './string.ts';
import { lowerIdentifier, lowerToken } from './token.ts';
import { lowerUri, lowerUriTree } from './uri.ts';

/**
 * The tests that one alternative of a parameter's value means; any of them may pass. `modifier`: one that changes how the
 * value is read (`exact`, `contains`, `in`, `above`, `identifier`, a resource type). Throws 400 for a malformed value.
 */
export function lowerSimple(
  value: string,
  modifier: string | undefined,
  parameter: Lowerable,
  context: LowerContext,
): readonly SimpleTest[] {
  switch (parameter.kind) {
    case 'string':
      return [lowerString(value, modifier === 'exact' || modifier === 'contains' ? modifier : 'starts', context)];
    case 'token':
      if (modifier === 'in' || modifier === 'not-in') return lowerMembers(value, parameter, context);
      if (modifier === 'above' || modifier === 'below') return lowerSubsumption(value, modifier, parameter, context);
      return [lowerToken(value, parameter, context)];
    case 'date':
      return [lowerDate(value, context)];
    case 'number':
      return [lowerNumber(value, context)];
    case 'quantity':
      return [lowerQuantity(value, context)];
    case 'reference':
      if (modifier === 'identifier') return [lowerIdentifier(value, context)];
      return lowerReference(value, modifier, parameter, context);
    case 'uri':
      if (modifier === 'above' || modifier === 'below') return lowerUriTree(value, modifier, parameter, context);
      return [lowerUri(value, parameter)];
  }
}

/** Values of quantity parameters. https://hl7.org/fhir/R4/search.html#quantity */
import type { QuantityTest } from '../criteria.ts';
import { split, unescaped } from '../parse/value.ts';
import { badValue, type LowerContext } from './context.ts';
import { lowerDecimal } from './number.ts';

/**
 * A test of a quantity parameter's values: `5.4`, `5.4|system|code` or `5.4||code`; `5.4|system` takes any code. Throws 400
 * for anything else.
 */
export function lowerQuantity(value: string, context: LowerContext): QuantityTest {
  const [number = '', system = '', code = '', ...rest] = split(value, '|').map(unescaped);
  if (rest.length > 0) {
    throw badValue(context, value, 'a quantity; write one like 5.4, 5.4|http://unitsofmeasure.org|mg or 5.4||mg');
  }
  return {
    kind: 'quantity',
    interval: lowerDecimal(number, context),
    ...(system === '' ? {} : { system }),
    ...(code === '' ? {} : { code }),
  };
}

/** Values of number parameters. https://hl7.org/fhir/R4/search.html#number */
import { approximateRange, decimalKey, isDecimal, precisionRange } from '../../fhir/decimal.ts';
import type { IntervalTest, NumberTest } from '../criteria.ts';
import type { DecimalKey } from '../entry.ts';
import { takePrefix, unescaped } from '../parse/value.ts';
import { badValue, type LowerContext } from './context.ts';
import { numberTest } from './interval.ts';

/** A test of a number parameter's values. Throws 400 for what is no number. */
export function lowerNumber(value: string, context: LowerContext): NumberTest {
  return { kind: 'number', interval: lowerDecimal(unescaped(value), context) };
}

/** A decimal with its prefix as a test of numbers. Throws 400 for what is no number. */
export function lowerDecimal(value: string, context: LowerContext): IntervalTest<DecimalKey> {
  const { prefix, text } = takePrefix(value);
  if (!isDecimal(text)) throw badValue(context, value, 'a number; write one like 5.4, ge100 or 1e-3');
  return numberTest(prefix, decimalKey(text), precisionRange(text), approximateRange(text));
}

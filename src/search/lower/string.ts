/** Values of string parameters. https://hl7.org/fhir/R4/search.html#string */
import type { StringTest } from '../criteria.ts';
import { normaliseString } from '../normalise.ts';
import { unescaped } from '../parse/value.ts';
import { badValue, type LowerContext } from './context.ts';

/**
 * A test of a string parameter's values. Throws 400 for a value of punctuation alone, which would match everything, except
 * where it is compared exactly.
 */
export function lowerString(value: string, match: StringTest['match'], context: LowerContext): StringTest {
  const text = unescaped(value);
  if (match === 'exact') return { kind: 'string', match, value: text };
  const norm = normaliseString(text);
  if (norm === '')
    throw badValue(context, value, 'a text to search for: punctuation does not count, except with :exact');
  return { kind: 'string', match, value: norm };
}

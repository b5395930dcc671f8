/** Token parameters by their texts. https://hl7.org/fhir/R4/search.html#modifiers (:text) */
import { textCodes } from '../companion.ts';
import type { Criterion, TextTest } from '../criteria.ts';
import { typesWithText } from '../extract/text.ts';
import { normaliseString } from '../normalise.ts';
import { unescaped } from '../parse/value.ts';
import type { SearchParameter } from '../registry.ts';
import { badValue, type LowerContext, refuse } from './context.ts';

/**
 * The criterion on the texts of a parameter's CodeableConcepts, Codings and identifier types; one of them begins with one
 * of the values. Throws 400 for a parameter without texts, and for a value of punctuation alone.
 */
export function lowerText(values: readonly string[], parameter: SearchParameter, context: LowerContext): Criterion {
  const { types } = parameter.values;
  if (types.length > 0 && !types.some((type) => typesWithText.has(type))) {
    throw refuse('not-supported', `${context.name}: ${parameter.code} has codes without a text; leave out :text.`);
  }
  const anyOf = values.map((value): TextTest => {
    const text = normaliseString(unescaped(value));
    if (text === '') throw badValue(context, value, 'a text to search for: punctuation does not count');
    return { kind: 'text', value: text };
  });
  const of = textCodes(parameter).map((code): Criterion => {
    return { kind: 'value', parameter: { ...parameter.parameter, code, multiple: true, textual: false }, anyOf };
  });
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: 'or', of };
}

/** Identifiers by their type and value. https://hl7.org/fhir/R4/search.html#modifiers (:of-type) */
import { companionsOf, ofTypeCode, typedValue } from '../companion.ts';
import type { Criterion, TokenTest } from '../criteria.ts';
import { split, unescaped } from '../parse/value.ts';
import type { SearchParameter } from '../registry.ts';
import { badValue, type LowerContext, refuse } from './context.ts';

/**
 * The criterion on identifiers with a type; a value is `system|code|value`, of which the first two are the type's.
 * Throws 400 unless all three are there, and for a parameter without identifiers.
 */
export function lowerOfType(values: readonly string[], parameter: SearchParameter, context: LowerContext): Criterion {
  const { types } = parameter.values;
  const kept = companionsOf(parameter).some(({ kind }) => kind === 'of-type');
  // On some types an expression of R4's leads to none.
  if (!kept || !(types.length === 0 || types.includes('Identifier'))) {
    throw refuse('not-supported', `${context.name}: ${parameter.code} has no identifiers; leave out :of-type.`);
  }
  const anyOf = values.map((written): TokenTest => {
    const [system = '', code = '', value = '', ...rest] = split(written, '|').map(unescaped);
    if (system === '' || code === '' || value === '' || rest.length > 0) {
      throw badValue(context, written, "an identifier with its type; write the type's system|code and then |value");
    }
    return { kind: 'token', system, code: typedValue(code, value), fold: false };
  });
  const code = ofTypeCode(parameter.code);
  return { kind: 'value', parameter: { ...parameter.parameter, code, multiple: true, textual: true }, anyOf };
}

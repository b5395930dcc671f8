/** Values of composite parameters. https://hl7.org/fhir/R4/search.html#composite */
import type { CompositeTest, SimpleTest } from '../criteria.ts';
import { split } from '../parse/value.ts';
import type { ComponentParameter } from '../registry.ts';
import { badValue, type LowerContext } from './context.ts';
import { lowerSimple } from './simple.ts';

/** Tests of a composite's values, the components' values between `$`. Throws 400 for another number of them. */
export function lowerComposite(
  value: string,
  parts: readonly ComponentParameter[],
  context: LowerContext,
): readonly CompositeTest[] {
  const values = split(value, '$');
  if (values.length !== parts.length || values.includes('')) {
    const example = parts.map(({ kind }) => kind).join('$');
    throw badValue(context, value, `${parts.length} values with $ between them (${example})`);
  }
  let combinations: readonly (readonly SimpleTest[])[] = [[]];
  for (const [n, part] of parts.entries()) {
    const tests = lowerSimple(values[n] ?? '', undefined, part, context);
    combinations = combinations.flatMap((before) => tests.map((test) => [...before, test]));
  }
  return combinations.map((components) => ({ kind: 'composite', components }));
}

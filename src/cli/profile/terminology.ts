/** Code systems and value sets of allowed values. https://hl7.org/fhir/R4/valueset.html */
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import type { AllowedValue } from './columns.ts';
import { type About, definitionHead } from './definition.ts';
import { canonicalOf } from './names.ts';

/** The value set of these values, and the code system of those that have no system of their own. */
export function terminologyOf(about: About, allowed: readonly AllowedValue[]): readonly Resource[] {
  const own = allowed.filter(({ system }) => system === undefined);
  const include: JsonObject[] = own.length === 0 ? [] : [{ system: canonicalOf('CodeSystem', about.id) }];
  for (const system of new Set(allowed.map((value) => value.system))) {
    if (system === undefined) continue;
    const concept = allowed.filter((value) => value.system === system).map(({ code, display }) => ({ code, display }));
    include.push({ system, concept });
  }
  const valueSet = { ...definitionHead('ValueSet', about), compose: { include } };
  return own.length === 0 ? [valueSet] : [codeSystem(about, own), valueSet];
}

function codeSystem(about: About, values: readonly Pick<AllowedValue, 'code' | 'display'>[]): Resource {
  return {
    ...definitionHead('CodeSystem', about),
    caseSensitive: true,
    valueSet: canonicalOf('ValueSet', about.id),
    content: 'complete',
    count: values.length,
    concept: values.map(({ code, display }) => ({ code, display })),
  };
}

/** The system of an allowed value of a value set. */
export function systemOf({ system }: AllowedValue, valueSet: string): string {
  return system ?? canonicalOf('CodeSystem', valueSet);
}

/** Index values of identifiers with their types. https://hl7.org/fhir/R4/search.html#modifiers (:of-type) */
import { isArray, isObject } from '../../fhir/resource.ts';
import { typedValue } from '../companion.ts';
import type { Converter } from './converter.ts';

/** The converter of a data type, undefined for all but Identifier. */
export function ofTypeConverter(type: string): Converter | undefined {
  if (type !== 'Identifier') return undefined;
  return (identifier, out) => {
    if (!isObject(identifier) || !isObject(identifier.type) || !isArray(identifier.type.coding)) return;
    const { value } = identifier;
    if (typeof value !== 'string' || value === '') return;
    for (const coding of identifier.type.coding) {
      if (!isObject(coding)) continue;
      const { system, code } = coding;
      if (typeof system !== 'string' || typeof code !== 'string' || system === '' || code === '') continue;
      out.push({ kind: 'identifier', system, value: typedValue(code, value) });
    }
  };
}

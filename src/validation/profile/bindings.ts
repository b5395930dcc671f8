/** Bindings of a profile. https://hl7.org/fhir/R4/terminologies.html#strength */
import { isObject, type JsonObject, type JsonValue } from '../../fhir/resource.ts';
import type { CodeSet, Known } from '../validator.ts';
import { equal, objectsOf, textOf } from './element.ts';
import type { Check, Run } from './run.ts';

/** Finds a value set's codes; undefined: they can't be told, or have to be waited for (which the run notes). */
export type FindCodes = (valueSet: string, run: Run) => CodeSet | undefined;

const maxValueSet = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet';

/** A value set that the codes of an element come from, and how strictly. */
interface Bound {
  readonly valueSet: string;
  readonly strength: 'required' | 'extensible';
}

/** The bindings that say which codes are wrong. */
export function boundsOf({ binding }: JsonObject): readonly Bound[] {
  if (!isObject(binding)) return [];
  const { strength, valueSet } = binding;
  const bounds: Bound[] = [];
  if (typeof valueSet === 'string' && (strength === 'required' || strength === 'extensible'))
    bounds.push({ valueSet, strength });
  for (const { url, valueCanonical } of objectsOf(binding.extension))
    if (url === maxValueSet && typeof valueCanonical === 'string')
      bounds.push({ valueSet: valueCanonical, strength: 'required' });
  return bounds;
}

/** The checks of bindings that the base doesn't have. */
export function bindingCheck(element: JsonObject, base: JsonObject, codes: FindCodes): readonly Check[] {
  const known = boundsOf(base);
  const bounds = boundsOf(element).filter((bound) => !known.some((each) => equal({ ...each }, { ...bound })));
  return bounds.map(
    ({ valueSet, strength }): Check =>
      (value, _beside, run) => {
        if (value === undefined || isUncoded(value)) return;
        const set = codes(valueSet, run);
        const within = set === undefined ? undefined : hasCode(set, value, run);
        if (within === true) return;
        if (within === undefined) {
          if (strength === 'required') run.tell('information', 'not-supported', 'binding', unknown(valueSet));
          return;
        }
        if (strength === 'required')
          run.fault('code-invalid', 'binding', `must be a code of the value set ${valueSet}`);
        else if (hasCoding(value))
          run.tell(
            'warning',
            'code-invalid',
            'binding',
            `should be a code of the value set ${valueSet} if one of them fits`,
          );
      },
  );
}

const unknown = (valueSet: string) => `couldn't be compared with the value set ${valueSet}: its codes aren't here`;

/** Whether something else than a code stands there: an amount without a unit, or an extension that says why there is none. */
function isUncoded(value: JsonValue): boolean {
  if (!isObject(value) || value.code !== undefined) return false;
  return value.value !== undefined || (value.extension !== undefined && value.coding === undefined);
}

/** Whether one of the codes of a code, Coding, CodeableConcept or Quantity is in a set. */
export function hasCode(set: CodeSet, value: JsonValue, run: Run): Known {
  if (typeof value === 'string') return run.has(set, undefined, value);
  if (!isObject(value)) return false;
  if (value.coding === undefined) return hasOne(set, value, run);
  let result: Known = false;
  for (const coding of objectsOf(value.coding)) {
    const within = hasOne(set, coding, run);
    if (within === true) return true;
    if (within === undefined) result = undefined;
  }
  return result;
}

function hasOne(set: CodeSet, { system, code, version }: JsonObject, run: Run): Known {
  const [from, own] = [textOf(system), textOf(code)];
  return from === undefined || own === undefined ? false : run.has(set, from, own, textOf(version));
}

function hasCoding(value: JsonValue): boolean {
  return !isObject(value) || value.code !== undefined || objectsOf(value.coding).length > 0;
}

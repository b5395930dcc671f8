/** Outcome measures: Observations at named times after the operation. https://hl7.org/fhir/R4/observation.html */
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import type { Column } from './columns.ts';
import { type About, type Element, structureDefinition } from './definition.ts';
import { valueRules } from './field.ts';
import { canonicalOf } from './names.ts';

/** A code as patterns have it. */
export function coded(system: string, code: string, display?: string): JsonObject {
  return { coding: [{ system, code, ...(display === undefined ? {} : { display }) }] };
}

/** What an outcome measure asks. */
export interface Outcome {
  readonly about: About;
  readonly code: JsonObject;
  readonly elements: readonly Element[];
  readonly constraints?: readonly JsonObject[];
}

/** The profile of an outcome measure, on the base `research-outcome`. */
export function outcomeProfile({ about, code, elements, constraints = [] }: Outcome): Resource {
  return structureDefinition({
    about,
    type: 'Observation',
    base: canonicalOf('StructureDefinition', 'research-outcome'),
    constraints,
    elements: [{ id: 'Observation.code', rules: { min: 1, patternCodeableConcept: code } }, ...elements],
  });
}

/** The value of an outcome measure that has one column. `valueSet`: id of that of its allowed values. */
export function outcomeValue(column: Pick<Column, 'name' | 'type' | 'unit'>, valueSet: string): Element {
  return { id: 'Observation.value[x]', column: column.name, rules: { min: 1, ...valueRules(column, valueSet) } };
}

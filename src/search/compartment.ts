/** Searches within a compartment, as criteria. https://hl7.org/fhir/R4/search.html#2.21.1.2 */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import type { Criterion } from './criteria.ts';
import type { ParameterRegistry } from './registry.ts';

/** Whose compartment is searched: a resource of a type that has one. */
export interface CompartmentOwner {
  readonly type: string;
  readonly id: string;
}

/** The types of which resources may be in the compartments of a type; empty for a type without any. */
export function compartmentTypes(definitions: Definitions, type: string): readonly string[] {
  const compartment = definitions.compartments.get(type);
  return compartment === undefined ? [] : [...new Set([type, ...compartment.parameters.keys()])];
}

/**
 * The criterion on resources of a type that are in the owner's compartment: those that refer to it through one of the
 * compartment's parameters, and the owner itself. https://hl7.org/fhir/R4/compartmentdefinition.html
 */
export function compartmentCriterion(
  owner: CompartmentOwner,
  type: string,
  definitions: Definitions,
  registry: ParameterRegistry,
): Criterion {
  const codes = definitions.compartments.get(owner.type)?.parameters.get(type) ?? [];
  const of: Criterion[] = type === owner.type ? [{ kind: 'id', ids: [owner.id] }] : [];
  for (const code of codes) {
    // `{def}` is the owner itself.
    const parameter = registry.get(type, code);
    if (parameter?.kind !== 'reference') continue;
    const test = { kind: 'reference', type: owner.type, id: owner.id } as const;
    of.push({ kind: 'value', parameter: parameter.parameter, anyOf: [test] });
  }
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: 'or', of };
}

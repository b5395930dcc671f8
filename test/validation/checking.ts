/** What tests of validation have in common. */
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import type { Issue } from '../../src/fhir/outcome.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { type ValidationSource, Validator } from '../../src/validation/validator.ts';

/** A server that has nothing but R4's own definitions. */
export const nothing: ValidationSource = {
  structureDefinition: async () => undefined,
  valueSet: async () => undefined,
};

const validator = new Validator(loadDefinitions(), nothing);

/** The issues of a resource by R4's own rules. */
export function check(resource: Resource): Promise<readonly Issue[]> {
  return validator.validate({ resource, level: 'base', budget: 60_000 });
}

/** `error obs-6 Observation`: severity, rule and element of each issue; not that there is no narrative. */
export function shown(issues: readonly Issue[]): readonly string[] {
  return issues
    .map(({ severity, details, expression }) => `${severity} ${details?.coding[0].code} ${expression?.join(', ')}`)
    .filter((line) => !line.startsWith('warning dom-6'));
}

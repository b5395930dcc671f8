/** Short forms of the data types that the seed uses: https://hl7.org/fhir/R4/datatypes.html */
import type { CodeableConcept, Coding, Quantity, Reference, Resource } from '@medplum/fhirtypes';

/** Base of the code systems and identifier systems that are the seed's own. */
export const own = 'http://clinic.osteon.example';
export const loinc = 'http://loinc.org';
export const snomed = 'http://snomed.info/sct';
export const icd10 = 'http://hl7.org/fhir/sid/icd-10-cm';
export const rxnorm = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const terminology = 'http://terminology.hl7.org/CodeSystem';

/** A resource of the seed: each has an id of its own choosing. */
export type SeedResource = Resource & { readonly id: string };

/** A Coding. */
export function coding(system: string, code: string, display: string): Coding {
  return { system, code, display };
}

/** A CodeableConcept of one or more codings; `text` as given, otherwise the first coding's display. */
export function concept(codings: readonly Coding[], text?: string): CodeableConcept {
  const said = text ?? codings[0]?.display;
  return said === undefined ? { coding: [...codings] } : { coding: [...codings], text: said };
}

/** A CodeableConcept of one of HL7's own code systems; `name` is the last part of its URL. */
export function hl7(name: string, code: string, display: string): CodeableConcept {
  return { coding: [coding(`${terminology}/${name}`, code, display)] };
}

/** A Coding of one of HL7's own code systems. */
export function hl7Coding(name: string, code: string, display: string): Coding {
  return coding(`${terminology}/${name}`, code, display);
}

/** A quantity with its UCUM code. */
export function quantity(value: number, unit: string, code: string): Quantity {
  return { value, unit, system: 'http://unitsofmeasure.org', code };
}

/** A literal reference to a resource of the seed. */
export function to<T extends SeedResource>(resource: T, display?: string): Reference<T> {
  const reference = `${resource.resourceType}/${resource.id}`;
  return display === undefined ? { reference } : { reference, display };
}

/** A date (`2024-03-05`) that many days after another. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** A dateTime on that day, minutes after midnight, in UTC. */
export function at(date: string, minutes: number): string {
  return `${new Date(Date.parse(`${date}T00:00:00Z`) + minutes * 60_000).toISOString().slice(0, 19)}Z`;
}

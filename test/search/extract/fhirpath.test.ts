/** Expressions of a user's own that need the whole of FHIRPath. https://hl7.org/fhir/R4/searchparameter.html */
import { expect, test, vi } from 'vitest';
import type { Resource } from '../../../src/fhir/resource.ts';
import { compileFhirpath, fhirpathFault } from '../../../src/search/extract/fhirpath.ts';
import { baseUrl } from '../setup.ts';

const patient: Resource = { resourceType: 'Patient', id: '1', name: [{ family: 'Secret', given: ['A', 'B'] }] };

test('trace() writes nothing of the resource anywhere', () => {
  const written = [vi.spyOn(console, 'log'), vi.spyOn(process.stdout, 'write')];
  try {
    const evaluate = compileFhirpath("Patient.name.trace('names').family", 'Patient', baseUrl);
    expect(evaluate(patient, patient)).toEqual([{ type: 'string', value: 'Secret' }]);
    expect(fhirpathFault("Patient.name.trace('names').family", 'Patient')).toBeUndefined();
    for (const spy of written) expect(spy).not.toHaveBeenCalled();
  } finally {
    for (const spy of written) spy.mockRestore();
  }
});

test('an expression that takes too long finds nothing, in about its time', () => {
  const many: Resource = { ...patient, name: Array.from({ length: 3_000 }, (_, n) => ({ family: `f${n}` })) };
  const text = 'Patient.name.family.where(%resource.name.family.where($this = %resource.name.family.last()).empty())';
  const evaluate = compileFhirpath(text, 'Patient', baseUrl);
  expect(evaluate(patient, patient)).toEqual([]);
  const begun = performance.now();
  expect(evaluate(many, many)).toEqual([]);
  const took = performance.now() - begun;
  expect(took).toBeGreaterThan(900);
  expect(took).toBeLessThan(15_000);
});

test('what cannot be stopped, or is no FHIRPath, is a fault', () => {
  const refused = 'regular expressions and replace() are not supported';
  expect(fhirpathFault("Patient.name.family.matches('(a+)+$')", 'Patient')).toBe(refused);
  expect(fhirpathFault("Patient.name.family.replace('a', %resource.language)", 'Patient')).toBe(refused);
  expect(fhirpathFault('Patient.name.', 'Patient')).toBeDefined();
  expect(fhirpathFault('Patient.name.nothing()', 'Patient')).toBeDefined();
  expect(fhirpathFault('Patient.name.family.lower()', 'Patient')).toBeUndefined();
});

/** Expressions of a user's own that need the whole of FHIRPath. https://hl7.org/fhir/R4/searchparameter.html */
import { expect, test, vi } from 'vitest';
import type { Resource } from '../../../src/fhir/resource.ts';
import { compileFhirpath, fhirpathFault, startScope } from '../../../src/search/extract/fhirpath.ts';
import { definitions } from '../setup.ts';

const patient: Resource = { resourceType: 'Patient', id: '1', name: [{ family: 'Secret', given: ['A', 'B'] }] };

test('trace() writes nothing of the resource anywhere', () => {
  const written = [vi.spyOn(console, 'log'), vi.spyOn(process.stdout, 'write')];
  try {
    const evaluate = compileFhirpath("Patient.name.trace('names').family", 'Patient', definitions);
    expect(evaluate(patient, startScope(patient))).toEqual([{ type: 'string', value: 'Secret' }]);
    expect(fhirpathFault("Patient.name.trace('names').family", 'Patient', definitions)).toBeUndefined();
    for (const spy of written) expect(spy).not.toHaveBeenCalled();
  } finally {
    for (const spy of written) spy.mockRestore();
  }
});

test('an expression that takes too long finds nothing, in about its time', () => {
  const many: Resource = { ...patient, name: Array.from({ length: 20_000 }, (_, n) => ({ family: `f${n}` })) };
  const text = 'Patient.name.where((family | %resource.name.family).empty())';
  const evaluate = compileFhirpath(text, 'Patient', definitions);
  expect(evaluate(patient, startScope(patient))).toEqual([]);
  const begun = performance.now();
  expect(evaluate(many, startScope(many))).toEqual([]);
  const took = performance.now() - begun;
  expect(took).toBeGreaterThan(900);
  expect(took).toBeLessThan(15_000);
});

const long = 'a'.repeat(400_000);

/** Steps that look at each pair of many items, or at each place of a long text. */
const costly: readonly (readonly [string, Resource])[] = [
  'Patient.name.family.repeat(%resource.name.family)',
  'Patient.name.where(%resource.name.combine(%resource.name).subsetOf(%resource.name.tail()))',
  'Patient.name.select(%resource.name.given ~ %resource.name.given).count()',
  'Patient.name.select(%resource.name.family | family).count()',
  'Patient.name.family.where($this in %resource.name.family.tail().distinct())',
  "Patient.name.family.where(encode('hex') = %resource.name.family.last().encode('hex')).where(%resource.name.family.select(encode('hex')).exists($this = 'x'))",
].map((text) => [
  text,
  { ...patient, name: Array.from({ length: 20_000 }, (_, n) => ({ family: `f${n}`, given: [`g${n}`] })) },
]);
const texts: readonly (readonly [string, Resource])[] = [
  'Patient.name.where(family.contains(text))',
  'Patient.name.where(family.indexOf(text) > 0)',
  "Patient.name.where(family.replace(text, 'b') = 'b')",
  'Patient.name.where(family.split(text).count() = 2)',
  "Patient.name.where(family.matches('(a+)+b'))",
].map((text) => [
  text,
  { ...patient, name: [{ family: long, text: `${long.slice(0, 100_000)}b${long.slice(0, 100_000)}` }] },
]);

test.each([...costly, ...texts])('no step overruns its time: %s', (text, resource) => {
  const evaluate = compileFhirpath(text, 'Patient', definitions);
  const begun = performance.now();
  evaluate(resource, startScope(resource));
  expect(performance.now() - begun).toBeLessThan(10_000);
});

test('all expressions on one resource have their time together', () => {
  const [, many] = costly[0] ?? ['', patient];
  const evaluate = compileFhirpath(
    'Patient.name.where((family | %resource.name.family).count() = 0)',
    'Patient',
    definitions,
  );
  const scope = startScope(many);
  expect(evaluate(many, scope)).toEqual([]);
  const begun = performance.now();
  for (let n = 0; n < 50; n += 1) expect(evaluate(many, scope)).toEqual([]);
  expect(performance.now() - begun).toBeLessThan(10_000);
});

test('texts are found where they are, however long', () => {
  const [short, shorter] = [`${'ab'.repeat(50)}c`, 'ab'.repeat(40)];
  const named: Resource = { ...patient, name: [{ family: `${shorter}${short}${short}x`, text: short }] };
  const found = (text: string) =>
    compileFhirpath(text, 'Patient', definitions)(named, startScope(named)).map(({ value }) => value);
  expect(found('Patient.name.family.contains(%resource.name.text)')).toEqual([true]);
  expect(found("Patient.name.family.contains(%resource.name.text & 'y')")).toEqual([false]);
  expect(found('Patient.name.family.indexOf(%resource.name.text)')).toEqual([shorter.length]);
  expect(found("Patient.name.family.replace(%resource.name.text, '-')")).toEqual([`${shorter}--x`]);
  expect(found('Patient.name.family.split(%resource.name.text)')).toEqual([shorter, '', 'x']);
});

test('what cannot be stopped, would ask a server, or is no FHIRPath, is a fault', () => {
  const fault = (text: string) => fhirpathFault(text, 'Patient', definitions);
  expect(fault("Patient.name.family.encode('hex').indexOf('61')")).toBe('no such function: encode()');
  expect(fault("Patient.name.where(family.encode('hex') in given)")).toBe('no such function: encode()');
  expect(fault("Patient.generalPractitioner.where(resolve().id.encode('hex') = 'x')")).toBe(
    'no such function: encode()',
  );
  expect(fault('Patient.name.')).toBeDefined();
  expect(fault('Patient.name.nothing()')).toBe('no such function: nothing()');
  expect(fault('Patient.name.ofType(Nothing)')).toBeDefined();
  expect(fault("Patient.name.where('a' - 1 = 2)")).toBeUndefined();
  expect(fault("'a' - 1")).toBeDefined();
  expect(fault('Patient.name.family.lower()')).toBeUndefined();
  expect(fault("Patient.name.family.matches('(a+)+$')")).toBeUndefined();
  expect(fault("Patient.name.family.replace('a', %resource.language)")).toBeUndefined();
  expect(fault("Patient.name.family.encode('hex')")).toBeUndefined();
  expect(fault("Patient.name.where(use.memberOf('x'))")).toContain('memberOf()');
  expect(fault("Patient.name.where(use.exists() and conformsTo('x'))")).toContain('conformsTo()');
  expect(fault('Patient.text.`div`.htmlChecks()')).toContain('htmlChecks()');
  expect(fault('Patient.managingOrganization.resolve().name')).toBeUndefined();
  const contained = { resourceType: 'Organization', id: 'o', name: 'Clinic' };
  const within: Resource = { ...patient, contained: [contained], managingOrganization: { reference: '#o' } };
  const name = compileFhirpath('Patient.managingOrganization.resolve().name', 'Patient', definitions);
  expect(name(within, startScope(within))).toEqual([{ type: 'string', value: 'Clinic' }]);
});

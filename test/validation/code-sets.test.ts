/** The codes of R4's value sets: listed ones, and those that are told by their form. https://hl7.org/fhir/R4/terminologies-systems.html */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { builtInCodeSet } from '../../src/validation/base/code-sets.ts';

const r4 = (name: string): string => `http://hl7.org/fhir/ValueSet/${name}`;

async function has(valueSet: string, code: string, system?: string): Promise<boolean | undefined> {
  return (await builtInCodeSet(valueSet))?.has(system, code);
}

describe('the codes of R4’s value sets', () => {
  it('are listed with their systems', async () => {
    const set = r4('administrative-gender|4.0.1');
    expect(await has(set, 'female')).toBe(true);
    expect(await has(set, 'x')).toBe(false);
    expect(await has(set, 'female', 'http://hl7.org/fhir/administrative-gender')).toBe(true);
    expect(await has(set, 'female', 'http://example.org')).toBe(false);
  });

  it('are those of all systems that a set has', async () => {
    const set = 'http://hl7.org/fhir/ValueSet/marital-status';
    expect(await has(set, 'M', 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus')).toBe(true);
    expect(await has(set, 'UNK', 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor')).toBe(true);
  });

  it('are not known of sets that R4 has not, and of those with code systems that it has not', async () => {
    expect(await builtInCodeSet('http://example.org/ValueSet/x')).toBeUndefined();
    expect(await builtInCodeSet(r4('administrative-gender|5.0.0'))).toBeUndefined();
    expect(await has(r4('ucum-units'), 'mm[Hg]', 'http://unitsofmeasure.org')).toBe(true);
    expect(await has(r4('ucum-units'), 'x', 'http://unitsofmeasure.org')).toBeUndefined();
  });

  it.each([
    ['mimetypes', 'text/plain', true],
    ['mimetypes', 'application/fhir+json; fhirVersion=4.0; charset="UTF-8"', true],
    ['mimetypes', 'application/dicom; variant=DICOM WADO-RS', true],
    ['mimetypes', 'image/*', true],
    ['mimetypes', 'png', false],
    ['mimetypes', 'text/plain; charset', false],
    ['all-languages', 'de-CH-1996', true],
    ['all-languages', 'German', true],
    ['all-languages', 'sgn-ase', true],
    ['all-languages', 'zh-yue-HK', true],
    ['all-languages', 'x-clinic', true],
    ['all-languages', 'i-klingon', true],
    ['all-languages', 'zh-min', true],
    ['all-languages', 'en-', false],
    ['all-languages', 'x-', false],
    ['all-languages', 'in German', false],
    ['currencies', 'EUR', true],
    ['currencies', 'euro', false],
  ])('of %s: %s is %s', async (name, code, expected) => {
    expect(await has(r4(name), code)).toBe(expected);
  });

  it('are told in time that grows with the code alone', async () => {
    const begun = performance.now();
    for (const piece of [';x=y ', '; x="" ', ' ;', '; x=y ;'])
      expect(await has(r4('mimetypes'), `a/b${piece.repeat(20_000)}"`)).toBe(false);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it('are there for each required binding of R4, but for LOINC’s', async () => {
    const definitions = loadDefinitions();
    const lacking = new Set<string>();
    const bound = new Set<string>();
    const visit = (name: string): void => {
      for (const { binding, type } of definitions.type(name)?.elements.values() ?? []) {
        if (binding?.strength === 'required') bound.add(binding.valueSet);
        if (type.startsWith(`${name}.`)) visit(type);
      }
    };
    for (const name of [...definitions.resourceTypes, ...definitions.dataTypes]) visit(name);
    for (const valueSet of bound) if ((await builtInCodeSet(valueSet)) === undefined) lacking.add(valueSet);
    expect(bound.size).toBeGreaterThan(200);
    expect([...lacking]).toEqual(['http://loinc.org/vs/LL379-9|4.0.1']);
  });
});

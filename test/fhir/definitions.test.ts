import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';

const definitions = loadDefinitions();

describe('types', () => {
  it("knows R4's 146 concrete resource types, and no others", () => {
    expect(definitions.resourceTypes.size).toBe(146);
    for (const type of ['Patient', 'Parameters', 'Bundle', 'Binary', 'OperationOutcome'])
      expect(definitions.resourceTypes).toContain(type);
    for (const type of ['Resource', 'DomainResource', 'SubscriptionStatus', 'Bot', 'MetadataResource', 'HumanName'])
      expect(definitions.resourceTypes).not.toContain(type);
  });

  it('knows the data types, primitive ones too', () => {
    for (const type of ['HumanName', 'Quantity', 'Age', 'Extension', 'code', 'base64Binary'])
      expect(definitions.dataTypes).toContain(type);
    expect(definitions.dataTypes).not.toContain('Patient');
    expect(definitions.dataTypes).not.toContain('Patient.contact');
  });

  it('knows what a type specialises before its elements are asked for', () => {
    for (const name of [...definitions.resourceTypes, ...definitions.dataTypes, 'Patient.contact', 'DomainResource'])
      expect([name, definitions.base(name)]).toEqual([name, definitions.type(name)?.base]);
    expect([definitions.base('Patient'), definitions.base('nothing')]).toEqual(['DomainResource', undefined]);
  });

  it('gives a resource inherited elements first, in the order of R4', () => {
    const names = [...(definitions.type('Patient')?.elements.keys() ?? [])];
    expect(names.slice(0, 10)).toEqual([
      'id',
      'meta',
      'implicitRules',
      'language',
      'text',
      'contained',
      'extension',
      'modifierExtension',
      'identifier',
      'active',
    ]);
    expect(names).toContain('deceasedBoolean');
    expect(names).toContain('deceasedDateTime');
    expect(names).not.toContain('deceased[x]');
    expect(definitions.type('Patient')).toMatchObject({ kind: 'resource', abstract: false, base: 'DomainResource' });
  });

  it('describes an element', () => {
    const elements = definitions.type('Patient')?.elements;
    expect(elements?.get('gender')).toEqual({
      name: 'gender',
      type: 'code',
      array: false,
      min: 0,
      max: 1,
      summary: true,
      modifier: false,
      extensible: true,
      targets: [],
      binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1' },
    });
    expect(elements?.get('deceasedDateTime')).toMatchObject({ type: 'dateTime', choice: 'deceased', modifier: true });
    expect(elements?.get('contact')).toMatchObject({
      type: 'Patient.contact',
      array: true,
      max: Number.POSITIVE_INFINITY,
    });
    expect(elements?.get('generalPractitioner')?.targets).toEqual(['Organization', 'Practitioner', 'PractitionerRole']);
    expect(elements?.get('contained')).toMatchObject({ type: 'Resource', array: true });
    expect(elements?.get('id')).toMatchObject({ type: 'id', extensible: false });
  });

  it('gives backbone elements a type of their own', () => {
    const contact = definitions.type('Patient.contact');
    expect(contact).toMatchObject({ kind: 'backbone', base: 'BackboneElement' });
    expect([...(contact?.elements.keys() ?? [])].slice(0, 4)).toEqual([
      'id',
      'extension',
      'modifierExtension',
      'relationship',
    ]);
    expect(definitions.type('Timing.repeat')).toMatchObject({ kind: 'backbone', base: 'Element' });
  });

  it('resolves references to the content of other elements', () => {
    expect(definitions.type('Observation.component')?.elements.get('referenceRange')?.type).toBe(
      'Observation.referenceRange',
    );
    expect(definitions.type('Questionnaire.item')?.elements.get('item')).toMatchObject({
      type: 'Questionnaire.item',
      array: true,
    });
    expect(definitions.type('Bundle.entry')?.elements.get('link')?.type).toBe('Bundle.link');
  });

  it('gives derived data types what they inherit', () => {
    expect(definitions.type('Age')?.elements.get('value')?.type).toBe('decimal');
    expect(definitions.type('code')).toMatchObject({ kind: 'primitive', base: 'string' });
    expect(definitions.type('id')?.pattern?.test('a-1.B')).toBe(true);
  });

  it('opens a choice of any type', () => {
    const values = [...(definitions.type('Extension')?.elements.values() ?? [])].filter(
      ({ choice }) => choice === 'value',
    );
    expect(values).toHaveLength(50);
    expect(values.map(({ name }) => name)).toContain('valueBase64Binary');
    expect(definitions.type('Extension')?.elements.get('url')?.extensible).toBe(false);
  });

  it.each(['Nothing', '__proto__', 'constructor', 'Patient.name', 'Patient.', ''])('knows no type %j', (name) => {
    expect(definitions.type(name)).toBeUndefined();
  });

  it('leads every element to a type', () => {
    const seen = new Set<string>();
    const visit = (name: string): void => {
      if (seen.has(name)) return;
      seen.add(name);
      const type = definitions.type(name);
      expect(type, name).toBeDefined();
      for (const element of type?.elements.values() ?? []) visit(element.type);
    };
    for (const name of [...definitions.resourceTypes, ...definitions.dataTypes]) visit(name);
    expect(seen.size).toBeGreaterThan(600);
  });
});

describe('search parameters', () => {
  it("are R4's 1,375", () => {
    expect(definitions.searchParameters).toHaveLength(1375);
    expect(new Set(definitions.searchParameters.map(({ url }) => url)).size).toBe(1375);
  });

  it('have what R4 says of them', () => {
    const by = (id: string) =>
      definitions.searchParameters.find(({ url }) => url === `http://hl7.org/fhir/SearchParameter/${id}`);
    expect(by('clinical-patient')).toMatchObject({ code: 'patient', type: 'reference', target: ['Patient', 'Group'] });
    expect(by('Observation-code-value-quantity')).toMatchObject({
      code: 'code-value-quantity',
      type: 'composite',
      base: ['Observation'],
      expression: 'Observation',
      components: [
        { definition: 'http://hl7.org/fhir/SearchParameter/clinical-code', expression: 'code' },
        {
          definition: 'http://hl7.org/fhir/SearchParameter/Observation-value-quantity',
          expression: 'value.as(Quantity)',
        },
      ],
    });
    expect(by('Resource-id')).toMatchObject({ code: '_id', base: ['Resource'], expression: 'Resource.id' });
    expect(by('Resource-content')).not.toHaveProperty('expression');
    expect(by('individual-birthdate')?.description).toContain("The patient's date of birth");
  });
});

describe('compartments', () => {
  it("are R4's five", () => {
    expect([...definitions.compartments.keys()].sort()).toEqual([
      'Device',
      'Encounter',
      'Patient',
      'Practitioner',
      'RelatedPerson',
    ]);
    const patient = definitions.compartments.get('Patient');
    expect(patient).toMatchObject({ code: 'Patient', url: 'http://hl7.org/fhir/CompartmentDefinition/patient' });
    expect(patient?.parameters.get('AllergyIntolerance')).toEqual(['patient', 'recorder', 'asserter']);
    expect(patient?.parameters.has('ActivityDefinition')).toBe(false);
    expect(definitions.compartments.get('Encounter')?.parameters.get('Encounter')).toEqual(['{def}']);
  });

  it('name search parameters that their types have', () => {
    const missing = [...definitions.compartments].flatMap(([compartment, { parameters }]) =>
      [...parameters].flatMap(([type, codes]) =>
        codes
          .filter((code) => code !== '{def}')
          .filter(
            (code) => !definitions.searchParameters.some((found) => found.code === code && found.base.includes(type)),
          )
          .map((code) => `${compartment}: ${type}.${code}`),
      ),
    );
    expect(missing).toEqual([]);
  });
});

describe('code systems', () => {
  it.each([
    ['http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1', 'http://hl7.org/fhir/administrative-gender'],
    ['http://hl7.org/fhir/ValueSet/observation-status', 'http://hl7.org/fhir/observation-status'],
    ['http://hl7.org/fhir/ValueSet/mimetypes|4.0.1', 'urn:ietf:bcp:13'],
    ['http://hl7.org/fhir/ValueSet/all-languages', 'urn:ietf:bcp:47'],
    ['http://hl7.org/fhir/ValueSet/all-types|4.0.1', undefined],
    ['http://example.org/ValueSet/none', undefined],
  ])('%s draws from %s', (valueSet, system) => {
    expect(definitions.bindingSystem(valueSet)).toBe(system);
  });

  it.each([
    ['http://hl7.org/fhir/administrative-gender', true],
    ['http://terminology.hl7.org/CodeSystem/v3-ActCode', true],
    ['http://unitsofmeasure.org', true],
    ['http://snomed.info/sct', false],
    ['http://example.org/codes', undefined],
  ])('case of %s: %s', (system, sensitive) => {
    expect(definitions.caseSensitive(system)).toBe(sensitive);
  });
});

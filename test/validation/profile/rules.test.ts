import { describe, expect, it } from 'vitest';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { filed, issuesOf, observation, profileOf, urlOf, validatorOf } from './source.ts';

const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] });

/** What a profile of Observation with these elements says of an Observation with these. */
async function told(elements: readonly JsonObject[], more: JsonObject, ...others: readonly Resource[]) {
  const validator = validatorOf(filed(profileOf('Observation', elements), ...others));
  return issuesOf(validator, observation(more), ['error', 'warning', 'information']);
}

interface Rule {
  readonly rule: string;
  readonly element: readonly JsonObject[];
  readonly keeps: JsonObject;
  readonly breaks: JsonObject;
  readonly issue: string;
}

const quantity = (value: number, code = 'kg') => ({ value, unit: code, system: 'http://unitsofmeasure.org', code });

const rules: readonly Rule[] = [
  {
    rule: 'min',
    element: [{ path: 'Observation.subject', min: 1 }],
    keeps: { subject: { display: 'x' } },
    breaks: {},
    issue: 'error cardinality Observation.subject',
  },
  {
    rule: 'min of a choice',
    element: [{ path: 'Observation.value[x]', min: 1 }],
    keeps: { valueString: 'x' },
    breaks: {},
    issue: 'error cardinality Observation.value',
  },
  {
    rule: 'max 0',
    element: [{ path: 'Observation.bodySite', max: '0' }],
    keeps: {},
    breaks: { bodySite: { text: 'x' } },
    issue: 'error cardinality Observation.bodySite',
  },
  {
    rule: 'max 1 of a list',
    element: [{ path: 'Observation.category', max: '1' }],
    keeps: { category: [{ text: 'x' }] },
    breaks: { category: [{ text: 'x' }, { text: 'y' }] },
    issue: 'error cardinality Observation.category',
  },
  {
    rule: 'min below a data type',
    element: [{ path: 'Observation.code.text', min: 1 }],
    keeps: {},
    breaks: { code: loinc('1-8') },
    issue: 'error cardinality Observation.code.text',
  },
  {
    rule: 'min within a list that has nothing',
    element: [{ path: 'Observation.component.interpretation', min: 1 }],
    keeps: {},
    breaks: { component: [{ code: { text: 'x' } }] },
    issue: 'error cardinality Observation.component[0].interpretation',
  },
  {
    rule: 'types of a choice',
    element: [{ path: 'Observation.value[x]', type: [{ code: 'Quantity' }, { code: 'string' }] }],
    keeps: { valueString: 'x' },
    breaks: { valueBoolean: true },
    issue: 'error type Observation.valueBoolean',
  },
  {
    rule: 'fixed of a primitive',
    element: [{ path: 'Observation.status', fixedCode: 'final' }],
    keeps: {},
    breaks: { status: 'amended' },
    issue: 'error fixed Observation.status',
  },
  {
    rule: 'fixed of a data type: nothing else may stand beside',
    element: [{ path: 'Observation.code', fixedCodeableConcept: loinc('1-8') }],
    keeps: { code: loinc('1-8') },
    breaks: { code: { ...loinc('1-8'), text: 'x' } },
    issue: 'error fixed Observation.code',
  },
  {
    rule: 'pattern: other things may stand beside',
    element: [{ path: 'Observation.code', patternCodeableConcept: loinc('1-8') }],
    keeps: { code: { coding: [{ system: 'x:y', code: 'z' }, ...loinc('1-8').coding], text: 'x' } },
    breaks: { code: loinc('2-6') },
    issue: 'error pattern Observation.code',
  },
  {
    rule: 'maxLength counts characters',
    element: [{ path: 'Observation.value[x]', type: [{ code: 'string' }], maxLength: 2 }],
    keeps: { valueString: '🦴🦴' },
    breaks: { valueString: 'abc' },
    issue: 'error max-length Observation.valueString',
  },
  {
    rule: 'minValue of a number',
    element: [{ path: 'Observation.value[x]', type: [{ code: 'integer' }], minValueInteger: 0 }],
    keeps: { valueInteger: 0 },
    breaks: { valueInteger: -1 },
    issue: 'error min-value Observation.valueInteger',
  },
  {
    rule: 'maxValue of a date, which the whole of a partial date has to lie beyond',
    element: [{ path: 'Observation.value[x]', type: [{ code: 'dateTime' }], maxValueDateTime: '2020-06' }],
    keeps: { valueDateTime: '2020' },
    breaks: { valueDateTime: '2020-07-01' },
    issue: 'error max-value Observation.valueDateTime',
  },
  {
    rule: 'maxValue of a quantity of the same unit',
    element: [{ path: 'Observation.value[x]', type: [{ code: 'Quantity' }], maxValueQuantity: quantity(5) }],
    keeps: { valueQuantity: quantity(6, 'g') },
    breaks: { valueQuantity: quantity(6) },
    issue: 'error max-value Observation.valueQuantity',
  },
  {
    rule: 'a constraint',
    element: [
      {
        path: 'Observation.value[x]',
        constraint: [{ key: 'own-1', severity: 'error', human: 'positive', expression: '$this.value > 0' }],
      },
    ],
    keeps: { valueQuantity: quantity(1) },
    breaks: { valueQuantity: quantity(-1) },
    issue: 'error own-1 Observation.valueQuantity',
  },
  {
    rule: 'a constraint that warns',
    element: [
      { path: 'Observation', constraint: [{ key: 'own-2', severity: 'warning', expression: 'note.exists()' }] },
    ],
    keeps: { note: [{ text: 'x' }] },
    breaks: {},
    issue: 'warning own-2 Observation',
  },
  {
    rule: 'a required binding',
    element: [
      {
        path: 'Observation.method',
        binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/days-of-week' },
      },
    ],
    keeps: { method: { coding: [{ system: 'http://hl7.org/fhir/days-of-week', code: 'mon' }] } },
    breaks: { method: { text: 'Monday' } },
    issue: 'error binding Observation.method',
  },
  {
    rule: 'an extensible binding',
    element: [
      {
        path: 'Observation.method',
        binding: { strength: 'extensible', valueSet: 'http://hl7.org/fhir/ValueSet/days-of-week' },
      },
    ],
    keeps: { method: { text: 'Monday' } },
    breaks: { method: { coding: [{ system: 'http://hl7.org/fhir/days-of-week', code: 'x' }] } },
    issue: 'warning binding Observation.method',
  },
  {
    rule: 'a required binding whose codes are not here',
    element: [
      { path: 'Observation.method', binding: { strength: 'required', valueSet: 'http://osteon.example/ValueSet/x' } },
    ],
    keeps: {},
    breaks: { method: { coding: [{ system: 'x:y', code: 'z' }] } },
    issue: 'information binding Observation.method',
  },
  {
    rule: 'types that a reference leads to',
    element: [
      {
        path: 'Observation.subject',
        type: [{ code: 'Reference', targetProfile: ['http://hl7.org/fhir/StructureDefinition/Patient'] }],
      },
    ],
    keeps: { subject: { reference: 'Patient/1' } },
    breaks: { subject: { reference: 'Group/1' } },
    issue: 'error reference-type Observation.subject',
  },
  {
    rule: 'aggregation',
    element: [{ path: 'Observation.subject', type: [{ code: 'Reference', aggregation: ['contained'] }] }],
    keeps: { subject: { reference: '#p' }, contained: [{ resourceType: 'Patient', id: 'p' }] },
    breaks: { subject: { reference: 'Patient/1' } },
    issue: 'error aggregation Observation.subject',
  },
  {
    rule: 'versioning',
    element: [{ path: 'Observation.subject', type: [{ code: 'Reference', versioning: 'specific' }] }],
    keeps: { subject: { reference: 'Patient/1/_history/2' } },
    breaks: { subject: { reference: 'Patient/1' } },
    issue: 'error versioning Observation.subject',
  },
  {
    rule: 'elements of what a contentReference names',
    element: [{ path: 'Observation.component.referenceRange.text', min: 1 }],
    keeps: { referenceRange: [{ low: quantity(1) }] },
    breaks: { component: [{ code: { text: 'x' }, referenceRange: [{ low: quantity(1) }] }] },
    issue: 'error cardinality Observation.component[0].referenceRange[0].text',
  },
  {
    rule: 'an extension of a primitive counts as its value',
    element: [{ path: 'Observation.issued', min: 1 }],
    keeps: {
      _issued: {
        extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
      },
    },
    breaks: {},
    issue: 'error cardinality Observation.issued',
  },
];

describe('a profile', () => {
  it.each(rules)('$rule', async ({ element, keeps, breaks, issue }) => {
    expect(await told(element, keeps)).toEqual([]);
    expect(await told(element, breaks)).toEqual([issue]);
  });

  it('holds what its base asks for, through any number of bases', async () => {
    const first = profileOf('Observation', [{ path: 'Observation.subject', min: 1 }], { name: 'first' });
    const second = profileOf('Observation', [{ path: 'Observation.performer', min: 1 }], {
      name: 'second',
      baseDefinition: urlOf('first'),
    });
    // A differential that loosens its base changes nothing.
    const third = profileOf('Observation', [{ path: 'Observation.subject', min: 0 }], {
      baseDefinition: urlOf('second'),
    });
    const validator = validatorOf(filed(first, second, third));
    expect(await issuesOf(validator, observation({}))).toEqual([
      'error cardinality Observation.subject',
      'error cardinality Observation.performer',
    ]);
  });

  it('of a data type counts where an element names it', async () => {
    const kilograms = profileOf('Quantity', [{ path: 'Quantity.code', min: 1, fixedCode: 'kg' }], {
      name: 'kg',
      kind: 'complex-type',
    });
    const elements = [{ path: 'Observation.value[x]', type: [{ code: 'Quantity', profile: [urlOf('kg')] }] }];
    expect(await told(elements, { valueQuantity: quantity(1) }, kilograms)).toEqual([]);
    expect(await told(elements, { valueQuantity: quantity(1, 'g') }, kilograms)).toEqual([
      'error fixed Observation.valueQuantity.code',
    ]);
  });

  it('of what a reference leads to counts where that is here', async () => {
    const named = profileOf('Patient', [{ path: 'Patient.name', min: 1 }], { name: 'named' });
    const elements = [{ path: 'Observation.subject', type: [{ code: 'Reference', targetProfile: [urlOf('named')] }] }];
    const withPatient = (patient: JsonObject) => ({
      subject: { reference: '#p' },
      contained: [{ resourceType: 'Patient', id: 'p', ...patient }],
    });
    expect(await told(elements, withPatient({ name: [{ text: 'x' }] }), named)).toEqual([]);
    expect(await told(elements, { subject: { reference: 'Patient/elsewhere' } }, named)).toEqual([]);
    expect(await told(elements, withPatient({}), named)).toEqual(['error reference-type Observation.subject']);
  });

  it('that is for another type is not met', async () => {
    const validator = validatorOf(filed(profileOf('Patient', [])));
    expect(await issuesOf(validator, observation({}))).toEqual(['error profile Observation.meta.profile[0]']);
  });

  it('that is not here is a warning where the resource names it, an error where the request does', async () => {
    const validator = validatorOf(filed());
    const resource = observation({});
    expect(await issuesOf(validator, resource, ['error', 'warning'])).toEqual([
      'warning profile Observation.meta.profile[0]',
    ]);
    const asked = await validator.validate({ resource, level: 'base', profiles: ['x:y'], budget: 60_000 });
    expect(asked.map(({ severity, code }) => `${severity} ${code}`)).toEqual(['error not-found']);
  });

  it('counts in the resources of a Bundle and in contained ones', async () => {
    const validator = validatorOf(filed(profileOf('Observation', [{ path: 'Observation.subject', min: 1 }])));
    const bundle = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ fullUrl: 'urn:uuid:6f2b8b06-9a4b-4d6c-9d0a-3f2f3a2b1c0d', resource: observation({}) }],
    };
    expect(await issuesOf(validator, bundle)).toEqual(['error cardinality Bundle.entry[0].resource.subject']);
  });

  it('tells errors beside any number of warnings', async () => {
    const elements = [
      { path: 'Observation.note.author[x]', binding: { strength: 'example', valueSet: 'x:y' } },
      {
        path: 'Observation.note',
        constraint: [{ key: 'own-3', severity: 'warning', human: 'x', expression: 'false' }],
      },
      { path: 'Observation.component', max: '0' },
    ];
    const note = Array.from({ length: 100 }, (_, index) => ({ text: `${index}` }));
    const found = await told(elements, { note, component: [{ code: { text: 'x' } }] });
    expect(found.filter((each) => each.startsWith('error'))).toEqual(['error cardinality Observation.component']);
    expect(found).toHaveLength(51);
  });

  it('does not count at the level base', async () => {
    const validator = validatorOf(filed(profileOf('Observation', [{ path: 'Observation.subject', min: 1 }])));
    expect(await validator.validate({ resource: observation({}), level: 'base', budget: 60_000 })).toEqual([]);
  });

  it('is looked up anew after renew', async () => {
    const strict = profileOf('Observation', [{ path: 'Observation.subject', min: 1 }]);
    let definitions = filed(strict);
    const validator = validatorOf({
      find: (type: string, url: string, version: string | undefined) => definitions.find(type, url, version),
    });
    expect(await issuesOf(validator, observation({}))).toHaveLength(1);
    definitions = filed(profileOf('Observation', []));
    expect(await issuesOf(validator, observation({}))).toHaveLength(1);
    validator.renew();
    expect(await issuesOf(validator, observation({}))).toEqual([]);
  });
});

/** Invariants of data types. https://hl7.org/fhir/R4/datatypes.html */
import { type Row, text, ucum } from './row.ts';

const dimensionless = { system: ucum, code: '1' };
const years = { system: ucum, code: 'a' };

export const dataTypes: readonly Row[] = [
  ['ele-1', 'Patient', { name: [{ id: 'a' }] }, { name: [{ id: 'a', family: 'Chalmers' }] }],
  [
    'ext-1',
    'Patient',
    { extension: [{ url: 'http://example.org/a' }] },
    { extension: [{ url: 'http://example.org/a', valueBoolean: true }] },
  ],
  ['age-1', 'Condition', { onsetAge: { value: 0, ...years } }, { onsetAge: { value: 8, ...years } }],
  [
    'qty-3',
    'Observation',
    { valueQuantity: { value: 1, code: 'kg' } },
    { valueQuantity: { value: 1, code: 'kg', system: ucum } },
  ],
  ['att-1', 'Patient', { photo: [{ data: 'aGk=' }] }, { photo: [{ data: 'aGk=', contentType: 'image/png' }] }],
  ['cpt-2', 'Patient', { telecom: [{ value: '555 0100' }] }, { telecom: [{ value: '555 0100', system: 'phone' }] }],
  [
    'cnt-3',
    'Patient',
    { extension: [{ url: 'http://example.org/a', valueCount: { value: 1.5, ...dimensionless } }] },
    { extension: [{ url: 'http://example.org/a', valueCount: { value: 2, ...dimensionless } }] },
  ],
  [
    'drq-1',
    'Library',
    { dataRequirement: [{ type: 'Patient', codeFilter: [{ path: 'a', searchParam: 'b' }] }] },
    { dataRequirement: [{ type: 'Patient', codeFilter: [{ path: 'a' }] }] },
  ],
  [
    'drq-2',
    'Library',
    { dataRequirement: [{ type: 'Patient', dateFilter: [{ valueDateTime: '2020' }] }] },
    { dataRequirement: [{ type: 'Patient', dateFilter: [{ searchParam: 'date', valueDateTime: '2020' }] }] },
  ],
  [
    'dis-1',
    'Patient',
    { extension: [{ url: 'http://example.org/a', valueDistance: { value: 3 } }] },
    { extension: [{ url: 'http://example.org/a', valueDistance: { value: 3, system: ucum, code: 'km' } }] },
  ],
  ['drt-1', 'Encounter', { length: { code: 'h', system: ucum } }, { length: { value: 1, code: 'h', system: ucum } }],
  [
    'exp-1',
    'PlanDefinition',
    { action: [{ condition: [{ expression: { language: 'text/fhirpath' } }] }] },
    {
      action: [{ condition: [{ expression: { language: 'text/fhirpath', expression: 'true' } }] }],
    },
  ],
  [
    'txt-1',
    'Patient',
    { text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><script>a</script></div>' } },
    {
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">a</div>' },
    },
  ],
  [
    'txt-2',
    'Patient',
    { text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"> </div>' } },
    {
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">a</div>' },
    },
  ],
  [
    'per-1',
    'Encounter',
    { period: { start: '2020-02-01', end: '2020-01-31T10:00:00Z' } },
    { period: { start: '2020-02', end: '2020-02-01' } },
  ],
  [
    'rng-2',
    'Condition',
    { onsetRange: { low: { value: 2, system: ucum, code: 'a' }, high: { value: 13, system: ucum, code: 'mo' } } },
    { onsetRange: { low: { value: 1, system: ucum, code: 'a' }, high: { value: 13, system: ucum, code: 'mo' } } },
  ],
  [
    'rat-1',
    'Observation',
    { valueRatio: { numerator: { value: 1 } } },
    { valueRatio: { numerator: { value: 1 }, denominator: { value: 2 } } },
  ],
  [
    'ref-1',
    'Observation',
    { subject: { reference: '#p' } },
    {
      subject: { reference: '#p' },
      contained: [{ resourceType: 'Patient', id: 'p' }],
    },
  ],
  ...timing(),
  [
    'trd-1',
    'PlanDefinition',
    trigger({ type: 'data-added', data: [{ type: 'Patient' }], timingDate: '2020-01-01' }),
    trigger({ type: 'data-added', data: [{ type: 'Patient' }] }),
  ],
  [
    'trd-2',
    'PlanDefinition',
    trigger({ type: 'periodic', timingDate: '2020', condition: { language: 'text/fhirpath', expression: 'true' } }),
    trigger({
      type: 'data-added',
      data: [{ type: 'Patient' }],
      condition: { language: 'text/fhirpath', expression: 'true' },
    }),
  ],
  ['trd-3', 'PlanDefinition', trigger({ type: 'named-event' }), trigger({ type: 'named-event', name: 'monitor' })],
  [
    'dom-2',
    'Observation',
    {
      subject: { reference: '#p' },
      contained: [
        { resourceType: 'Patient', id: 'p', contained: [{ resourceType: 'Organization', id: 'o', name: 'A' }] },
      ],
    },
    { subject: { reference: '#p' }, contained: [{ resourceType: 'Patient', id: 'p' }] },
  ],
  [
    'dom-3',
    'Observation',
    { contained: [{ resourceType: 'Patient', id: 'p' }] },
    {
      subject: { reference: '#p' },
      contained: [{ resourceType: 'Patient', id: 'p' }],
    },
  ],
  [
    'dom-4',
    'Observation',
    { subject: { reference: '#p' }, contained: [{ resourceType: 'Patient', id: 'p', meta: { versionId: '1' } }] },
    { subject: { reference: '#p' }, contained: [{ resourceType: 'Patient', id: 'p', meta: { source: 'urn:a' } }] },
  ],
  [
    'dom-5',
    'Observation',
    {
      subject: { reference: '#p' },
      contained: [{ resourceType: 'Patient', id: 'p', meta: { security: [{ code: 'R' }] } }],
    },
    { subject: { reference: '#p' }, contained: [{ resourceType: 'Patient', id: 'p', meta: { tag: [{ code: 'R' }] } }] },
  ],
  ...elementDefinition(),
];

function trigger(definition: Row[2]): Row[2] {
  return { action: [{ trigger: [definition] }] };
}

function timing(): readonly Row[] {
  const repeated = (repeat: Row[2]): Row[2] => ({ occurrenceTiming: { repeat }, code: text('x') });
  const row = (rule: string, breaks: Row[2], keeps: Row[2]): Row => [
    rule,
    'ServiceRequest',
    repeated(breaks),
    repeated(keeps),
  ];
  return [
    row('tim-1', { duration: 1 }, { duration: 1, durationUnit: 'h' }),
    row('tim-2', { period: 1, frequency: 1 }, { period: 1, periodUnit: 'd', frequency: 1 }),
    row('tim-4', { duration: -1, durationUnit: 'h' }, { duration: 0, durationUnit: 'h' }),
    row('tim-5', { period: -0.5, periodUnit: 'd' }, { period: 0.5, periodUnit: 'd' }),
    row('tim-6', { periodMax: 2, periodUnit: 'd' }, { period: 1, periodMax: 2, periodUnit: 'd' }),
    row('tim-7', { durationMax: 2, durationUnit: 'h' }, { duration: 1, durationMax: 2, durationUnit: 'h' }),
    row('tim-8', { countMax: 3 }, { count: 2, countMax: 3 }),
    row('tim-9', { offset: 10, when: ['PC', 'CM'] }, { offset: 10, when: ['PC', 'PCM'] }),
    row('tim-10', { timeOfDay: ['10:00:00'], when: ['HS'] }, { timeOfDay: ['10:00:00'] }),
  ];
}

function elementDefinition(): readonly Row[] {
  const element = (content: Row[2]): Row[2] => ({
    differential: { element: [{ id: 'a', path: 'Patient.a', ...content }] },
  });
  const row = (rule: string, breaks: Row[2], keeps: Row[2]): Row => [
    rule,
    'StructureDefinition',
    element(breaks),
    element(keeps),
  ];
  const code = { code: 'code' };
  const constraint = { severity: 'error', human: 'a', expression: 'true' };
  return [
    row('eld-1', { slicing: { rules: 'open' } }, { slicing: { rules: 'open', description: 'by url' } }),
    row('eld-2', { min: 2, max: '1' }, { min: 2, max: '10' }),
    row('eld-3', { max: '-1' }, { max: '*' }),
    row(
      'eld-4',
      { type: [{ code: 'string', aggregation: ['bundled'] }] },
      { type: [{ code: 'Reference', aggregation: ['bundled'] }] },
    ),
    row('eld-5', { contentReference: '#a', maxLength: 3 }, { contentReference: '#a' }),
    row('eld-6', { fixedCode: 'a', type: [code, { code: 'string' }] }, { fixedCode: 'a', type: [code] }),
    row('eld-7', { patternCode: 'a', type: [code, { code: 'string' }] }, { patternCode: 'a', type: [code] }),
    row('eld-8', { patternCode: 'a', fixedCode: 'a' }, { patternCode: 'a' }),
    row(
      'eld-11',
      { type: [{ code: 'Period' }], binding: { strength: 'required' } },
      { type: [code], binding: { strength: 'required' } },
    ),
    row(
      'eld-12',
      { binding: { strength: 'required', valueSet: 'ValueSet/a' } },
      { binding: { strength: 'required', valueSet: 'http://example.org/ValueSet/a' } },
    ),
    row('eld-13', { type: [code, code] }, { type: [code, { code: 'string' }] }),
    row(
      'eld-14',
      {
        constraint: [
          { key: 'a', ...constraint },
          { key: 'a', ...constraint },
        ],
      },
      {
        constraint: [
          { key: 'a', ...constraint },
          { key: 'b', ...constraint },
        ],
      },
    ),
    row('eld-15', { defaultValueCode: 'a', meaningWhenMissing: 'b' }, { defaultValueCode: 'a' }),
    row('eld-16', { sliceName: 'a b' }, { sliceName: 'a-b/c@[x]' }),
    row(
      'eld-17',
      { type: [{ code: 'string', targetProfile: ['http://hl7.org/fhir/StructureDefinition/Patient'] }] },
      { type: [{ code: 'canonical', targetProfile: ['http://hl7.org/fhir/StructureDefinition/Patient'] }] },
    ),
    row('eld-18', { isModifier: true }, { isModifier: true, isModifierReason: 'It negates the rest.' }),
    row('eld-19', { path: 'Patient.a,b' }, { path: 'Patient.a_b[x]' }),
    row('eld-22', { sliceIsConstraining: true }, { sliceIsConstraining: true, sliceName: 'a' }),
  ];
}

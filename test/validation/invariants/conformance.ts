/** Invariants of conformance resources, questionnaires and terminology. https://hl7.org/fhir/R4/conformance-module.html */
import { type Row, text } from './row.ts';

type Content = Row[2];

const software = { software: { name: 'a' } };
const implementation = { implementation: { description: 'a' } };

export const conformance: readonly Row[] = [
  ...capabilities(),
  ...questionnaires(),
  [
    'csd-1',
    'CodeSystem',
    { concept: [{ code: 'a', concept: [{ code: 'b', concept: [{ code: 'a' }] }] }] },
    { concept: [{ code: 'a', concept: [{ code: 'b', concept: [{ code: 'A' }] }] }] },
  ],
  [
    'cmd-1',
    'ConceptMap',
    { group: [{ element: [{ code: 'a', target: [{ code: 'b', equivalence: 'inexact' }] }] }] },
    { group: [{ element: [{ code: 'a', target: [{ code: 'b', equivalence: 'inexact', comment: 'c' }] }] }] },
  ],
  [
    'cmd-2',
    'ConceptMap',
    { group: [{ unmapped: { mode: 'fixed' } }] },
    { group: [{ unmapped: { mode: 'fixed', code: 'a' } }] },
  ],
  [
    'cmd-3',
    'ConceptMap',
    { group: [{ unmapped: { mode: 'other-map' } }] },
    { group: [{ unmapped: { mode: 'other-map', url: 'http://example.org/ConceptMap/a' } }] },
  ],
  [
    'ig-1',
    'ImplementationGuide',
    {
      definition: { grouping: [{ id: 'a', name: 'A' }], resource: [{ reference: { display: 'b' }, groupingId: 'c' }] },
    },
    {
      definition: { grouping: [{ id: 'a', name: 'A' }], resource: [{ reference: { display: 'b' }, groupingId: 'a' }] },
    },
  ],
  [
    'ig-2',
    'ImplementationGuide',
    { fhirVersion: ['4.0.1'], definition: { resource: [{ reference: { display: 'b' }, fhirVersion: ['3.0.1'] }] } },
    {
      fhirVersion: ['3.0.1', '4.0.1'],
      definition: { resource: [{ reference: { display: 'b' }, fhirVersion: ['3.0.1'] }] },
    },
  ],
  [
    'mea-1',
    'Measure',
    { group: [{ stratifier: [{ description: 'a', component: [{ description: 'b' }] }] }] },
    { group: [{ stratifier: [{ component: [{ description: 'b' }] }] }] },
  ],
  [
    'mrp-1',
    'MeasureReport',
    { type: 'data-collection', group: [{ code: text('a') }] },
    { type: 'summary', group: [{ code: text('a') }] },
  ],
  [
    'mrp-2',
    'MeasureReport',
    { group: [{ stratifier: [{ stratum: [{ measureScore: { value: 1 } }] }] }] },
    { group: [{ stratifier: [{ stratum: [{ value: text('a') }] }] }] },
  ],
  [
    'md-1',
    'MessageDefinition',
    { focus: [{ code: 'Patient', min: 0, max: '0' }] },
    { focus: [{ code: 'Patient', min: 0, max: '*' }] },
  ],
  [
    'nsd-1',
    'NamingSystem',
    { kind: 'root', uniqueId: [{ type: 'uuid', value: 'a' }] },
    { kind: 'root', uniqueId: [{ type: 'oid', value: 'a' }] },
  ],
  [
    'nsd-2',
    'NamingSystem',
    {
      uniqueId: [
        { type: 'oid', value: 'a', preferred: true },
        { type: 'oid', value: 'b', preferred: true },
      ],
    },
    {
      uniqueId: [
        { type: 'oid', value: 'a', preferred: true },
        { type: 'oid', value: 'b', preferred: false },
      ],
    },
  ],
  ['spd-1', 'SearchParameter', { xpath: 'a' }, { xpath: 'a', xpathUsage: 'normal' }],
  ['spd-2', 'SearchParameter', { type: 'token', chain: ['name'] }, { type: 'reference', chain: ['name'] }],
  ['smp-1', 'StructureMap', map({ element: 'a' }), map({ element: 'a', context: 'b', contextType: 'variable' })],
  ['smp-2', 'StructureMap', map({ context: 'b' }), map({ context: 'b', contextType: 'variable' })],
  [
    'vsd-1',
    'ValueSet',
    { compose: { include: [{ version: '1' }] } },
    { compose: { include: [{ valueSet: ['http://example.org/ValueSet/a'] }] } },
  ],
  [
    'vsd-2',
    'ValueSet',
    { compose: { include: [{ concept: [{ code: 'a' }], valueSet: ['http://example.org/ValueSet/a'] }] } },
    { compose: { include: [{ concept: [{ code: 'a' }], system: 'urn:a' }] } },
  ],
  [
    'vsd-3',
    'ValueSet',
    {
      compose: {
        include: [{ system: 'urn:a', concept: [{ code: 'a' }], filter: [{ property: 'p', op: '=', value: 'v' }] }],
      },
    },
    { compose: { include: [{ system: 'urn:a', filter: [{ property: 'p', op: '=', value: 'v' }] }] } },
  ],
  ['vsd-6', 'ValueSet', contains({ abstract: true }), contains({ abstract: true, display: 'a' })],
  ['vsd-9', 'ValueSet', contains({ display: 'a' }), contains({ display: 'a', abstract: true })],
  ['vsd-10', 'ValueSet', contains({ code: 'a' }), contains({ code: 'a', system: 'urn:a' })],
];

function map(target: Content): Content {
  return { group: [{ name: 'a', rule: [{ name: 'b', target: [target] }] }] };
}

function contains(item: Content): Content {
  return { expansion: { timestamp: '2020', contains: [item] } };
}

function capabilities(): readonly Row[] {
  const parameter = { name: 'a', type: 'string' };
  return [
    ['cpb-1', 'CapabilityStatement', { kind: 'requirements' }, { rest: [{ mode: 'server' }] }],
    ['cpb-2', 'CapabilityStatement', { kind: 'requirements' }, { description: 'a' }],
    [
      'cpb-3',
      'CapabilityStatement',
      { kind: 'requirements', messaging: [{ endpoint: [{ address: 'urn:a' }] }] },
      { kind: 'instance', messaging: [{ endpoint: [{ address: 'urn:a' }] }] },
    ],
    [
      'cpb-7',
      'CapabilityStatement',
      {
        document: [
          { mode: 'producer', profile: 'urn:a' },
          { mode: 'producer', profile: 'urn:a' },
        ],
      },
      {
        document: [
          { mode: 'producer', profile: 'urn:a' },
          { mode: 'consumer', profile: 'urn:a' },
        ],
      },
    ],
    [
      'cpb-9',
      'CapabilityStatement',
      { rest: [{ mode: 'server', resource: [{ type: 'Patient' }, { type: 'Patient' }] }] },
      { rest: [{ mode: 'server', resource: [{ type: 'Patient' }, { type: 'Group' }] }] },
    ],
    [
      'cpb-12',
      'CapabilityStatement',
      { rest: [{ mode: 'server', resource: [{ type: 'Patient', searchParam: [parameter, parameter] }] }] },
      {
        rest: [
          { mode: 'server', resource: [{ type: 'Patient', searchParam: [parameter, { ...parameter, name: 'b' }] }] },
        ],
      },
    ],
    ['cpb-14', 'CapabilityStatement', { kind: 'instance', ...software }, { kind: 'instance', ...implementation }],
    [
      'cpb-15',
      'CapabilityStatement',
      { kind: 'capability', ...software, ...implementation },
      { kind: 'capability', ...software },
    ],
    [
      'cpb-16',
      'CapabilityStatement',
      { kind: 'requirements', ...software },
      { kind: 'requirements', description: 'a' },
    ],
    [
      'tcp-1',
      'TerminologyCapabilities',
      { codeSystem: [{ uri: 'urn:a', version: [{ code: '1' }, { isDefault: true }] }] },
      { codeSystem: [{ uri: 'urn:a', version: [{ code: '1' }, { code: '2' }] }] },
    ],
    ['tcp-2', 'TerminologyCapabilities', { kind: 'requirements' }, { kind: 'requirements', description: 'a' }],
    ['tcp-3', 'TerminologyCapabilities', { kind: 'instance', ...software }, { kind: 'instance', ...implementation }],
    [
      'tcp-4',
      'TerminologyCapabilities',
      { kind: 'capability', ...software, ...implementation },
      { kind: 'capability', ...software },
    ],
    [
      'tcp-5',
      'TerminologyCapabilities',
      { kind: 'requirements', ...implementation },
      { kind: 'requirements', description: 'a' },
    ],
    ['opd-1', 'OperationDefinition', operation({}), operation({ type: 'string' })],
    [
      'opd-2',
      'OperationDefinition',
      operation({ type: 'code', searchType: 'token' }),
      operation({ type: 'string', searchType: 'token' }),
    ],
    [
      'opd-3',
      'OperationDefinition',
      operation({ type: 'string', targetProfile: ['urn:a'] }),
      operation({ type: 'Reference', targetProfile: ['urn:a'] }),
    ],
  ];
}

function operation(parameter: Content): Content {
  return { parameter: [{ name: 'a', use: 'in', min: 0, max: '1', ...parameter }] };
}

function questionnaires(): readonly Row[] {
  const row = (rule: string, breaks: Content, keeps: Content): Row => [
    rule,
    'Questionnaire',
    { item: [{ linkId: '1', ...breaks }] },
    { item: [{ linkId: '1', ...keeps }] },
  ];
  const inner = [{ linkId: '1.1', type: 'string', text: 'a' }];
  const options = [{ valueString: 'a' }];
  const answers = 'http://example.org/ValueSet/a';
  const condition = { question: '2', operator: 'exists', answerBoolean: true };
  return [
    row('que-1', { type: 'display', item: inner }, { type: 'group', item: inner }),
    row('que-2', { type: 'group', item: [{ linkId: '1', type: 'string' }] }, { type: 'group', item: inner }),
    row('que-3', { type: 'display', code: [{ code: 'a' }] }, { type: 'string', code: [{ code: 'a' }] }),
    row(
      'que-4',
      { type: 'choice', answerOption: options, answerValueSet: answers },
      { type: 'choice', answerOption: options },
    ),
    row('que-5', { type: 'boolean', answerOption: options }, { type: 'open-choice', answerOption: options }),
    row('que-6', { type: 'display', required: true }, { type: 'string', required: true }),
    row(
      'que-7',
      { type: 'string', enableWhen: [{ question: '2', operator: 'exists', answerString: 'yes' }] },
      { type: 'string', enableWhen: [condition] },
    ),
    row(
      'que-8',
      { type: 'group', item: inner, initial: [{ valueString: 'a' }] },
      { type: 'string', initial: [{ valueString: 'a' }] },
    ),
    row('que-9', { type: 'display', readOnly: true }, { type: 'string', readOnly: true }),
    row('que-10', { type: 'date', maxLength: 3 }, { type: 'text', maxLength: 3 }),
    row(
      'que-11',
      { type: 'choice', answerOption: options, initial: [{ valueString: 'a' }] },
      { type: 'choice', answerOption: options },
    ),
    row(
      'que-12',
      { type: 'string', enableWhen: [condition, { ...condition, question: '3' }, { ...condition, question: '4' }] },
      {
        type: 'string',
        enableWhen: [condition, { ...condition, question: '3' }, { ...condition, question: '4' }],
        enableBehavior: 'any',
      },
    ),
    row(
      'que-13',
      { type: 'string', initial: [{ valueString: 'a' }, { valueString: 'b' }] },
      { type: 'string', initial: [{ valueString: 'a' }, { valueString: 'b' }], repeats: true },
    ),
    [
      'qrs-1',
      'QuestionnaireResponse',
      { item: [{ linkId: '1', answer: [{ valueBoolean: true }], item: [{ linkId: '2' }] }] },
      { item: [{ linkId: '1', answer: [{ valueBoolean: true, item: [{ linkId: '2' }] }] }] },
    ],
  ];
}

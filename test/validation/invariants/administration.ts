/** Invariants of Bundle, Parameters and the resources of administration and workflow. https://hl7.org/fhir/R4/resourcelist.html */
import { concept, type Row, text, ucum } from './row.ts';

const verification = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification';
const clinical = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical';
const patient = { resourceType: 'Patient', id: 'a' };
const request = { method: 'GET', url: 'Patient/a' };
const observation = { resourceType: 'Observation', status: 'final', code: { text: 'a' } };
const composition = { resourceType: 'Composition', status: 'final', title: 'a' };
const active = concept(clinical, 'active');
const mistaken = concept(verification, 'entered-in-error');

export const administration: readonly Row[] = [
  ['bdl-1', 'Bundle', { type: 'collection', total: 1 }, { type: 'searchset', total: 1 }],
  [
    'bdl-2',
    'Bundle',
    { type: 'collection', entry: [{ resource: patient, search: { mode: 'match' } }] },
    { type: 'searchset', entry: [{ resource: patient, search: { mode: 'match' } }] },
  ],
  [
    'bdl-3',
    'Bundle',
    { type: 'transaction', entry: [{ resource: patient }] },
    { type: 'transaction', entry: [{ request }] },
  ],
  [
    'bdl-4',
    'Bundle',
    { type: 'batch-response', entry: [{ resource: patient }] },
    { type: 'batch-response', entry: [{ response: { status: '200' } }] },
  ],
  [
    'bdl-5',
    'Bundle',
    { type: 'collection', entry: [{ fullUrl: 'urn:a:b' }] },
    { type: 'collection', entry: [{ resource: patient }] },
  ],
  [
    'bdl-7',
    'Bundle',
    {
      type: 'collection',
      entry: [
        { fullUrl: 'http://example.org/Patient/a', resource: { ...patient, meta: { versionId: '1' } } },
        { fullUrl: 'http://example.org/Patient/a', resource: { ...patient, meta: { versionId: '1' } } },
      ],
    },
    {
      type: 'collection',
      entry: [
        { fullUrl: 'http://example.org/Patient/a', resource: { ...patient, meta: { versionId: '1' } } },
        { fullUrl: 'http://example.org/Patient/a', resource: { ...patient, meta: { versionId: '2' } } },
      ],
    },
  ],
  [
    'bdl-8',
    'Bundle',
    { type: 'collection', entry: [{ fullUrl: 'http://example.org/Patient/a/_history/1', resource: patient }] },
    { type: 'collection', entry: [{ resource: patient }] },
  ],
  [
    'bdl-9',
    'Bundle',
    {
      type: 'document',
      identifier: { value: '1' },
      timestamp: '2020-01-01T00:00:00Z',
      entry: [{ resource: composition }],
    },
    {
      type: 'document',
      identifier: { system: 'urn:a:b', value: '1' },
      timestamp: '2020-01-01T00:00:00Z',
      entry: [{ resource: composition }],
    },
  ],
  [
    'bdl-10',
    'Bundle',
    { type: 'document', entry: [{ resource: composition }] },
    { type: 'document', timestamp: '2020-01-01T00:00:00Z', entry: [{ resource: composition }] },
  ],
  [
    'bdl-11',
    'Bundle',
    { type: 'document', entry: [{ resource: patient }, { resource: composition }] },
    { type: 'document', entry: [{ resource: composition }, { resource: patient }] },
  ],
  [
    'bdl-12',
    'Bundle',
    { type: 'message', entry: [{ resource: patient }] },
    { type: 'message', entry: [{ resource: { resourceType: 'MessageHeader' } }] },
  ],
  [
    'inv-1 of Parameters',
    'Parameters',
    { parameter: [{ name: 'a', valueBoolean: true, resource: patient }] },
    {
      parameter: [
        { name: 'a', valueBoolean: true },
        { name: 'b', part: [{ name: 'c', resource: patient }] },
      ],
    },
  ],
  [
    'inv-1 of Task',
    'Task',
    { authoredOn: '2020-02-01', lastModified: '2020-01-01' },
    { authoredOn: '2020-02-01', lastModified: '2020-02' },
  ],
  ['ait-1', 'AllergyIntolerance', { code: text('a') }, { verificationStatus: mistaken }],
  [
    'ait-2',
    'AllergyIntolerance',
    { verificationStatus: mistaken, clinicalStatus: active },
    { verificationStatus: concept(verification, 'confirmed'), clinicalStatus: active },
  ],
  [
    'app-1',
    'Appointment',
    { participant: [{ status: 'accepted' }] },
    { participant: [{ status: 'accepted', actor: { display: 'a' } }] },
  ],
  [
    'app-2',
    'Appointment',
    { status: 'proposed', start: '2020-01-01T10:00:00Z' },
    { status: 'proposed', start: '2020-01-01T10:00:00Z', end: '2020-01-01T11:00:00Z' },
  ],
  ['app-3', 'Appointment', { status: 'booked' }, { status: 'waitlist' }],
  [
    'app-4',
    'Appointment',
    { status: 'booked', cancelationReason: text('a') },
    { status: 'noshow', cancelationReason: text('a') },
  ],
  ['apr-1', 'AppointmentResponse', { comment: 'a' }, { actor: { display: 'a' } }],
  ['sev-1', 'AuditEvent', { entity: [{ name: 'a', query: 'YQ==' }] }, { entity: [{ query: 'YQ==' }] }],
  [
    'cpl-3',
    'CarePlan',
    { activity: [{ detail: { status: 'scheduled' }, reference: { display: 'a' } }] },
    { activity: [{ reference: { display: 'a' } }] },
  ],
  [
    'ctm-1',
    'CareTeam',
    { participant: [{ member: { reference: 'Patient/a' }, onBehalfOf: { display: 'a' } }] },
    { participant: [{ member: { reference: 'Practitioner/a' }, onBehalfOf: { display: 'a' } }] },
  ],
  ['cmp-1', 'Composition', { section: [{ title: 'a' }] }, { section: [{ title: 'a', entry: [{ display: 'b' }] }] }],
  [
    'cmp-2',
    'Composition',
    { section: [{ emptyReason: text('a'), entry: [{ display: 'b' }] }] },
    { section: [{ entry: [{ display: 'b' }] }] },
  ],
  ['con-1', 'Condition', { stage: [{ type: text('a') }] }, { stage: [{ type: text('a'), summary: text('b') }] }],
  ['con-2', 'Condition', { evidence: [{ id: 'a', extension: [] }] }, { evidence: [{ code: [text('a')] }] }],
  [
    'con-4',
    'Condition',
    {
      abatementDateTime: '2020',
      clinicalStatus: concept('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'),
    },
    {
      abatementDateTime: '2020',
      clinicalStatus: concept('http://terminology.hl7.org/CodeSystem/condition-clinical', 'resolved'),
    },
  ],
  [
    'con-5',
    'Condition',
    {
      verificationStatus: concept('http://terminology.hl7.org/CodeSystem/condition-ver-status', 'entered-in-error'),
      clinicalStatus: concept('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'),
    },
    { verificationStatus: concept('http://terminology.hl7.org/CodeSystem/condition-ver-status', 'entered-in-error') },
  ],
  ['ppc-1', 'Consent', { status: 'active' }, { policyRule: text('a') }],
  ...(['patient-privacy', 'research', 'adr', 'treatment'] as const).map(
    (code, n): Row => [
      `ppc-${n + 2}`,
      'Consent',
      { scope: concept('something', code) },
      { scope: concept('something', code), patient: { display: 'a' } },
    ],
  ),
  [
    'ces-1',
    'CoverageEligibilityResponse',
    { insurance: [{ coverage: { display: 'a' }, item: [{ category: text('a'), productOrService: text('b') }] }] },
    { insurance: [{ coverage: { display: 'a' }, item: [{ category: text('a') }] }] },
  ],
  ['fhs-1', 'FamilyMemberHistory', { ageString: 'old', bornString: 'long ago' }, { ageString: 'old' }],
  ['fhs-2', 'FamilyMemberHistory', { estimatedAge: true }, { estimatedAge: true, ageString: 'old' }],
  ['gol-1', 'Goal', { target: [{ detailString: 'a' }] }, { target: [{ detailString: 'a', measure: text('b') }] }],
  [
    'grp-1',
    'Group',
    { type: 'person', actual: false, member: [{ entity: { display: 'a' } }] },
    { type: 'person', actual: true, member: [{ entity: { display: 'a' } }] },
  ],
  ['imm-1', 'Immunization', { education: [{ publicationDate: '2020' }] }, { education: [{ documentType: 'a' }] }],
  [
    'imr-1',
    'ImmunizationRecommendation',
    { recommendation: [{ forecastStatus: text('a') }] },
    { recommendation: [{ forecastStatus: text('a'), targetDisease: text('b') }] },
  ],
  ['ipn-1', 'InsurancePlan', { status: 'active' }, { name: 'a' }],
  [
    'lnk-1',
    'Linkage',
    { item: [{ type: 'source', resource: { display: 'a' } }] },
    {
      item: [
        { type: 'source', resource: { display: 'a' } },
        { type: 'alternate', resource: { display: 'b' } },
      ],
    },
  ],
  ['lst-1', 'List', { emptyReason: text('a'), entry: [{ item: { display: 'b' } }] }, { emptyReason: text('a') }],
  [
    'lst-2',
    'List',
    { mode: 'working', entry: [{ deleted: true, item: { display: 'b' } }] },
    { mode: 'changes', entry: [{ deleted: true, item: { display: 'b' } }] },
  ],
  [
    'lst-3',
    'List',
    { mode: 'changes', entry: [{ date: '2020', item: { display: 'b' } }] },
    { mode: 'working', entry: [{ date: '2020', item: { display: 'b' } }] },
  ],
  ['mad-1', 'MedicationAdministration', { dosage: { text: 'a' } }, { dosage: { dose: { value: 1, unit: 'mg' } } }],
  [
    'mdd-1',
    'MedicationDispense',
    { whenPrepared: '2020-01-02', whenHandedOver: '2020-01-01' },
    { whenPrepared: '2020-01-02', whenHandedOver: '2020-01-02T12:00:00Z' },
  ],
  ['msq-3', 'MolecularSequence', { coordinateSystem: 2 }, { coordinateSystem: 0 }],
  [
    'msq-5',
    'MolecularSequence',
    { referenceSeq: { chromosome: text('1') } },
    { referenceSeq: { chromosome: text('1'), genomeBuild: 'GRCh 38' } },
  ],
  [
    'msq-6',
    'MolecularSequence',
    { referenceSeq: { referenceSeqString: 'ACGT', referenceSeqId: text('a') } },
    { referenceSeq: { referenceSeqString: 'ACGT' } },
  ],
  ['obs-3', 'Observation', { referenceRange: [{ type: text('a') }] }, { referenceRange: [{ text: 'a' }] }],
  ['obs-6', 'Observation', { dataAbsentReason: text('a'), valueString: 'b' }, { dataAbsentReason: text('a') }],
  [
    'obs-7',
    'Observation',
    { ...observation, code: concept('urn:a', 'b'), valueString: 'c', component: [{ code: concept('urn:a', 'b') }] },
    { ...observation, code: concept('urn:a', 'b'), valueString: 'c', component: [{ code: concept('urn:a', 'd') }] },
  ],
  ['org-1', 'Organization', { active: true }, { name: 'a' }],
  ['org-2', 'Organization', { address: [{ use: 'home', city: 'a' }] }, { address: [{ use: 'work', city: 'a' }] }],
  [
    'org-3',
    'Organization',
    { telecom: [{ use: 'home', system: 'phone', value: '1' }] },
    { telecom: [{ use: 'work', system: 'phone', value: '1' }] },
  ],
  ['pat-1', 'Patient', { contact: [{ gender: 'female' }] }, { contact: [{ name: { text: 'a' } }] }],
  ['rqg-1', 'RequestGroup', { action: [{ title: 'a' }] }, { action: [{ title: 'a', resource: { display: 'b' } }] }],
  [
    'ras-1',
    'RiskAssessment',
    { prediction: [{ probabilityRange: { low: { value: 10, system: ucum, code: '1' } } }] },
    { prediction: [{ probabilityRange: { low: { value: 10, system: ucum, code: '%' } } }] },
  ],
  [
    'ras-2',
    'RiskAssessment',
    { prediction: [{ probabilityDecimal: 100.5 }] },
    { prediction: [{ outcome: text('a') }] },
  ],
  ['prr-1', 'ServiceRequest', { orderDetail: [text('a')] }, { orderDetail: [text('a')], code: text('b') }],
];

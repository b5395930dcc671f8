/** Where the definitions package departs from R4 4.0.1, and R4's own content. https://hl7.org/fhir/R4/resourcelist.html */

// Found by comparing every element, search parameter, code system and compartment with R4's own definitions (they are
// among R4's examples; test/fhir/definitions-r4.test.ts compares again).

/** Types that R4 doesn't have. */
export const foreignTypes: ReadonlySet<string> = new Set(['SubscriptionStatus']);

/** Elements that R4 doesn't have; what lies below them goes too. */
export const foreignElements: ReadonlySet<string> = new Set([
  'Binary.url',
  'DeviceDefinition.classification',
  'DeviceDefinition.bodySite',
  'EvidenceVariable.characteristic',
  'Meta.project',
  'Meta.author',
  'Meta.onBehalfOf',
  'Meta.account',
  'Meta.accounts',
  'Meta.compartment',
  'ObservationDefinition.publisher',
  'ResearchStudy.name',
  'ResearchStudy.label',
  'ResearchStudy.studyDesign',
  'ResearchStudy.region',
  'ResearchStudy.descriptionSummary',
  'ResearchStudy.classifier',
  'ResearchStudy.associatedParty',
  'ResearchStudy.progressStatus',
  'ResearchStudy.whyStopped',
  'ResearchStudy.recruitment',
  'ResearchStudy.comparisonGroup',
  'ResearchStudy.objective.description',
  'ResearchStudy.outcomeMeasure',
  'ResearchStudy.result',
]);

/** What an element of R4 lacks in the package: types in the form of `compact.ts`, or its binding. */
export const elementCorrections: Readonly<Record<string, { readonly types?: string; readonly valueSet?: string }>> = {
  'AuditEvent.source.observer': {
    types: 'Reference(PractitionerRole|Practitioner|Organization|Device|Patient|RelatedPerson)',
  },
  'Bundle.entry.response.outcome': { types: 'Resource' },
  'DetectedIssue.status': { valueSet: 'http://hl7.org/fhir/ValueSet/observation-status|4.0.1' },
  'MeasureReport.subject': {
    types: 'Reference(Patient|Practitioner|PractitionerRole|Location|Device|RelatedPerson|Group)',
  },
  'ResearchStudy.site': { types: 'Reference(Location)' },
};

/** Search parameters that R4 doesn't have, by id. */
export const foreignParameters: ReadonlySet<string> = new Set([
  'DetectedIssue-status',
  'DeviceDefinition-classification',
  'ServiceRequest-order-detail',
]);

/** Targets of reference parameters, by id. */
export const parameterTargets: Readonly<Record<string, readonly string[]>> = {
  'clinical-patient': ['Patient', 'Group'],
  'MeasureReport-subject': [
    'Practitioner',
    'Group',
    'Device',
    'Patient',
    'PractitionerRole',
    'RelatedPerson',
    'Location',
  ],
};

/** Code systems outside R4 whose case R4's text fixes. https://hl7.org/fhir/R4/ucum.html */
export const caseSensitiveSystems: readonly string[] = ['http://unitsofmeasure.org'];

/** Every example of R4 keeps R4's own rules, but for what R4's own text condemns. https://hl7.org/fhir/R4/downloads.html */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { Validator } from '../../src/validation/validator.ts';
import { haveR4Examples, r4Examples } from '../r4-examples.ts';
import { nothing } from './checking.ts';

const withoutBase = [
  ...['author', 'effective', 'end', 'keyword', 'workflow'].flatMap((name) => [
    `SearchParameter-codesystem-extensions-CodeSystem-${name}.json`,
    `SearchParameter-valueset-extensions-ValueSet-${name}.json`,
  ]),
];

const logical = ['Definition', 'Event', 'FiveWs', 'Request'].map((name) => `StructureDefinition-${name}.json`);

const servers = ['knowledge-repository', 'measure-processor', 'terminology-server'].map(
  (name) => `CapabilityStatement-${name}.json`,
);

/** File → rules that it breaks and where, without indexes; with the reason. */
const exceptions: Readonly<Record<string, string>> = {
  // No text and no image. txt-2: "The narrative SHALL have some non-whitespace content".
  'ActivityDefinition-blood-tubes-supply.json': 'txt-2 ActivityDefinition.text.div',
  'ActivityDefinition-heart-valve-replacement.json': 'txt-2 ActivityDefinition.text.div',
  'EventDefinition-example.json': 'txt-2 EventDefinition.text.div',
  'Questionnaire-zika-virus-exposure-assessment.json': 'txt-2 Questionnaire.text.div',
  // …/Patient/pat12 for a Patient with the id pat2, and the like: "consistent with the Resource.id".
  'Bundle-10bb101f-a121-4264-a920-67be9cb82c74.json': 'bundle-full-url Bundle.entry.fullUrl',
  'Bundle-3a0707d3-549e-4467-b8b8-5a2ab3800efe.json': 'bundle-full-url Bundle.entry.fullUrl',
  'Bundle-lri-example.json': 'bundle-full-url Bundle.entry.fullUrl',
  // _source for _sort, a token for ValueSet.reference: its type "SHALL be the same as the type in the search parameter definition".
  'Bundle-resources.json': 'search-parameter Bundle.entry.resource.rest.searchParam.type',
  'CapabilityStatement-base.json': 'search-parameter CapabilityStatement.rest.searchParam.type',
  ...Object.fromEntries(
    servers.map((file) => [file, 'search-parameter CapabilityStatement.rest.resource.searchParam.type']),
  ),
  // Seven data elements of Quantity are there twice. bdl-7: "FullUrl must be unique in a bundle".
  'Bundle-dataelements.json': 'bdl-7 Bundle',
  // To a DeviceDefinition, and parent is a Reference(Device).
  'DeviceMetric-example.json': 'reference-type DeviceMetric.parent',
  // To a Procedure, and reasonReference has no Procedure among its types.
  'DeviceUseStatement-example.json': 'reference-type DeviceUseStatement.reasonReference',
  // To a Practitioner, and performer is a Reference(Organization).
  'MedicationRequest-medrx0301.json': 'reference-type MedicationRequest.dispenseRequest.performer',
  // To an Encounter, and performer has no Encounter among its types.
  'Observation-clinical-gender.json': 'reference-type Observation.performer',
  // The guide of R4 itself has no name and no status, and both are 1..1.
  'ImplementationGuide-fhir.json': 'cardinality ImplementationGuide.name, cardinality ImplementationGuide.status',
  'ig-r4.json': 'cardinality ImplementationGuide.name, cardinality ImplementationGuide.status',
  // Its items have no linkId, which is 1..1.
  'Questionnaire-qs1.json': [
    'cardinality Questionnaire.item.item.linkId',
    'cardinality Questionnaire.item.item.item.linkId',
    'cardinality Questionnaire.item.item.item.item.linkId',
  ].join(', '),
  // Without base, which is 1..*.
  ...Object.fromEntries(withoutBase.map((file) => [file, 'cardinality SearchParameter.base'])),
  // sdf-4: "If the structure is not abstract, then there SHALL be a baseDefinition"; these logical models have none.
  ...Object.fromEntries(logical.map((file) => [file, 'sdf-4 StructureDefinition'])),
};

const have = await haveR4Examples();

describe.skipIf(!have)('examples of R4', () => {
  it('keep R4’s own rules', async () => {
    const validator = new Validator(loadDefinitions(), nothing);
    const faulty: Record<string, string> = {};
    let examples = 0;
    for await (const { file, bytes } of r4Examples()) {
      const resource = JSON.parse(bytes.toString('utf8'));
      const issues = await validator.validate({ resource, level: 'base', budget: 60_000 });
      const errors = issues
        .filter(({ severity }) => severity === 'error')
        .map(
          ({ details, expression }) => `${details?.coding[0].code} ${expression?.join(' ').replace(/\[\d+\]/g, '')}`,
        );
      if (errors.length > 0) faulty[file] = [...new Set(errors)].join(', ');
      examples += 1;
    }
    expect(examples).toBe(5306);
    expect(faulty).toEqual(exceptions);
  }, 120_000);
});

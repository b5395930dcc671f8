/**
 * What isn't built yet, and the cases that wait for it by their names. A case that is right although it stands here fails its
 * test, so that this list shrinks.
 */

/** Names of cases by the feature they wait for. */
type Pending = Readonly<Record<string, readonly string[]>>;

/** Cases of the other server, see microsoft.test.ts. */
export const pendingCases: Pending = {
  ':text': [
    'Observation?value-concept:text=code1',
    'Observation?value-concept:text=text',
    'Observation?value-concept:text=text2',
  ],
  ':above and :below': [
    'ValueSet?url:above=http://somewhere.com/test/system/123',
    'ValueSet?url:above=test',
    'ValueSet?url:above=urn://localhost/test',
    'ValueSet?url:above=http://example.org/rdf#54135-9-9-10',
    'ValueSet?url:below=http',
    'ValueSet?url:below=test',
    'ValueSet?url:below=urn',
  ],
};

/** Examples of the specification, see specification.test.ts. */
export const pendingExamples: Pending = {
  ':above and :below': [
    'ValueSet?url:below=http://acme.org/fhir/',
    'ValueSet?url:above=http://acme.org/fhir/ValueSet/123/_history/5',
    'Condition?code:below=http://snomed.info/sct|126851005',
    'DocumentReference?contenttype:below=text/xml',
    'QuestionnaireResponse?questionnaire:below=http://acme.com/some-profile',
    'QuestionnaireResponse?questionnaire:below=http://acme.com/some-profile|1',
    'Procedure?location:below=42',
    'MedicationAdministration?context:above=21',
  ],
  ':in': ['Condition?code:in=http://acme.org/fhir/ValueSet/cardiac-conditions'],
  ':of-type': ['Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|446053'],
  ':text': ['Condition?code:text=headache', 'Observation?code:text=this,that'],
  _text: ['Condition?_text=(bone OR liver) and metastases'],
  'conversion of units': [
    'Observation?value-quantity=0.023|http://unitsofmeasure.org|m/h',
    'Observation?value-quantity=5.40|http://unitsofmeasure.org|mg',
  ],
  'implicit value sets': ['Condition?code:in=http%3A%2F%2Fsnomed.info%2Fsct%3Ffhir_vs%3Disa%2F126851005'],
  near: ['Location?near=42.256500|-83.694810|11.20|km'],
};

/** The feature that a case waits for, undefined for one that doesn't. */
export function pendingFor(name: string, pending: Pending): string | undefined {
  return Object.keys(pending).find((feature) => pending[feature]?.includes(name));
}

/** The names that no case has. */
export function withoutCase(pending: Pending, names: readonly string[]): readonly string[] {
  return Object.values(pending)
    .flat()
    .filter((name) => !names.includes(name));
}

/** Examples of strings, uris, tokens, MIME types, quantities and escapes. https://hl7.org/fhir/R4/search.html#ptypes */
import { observation, patient } from '../../http/searching.ts';
import type { Json } from '../../http/server.ts';
import { concept, condition, narrative, type Section, valueSet } from './section.ts';

const strings: Section = {
  anchor: 'string',
  resources: [
    ...[
      ['eve', 'Eve'],
      ['evelyn', 'Evelyn'],
      ['severine', 'Severine'],
      ['lower', 'eve'],
      ['upper', 'EVE'],
      ['adam', 'Adam'],
    ].map(([id = '', given]) => patient(id, { name: [{ given: [given] }] })),
    patient('carreno', { name: [{ family: 'Carreno Quinones' }] }),
  ],
  examples: [
    {
      query: 'Patient?given=eve',
      says: 'Any patients with a name containing a given part with "eve" at the start of the name',
      finds: 'eve evelyn lower upper',
    },
    {
      query: 'Patient?given:contains=eve',
      says: 'This would include patients with the given name "Eve", "Evelyn", and also "Severine"',
      finds: 'eve evelyn lower severine upper',
    },
    {
      query: 'Patient?given:exact=Eve',
      says: 'This would not include patients with the given name "eve" or "EVE"',
      finds: 'eve',
    },
    {
      query: 'Patient?family=Carreno',
      says: 'searching either "Carreno" or "Quinones" should match a family name of "Carreno Quinones"',
      finds: 'carreno',
    },
    {
      query: 'Patient?family=Quinones',
      says: 'searching either "Carreno" or "Quinones" should match a family name of "Carreno Quinones"',
      finds: 'carreno',
    },
  ],
};

const uris: Section = {
  anchor: 'uri',
  resources: [
    valueSet('exact', 'http://acme.org/fhir/ValueSet/123'),
    valueSet('case', 'http://acme.org/fhir/valueset/123'),
    valueSet('version', 'http://acme.org/fhir/ValueSet/123/_history/5'),
    valueSet('beside', 'http://acme.org/fhirs/ValueSet/123'),
    valueSet('oid', 'urn:oid:1.2.3.4.5'),
    valueSet('longer-oid', 'urn:oid:1.2.3.4.5.6'),
  ],
  examples: [
    {
      query: 'ValueSet?url=http://acme.org/fhir/ValueSet/123',
      says: 'any value set with the exact url "http://acme.org/fhir/ValueSet/123"',
      finds: 'exact',
    },
    {
      query: 'ValueSet?url:below=http://acme.org/fhir/',
      says: 'any value sets that have a URL that starts with "http://acme.org/fhir/"',
      finds: 'case exact version',
    },
    {
      query: 'ValueSet?url:above=http://acme.org/fhir/ValueSet/123/_history/5',
      says: 'any value set above a given specific URL',
      finds: 'exact version',
    },
    { query: 'ValueSet?url=urn:oid:1.2.3.4.5', says: 'an example of searching by an OID', finds: 'oid' },
  ],
};

const identifierTypes = 'http://terminology.hl7.org/CodeSystem/v2-0203';

function identified(id: string, type: string, more: Json = {}): Json {
  return patient(id, { identifier: [{ type: concept(identifierTypes, type), value: '446053' }], ...more });
}

function composition(id: string, ...sections: readonly string[]): Json {
  return {
    resourceType: 'Composition',
    id,
    status: 'final',
    type: { text: 'x' },
    date: '2020-01-01',
    author: [{ display: 'x' }],
    title: 'x',
    ...(sections.length > 0 && { section: sections.map((code) => ({ code: concept('http://loinc.org', code) })) }),
  };
}

const snomed = 'http://snomed.info/sct';
const codes = 'http://acme.org/conditions/codes';

const tokens: Section = {
  anchor: 'token',
  resources: [
    patient('2345', {
      identifier: [{ system: 'http://acme.org/patient', value: '2345' }],
      gender: 'male',
      active: true,
    }),
    patient('elsewhere', { identifier: [{ system: 'http://example.org', value: '2345' }], active: false }),
    identified('mrn', 'MR', { gender: 'female' }),
    identified('licence', 'DL', { gender: 'female' }),
    composition('allergies', '48765-2'),
    composition('both', '10160-0', '48765-2'),
    composition('medication', '10160-0'),
    composition('empty'),
    condition('ha125', { code: concept(codes, 'ha125') }),
    condition('same-code', { code: concept('http://example.org', 'ha125') }),
    condition('angina', { code: concept(codes, 'ang') }),
    condition('text', { code: { text: 'Headache, severe' } }),
    condition('display', { code: concept(codes, 'ha', 'Headache') }),
    condition('liver', { code: concept(snomed, '126851005') }),
    condition('liver-cancer', { code: concept(snomed, '93870000') }),
    condition('fracture', { code: concept(snomed, '125605004') }),
    valueSet('cardiac-conditions', 'http://acme.org/fhir/ValueSet/cardiac-conditions', {
      compose: { include: [{ system: codes, concept: [{ code: 'ang' }] }] },
    }),
    {
      resourceType: 'CodeSystem',
      id: 'sct',
      url: snomed,
      status: 'active',
      content: 'fragment',
      concept: [{ code: '126851005', concept: [{ code: '93870000' }] }, { code: '125605004' }],
    },
  ],
  examples: [
    {
      query: 'Patient?identifier=http://acme.org/patient|2345',
      says: 'an identifier with key = "2345" in the system "http://acme.org/patient"',
      finds: '2345',
    },
    { query: 'Patient?gender=male', says: 'any patient with a gender that has the code "male"', finds: '2345' },
    {
      query: 'Patient?gender:not=male',
      says: 'all patients that do not have gender = male, including patients that do not have a gender at all',
      finds: 'elsewhere licence mrn',
    },
    {
      query: 'Composition?section=48765-2',
      says: 'any Composition that contains an Allergies and adverse reaction section',
      finds: 'allergies both',
    },
    {
      query: 'Composition?section:not=48765-2',
      says: 'in the presence of multiple possible matches, the negation applies to the set, not each individual entry',
      finds: 'empty medication',
    },
    { query: 'Patient?active=true', says: 'any patients that are active', finds: '2345' },
    {
      query: `Condition?code=${codes}|ha125`,
      says: 'any condition with a code "ha125" in the code system "http://acme.org/conditions/codes"',
      finds: 'ha125',
    },
    { query: 'Condition?code=ha125', says: 'any condition with a code "ha125"', finds: 'ha125 same-code' },
    {
      query: 'Condition?code:text=headache',
      says: 'a code that has a text "headache" associated with it (either in the text, or a display)',
      finds: 'display text',
    },
    {
      query: 'Condition?code:in=http%3A%2F%2Fsnomed.info%2Fsct%3Ffhir_vs%3Disa%2F126851005',
      says: 'any condition in the SNOMED CT value set that includes all descendants of "Neoplasm of liver"',
      finds: 'liver liver-cancer',
    },
    {
      query: 'Condition?code:below=126851005',
      says: 'any condition that is subsumed by the SNOMED CT Code "Neoplasm of liver"',
      finds: 'liver liver-cancer',
      instead: {
        query: `Condition?code:below=${snomed}|126851005`,
        because: '"The search parameter is a concept with the form [system]|[code]"',
      },
    },
    {
      query: 'Condition?code:in=http://acme.org/fhir/ValueSet/cardiac-conditions',
      says: 'any condition that is in the institutions list of cardiac conditions',
      finds: 'angina',
    },
    {
      query: `Patient?identifier:otype=${identifierTypes}|MR|446053`,
      says: 'the Medical Record Number 446053 - this is useful where the system id for the MRN is not known',
      finds: 'mrn',
      instead: { query: `Patient?identifier:of-type=${identifierTypes}|MR|446053`, because: 'it is called :of-type' },
    },
  ],
};

function documentReference(id: string, contentType: string): Json {
  const content = [{ attachment: { contentType, url: 'http://example.org/x' } }];
  return { resourceType: 'DocumentReference', id, status: 'current', content };
}

const mimeTypes: Section = {
  anchor: 'mimetype',
  resources: [
    documentReference('plain', 'text/xml'),
    documentReference('charset', 'text/xml; charset=UTF-8'),
    documentReference('pdf', 'application/pdf'),
  ],
  examples: [
    {
      query: 'DocumentReference?contenttype=text/xml',
      says: 'A simple search will miss documents with a mime type such as text/xml; charset=UTF-8',
      finds: 'plain',
    },
    {
      query: 'DocumentReference?contenttype:below=text/xml',
      says: 'This search will find all text/xml documents',
      finds: 'charset plain',
    },
  ],
};

const ucum = 'http://unitsofmeasure.org';

/** Without a system the unit is what people read. */
function measured(id: string, value: number, unit: string, system = ucum): Json {
  return observation(id, { valueQuantity: { value, ...(system === '' ? { unit } : { unit, system, code: unit }) } });
}

const quantities: Section = {
  anchor: 'quantity',
  resources: [
    measured('5.4', 5.4, 'mg'),
    measured('5.44', 5.44, 'mg'),
    measured('5.46', 5.46, 'mg'),
    measured('5', 5, 'mg'),
    measured('6', 6, 'mg'),
    measured('kg', 5.4, 'kg'),
    measured('unit', 5.4, 'mg', ''),
  ],
  examples: [
    {
      query: `Observation?value-quantity=5.4|${ucum}|mg`,
      says: 'a value of 5.4(+/-0.05) mg where mg is understood as a UCUM unit (system/code)',
      finds: '5.4 5.44',
    },
    {
      query: 'Observation?value-quantity=5.4||mg',
      says: 'where the unit - either the code (code) or the stated human unit (unit) are "mg"',
      finds: '5.4 5.44 unit',
    },
    {
      query: 'Observation?value-quantity=5.4',
      says: 'a value of 5.4(+/-0.05) irrespective of the unit',
      finds: '5.4 5.44 kg unit',
    },
    {
      query: `Observation?value-quantity=le5.4|${ucum}|mg`,
      says: 'where the value of is less than 5.4 mg exactly',
      finds: '5 5.4',
    },
    {
      query: `Observation?value-quantity=ap5.4|${ucum}|mg`,
      says: 'where the value of is about 5.4 mg (typically, within 10% of the value)',
      finds: '5 5.4 5.44 5.46',
    },
  ],
};

const convertedQuantities: Section = {
  anchor: 'quantity',
  resources: [
    measured('g', 0.0054, 'g'),
    measured('in-range', 0.0054049, 'g'),
    measured('beside', 0.005406, 'g'),
    measured('slow', 23, 'mm/h'),
  ],
  examples: [
    {
      query: `Observation?value-quantity=5.40e-3|${ucum}|g`,
      says: 'a value of 0.0054(+/-0.000005) g where g is understood as a UCUM unit (system/code)',
      finds: 'g in-range',
    },
    {
      query: `Observation?value-quantity=5.40|${ucum}|mg`,
      says: 'any value where the units can be converted to a value in mg',
      finds: 'g in-range',
    },
    {
      query: `Observation?value-quantity=0.23|${ucum}|m/hr`,
      says: 'an observation may have a value of 23 mm/hr. This is equal to 0.23 m/hr',
      finds: 'slow',
      instead: {
        query: `Observation?value-quantity=0.023|${ucum}|m/h`,
        because: '23 mm are 0.023 m, and UCUM writes the hour h',
      },
    },
  ],
};

const acme = 'http://acme.org/fhir/ValueSet';

const escapes: Section = {
  anchor: 'escaping',
  resources: [
    observation('a', { code: concept(undefined, 'a') }),
    observation('b', { code: concept(undefined, 'b') }),
    observation('comma', { code: concept(undefined, 'a,b') }),
    valueSet('123', `${acme}/123`),
    valueSet('124', `${acme}/124`),
    valueSet('125', '125'),
    valueSet('relative', 'ValueSet/125'),
    valueSet('comma', `${acme}/124,125`),
    patient('backslash', { name: [{ family: 'xx\\xx' }] }),
    patient('dollar', { name: [{ family: 'xx$xx' }] }),
  ],
  examples: [
    {
      query: 'Observation?code=a,b',
      says: 'a request for any Observation that has a code of either a or b',
      finds: 'a b',
    },
    {
      query: 'Observation?code=a\\,b',
      says: 'a request for any Observation that has a code of a,b',
      finds: 'comma',
    },
    {
      query: `ValueSet?url=${acme}/123,${acme}/124,125`,
      says: 'Standard % escaping still applies',
      finds: '123 124 125',
    },
    {
      query: `ValueSet?url=${acme}/123,${acme}/124%2CValueSet/125`,
      says: 'these URLs have the same meaning: a comma may be encoded',
      finds: '123 124 relative',
    },
    {
      query: `ValueSet?url=${acme}/123,${acme}/124\\,125`,
      says: 'the literal value: these characters must be prepended by the character \\',
      finds: '123 comma',
    },
    {
      query:
        'ValueSet?url=http%58%47%47acme%46org%47fhir%47ValueSet%47123%44http%58%47%47acme%46org%47fhir%47ValueSet%47124%92%46125',
      says: 'As do these URLs',
      finds: '123 comma',
      instead: {
        query:
          'ValueSet?url=http%3A%2F%2Facme%2Eorg%2Ffhir%2FValueSet%2F123%2Chttp%3A%2F%2Facme%2Eorg%2Ffhir%2FValueSet%2F124%5C%2C125',
        because: 'the page has decimal numbers behind %, and 46 twice',
      },
    },
    { query: 'Patient?family=xx\\xx', says: 'The parameter value xx\\xx is illegal', finds: 'refused: value' },
    {
      query: 'Patient?family:exact=xx\\\\xx',
      says: 'the parameter value param=xx\\\\xx indicates a literal value of xx\\xx',
      finds: 'backslash',
    },
    {
      query: 'Patient?family:exact=xx\\$xx',
      says: 'param=xx\\$xx indicates that the parameter has the literal value xx$xx',
      finds: 'dollar',
    },
  ],
};

const texts: Section = {
  anchor: 'text',
  resources: [
    condition('liver', { text: narrative('A liver with metastases') }),
    condition('bone', { text: narrative('Metastases in a bone') }),
    condition('lung', { text: narrative('A lung with metastases') }),
    condition('fracture', { text: narrative('A broken bone') }),
  ],
  examples: [
    {
      query: 'Condition?_text=(bone OR liver) and metastases',
      says: 'all Condition resources with the word "metastases" and either "bone" or "liver" in the narrative',
      finds: 'bone liver',
    },
  ],
};

export const values: readonly Section[] = [
  strings,
  uris,
  tokens,
  mimeTypes,
  quantities,
  convertedQuantities,
  escapes,
  texts,
];

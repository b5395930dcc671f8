/** Strings, tokens, references, uris and composites. https://hl7.org/fhir/R4/search.html#ptypes */
import { describe, expect, test } from 'vitest';
import type { Resource } from '../../../src/fhir/resource.ts';
import { baseUrl, find, search } from '../setup.ts';

describe('string', () => {
  const names: readonly Resource[] = [
    { family: 'Müller', given: ['Ann Sophie'] },
    { family: "O'Neil" },
    { family: 'van der Berg' },
    { text: 'Muller, Ann' },
  ].map((name) => ({ resourceType: 'Patient', name: [name] }));

  test.each<[string, readonly number[]]>([
    ['name=mull', [0, 3]],
    ['name=MÜLLER', [0, 3]],
    ['name=sophie', [0]],
    ['name=ann  soph', [0]],
    ['name=ann sophie mü', [0]],
    ['name=oneil', [1]],
    ['name=O’Neil', [1]],
    ['name=berg', [2]],
    ['name=van der be', [2]],
    ['name=erg', []],
    ['name:contains=erg', [2]],
    ['name:contains=ÜLL', [0, 3]],
    ['family:exact=Müller', [0]],
    ['family:exact=müller', []],
    ['family:exact=Mull', []],
    ['family:exact=Berg', []],
    ['name=mull,oneil', [0, 1, 3]],
    ['name=mull&name=sophie', [0]],
    ['name=muller\\, ann', [3]],
    ['name:exact=Muller\\, Ann', [3]],
    ['name:missing=true', []],
    ['family:missing=true', [3]],
    ['family:missing=false', [0, 1, 2]],
  ])('%s', (query, expected) => {
    expect(find(names, query.replaceAll(' ', '+'))).toEqual(expected);
  });

  test('starts-with goes over each part of an address', () => {
    const address = [{ line: ['Main St. 5'], city: 'Bonn' }];
    expect(find([{ resourceType: 'Patient', address }], 'address=bonn')).toEqual([0]);
    expect(find([{ resourceType: 'Patient', address }], 'address=main+st+5,+bonn')).toEqual([0]);
    expect(find([{ resourceType: 'Patient', address }], 'address-city=main')).toEqual([]);
  });
});

describe('token', () => {
  const loinc = 'http://loinc.org';
  const ucum = 'http://unitsofmeasure.org';
  const observations: readonly Resource[] = [
    [{ system: loinc, code: '8480-6' }],
    [{ code: '8480-6' }],
    [{ system: 'urn:s', code: 'Abc' }],
    [
      { system: 'urn:s', code: 'abc' },
      { system: loinc, code: '1' },
    ],
    [{ system: ucum, code: 'mg' }],
    undefined,
  ].map((coding) =>
    coding === undefined ? { resourceType: 'Observation' } : { resourceType: 'Observation', code: { coding } },
  );

  test.each<[string, readonly number[]]>([
    [`code=${loinc}|8480-6`, [0]],
    ['code=8480-6', [0, 1]],
    ['code=|8480-6', [1]],
    [`code=${loinc}|`, [0, 3]],
    ['code=abc', [2, 3]],
    ['code=urn:s|ABC', [2, 3]],
    [`code=${ucum}|mg`, [4]],
    [`code=${ucum}|MG`, []],
    ['code=nothing', []],
    ['code:not=8480-6', [2, 3, 4, 5]],
    [`code:not=${loinc}|8480-6,mg`, [1, 2, 3, 5]],
    ['code=abc,mg', [2, 3, 4]],
    ['code=abc&code=1', [3]],
    ['code:missing=true', [5]],
  ])('%s', (query, expected) => {
    expect(find(observations, query)).toEqual(expected);
  });

  test('identifiers count case, contact points do not', () => {
    const patients: readonly Resource[] = [
      {
        resourceType: 'Patient',
        identifier: [{ system: 'urn:s', value: 'Ab' }],
        telecom: [{ system: 'email', value: 'A@b.org' }],
      },
      { resourceType: 'Patient', identifier: [{ value: 'ab' }], telecom: [{ system: 'phone', value: '0221' }] },
    ];
    expect(find(patients, 'identifier=Ab')).toEqual([0]);
    expect(find(patients, 'identifier=ab')).toEqual([1]);
    expect(find(patients, 'identifier=|ab')).toEqual([1]);
    expect(find(patients, 'identifier=urn:s|')).toEqual([0]);
    expect(find(patients, 'telecom=a@B.ORG')).toEqual([0]);
    expect(find(patients, 'telecom=phone|0221')).toEqual([1]);
    expect(find(patients, 'telecom=email|')).toEqual([0]);
    expect(find(patients, 'phone=0221')).toEqual([1]);
    expect(find(patients, 'email=0221')).toEqual([]);
  });

  test('codes of required bindings, booleans', () => {
    const patients: readonly Resource[] = [
      { resourceType: 'Patient', gender: 'male', active: true },
      { resourceType: 'Patient', gender: 'female' },
    ];
    expect(find(patients, 'gender=male')).toEqual([0]);
    expect(find(patients, 'gender=http://hl7.org/fhir/administrative-gender|male')).toEqual([0]);
    expect(find(patients, 'gender=urn:other|male')).toEqual([]);
    expect(find(patients, 'gender=|male')).toEqual([]);
    expect(find(patients, 'gender:not=male')).toEqual([1]);
    expect(find(patients, 'active=true')).toEqual([0]);
    expect(find(patients, 'active=false')).toEqual([]);
    expect(find(patients, 'active:not=true')).toEqual([1]);
  });

  test('a case-sensitive system is compared with case, and without a system too where the binding names one', () => {
    const patients: readonly Resource[] = [{ resourceType: 'Patient', gender: 'male' }];
    expect(find(patients, 'gender=MALE')).toEqual([]);
  });

  test('by text, and identifiers by type', () => {
    const concepts: readonly Resource[] = [
      { text: 'Knee' },
      { coding: [{ display: 'Knee pain' }] },
      { coding: [] },
    ].map((code) => ({ resourceType: 'Observation', code }));
    expect(find(concepts, 'code:text=knee')).toEqual([0, 1]);
    expect(find(concepts, 'code:text=knee+p')).toEqual([1]);
    expect(find(concepts, 'combo-code:text=knee')).toEqual([0, 1]);
    const type = { coding: [{ system: 'urn:t', code: 'MR' }] };
    const patients: readonly Resource[] = [[{ type, value: '1' }], [{ value: '1' }]].map((identifier) => {
      return { resourceType: 'Patient', identifier };
    });
    expect(find(patients, 'identifier:of-type=urn:t|MR|1')).toEqual([0]);
    expect(find(patients, 'identifier:of-type=urn:t|MR|2')).toEqual([]);
  });

  test('_id', () => {
    const patients: readonly Resource[] = ['a', 'A', 'b'].map((id) => ({ resourceType: 'Patient', id }));
    expect(find(patients, '_id=a')).toEqual([0]);
    expect(find(patients, '_id=a,b,zzz')).toEqual([0, 2]);
    expect(find(patients, '_id:not=a')).toEqual([1, 2]);
    expect(find(patients, '_id=a&_id=b')).toEqual([]);
    expect(find(patients, '_id:missing=true')).toEqual([]);
    expect(find(patients, '_id:missing=false')).toEqual([0, 1, 2]);
  });
});

describe('reference', () => {
  const observations: readonly Resource[] = [
    { reference: 'Patient/1' },
    { reference: `${baseUrl}/Patient/1` },
    { reference: 'Patient/1/_history/2' },
    { reference: 'Group/1' },
    { reference: 'http://other/fhir/Patient/1' },
    { identifier: { system: 'urn:s', value: 'A' } },
    { reference: 'Patient/2', identifier: { system: 'urn:s', value: 'B' } },
  ].map((subject) => ({ resourceType: 'Observation', subject }));

  test.each<[string, readonly number[]]>([
    ['subject=Patient/1', [0, 1, 2]],
    ['subject=1', [0, 1, 2, 3]],
    ['subject:Patient=1', [0, 1, 2]],
    ['subject:Patient=Patient/1', [0, 1, 2]],
    ['subject:Group=1', [3]],
    [`subject=${baseUrl}/Patient/1`, [0, 1, 2]],
    ['subject=Patient/1/_history/7', [0, 1, 2]],
    ['subject=http://other/fhir/Patient/1', [4]],
    ['subject=http://other/fhir/Patient/1/_history/1', [4]],
    ['subject=http://nobody/Patient/1', []],
    ['subject=Patient/none', []],
    ['subject:identifier=urn:s|A', [5]],
    ['subject:identifier=B', [6]],
    ['subject:identifier=b', []],
    ['patient=1', [0, 1, 2]],
    ['patient=Group/1', []],
    ['subject=Patient/1,Patient/2', [0, 1, 2, 6]],
    ['subject:missing=true', []],
  ])('%s', (query, expected) => {
    expect(find(observations, query)).toEqual(expected);
  });

  test('a bare id that may stand for several types is told', () => {
    expect(search('Observation', 'subject=1').ambiguousIds).toEqual([
      { parameter: 'subject', id: '1', types: ['Group', 'Device', 'Patient', 'Location'] },
    ]);
    expect(search('Observation', 'subject:Patient=1').ambiguousIds).toEqual([]);
    expect(search('Observation', 'subject=Patient/1').ambiguousIds).toEqual([]);
  });

  test('canonicals: by URL, with or without a version', () => {
    const responses: readonly Resource[] = ['http://q', 'http://q|1.0', 'http://q|2.0', 'http://q2'].map(
      (questionnaire) => ({
        resourceType: 'QuestionnaireResponse',
        questionnaire,
      }),
    );
    expect(find(responses, 'questionnaire=http://q')).toEqual([0, 1, 2]);
    expect(find(responses, 'questionnaire=http://q\\|1.0')).toEqual([1]);
    expect(find(responses, 'questionnaire=http://q|2.0')).toEqual([2]);
  });
});

test('uri: whole and with case; a profile with or without its version', () => {
  const sets: readonly Resource[] = ['http://a/b', 'http://A/b', 'http://a/b/c', 'urn:oid:1.2'].map((url) => ({
    resourceType: 'ValueSet',
    url,
  }));
  expect(find(sets, 'url=http://a/b')).toEqual([0]);
  expect(find(sets, 'url=urn:oid:1.2')).toEqual([3]);
  expect(find(sets, 'url:missing=false')).toEqual([0, 1, 2, 3]);
  const patients: readonly Resource[] = [['http://p|1'], ['http://p']].map((profile) => ({
    resourceType: 'Patient',
    meta: { profile },
  }));
  expect(find(patients, '_profile=http://p')).toEqual([0, 1]);
  expect(find(patients, '_profile=http://p|1')).toEqual([0]);
});

describe('composite', () => {
  const component = (code: string, value: number): Partial<Resource> => ({
    code: { coding: [{ system: 'http://loinc.org', code }] },
    valueQuantity: { value, unit: 'mmHg' },
  });
  const pressures: readonly Resource[] = [
    { resourceType: 'Observation', component: [component('8480-6', 120), component('8462-4', 80)] },
    { resourceType: 'Observation', component: [component('8480-6', 80), component('8462-4', 120)] },
  ];

  test.each<[string, readonly number[]]>([
    ['component-code-value-quantity=8480-6$120', [0]],
    ['component-code-value-quantity=http://loinc.org|8480-6$gt100||mmHg', [0]],
    ['component-code-value-quantity=8480-6$lt100', [1]],
    ['component-code-value-quantity=8462-4$80,8462-4$120', [0, 1]],
    ['component-code-value-quantity=8480-6$120&component-code-value-quantity=8462-4$80', [0]],
    ['component-code-value-quantity=8480-6$1', []],
    ['combo-code-value-quantity=8480-6$120', [0]],
  ])('%s', (query, expected) => {
    expect(find(pressures, query)).toEqual(expected);
  });

  test('escapes inside a component', () => {
    const resource: Resource = {
      resourceType: 'Observation',
      code: { coding: [{ code: 'a$b|c' }] },
      valueString: 'x, y',
    };
    expect(find([resource], 'code-value-string=a\\$b\\|c$x\\, y')).toEqual([0]);
  });
});

describe('quantity', () => {
  const ucum = 'http://unitsofmeasure.org';
  const measured = (value: number, code: string, system = ucum): Resource => ({
    resourceType: 'Observation',
    code: { coding: [{ code: 'x' }] },
    valueQuantity: { value, system, code, unit: code },
  });
  const doses: readonly Resource[] = [
    measured(5.4, 'mg'),
    measured(0.0054, 'g'),
    measured(5400, 'ug'),
    measured(5.4, 'g'),
    measured(5.4, 'mL'),
    measured(5.4, 'mg', 'http://other'),
    measured(5400, 'ug', 'http://other'),
    { resourceType: 'Observation', valueQuantity: { value: 5.4, unit: 'mg' } },
    measured(37, 'Cel'),
    measured(98.6, '[degF]'),
  ];

  test.each<[string, readonly number[]]>([
    [`value-quantity=5.4|${ucum}|mg`, [0, 1, 2]],
    [`value-quantity=0.0054|${ucum}|g`, [0, 1, 2]],
    ['value-quantity=5.4||mg', [0, 1, 2, 5, 7]],
    ['value-quantity=5.4', [0, 3, 4, 5, 7]],
    ['value-quantity=5.4|http://other|mg', [5]],
    [`value-quantity=gt5.4|${ucum}|mg`, [3]],
    [`value-quantity=ge5.4|${ucum}|mg`, [0, 1, 2, 3]],
    [`value-quantity=le5400|${ucum}|ug`, [0, 1, 2]],
    [`value-quantity=ne5.4|${ucum}|mg`, [3]],
    [`value-quantity=37|${ucum}|Cel`, [8, 9]],
    [`value-quantity=98.6|${ucum}|[degF]`, [8, 9]],
    [`value-quantity=ge310.15|${ucum}|K`, [8, 9]],
    [`code-value-quantity=x$5.4|${ucum}|mg`, [0, 1, 2]],
    [`code-value-quantity=x$lt1|${ucum}|kg`, [0, 1, 2, 3]],
  ])('%s', (query, expected) => {
    expect(find(doses, query)).toEqual(expected);
  });

  test('units that are further apart than numbers go are not compared', () => {
    const far = [measured(5, 'ym10'), measured(5, 'Ym10'), measured(5, 'm')];
    expect(find(far, `value-quantity=5|${ucum}|Ym10`)).toEqual([1]);
    expect(find(far, `value-quantity=ge5|${ucum}|ym10`)).toEqual([0]);
    const most = `${'9'.repeat(390)}e400`;
    const some = [measured(5, 'm10'), measured(5, 'Ym10')];
    expect(find(some, `value-quantity=lt${most}|${ucum}|Ym10`)).toEqual([0, 1]);
    expect(find(some, `value-quantity=gt-${most}|${ucum}|Ym10`)).toEqual([0, 1]);
    expect(find(some, `value-quantity=gt${most}|${ucum}|Ym10`)).toEqual([]);
  });

  test('the precision is that of the number as it was written, then comes the conversion', () => {
    const near = [measured(0.00535, 'g'), measured(0.005449, 'g'), measured(0.00545, 'g')];
    expect(find(near, `value-quantity=5.4|${ucum}|mg`)).toEqual([0, 1]);
    expect(find(near, `value-quantity=5.40|${ucum}|mg`)).toEqual([]);
  });
});

/** What filters find. https://hl7.org/fhir/R4/search_filter.html */
import { describe, expect, test } from 'vitest';
import { OutcomeError } from '../../../src/fhir/outcome.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { parseCondition } from '../../../src/search/query.ts';
import type { SystemCodes, TermRequest } from '../../../src/search/terms.ts';
import { baseUrl, context, find, search } from '../setup.ts';

/** Which of the resources a filter finds: their places in the list. */
function filtered(resources: readonly Resource[], filter: string): readonly number[] {
  return find(resources, `_filter=${encodeURIComponent(filter)}`);
}

/** What a filter on a type is refused with. */
function refusal(type: string, filter: string): { readonly code: string | undefined; readonly text: string } {
  for (const handling of ['strict', 'lenient'] as const) {
    try {
      search(type, `_filter=${encodeURIComponent(filter)}`, { handling });
    } catch (error) {
      if (!(error instanceof OutcomeError)) throw error;
      expect(error.status).toBe(400);
      if (handling === 'lenient') return { code: error.issues[0]?.code, text: error.message };
    }
  }
  throw new Error(`was not refused: ${filter}`);
}

describe('strings', () => {
  const patients: readonly Resource[] = [
    { family: 'Müller', given: ['Ann Sophie'] },
    { family: "O'Neil", given: ['Peter'] },
    { family: 'van der Berg', given: ['Ann', 'Peter'] },
    { text: 'Muller, Ann' },
  ].map((name) => ({ resourceType: 'Patient', name: [name] }));

  test.each<[string, readonly number[]]>([
    ['family eq muller', [0]],
    ['family eq "MÜLLER"', [0]],
    ['family eq mull', []],
    ['family eq oneil', [1]],
    ['family eq berg', []],
    ['family eq "van der berg"', [2]],
    ['given eq "ann"', [2]],
    ['given eq "ann sophie"', [0]],
    ['name eq "muller, ann"', [3]],
    ['given ne ann', [0, 1, 2]],
    ['given ne peter', [0, 2]],
    ['not (given eq peter)', [0, 3]],
    ['given ne "ann sophie"', [1, 2]],
    ['name co "ULL"', [0, 3]],
    ['name sw sophie', [0]],
    ['name sw ull', []],
    ['family ew er', [0]],
    ['family ew "r berg"', [2]],
    ['given ew sophie', [0]],
    ['family gt n', [1, 2]],
    ['family lt n', [0]],
    ['family ge muller', [0, 1, 2]],
    ['family le muller', [0]],
    ['family gt muller', [1, 2]],
    ['family lt muller', []],
    ['family pr true', [0, 1, 2]],
    ['family pr false', [3]],
  ])('%s', (filter, expected) => {
    expect(filtered(patients, filter)).toEqual(expected);
  });

  test('commas, bars and backslashes are what they are', () => {
    const named = ['a,b', 'a|b', 'a\\b', 'a$b', 'ab'].map((family): Resource => {
      return { resourceType: 'Patient', name: [{ family }] };
    });
    expect(filtered(named, 'family eq "a|b"')).toEqual([1]);
    expect(filtered(named, 'family eq "a$b"')).toEqual([3]);
    // Punctuation doesn't count.
    expect(filtered(named, 'family eq "a\\\\b"')).toEqual([0, 2, 4]);
    expect(filtered(named, 'family eq a,b')).toEqual([0, 2, 4]);
  });
});

describe('tokens', () => {
  const observations: readonly Resource[] = [
    [{ system: 'http://loinc.org', code: '8480-6' }],
    [{ code: '8480-6' }],
    [
      { system: 'urn:s', code: 'Abc' },
      { system: 'http://loinc.org', code: '1' },
    ],
    undefined,
  ].map((coding) =>
    coding === undefined ? { resourceType: 'Observation' } : { resourceType: 'Observation', code: { coding } },
  );

  test.each<[string, readonly number[]]>([
    ['code eq http://loinc.org|8480-6', [0]],
    ['code eq "http://loinc.org|8480-6"', [0]],
    ['code eq loinc|8480-6', [0]],
    ['code eq 8480-6', [0, 1]],
    ['code eq |8480-6', [1]],
    ['code eq loinc|', [0, 2]],
    ['code eq abc', [2]],
    ['code ne loinc|1', [0, 1, 2]],
    ['code ne 8480-6', [2]],
    ['not (code eq 8480-6)', [2, 3]],
    ['code ne nothing', [0, 1, 2]],
    ['code eq abc and code eq 1', [2]],
    ['code eq abc or code eq 8480-6', [0, 1, 2]],
    ['code pr false', [3]],
    ['code pr true and not (code eq 1)', [0, 1]],
  ])('%s', (filter, expected) => {
    expect(filtered(observations, filter)).toEqual(expected);
  });

  test('booleans, identifiers and ids', () => {
    const patients: readonly Resource[] = [
      { resourceType: 'Patient', id: 'a', active: true, identifier: [{ system: 'urn:s', value: 'Ab' }] },
      { resourceType: 'Patient', id: 'b', identifier: [{ value: 'ab' }, { system: 'urn:s', value: 'Ab' }] },
    ];
    expect(filtered(patients, 'active eq true')).toEqual([0]);
    expect(filtered(patients, 'identifier eq urn:s|Ab')).toEqual([0, 1]);
    expect(filtered(patients, 'identifier ne urn:s|Ab')).toEqual([1]);
    expect(filtered(patients, '_id eq a')).toEqual([0]);
    expect(filtered(patients, '_id ne a')).toEqual([1]);
    expect(filtered(patients, '_id pr true')).toEqual([0, 1]);
    expect(filtered(patients, '_id pr false')).toEqual([]);
  });
});

describe('dates', () => {
  const observations: readonly Resource[] = [
    { effectiveDateTime: '2014-10-10' },
    { effectiveDateTime: '2014' },
    { effectivePeriod: { start: '2014-10-09', end: '2014-10-11' } },
    { effectivePeriod: { start: '2014-11-01' } },
    {},
  ].map((effective) => ({ resourceType: 'Observation', ...effective }));

  test.each<[string, readonly number[]]>([
    ['date eq 2014-10-10', [0]],
    ['date eq 2014', [0, 1, 2]],
    ['date ne 2014-10-10', [1, 2, 3]],
    ['date ge 2014-10-10', [0, 1, 2, 3]],
    ['date gt 2014-10-10', [1, 2, 3]],
    ['date lt 2014-10-10', [1, 2]],
    ['date sa 2014-10-10', [3]],
    ['date eb 2014-10-11', [0]],
    ['date po 2014-10-10', [0, 1, 2]],
    ['date po 2014-10-11T12:00', [1, 2]],
    ['date po 2014-12', [1, 3]],
    ['date co 2014-10-10', [0, 1, 2]],
    ['date co 2014-10', [1]],
    ['date co 2015', [3]],
    ['date pr false', [4]],
  ])('%s', (filter, expected) => {
    expect(filtered(observations, filter)).toEqual(expected);
  });

  test('a zone whose plus sign became a space', () => {
    const at = [{ resourceType: 'Observation', effectiveDateTime: '2014-10-10T10:00:00+02:00' }];
    expect(find(at, '_filter=date eq 2014-10-10T10:00:00+02:00')).toEqual([0]);
    expect(find(at, '_filter=(date eq 2014-10-10T10:00:00+02:00)')).toEqual([0]);
  });

  test('_lastUpdated', () => {
    const one: readonly Resource[] = [{ resourceType: 'Patient' }];
    const at = (filter: string) =>
      find(one, `_filter=${filter}`, { lastUpdated: Date.parse('2025-06-01T00:00:00.000Z') }).length;
    expect(at('_lastUpdated ge 2025')).toBe(1);
    expect(at('_lastUpdated lt 2025')).toBe(0);
    expect(at('_lastUpdated po 2025-06')).toBe(1);
    expect(at('_lastUpdated po 2025-07')).toBe(0);
    expect(at('_lastUpdated po 2025-06-01T00:00:00.000Z')).toBe(1);
    expect(at('_lastUpdated po 2025-05-31T23:59:59.999Z')).toBe(0);
    expect(at('_lastUpdated co 2025-06-01T00:00:00.000Z')).toBe(1);
    expect(at('_lastUpdated co 2025-06-01T00:00:00Z')).toBe(0);
    expect(at('_lastUpdated pr true')).toBe(1);
  });
});

test('numbers and quantities', () => {
  const risks: readonly Resource[] = [0.5, 0.54, 0.6].map((probabilityDecimal) => ({
    resourceType: 'RiskAssessment',
    prediction: [{ probabilityDecimal }],
  }));
  expect(filtered(risks, 'probability eq 0.5')).toEqual([0, 1]);
  expect(filtered(risks, 'probability ne 0.5')).toEqual([2]);
  expect(filtered(risks, 'probability gt 0.5')).toEqual([1, 2]);
  expect(filtered(risks, 'probability ap 0.55')).toEqual([0, 1, 2]);
  // Half a unit of the last digit to both sides, the upper end not: [0.45, 0.55), [0.535, 0.545), [0.55, 0.65).
  expect(filtered(risks, 'probability co 0.54')).toEqual([0, 1]);
  expect(filtered(risks, 'probability co 0.5449')).toEqual([0, 1]);
  expect(filtered(risks, 'probability co 0.545')).toEqual([0]);
  expect(filtered(risks, 'probability co 0.55')).toEqual([2]);
  expect(filtered(risks, 'probability co 1e-1')).toEqual([]);
  const ranges: readonly Resource[] = [{ low: { value: 0.1 }, high: { value: 0.2 } }, { high: { value: 0.2 } }].map(
    (probabilityRange) => ({ resourceType: 'RiskAssessment', prediction: [{ probabilityRange }] }),
  );
  expect(filtered(ranges, 'probability co 0.05')).toEqual([0, 1]);
  expect(filtered(ranges, 'probability co 0.249')).toEqual([0, 1]);
  expect(filtered(ranges, 'probability co 0.25')).toEqual([]);
  expect(filtered(ranges, 'probability co -1')).toEqual([1]);
  const quantities: readonly Resource[] = [
    { value: 5, system: 'http://unitsofmeasure.org', code: 'mg' },
    { value: 5, unit: 'tablets' },
    { value: 9, system: 'http://unitsofmeasure.org', code: 'mg' },
  ].map((valueQuantity) => ({ resourceType: 'Observation', valueQuantity }));
  expect(filtered(quantities, 'value-quantity eq 5')).toEqual([0, 1]);
  expect(filtered(quantities, 'value-quantity eq 5|http://unitsofmeasure.org|mg')).toEqual([0]);
  expect(filtered(quantities, 'value-quantity ge 5|ucum|mg')).toEqual([0, 2]);
  expect(filtered(quantities, 'value-quantity lt 6||tablets')).toEqual([1]);
});

test('references, uris and composites', () => {
  const observations: readonly Resource[] = ['Patient/1', 'Group/1', 'http://other/Patient/1'].map((reference) => ({
    resourceType: 'Observation',
    subject: { reference },
    code: { coding: [{ code: 'x' }] },
    valueQuantity: { value: 5 },
  }));
  expect(filtered(observations, 'subject re Patient/1')).toEqual([0]);
  expect(filtered(observations, `subject re ${baseUrl}/Patient/1`)).toEqual([0]);
  expect(filtered(observations, 'subject re http://other/Patient/1')).toEqual([2]);
  expect(filtered(observations, 'subject eq Patient/1 or subject eq "Group/1"')).toEqual([0, 1]);
  expect(filtered(observations, 'subject pr true')).toEqual([0, 1, 2]);
  expect(filtered(observations, 'code-value-quantity eq x$gt4')).toEqual([0, 1, 2]);
  expect(filtered(observations, 'code-value-quantity ne x$gt4')).toEqual([]);
  expect(filtered(observations, 'code-value-quantity ne x$gt5')).toEqual([0, 1, 2]);
  expect(filtered(observations, 'code-value-string pr false')).toEqual([0, 1, 2]);
  expect(search('Observation', '_filter=subject re 1').ambiguousIds).toMatchObject([{ parameter: '_filter', id: '1' }]);
  const sets: readonly Resource[] = ['http://a/b', 'http://a/B'].map((url) => ({ resourceType: 'ValueSet', url }));
  expect(filtered(sets, 'url eq http://a/b')).toEqual([0]);
  expect(filtered(sets, 'url ne http://a/b')).toEqual([1]);
});

describe('brackets: parts of one repetition', () => {
  const documents: readonly Resource[] = [
    [
      { code: 'replaces', target: { reference: 'DocumentReference/1' } },
      { code: 'appends', target: { reference: 'DocumentReference/2' } },
    ],
    [
      { code: 'replaces', target: { reference: 'DocumentReference/2' } },
      { code: 'appends', target: { reference: 'DocumentReference/1' } },
    ],
    [],
  ].map((relatesTo) => ({ resourceType: 'DocumentReference', relatesTo }));
  const groups: readonly Resource[] = [true, false].map((valueBoolean) => ({
    resourceType: 'Group',
    characteristic: [{ code: { coding: [{ code: 'smoker' }] }, valueBoolean }, { code: { coding: [{ code: 'x' }] } }],
  }));

  test.each<[string, readonly number[]]>([
    ['relatesTo[code eq replaces].target re DocumentReference/1', [0]],
    ['relatesTo[code eq appends].target re DocumentReference/1', [1]],
    ['relatesTo[code eq appends or code eq replaces].target re DocumentReference/1', [0, 1]],
    ['relatesTo[target re DocumentReference/2].code eq appends', [0]],
    [
      'relatesTo[code ss http://hl7.org/fhir/document-relationship-type|replaces].target re DocumentReference/1',
      [0, 1],
    ],
    ['relatesTo[target re DocumentReference/1].code sb replaces', [0, 1]],
    ['relatesTo[code in ValueSet/append].target re DocumentReference/1', [1]],
    ['relatesTo[code in ValueSet/append].target re DocumentReference/2', [0]],
    ['relatesTo[code in ValueSet/none].target re DocumentReference/1', []],
    ['relationship ne DocumentReference/1$replaces', [0, 1]],
    ['relationship pr true', [0, 1]],
    ['relationship pr false', [2]],
    ['relatesTo[code eq replaces].target pr true', [0, 1]],
    ['relatesTo[code eq replaces].target pr false', [2]],
    ['not (relatesTo[code eq replaces].target re DocumentReference/1)', [1, 2]],
  ])('%s', (filter, expected) => {
    const terms = (request: TermRequest): readonly SystemCodes[] => {
      const system = 'http://hl7.org/fhir/document-relationship-type';
      if (request.kind !== 'in') return [{ system, codes: ['replaces', 'appends'] }];
      return request.valueSet === 'ValueSet/none' ? [] : [{ system, codes: ['appends'] }];
    };
    expect(find(documents, `_filter=${encodeURIComponent(filter)}`, { terms })).toEqual(expected);
  });

  test('characteristics of groups', () => {
    expect(filtered(groups, 'characteristic[code eq smoker].value eq true')).toEqual([0]);
    expect(filtered(groups, 'characteristic[value eq false].code eq smoker')).toEqual([1]);
    expect(filtered(groups, 'characteristic[code eq x].value eq true')).toEqual([]);
    expect(filtered(groups, 'characteristic eq smoker')).toEqual([0, 1]);
  });
});

describe('refused, whatever the handling', () => {
  test.each([
    ['Patient', 'nme eq x', 'invalid', 'name'],
    ['Patient', 'constructor eq x', 'invalid', 'constructor'],
    ['Patient', '_filter eq x', 'invalid', '_filter'],
    ['Patient', 'birthdate sw 2014', 'invalid', 'a date parameter, takes eq, ne, co'],
    ['Patient', 'name sa x', 'invalid', 'string'],
    ['Patient', 'gender co m', 'invalid', 'token'],
    ['Patient', 'organization co x', 'invalid', 'reference'],
    ['Patient', 'name re x', 'invalid', 'string'],
    ['RiskAssessment', 'probability co gt0.5', 'value', 'probability co'],
    ['RiskAssessment', 'probability sw 0.5', 'invalid', 'a number parameter, takes eq, ne, co'],
    ['Observation', 'value-quantity co 5', 'invalid', 'quantity'],
    ['Observation', 'code-value-quantity gt x$5', 'invalid', 'no order'],
    ['Observation', 'code-value-quantity co x', 'invalid', 'takes eq, ne, pr'],
    [
      'DocumentReference',
      'relatesTo[code ne appends].target re DocumentReference/1',
      'not-supported',
      'eq, ss, sb, in',
    ],
    ['Patient', '_content eq knee', 'invalid', 'co'],
    ['Patient', '_text co "(knee"', 'value', '_text co'],
    ['Patient', '_text.name co knee', 'invalid', '_text'],
    ['Patient', 'birthdate ge soon', 'value', 'birthdate ge'],
    ['Patient', 'birthdate ge gt2014', 'value', 'birthdate ge'],
    ['Patient', 'birthdate po gt2014', 'value', 'birthdate po'],
    ['Patient', 'name eq ""', 'value', 'name eq'],
    ['Patient', 'name eq "-"', 'value', 'name eq'],
    ['Patient', 'name pr maybe', 'value', 'true or false'],
    ['Patient', 'active eq maybe', 'value', 'true or false'],
    ['Patient', 'gender eq a|b|c', 'value', 'gender eq'],
    ['Patient', 'organization re "a b"', 'value', 'organization re'],
    ['Patient', 'organization.nam eq x', 'invalid', 'Organization has no search parameter "nam"; nearest: name'],
    ['Patient', 'organization[activ eq true].name eq x', 'invalid', 'nearest: active'],
    ['Patient', 'organization.active eq maybe', 'value', 'true or false'],
    ['Patient', 'organization[partof.partof.nam eq x].name eq x', 'invalid', 'nearest: name'],
    ['Patient', `${'link.'.repeat(12)}name eq x`, 'too-costly', 'at most 11 references'],
    ['Composition', `${'subject.'.repeat(11)}status eq x`, 'too-costly', 'too many types'],
    ['Patient', 'name.family eq x', 'invalid', 'no reference'],
    ['Patient', 'name[given eq x].family eq y', 'invalid', 'no reference'],
    ['DocumentReference', 'relatesTo.code eq x', 'invalid', 'relatesTo[target eq …].code'],
    ['DocumentReference', 'relatesTo[code eq x].code eq x', 'not-supported', 'other part'],
    ['DocumentReference', 'relatesTo[not (code eq x)].target re x', 'not-supported', 'other part'],
    ['DocumentReference', 'relatesTo[code ne x].target re DocumentReference/x', 'not-supported', 'only eq'],
    ['DocumentReference', 'relatesTo[code eq x].target pr maybe', 'value', 'true or false'],
  ])('%s: %s', (type, filter, code, named) => {
    const refused = refusal(type, filter);
    expect(refused.code).toBe(code);
    expect(refused.text).toContain('_filter');
    expect(refused.text).toContain(named);
  });
});

describe('among the parameters of a query', () => {
  const patients: readonly Resource[] = [
    { resourceType: 'Patient', gender: 'male', birthDate: '1970-01-01' },
    { resourceType: 'Patient', gender: 'female', birthDate: '1970-01-01' },
    { resourceType: 'Patient', gender: 'male', birthDate: '1980-01-01' },
  ];

  test('it is one of them, and each of several holds', () => {
    expect(find(patients, '_filter=gender eq male&birthdate=1970')).toEqual([0]);
    expect(find(patients, '_filter=gender eq male&_filter=birthdate lt 1975')).toEqual([0]);
  });

  test('an empty one is ignored', () => {
    expect(find(patients, '_filter=&_filter=+')).toEqual([0, 1, 2]);
    expect(search('Patient', '_filter=').used).toEqual([['_count', '50']]);
  });

  test('it is used as it stands', () => {
    expect(search('Patient', '_filter=gender eq male or name co "a,b"').used).toEqual([
      ['_filter', 'gender eq male or name co "a,b"'],
      ['_count', '50'],
    ]);
  });

  test('a condition takes one, but no empty one', () => {
    const condition = (query: string) => parseCondition('Patient', query, context());
    expect(condition('_filter=gender eq male')).toEqual(condition('gender=male'));
    expect(() => condition('_filter=')).toThrow(/_filter has no value/);
    expect(() => condition('_filter=gender')).toThrow(/character 7/);
  });

  test('alternatives on one parameter become one criterion', () => {
    const criterion = (query: string) => search('Patient', query).parts[0]?.criterion;
    expect(criterion('_filter=gender eq male or gender eq female')).toEqual(criterion('gender=male,female'));
  });
});

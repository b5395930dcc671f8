/** What each data type gives for each parameter type. https://hl7.org/fhir/R4/search.html#ptypes */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decimalKey } from '../../../src/fhir/decimal.ts';
import { isResource, type JsonValue, type Resource } from '../../../src/fhir/resource.ts';
import { DATE_MAX, DATE_MIN, DECIMAL_MAX, DECIMAL_MIN, type IndexValue } from '../../../src/search/entry.ts';
import { extractContained } from '../../../src/search/extract/contained.ts';
import { baseUrl, extract, valuesOf } from '../setup.ts';

const string = (norm: string, exact: string | null): IndexValue => ({ kind: 'string', norm, exact });
const token = (system: string, value: string): IndexValue => ({ kind: 'token', system, value });
const identifier = (system: string, value: string): IndexValue => ({ kind: 'identifier', system, value });
const date = (low: string | number, high: string | number): IndexValue => ({
  kind: 'date',
  low: typeof low === 'number' ? low : Date.parse(low),
  high: typeof high === 'number' ? high : Date.parse(high),
});
const uri = (value: string): IndexValue => ({ kind: 'uri', value });
const reference = (type: string, id: string, version = ''): IndexValue => ({ kind: 'reference', type, id, version });
const quantity = (low: string, high: string, system: string, code: string, unit: string): IndexValue => ({
  kind: 'quantity',
  low,
  high,
  system,
  code,
  unit,
});

function values(resource: Resource, parameter: string): readonly IndexValue[] {
  return valuesOf(resource, parameter);
}

describe('string', () => {
  const patient: Resource = {
    resourceType: 'Patient',
    name: [{ family: 'van der Berg', given: ['Jean Luc', 'Änne'], prefix: ['Dr.'], use: 'official' }],
    address: [{ line: ['Hauptstr. 5'], city: 'Köln', postalCode: '50667', country: 'DE', use: 'home' }],
  };

  test('a HumanName: each part, each word of a family or given name, the whole; not its use', () => {
    expect(values(patient, 'name')).toEqual([
      string('van der berg', 'van der Berg'),
      string('van', null),
      string('der', null),
      string('berg', null),
      string('jean luc', 'Jean Luc'),
      string('jean', null),
      string('luc', null),
      string('anne', 'Änne'),
      string('dr', 'Dr.'),
      string('jean luc anne van der berg', null),
    ]);
  });

  test('a family or given name alone: the whole and each word', () => {
    expect(values(patient, 'family')).toEqual([
      string('van der berg', 'van der Berg'),
      string('van', null),
      string('der', null),
      string('berg', null),
    ]);
  });

  test('the text of a name takes the place of the whole', () => {
    expect(
      values({ resourceType: 'Patient', name: [{ text: 'Ann Lee', family: 'Lee', given: ['Ann'] }] }, 'name'),
    ).toEqual([string('lee', 'Lee'), string('ann', 'Ann'), string('ann lee', 'Ann Lee')]);
  });

  test('an Address: each part and the whole; a plain string: the whole', () => {
    expect(values(patient, 'address')).toEqual([
      string('hauptstr 5', 'Hauptstr. 5'),
      string('koln', 'Köln'),
      string('50667', '50667'),
      string('de', 'DE'),
      string('hauptstr 5 koln 50667 de', null),
    ]);
    expect(values(patient, 'address-city')).toEqual([string('koln', 'Köln')]);
  });
});

test('a position: both numbers, within their bounds', () => {
  const at = (position: JsonValue) => values({ resourceType: 'Location', position }, 'near');
  expect(at({ latitude: 48.1, longitude: -11.5 })).toEqual([{ kind: 'position', latitude: 48.1, longitude: -11.5 }]);
  for (const bad of [{ latitude: 1 }, { latitude: 91, longitude: 1 }, { latitude: true, longitude: 1 }, 'x', 5]) {
    expect(at(bad)).toEqual([]);
  }
});

describe('token', () => {
  test('a CodeableConcept: each coding with a code', () => {
    const coding = [
      { system: 'http://loinc.org', code: '8480-6' },
      { code: 'x' },
      { system: 'http://a' },
      { display: 'y' },
    ];
    expect(values({ resourceType: 'Observation', code: { coding, text: 'z' } }, 'code')).toEqual([
      token('http://loinc.org', '8480-6'),
      token('', 'x'),
    ]);
  });

  test('a Coding, a boolean, and a code with the system of its required binding', () => {
    const resource: Resource = {
      resourceType: 'Patient',
      gender: 'male',
      active: true,
      meta: { tag: [{ system: 'http://t', code: 'A' }], security: [{ code: 'R' }] },
    };
    expect(values(resource, 'gender')).toEqual([token('http://hl7.org/fhir/administrative-gender', 'male')]);
    expect(values(resource, 'active')).toEqual([token('', 'true')]);
    expect(values(resource, '_tag')).toEqual([token('http://t', 'A')]);
    expect(values(resource, '_security')).toEqual([token('', 'R')]);
  });

  test('beside a CodeableConcept or Coding: its text and displays, each once', () => {
    const coding = [{ code: 'a', display: 'Knee, left' }, { display: 'KNEE LEFT' }, { code: 'b', display: '–' }];
    const category = [{ coding: [{ display: 'Lab' }] }, { text: 'Imaging' }];
    const resource: Resource = {
      resourceType: 'Observation',
      code: { coding, text: 'Knie' },
      category,
      component: [{ code: { text: 'Part' } }],
      meta: { tag: [{ display: 'Study' }] },
    };
    expect(values(resource, 'code:text')).toEqual([token(':text', 'knie'), token(':text', 'knee left')]);
    expect(values(resource, 'category:text')).toEqual([token(':text', 'lab'), token(':text', 'imaging')]);
    expect(values(resource, '_tag:text')).toEqual([token(':text', 'study')]);
    expect(values(resource, 'component-code:text')).toEqual([token(':text', 'part')]);
    // What its parts have is enough.
    expect(values(resource, 'combo-code:text')).toEqual([]);
  });

  test('beside an Identifier: the text of its type, and its value with each coding of the type', () => {
    const type = { text: 'Record', coding: [{ system: 'urn:t', code: 'M|R' }, { system: 'urn:t' }, { code: 'x' }] };
    const resource: Resource = {
      resourceType: 'Patient',
      identifier: [{ type, value: '1|2' }, { type }, { value: 'x' }],
    };
    expect(values(resource, 'identifier:text')).toEqual([token(':text', 'record')]);
    expect(values(resource, 'identifier:of-type')).toEqual([identifier('urn:t', 'M\\|R|1|2')]);
  });

  test('an Identifier as text, case kept', () => {
    const resource: Resource = {
      resourceType: 'Patient',
      identifier: [{ system: 'urn:s', value: 'Ab1' }, { value: 'x' }, { system: 'urn:s' }],
    };
    expect(values(resource, 'identifier')).toEqual([identifier('urn:s', 'Ab1'), identifier('', 'x')]);
  });

  test('a ContactPoint as text with its system, case forgotten', () => {
    const telecom = [
      { system: 'phone', value: '+49 221' },
      { system: 'email', value: 'Ann@Example.org' },
    ];
    const resource: Resource = { resourceType: 'Patient', telecom };
    expect(values(resource, 'telecom')).toEqual([
      identifier('phone', '+49 221'),
      identifier('email', 'ann@example.org'),
    ]);
    expect(values(resource, 'email')).toEqual([identifier('email', 'ann@example.org')]);
    expect(values(resource, 'phone')).toEqual([identifier('phone', '+49 221')]);
  });

  test('what an expression computes: deceased', () => {
    const deceased = (more: Partial<Resource>): readonly IndexValue[] =>
      values({ resourceType: 'Patient', ...more }, 'deceased');
    expect(deceased({})).toEqual([token('', 'false')]);
    expect(deceased({ deceasedBoolean: false })).toEqual([token('', 'false')]);
    expect(deceased({ deceasedBoolean: true })).toEqual([token('', 'true')]);
    expect(deceased({ deceasedDateTime: '2020' })).toEqual([token('', 'true')]);
  });
});

describe('date', () => {
  const effective = (more: Partial<Resource>): readonly IndexValue[] =>
    values({ resourceType: 'Observation', ...more }, 'date');

  test.each([
    ['2024', '2023-12-31T23:00:00Z', '2024-12-31T23:00:00Z'],
    ['2024-06', '2024-05-31T22:00:00Z', '2024-06-30T22:00:00Z'],
    ['2024-06-30', '2024-06-29T22:00:00Z', '2024-06-30T22:00:00Z'],
    ['2024-06-30T10:00:00Z', '2024-06-30T10:00:00Z', '2024-06-30T10:00:01Z'],
    ['2024-06-30T10:00:00.5+02:00', '2024-06-30T08:00:00.500Z', '2024-06-30T08:00:00.600Z'],
  ])('%s means [%s, %s)', (text, low, high) => {
    expect(effective({ effectiveDateTime: text })).toEqual([date(low, high)]);
  });

  test('a Period, a missing end open', () => {
    const start = '2024-01-01T00:00:00Z';
    const end = '2024-02-01T00:00:00Z';
    expect(effective({ effectivePeriod: { start, end } })).toEqual([date(start, '2024-02-01T00:00:01Z')]);
    expect(effective({ effectivePeriod: { start } })).toEqual([date(start, DATE_MAX)]);
    expect(effective({ effectivePeriod: { end } })).toEqual([date(DATE_MIN, '2024-02-01T00:00:01Z')]);
    expect(effective({ effectivePeriod: {} })).toEqual([]);
  });

  test('a Timing: the outer bounds of its events and its period', () => {
    const event = ['2024-03-01T00:00:00Z', '2024-01-01T00:00:00Z'];
    const repeat = { boundsPeriod: { start: '2024-02-01T00:00:00Z', end: '2024-05-01T00:00:00Z' } };
    expect(effective({ effectiveTiming: { event } })).toEqual([date('2024-01-01T00:00:00Z', '2024-03-01T00:00:01Z')]);
    expect(effective({ effectiveTiming: { event, repeat } })).toEqual([
      date('2024-01-01T00:00:00Z', '2024-05-01T00:00:01Z'),
    ]);
    expect(effective({ effectiveTiming: { repeat: { frequency: 1 } } })).toEqual([]);
  });
});

describe('number and quantity', () => {
  const valueQuantity = (quantity: Resource[string]): readonly IndexValue[] =>
    values({ resourceType: 'Observation', valueQuantity: quantity }, 'value-quantity');
  const key = decimalKey;

  test('a number is a point, a Range its bounds', () => {
    const probability = (more: Partial<Resource>): readonly IndexValue[] =>
      values({ resourceType: 'RiskAssessment', prediction: [more] }, 'probability');
    expect(probability({ probabilityDecimal: 0.5 })).toEqual([{ kind: 'number', low: key('0.5'), high: key('0.5') }]);
    expect(probability({ probabilityRange: { low: { value: 1 }, high: { value: 3 } } })).toEqual([
      { kind: 'number', low: key('1'), high: key('3') },
    ]);
    expect(probability({ probabilityRange: { low: { value: 1 } } })).toEqual([
      { kind: 'number', low: key('1'), high: DECIMAL_MAX },
    ]);
  });

  test('the precision of a number is a range, that of a Range goes from the end of one to that of the other', () => {
    const precision = (more: Partial<Resource>): readonly IndexValue[] =>
      values({ resourceType: 'RiskAssessment', prediction: [more] }, 'probability:precision');
    const range = (low: JsonValue | undefined, high?: JsonValue) =>
      precision({
        probabilityRange: { ...(low !== undefined && { low: { value: low } }), high: { value: high ?? 'none' } },
      });
    expect(precision({ probabilityDecimal: 0.5 })).toEqual([{ kind: 'number', low: key('0.45'), high: key('0.55') }]);
    expect(range(1, 3.5)).toEqual([{ kind: 'number', low: key('0.5'), high: key('3.55') }]);
    // Equal, though one says more about where it lies.
    expect(range('5.0', 5)).toEqual([{ kind: 'number', low: key('4.95'), high: key('5.5') }]);
    expect(range(undefined, 3)).toEqual([{ kind: 'number', low: DECIMAL_MIN, high: key('3.5') }]);
    expect(range(1)).toEqual([{ kind: 'number', low: key('0.5'), high: DECIMAL_MAX }]);
    expect(range(3.04, 3)).toEqual([]);
  });

  test('a number that a double cannot hold comes as text', () => {
    const exact = key('123456789012345678901234567890.5');
    expect(valueQuantity({ value: '123456789012345678901234567890.5' })).toEqual([quantity(exact, exact, '', '', '')]);
  });

  test('a Quantity with its system, code and unit; a comparator opens it', () => {
    const mg = { system: 'http://unitsofmeasure.org', code: 'mg', unit: 'milligram' };
    const five = key('5');
    expect(valueQuantity({ value: 5, ...mg })).toEqual([quantity(five, five, mg.system, 'mg', 'milligram')]);
    expect(valueQuantity({ value: 5, comparator: '<' })).toEqual([quantity(DECIMAL_MIN, five, '', '', '')]);
    expect(valueQuantity({ value: 5, comparator: '>=' })).toEqual([quantity(five, DECIMAL_MAX, '', '', '')]);
    expect(valueQuantity({ ...mg })).toEqual([]);
  });

  test('Money with its currency', () => {
    const total = { value: 12.5, currency: 'EUR' };
    expect(values({ resourceType: 'Invoice', totalNet: total }, 'totalnet')).toEqual([
      quantity(key('12.5'), key('12.5'), 'urn:iso:std:iso:4217', 'EUR', 'EUR'),
    ]);
  });

  test('SampledData: the bounds of its samples', () => {
    const valueSampledData = {
      origin: { value: 10, unit: 'mV' },
      period: 1,
      dimensions: 1,
      factor: 0.1,
      data: '5 E -20 7.5',
    };
    expect(values({ resourceType: 'Observation', valueSampledData }, 'value-quantity')).toEqual([
      quantity(key('8'), key('10.75'), '', '', 'mV'),
    ]);
    // What isn't a number is no bound, whatever it would be made into.
    for (const factor of [{ toString: 0 }, [2], true, null])
      expect(
        values({ resourceType: 'Observation', valueSampledData: { ...valueSampledData, factor } }, 'value-quantity'),
      ).toEqual(factor === null ? [quantity(key('-10'), key('17.5'), '', '', 'mV')] : []);
  });
});

describe('reference and uri', () => {
  const subject = (text: string, more = {}): readonly IndexValue[] =>
    values({ resourceType: 'Observation', subject: { reference: text, ...more } }, 'subject');

  test.each<[string, readonly IndexValue[]]>([
    ['Patient/1', [reference('Patient', '1')]],
    [`${baseUrl}/Patient/1`, [reference('Patient', '1')]],
    ['Patient/1/_history/3', [reference('Patient', '1', '3')]],
    ['http://other/fhir/Patient/1', [uri('http://other/fhir/Patient/1')]],
    ['http://other/fhir/Patient/1/_history/2', [uri('http://other/fhir/Patient/1')]],
    ['urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0', [uri('urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0')]],
    ['#p', []],
    ['1', []],
    ['Patient?identifier=1', []],
  ])('%s', (text, expected) => {
    expect(subject(text)).toEqual(expected);
  });

  test('a logical reference gives its identifier too', () => {
    expect(subject('Patient/1', { identifier: { system: 'urn:s', value: 'A' } })).toEqual([
      reference('Patient', '1'),
      identifier('urn:s', 'A'),
    ]);
  });

  test('where(resolve() is Patient) goes by the reference, its type, or what it contains', () => {
    const patient = (of: Partial<Resource>, contained: readonly Resource[] = []): readonly IndexValue[] =>
      values({ resourceType: 'Observation', subject: of, contained }, 'patient');
    expect(patient({ reference: 'Patient/1' })).toEqual([reference('Patient', '1')]);
    expect(patient({ reference: 'Group/1' })).toEqual([]);
    expect(patient({ reference: 'http://other/Patient/1' })).toEqual([uri('http://other/Patient/1')]);
    expect(patient({ type: 'Patient', identifier: { value: 'A' } })).toEqual([identifier('', 'A')]);
    expect(patient({ reference: '#p', identifier: { value: 'A' } }, [{ resourceType: 'Patient', id: 'p' }])).toEqual([
      reference('#Patient', 'p'),
      identifier('', 'A'),
    ]);
  });

  test('what is contained has entries of its own, and references between its parts', () => {
    const contained = [
      { resourceType: 'Patient', id: 'p', gender: 'male', managingOrganization: { reference: '#o' } },
      { resourceType: 'Organization', id: 'o', name: 'North', partOf: { reference: '#x' } },
      { resourceType: 'Group', id: 'p', type: 'person' },
      { resourceType: 'Device' },
      { id: 'y' },
    ];
    const resource = { resourceType: 'Observation', contained, subject: { reference: '#p' } };
    expect(values(resource, 'subject')).toEqual([reference('#Patient', 'p')]);
    expect(values({ ...resource, subject: { reference: '#y' } }, 'subject')).toEqual([]);
    const found = extractContained(resource, extract);
    expect(found?.map(({ type, id }) => `${type}/${id}`)).toEqual(['Patient/p', 'Organization/o']);
    const codes = found?.map(({ entries }) => entries.map(({ parameter }) => parameter));
    expect(codes).toEqual([
      ['deceased', 'gender', 'organization'],
      ['name', 'phonetic'],
    ]);
    expect(found?.[0]?.entries.at(-1)?.value).toEqual(reference('#Organization', 'o'));
    expect(extractContained({ resourceType: 'Observation' }, extract)).toBeUndefined();
    expect(extractContained({ resourceType: 'Observation', contained: [] }, extract)).toBeUndefined();
  });

  test('references to thousands of contained resources look at each of these once', () => {
    let looks = 0;
    const contained = Array.from({ length: 2000 }, (_, n) => ({
      resourceType: 'Basic',
      get id() {
        looks += 1;
        return `b${n}`;
      },
    }));
    const entry = contained.map((_, n) => ({ item: { reference: `#b${n}` } }));
    const found = values(
      { resourceType: 'List', contained: [...contained, { resourceType: 'Group', id: 'b7' }], entry },
      'item',
    );
    expect(found).toHaveLength(2000);
    expect(found[7]).toEqual(reference('#Basic', 'b7'));
    expect(looks).toBeLessThan(3 * 2000);
  });

  test('a canonical is a uri; below our own base it is a reference too', () => {
    const questionnaire = (text: string): readonly IndexValue[] =>
      values({ resourceType: 'QuestionnaireResponse', questionnaire: text }, 'questionnaire');
    expect(questionnaire('http://q|1.0')).toEqual([uri('http://q|1.0')]);
    expect(questionnaire('Questionnaire/1')).toEqual([uri('Questionnaire/1'), reference('Questionnaire', '1')]);
    expect(questionnaire('#q')).toEqual([]);
  });

  test('the resource that a document bundle begins with', () => {
    const entry = [
      { resource: { resourceType: 'Composition', id: 'c' } },
      { resource: { resourceType: 'Patient', id: 'p' } },
    ];
    expect(values({ resourceType: 'Bundle', type: 'document', entry }, 'composition')).toEqual([
      reference('Composition', 'c'),
    ]);
    expect(values({ resourceType: 'Bundle', type: 'document', entry }, 'message')).toEqual([]);
  });

  test('uris and profiles as they stand', () => {
    expect(values({ resourceType: 'ValueSet', url: 'http://A/b|c' }, 'url')).toEqual([uri('http://A/b|c')]);
    expect(values({ resourceType: 'Patient', meta: { profile: ['http://p|1'], source: 'urn:x' } }, '_profile')).toEqual(
      [uri('http://p|1')],
    );
  });
});

describe('composite', () => {
  const component = (code: string, value: number): Partial<Resource> => ({
    code: { coding: [{ code }] },
    valueQuantity: { value },
  });
  const pairs = (parameter: string, resource: Resource): readonly string[] =>
    values(resource, parameter).map((value) =>
      value.kind === 'composite'
        ? value.components
            .map((each) => ('value' in each ? each.value : 'low' in each ? String(each.low) : each.kind))
            .join('$')
        : value.kind,
    );

  test('pairs come from the same repetition', () => {
    const resource: Resource = {
      resourceType: 'Observation',
      ...component('bp', 1),
      component: [component('sys', 120), component('dia', 80), { code: { coding: [{ code: 'none' }] } }],
    };
    const of = (code: string, value: string): string => `${code}$${decimalKey(value)}`;
    expect(pairs('component-code-value-quantity', resource)).toEqual([of('sys', '120'), of('dia', '80')]);
    expect(pairs('combo-code-value-quantity', resource)).toEqual([of('bp', '1'), of('sys', '120'), of('dia', '80')]);
    expect(pairs('code-value-quantity', resource)).toEqual([of('bp', '1')]);
  });

  test('every combination of several values of one repetition', () => {
    const resource: Resource = {
      resourceType: 'Observation',
      code: { coding: [{ code: 'a' }, { code: 'b' }] },
      valueCodeableConcept: { coding: [{ code: 'x' }, { code: 'y' }] },
    };
    expect(pairs('code-value-concept', resource)).toEqual(['a$x', 'a$y', 'b$x', 'b$y']);
  });

  test('a dateTime counts although R4 writes DateTime', () => {
    const resource: Resource = {
      resourceType: 'Observation',
      code: { coding: [{ code: 'a' }] },
      valueDateTime: '2020-01-01T00:00:00Z',
    };
    expect(pairs('code-value-date', resource)).toEqual([`a$${Date.parse('2020-01-01T00:00:00Z')}`]);
  });

  test('components from the whole resource (%resource)', () => {
    const resource: Resource = {
      resourceType: 'MolecularSequence',
      referenceSeq: { chromosome: { coding: [{ code: '1' }] } },
      variant: [{ start: 5, end: 6 }],
    };
    expect(pairs('chromosome-variant-coordinate', resource)).toEqual([`1$${decimalKey('5')}$${decimalKey('6')}`]);
  });

  test('a relation with its target, in the order of its definition', () => {
    const relatesTo = [{ code: 'appends', target: { reference: 'DocumentReference/a' } }];
    expect(values({ resourceType: 'DocumentReference', relatesTo }, 'relationship')).toEqual([
      {
        kind: 'composite',
        components: [
          reference('DocumentReference', 'a'),
          token('http://hl7.org/fhir/document-relationship-type', 'appends'),
        ],
      },
    ]);
  });
});

describe('entries', () => {
  test('repeated values come once', () => {
    const coding = [{ system: 's', code: 'a' }];
    const category = [{ coding }, { coding }];
    expect(values({ resourceType: 'Observation', category }, 'category')).toEqual([token('s', 'a')]);
  });

  test('many values come once, too', () => {
    const identifiers = Array.from({ length: 40 }, (_, n) => ({ system: 's', value: String(n % 20) }));
    expect(values({ resourceType: 'Patient', identifier: identifiers }, 'identifier')).toHaveLength(20);
  });

  test('a store knows the id and the instant by itself', () => {
    expect(extract({ resourceType: 'Patient', id: 'a', meta: { lastUpdated: '2024-01-01T00:00:00Z' } })).toEqual([
      { parameter: 'deceased', value: token('', 'false') },
    ]);
  });

  test('malformed values give no entry and never throw', () => {
    for (const junk of [null, 5, 'x', true, [], {}, [null], [[]], { coding: 5 }, { coding: [null, 'x', []] }]) {
      const resource: Resource = {
        resourceType: 'Observation',
        code: junk,
        subject: junk,
        effectiveDateTime: junk,
        effectivePeriod: junk,
        effectiveTiming: junk,
        valueQuantity: junk,
        valueSampledData: junk,
        component: junk,
        identifier: junk,
        meta: junk,
        contained: junk,
      };
      expect(extract(resource).map(({ parameter }) => parameter)).toEqual([]);
    }
    expect(extract({ resourceType: 'Observation', effectiveDateTime: '2024-13-40' })).toEqual([]);
    expect(extract({ resourceType: 'Observation', effectivePeriod: { start: '2024', end: 'soon' } })).toEqual([]);
    expect(extract({ resourceType: 'NoSuchType' })).toEqual([]);
  });

  test('nothing that stands anywhere in a resource makes extraction throw', () => {
    const resource: Resource = {
      resourceType: 'Observation',
      meta: { tag: [{ system: 's', code: 'c' }], profile: ['http://p'] },
      identifier: [{ system: 's', value: 'v' }],
      code: { coding: [{ system: 's', code: 'c' }] },
      subject: { reference: 'Patient/1', identifier: { value: 'v' } },
      effectiveTiming: { event: ['2024'], repeat: { boundsPeriod: { start: '2024', end: '2025' } } },
      valueQuantity: { value: 5, system: 's', code: 'mg' },
      component: [
        { code: { coding: [{ code: 'c' }] }, valueSampledData: { origin: { value: 1 }, factor: 1, data: '1 2 E' } },
        { code: { coding: [{ code: 'c' }] }, valueQuantity: { value: 5, comparator: '<' } },
      ],
    };
    const text = JSON.stringify(resource);
    const places = [...text.matchAll(/(?<=[:[,])(?:"[^"]*"(?!:)|[0-9]+)/g)];
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 2 }), (place, junk) => {
        const changed: JsonValue = JSON.parse(
          text.slice(0, place.index) + JSON.stringify(junk) + text.slice(place.index + place[0].length),
        );
        if (isResource(changed)) expect(Array.isArray(extract(changed))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

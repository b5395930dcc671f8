/** Random resources of several types over few values, and random queries that some of them match. https://hl7.org/fhir/R4/search.html */
import fc from 'fast-check';
import type { Json } from './server.ts';

const ucum = 'http://unitsofmeasure.org';
const loinc = 'http://loinc.org';

const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const some = <T>(each: fc.Arbitrary<T>, maxLength = 3) => fc.array(each, { minLength: 1, maxLength });
const object = (members: Record<string, fc.Arbitrary<unknown>>, requiredKeys: readonly string[] = []) =>
  fc.record(members, { requiredKeys: [...requiredKeys] }).filter((value) => Object.keys(value).length > 0);

/** The ids of the random resources. */
export const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
const id = pick(...ids);
const texts = [
  'Ann',
  'ann lee',
  "O'Neil",
  'Zoë',
  'ZOE X',
  'van der Lee',
  '李',
  '100% x_y',
  'a,b|c$d',
  'Straße',
  'Lee-Ann',
];
const text = pick(...texts);
const dates = ['1970', '1970-03', '1970-03-15', '1970-12-31', '2020-02-29'];
const times = [...dates, '1970-03-15T10:00:00Z', '1970-03-15T10:00:00.123Z', '1970-03-15T12:00:00+02:00'];
const decimals = ['0', '1', '1.0', '1.50', '5.4', '5.40', '-2', '1e2', '99.99', '123456789012345678901234567890'];
const codes = ['8480-6', 'abc', 'ABC', 'x y', 'a|b'];
const systems = [loinc, 'urn:s'];

const coding = object({ system: pick(...systems), code: pick(...codes) });
const concept = object({ coding: some(coding, 2), text }, ['coding']);
const kindOfIdentifier = pick('MR', 'PI').map((each) => ({ coding: [{ system: 'urn:t', code: each }] }));
const identifier = object({ system: pick(...systems), value: pick('1', 'AB1', 'ab1', 'x|y'), type: kindOfIdentifier }, [
  'value',
]);
const period = object({ start: pick(...times), end: pick(...times) });
const toPatient = fc.oneof(
  id.map((each) => ({ reference: `Patient/${each}` })),
  id.map((each) => ({ reference: `Patient/${each}/_history/1` })),
  id.map((each) => ({ reference: `http://example.org/Patient/${each}` })),
  identifier.map((each) => ({ identifier: each })),
  fc.constant({ reference: 'Group/a' }),
);
// Numbers are put in as text, so that each keeps its form.
const number = pick(...decimals).map((each) => `#${each}#`);
const quantity = fc.oneof(
  fc.record({ value: number, unit: pick('mg', 'MG'), system: fc.constant(ucum), code: pick('mg', 'kg') }),
  object({ value: number, unit: pick('mg', 'kg'), comparator: pick('<', '>=') }, ['value']),
);
const meta = object({
  tag: some(coding, 2),
  profile: some(pick('http://p', 'http://p|1', 'http://q'), 1),
});

const resources: Readonly<Record<string, fc.Arbitrary<Json>>> = {
  Patient: object({
    meta,
    active: fc.boolean(),
    name: some(object({ family: text, given: some(text, 2), text })),
    gender: pick('male', 'female', 'other'),
    birthDate: pick(...dates),
    identifier: some(identifier, 2),
    telecom: some(object({ system: pick('phone', 'email'), value: text }, ['value']), 2),
    address: some(object({ city: text, line: some(text, 2) }), 2),
    generalPractitioner: some(
      pick('Practitioner/a', 'Organization/b').map((reference) => ({ reference })),
      2,
    ),
    link: some(
      id.map((each) => ({ other: { reference: `Patient/${each}` }, type: 'seealso' })),
      2,
    ),
  }),
  Observation: object(
    {
      meta,
      status: pick('final', 'amended'),
      code: concept,
      subject: toPatient,
      effectiveDateTime: pick(...times),
      category: some(concept, 2),
      valueQuantity: quantity,
      component: some(object({ code: concept, valueQuantity: quantity }, ['code']), 2),
      performer: some(toPatient, 2),
    },
    ['status', 'code'],
  ),
  Encounter: object(
    {
      status: pick('planned', 'finished'),
      class: coding,
      subject: toPatient,
      period,
      identifier: some(identifier, 2),
      length: quantity,
    },
    ['status', 'class'],
  ),
  RiskAssessment: object(
    {
      status: pick('final'),
      subject: toPatient,
      prediction: some(
        fc.oneof(
          fc.record({ probabilityDecimal: number }),
          fc.record({ probabilityRange: fc.record({ low: fc.record({ value: number }) }) }),
        ),
        2,
      ),
      occurrencePeriod: period,
    },
    ['status', 'subject'],
  ),
  ValueSet: object(
    {
      status: pick('draft', 'active'),
      url: pick('http://v', 'http://v/x', 'urn:oid:1.2'),
      version: pick('1', '2'),
      name: pick('Ann', 'Lee'),
      date: pick(...times),
    },
    ['status'],
  ),
};

/** The types of the random resources. */
export const types = Object.keys(resources);

/** A resource as JSON text, under its type and id. */
export interface RandomResource {
  readonly type: string;
  readonly id: string;
  readonly text: string;
}

/** A few resources; none twice. */
export const arbitraryResources: fc.Arbitrary<readonly RandomResource[]> = fc.uniqueArray(
  fc.tuple(pick(...types), id).chain(([type, each]) =>
    (resources[type] ?? fc.constant({})).map((content: Json) => ({
      type,
      id: each,
      text: JSON.stringify({ resourceType: type, id: each, ...content }).replace(/"#([^"#]*)#"/g, '$1'),
    })),
  ),
  { minLength: 6, maxLength: 25, selector: (each) => `${each.type}/${each.id}` },
);

const escaped = (value: string) => value.replace(/[\\,|$]/g, '\\$&');
const beginning = fc
  .tuple(pick(...texts), fc.nat({ max: 6 }))
  .map(([each, n]) => escaped(n === 0 ? each : each.slice(0, n)));
const prefix = pick('', '', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap');
const date = fc.tuple(prefix, pick(...times)).map(([p, each]) => p + each);
const decimal = fc.tuple(prefix, pick(...decimals)).map(([p, each]) => p + each);
const measure = fc
  .tuple(decimal, pick('', `|${ucum}|mg`, `|${ucum}|kg`, '||mg', '||MG', `|${ucum}|`))
  .map((parts) => parts.join(''));
const codeText = pick(...codes, 'ABc', 'nothing').map(escaped);
const token = fc.tuple(pick('', '|', `${loinc}|`, 'urn:s|', 'urn:none|'), codeText).map((parts) => parts.join(''));
const tokens = fc.oneof(token, pick(`${loinc}|`, 'urn:s|'));
const identifiers = fc.oneof(pick('1', 'AB1', 'ab1', 'x\\|y', '|1', 'urn:s|', `${loinc}|AB1`, 'urn:s|x\\|y'), token);
const reference = fc.oneof(
  id.map((each) => `Patient/${each}`),
  id.map((each) => `http://example.org/Patient/${each}`),
  pick('Group/a', 'Practitioner/a', 'Organization/b', 'Patient/none'),
);

type Parameter = readonly [name: string, value: fc.Arbitrary<string>, modifiers: readonly string[]];

const string: Parameter['2'] = ['', '', ':exact', ':contains', ':missing'];
const coded: Parameter['2'] = ['', '', ':not', ':missing'];
const plain: Parameter['2'] = ['', '', ':missing'];
const referred: Parameter['2'] = ['', '', ':missing', ':identifier', ':Patient'];

const everywhere: readonly Parameter[] = [
  ['_id', fc.oneof(id, pick('none', 'A')), ['', ':not']],
  ['_lastUpdated', pick('gt2000', 'lt2000', 'ge2020', 'ne2001', 'ap2020'), ['']],
];

const parameters: Readonly<Record<string, readonly Parameter[]>> = {
  Patient: [
    ['name', beginning, string],
    ['family', beginning, string],
    ['given', beginning, string],
    ['address', beginning, string],
    ['gender', pick('male', 'female', 'Male', '|male', 'http://hl7.org/fhir/administrative-gender|male'), coded],
    ['active', pick('true', 'false'), coded],
    ['birthdate', date, plain],
    ['identifier', identifiers, coded],
    ['telecom', fc.tuple(pick('', 'phone|', '|'), pick(...texts).map(escaped)).map((parts) => parts.join('')), coded],
    ['general-practitioner', reference, ['', ':missing']],
    ['link', reference, ['', ':missing', ':Patient']],
    ['_tag', tokens, coded],
    ['_profile', pick('http://p', 'http://p|1', 'http://q', 'http://p|2'), ['', ':missing']],
  ],
  Observation: [
    ['code', tokens, coded],
    ['category', tokens, coded],
    ['status', pick('final', 'amended', 'registered'), coded],
    ['subject', reference, referred],
    ['performer', reference, referred],
    ['date', date, plain],
    ['value-quantity', measure, plain],
    ['combo-value-quantity', measure, plain],
    ['component-code', tokens, coded],
    ['code-value-quantity', fc.tuple(token, measure).map((parts) => parts.join('$')), ['']],
    ['component-code-value-quantity', fc.tuple(token, measure).map((parts) => parts.join('$')), ['']],
    ['_tag', tokens, coded],
  ],
  Encounter: [
    ['class', tokens, coded],
    ['status', pick('planned', 'finished'), coded],
    ['subject', reference, referred],
    ['patient', reference, ['', ':missing']],
    ['date', date, plain],
    ['identifier', identifiers, coded],
    ['length', measure, plain],
  ],
  RiskAssessment: [
    ['probability', decimal, plain],
    ['subject', reference, referred],
    ['date', date, plain],
  ],
  ValueSet: [
    ['url', pick('http://v', 'http://v/x', 'urn:oid:1.2', 'HTTP://V'), plain],
    ['version', pick('1', '2', '|1'), coded],
    ['name', beginning, string],
    ['date', date, plain],
    ['status', pick('draft', 'active'), coded],
  ],
};

const values = ([name, value, modifiers]: Parameter): fc.Arbitrary<readonly [string, string]> =>
  pick(...modifiers).chain((modifier): fc.Arbitrary<readonly [string, string]> => {
    const key = `${name}${modifier}`;
    if (modifier === ':missing') return pick('true', 'false').map((each) => [key, each]);
    const one = modifier === ':identifier' ? identifiers : modifier === ':Patient' ? id : value;
    return fc.array(one, { minLength: 1, maxLength: 3 }).map((list) => [key, list.join(',')]);
  });

const inSet = pick('administrative-gender', 'observation-status', 'encounter-status', 'publication-status').map(
  (each) => `http://hl7.org/fhir/ValueSet/${each}`,
);
const ofType = fc
  .tuple(pick('urn:t|MR', 'urn:t|PI', 'urn:none|MR'), pick('1', 'AB1', 'ab1', 'x\\|y'))
  .map((parts) => parts.join('|'));
const inSets: Parameter['2'] = [':in', ':not-in'];
const hierarchy: Parameter['2'] = [':above', ':below'];
const status = pick('amended', 'corrected', 'final').map((each) => `http://hl7.org/fhir/observation-status|${each}`);

/** Names that other properties leave out: modifiers that need more than the parameter, chains, `_has`. */
const further: Readonly<Record<string, readonly Parameter[]>> = {
  Patient: [
    ['gender', inSet, inSets],
    ['identifier', ofType, [':of-type']],
    ['link', reference.filter((each) => each.startsWith('Patient/')), hierarchy],
    ['_has:Observation:subject:code', tokens, ['', ':not', ':text']],
    ['_has:Observation:performer:date', date, plain],
    ['_has:Patient:link:_has:Observation:subject:status', pick('final'), ['']],
    ['link:Patient.family', beginning, string],
  ],
  Observation: [
    ['code', beginning.filter((each) => /[a-z]/i.test(each)), [':text']],
    ['status', inSet, inSets],
    ['status', status, hierarchy],
    ['subject', pick('Location/a', 'Patient/a', 'Patient/b'), hierarchy],
    ['subject:Patient.gender', pick('male', 'female'), coded],
    ['performer:Patient.link:Patient.birthdate', date, plain],
  ],
  Encounter: [
    ['status', inSet, inSets],
    ['identifier', ofType, [':of-type']],
    ['patient.family', beginning, string],
  ],
  RiskAssessment: [['subject:Patient._has:Encounter:subject:date', date, plain]],
  ValueSet: [
    ['url', pick('http://v', 'http://v/', 'http://v/x/y'), hierarchy],
    ['status', inSet, inSets],
  ],
};

/** A search of a type: its parameters, and its `_sort`, which may be ''. */
export const arbitraryQuery = pick(...types).chain((type) => queryOf(type, []));

/** A search by any kind of name. */
export const arbitraryCase = pick(...types).chain((type) => queryOf(type, further[type] ?? []));

function queryOf(type: string, more: readonly Parameter[]) {
  const all = [...everywhere, ...(parameters[type] ?? []), ...more];
  const sortable = ['_id', '_lastUpdated', ...(parameters[type] ?? []).map(([name]) => name)].filter(
    (name) => !name.includes('code-value'),
  );
  return fc.record({
    type: fc.constant(type),
    criteria: fc.array(pick(...all).chain(values), { maxLength: 3 }),
    sort: fc
      .array(fc.tuple(pick('', '-'), pick(...sortable)), { maxLength: 2 })
      .map((keys) => keys.map((parts) => parts.join('')).join(',')),
  });
}

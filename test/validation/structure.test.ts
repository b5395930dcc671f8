import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import type { JsonValue } from '../../src/fhir/resource.ts';
import { checkStructure } from '../../src/validation/structure.ts';

const definitions = loadDefinitions();
const check = (json: string) => checkStructure(JSON.parse(json), definitions);
/** A resource of a type with the members that a JSON text lists. */
const resource = (type: string, members: string) => check(`{"resourceType":"${type}",${members}}`);

describe('sound resources', () => {
  it.each([
    ['only a type', 'Patient', '"id":"1"'],
    ['a choice', 'Observation', '"status":"final","valueQuantity":{"value":1.50,"unit":"kg"}'],
    ['a decimal without a fraction', 'Observation', '"valueQuantity":{"value":1}'],
    ['a huge decimal', 'Observation', '"valueQuantity":{"value":1e400}'],
    ['an extension of a primitive', 'Patient', '"_birthDate":{"extension":[{"url":"http://a.org","valueString":"x"}]}'],
    ['a primitive with an id', 'Patient', '"birthDate":"2024-02-29","_birthDate":{"id":"a"}'],
    ['a choice and its extensions', 'Patient', '"deceasedBoolean":true,"_deceasedBoolean":{"id":"a"}'],
    ['null beside an extension', 'Patient', '"name":[{"given":["A",null],"_given":[null,{"id":"b"}]}]'],
    ['values that are all null', 'Patient', '"name":[{"given":[null],"_given":[{"id":"b"}]}]'],
    ['extensions without values', 'Patient', '"name":[{"_given":[{"id":"b"}]}]'],
    ['a contained resource', 'Patient', '"contained":[{"resourceType":"Organization","id":"o","name":"x"}]'],
    ['nested items', 'Questionnaire', '"item":[{"linkId":"1","item":[{"linkId":"2","item":[{"linkId":"3"}]}]}]'],
    ['a Bundle', 'Bundle', '"type":"collection","entry":[{"resource":{"resourceType":"Patient","active":true}}]'],
    [
      'Parameters',
      'Parameters',
      '"parameter":[{"name":"a","part":[{"name":"b","resource":{"resourceType":"Basic","id":"1"}}]}]',
    ],
    [
      'a narrative',
      'Patient',
      '"text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">x</div>"}',
    ],
    ['any type of an extension', 'Patient', '"extension":[{"url":"http://a.org","valueHumanName":{"family":"x"}}]'],
  ])('%s', (_name, type, members) => {
    expect(resource(type, members)).toEqual([]);
  });
});

/** What is wrong, the type, its members, the expression and code of the one issue, what its text must say. */
const faults: readonly (readonly [string, string, string, string, string, RegExp])[] = [
  ['unknown property', 'Patient', '"nane":[]', 'Patient.nane', 'structure', /did you mean "name"/],
  ['unknown nested property', 'Patient', '"name":[{"givn":["a"]}]', 'Patient.name[0].givn', 'structure', /"given"/],
  ['wrong case', 'Patient', '"birthdate":"2020"', 'Patient.birthdate', 'structure', /did you mean "birthDate"/],
  ['nothing like it', 'Patient', '"qqqqqqqqqq":1', 'Patient.qqqqqqqqqq', 'structure', /unknown property "qqqqqqqqqq"$/],
  ['choice without its type', 'Observation', '"value":1', 'Observation.value', 'structure', /valueQuantity/],
  [
    'a choice that isn’t allowed',
    'Observation',
    '"valueDecimal":1',
    'Observation.valueDecimal',
    'structure',
    /unknown/,
  ],
  ['__proto__', 'Patient', '"__proto__":{"active":true}', 'Patient', 'structure', /__proto__/],
  [
    'nested __proto__',
    'Patient',
    '"name":[{"family":"a","__proto__":null}]',
    'Patient.name[0]',
    'structure',
    /__proto__/,
  ],
  ['constructor', 'Patient', '"constructor":{"prototype":{}}', 'Patient.constructor', 'structure', /constructor/],
  ['toString', 'Patient', '"name":[{"toString":"x"}]', 'Patient.name[0].toString', 'structure', /toString/],
  ['a name with spaces', 'Patient', '"a b":1', 'Patient', 'structure', /"a b"/],
  ['a name with control characters', 'Patient', '"\\u0000\\n":1', 'Patient', 'structure', /"\\u0000\\n"/],
  ['an empty name', 'Patient', '"":1', 'Patient', 'structure', /""/],
  ['fhir_comments', 'Patient', '"fhir_comments":["x"]', 'Patient', 'structure', /fhir_comments/],
  [
    'resourceType within an element',
    'Patient',
    '"name":[{"resourceType":"HumanName"}]',
    'Patient.name[0].resourceType',
    'structure',
    /unknown/,
  ],
  ['an element of another type', 'Patient', '"status":"x"', 'Patient.status', 'structure', /no element of Patient/],

  [
    'object for an array',
    'Patient',
    '"name":{"family":"x"}',
    'Patient.name',
    'structure',
    /must be an array; found an object/,
  ],
  [
    'array for an object',
    'Patient',
    '"maritalStatus":[{"text":"x"}]',
    'Patient.maritalStatus',
    'structure',
    /found an array/,
  ],
  [
    'string for an array of strings',
    'Patient',
    '"name":[{"given":"x"}]',
    'Patient.name[0].given',
    'structure',
    /array; found a string/,
  ],
  ['array for a primitive', 'Patient', '"birthDate":["2020"]', 'Patient.birthDate', 'structure', /found an array/],
  [
    'object for a primitive',
    'Patient',
    '"birthDate":{"value":"2020"}',
    'Patient.birthDate',
    'structure',
    /found an object/,
  ],
  ['string for an object', 'Patient', '"name":["x"]', 'Patient.name[0]', 'structure', /an object; found a string/],
  ['array in an array', 'Patient', '"name":[[{"family":"x"}]]', 'Patient.name[0]', 'structure', /found an array/],
  ['number for a string', 'Patient', '"name":[{"family":1}]', 'Patient.name[0].family', 'structure', /found a number/],
  [
    'string for a boolean',
    'Patient',
    '"active":"true"',
    'Patient.active',
    'structure',
    /true or false; found a string/,
  ],
  [
    'string for a decimal',
    'Observation',
    '"valueQuantity":{"value":"1"}',
    'Observation.valueQuantity.value',
    'structure',
    /a number; found a string/,
  ],
  ['boolean for a date', 'Patient', '"birthDate":false', 'Patient.birthDate', 'structure', /found a boolean/],
  ['resource that is a string', 'Patient', '"contained":["x"]', 'Patient.contained[0]', 'structure', /a resource/],

  ['null', 'Patient', '"birthDate":null', 'Patient.birthDate', 'structure', /found null/],
  ['null for an object', 'Patient', '"maritalStatus":null', 'Patient.maritalStatus', 'structure', /found null/],
  ['null for an array', 'Patient', '"name":null', 'Patient.name', 'structure', /found null/],
  [
    'null in an array of objects',
    'Patient',
    '"name":[{"family":"x"},null]',
    'Patient.name[1]',
    'structure',
    /found null/,
  ],
  [
    'null in an array of primitives',
    'Patient',
    '"name":[{"given":["a",null]}]',
    'Patient.name[0].given[1]',
    'structure',
    /_given/,
  ],
  ['null for extensions', 'Patient', '"_birthDate":null', 'Patient.birthDate', 'structure', /found null/],
  [
    'null without a value',
    'Patient',
    '"name":[{"_given":[null,{"id":"a"}]}]',
    'Patient.name[0].given[0]',
    'structure',
    /no value/,
  ],
  ['empty string', 'Patient', '"name":[{"family":""}]', 'Patient.name[0].family', 'structure', /an empty string/],
  ['empty array', 'Patient', '"name":[]', 'Patient.name', 'structure', /empty array/],
  [
    'empty array of primitives',
    'Patient',
    '"name":[{"given":[]}]',
    'Patient.name[0].given',
    'structure',
    /empty array/,
  ],
  ['empty object', 'Patient', '"name":[{}]', 'Patient.name[0]', 'structure', /empty object/],
  ['empty meta', 'Patient', '"meta":{}', 'Patient.meta', 'structure', /empty object/],
  ['empty extensions', 'Patient', '"_birthDate":{}', 'Patient.birthDate', 'structure', /empty object/],

  [
    'more values than extensions',
    'Patient',
    '"name":[{"given":["a","b"],"_given":[{"id":"a"}]}]',
    'Patient.name[0].given',
    'structure',
    /2 values.*1 items/,
  ],
  [
    'extensions of a complex element',
    'Patient',
    '"name":[{"family":"x"}],"_name":[{"id":"a"}]',
    'Patient._name',
    'structure',
    /only primitive/,
  ],
  ['extensions of an id', 'Patient', '"id":"1","_id":{"id":"a"}', 'Patient._id', 'structure', /unknown/],
  [
    'more than extensions in _name',
    'Patient',
    '"_birthDate":{"value":"x"}',
    'Patient.birthDate.value',
    'structure',
    /no element of Element/,
  ],
  [
    'string for extensions',
    'Patient',
    '"_birthDate":"x"',
    'Patient.birthDate',
    'structure',
    /an object; found a string/,
  ],
  [
    'object for an array of extensions',
    'Patient',
    '"name":[{"given":["a"],"_given":{"id":"a"}}]',
    'Patient.name[0].given',
    'structure',
    /array/,
  ],

  [
    'two of a choice',
    'Observation',
    '"valueString":"x","valueQuantity":{"value":1}',
    'Observation.valueQuantity',
    'structure',
    /valueString: only one value\[x\]/,
  ],
  [
    'two of a choice by extensions',
    'Observation',
    '"valueString":"x","_valueDateTime":{"id":"a"}',
    'Observation.valueDateTime',
    'structure',
    /only one/,
  ],

  ['a day that isn’t', 'Patient', '"birthDate":"2023-02-29"', 'Patient.birthDate', 'value', /date of the calendar/],
  [
    'a dateTime without zone',
    'Observation',
    '"effectiveDateTime":"2024-01-01T00:00:00"',
    'Observation.effectiveDateTime',
    'value',
    /time zone/,
  ],
  ['an instant that is a date', 'Observation', '"issued":"2024-01-01"', 'Observation.issued', 'value', /instant/],
  [
    'a fraction for an integer',
    'Patient',
    '"multipleBirthInteger":1.5',
    'Patient.multipleBirthInteger',
    'value',
    /whole number/,
  ],
  [
    'an integer beyond 32 bits',
    'Patient',
    '"multipleBirthInteger":2147483648',
    'Patient.multipleBirthInteger',
    'value',
    /whole number/,
  ],
  ['a negative unsignedInt', 'Bundle', '"total":-1', 'Bundle.total', 'value', /from 0/],
  ['zero for a positiveInt', 'Patient', '"telecom":[{"rank":0}]', 'Patient.telecom[0].rank', 'value', /from 1/],
  ['a code with spaces', 'Patient', '"gender":" male"', 'Patient.gender', 'value', /code/],
  ['a blank string', 'Patient', '"name":[{"given":["a"," "]}]', 'Patient.name[0].given[1]', 'value', /not blank/],
  ['a uri with a space', 'Patient', '"meta":{"profile":["a b"]}', 'Patient.meta.profile[0]', 'value', /URI/],
  ['an id with a slash', 'Patient', '"id":"a/b"', 'Patient.id', 'value', /1 to 64/],
  ['base64 that isn’t', 'Binary', '"data":"a*b="', 'Binary.data', 'value', /base64/],
  ['a narrative without div', 'Patient', '"text":{"div":"<p/>"}', 'Patient.text.div', 'value', /<div>/],

  [
    'no type of a contained resource',
    'Patient',
    '"contained":[{"id":"1"}]',
    'Patient.contained[0]',
    'required',
    /resourceType/,
  ],
  [
    'an unknown type within',
    'Bundle',
    '"entry":[{"resource":{"resourceType":"Patien"}}]',
    'Bundle.entry[0].resource',
    'structure',
    /did you mean Patient/,
  ],
  [
    'an abstract type within',
    'Bundle',
    '"entry":[{"resource":{"resourceType":"DomainResource"}}]',
    'Bundle.entry[0].resource',
    'structure',
    /unknown/,
  ],
  [
    'a type that is no string',
    'Bundle',
    '"entry":[{"resource":{"resourceType":1}}]',
    'Bundle.entry[0].resource',
    'structure',
    /a string/,
  ],
  [
    'a fault in an entry',
    'Bundle',
    '"entry":[{"fullUrl":"urn:a"},{"resource":{"resourceType":"Patient","actve":true}}]',
    'Bundle.entry[1].resource.actve',
    'structure',
    /active/,
  ],
  [
    'a fault in a part',
    'Parameters',
    '"parameter":[{"part":[{"valueInteger":"1"}]}]',
    'Parameters.parameter[0].part[0].valueInteger',
    'structure',
    /whole number/,
  ],
  [
    'a fault in an extension of a primitive',
    'Patient',
    '"name":[{"_given":[{"extension":[{"url":"http://a.org","valueDate":"x"}]}]}]',
    'Patient.name[0].given[0].extension[0].valueDate',
    'value',
    /date/,
  ],
  [
    'a fault in contained nested content',
    'Observation',
    '"contained":[{"resourceType":"Observation","referenceRange":[{"low":{"value":true}}]}]',
    'Observation.contained[0].referenceRange[0].low.value',
    'structure',
    /number/,
  ],
  ['what R4 doesn’t have', 'Binary', '"url":"http://a.org"', 'Binary.url', 'structure', /unknown/],
];

describe('faults', () => {
  it.each(faults)('%s', (_name, type, members, expression, code, text) => {
    const issues = resource(type, members);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatchObject({ severity: 'error', code, expression: [expression] });
    expect(issues[0]?.diagnostics).toMatch(text);
    expect(issues[0]?.diagnostics.startsWith(expression)).toBe(true);
  });

  it.each([
    ['null', 'structure'],
    ['[]', 'structure'],
    ['"Patient"', 'structure'],
    ['1', 'structure'],
    ['{}', 'required'],
    ['{"resourceType":"Nothing"}', 'structure'],
    ['{"resourceType":"Resource"}', 'structure'],
    ['{"resourceType":"constructor"}', 'structure'],
    ['{"resourceType":"Patient.contact"}', 'structure'],
    ['{"resourceType":"HumanName"}', 'structure'],
    ['{"resourceType":["Patient"]}', 'structure'],
    ['{"resourceType":""}', 'structure'],
    ['{"resourceType":null}', 'structure'],
    ['{"__proto__":{"resourceType":"Patient"}}', 'required'],
  ])('%s is no resource', (json, code) => {
    const issues = check(json);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatchObject({ code, expression: ['Resource'] });
  });

  it('are all told', () => {
    expect(
      resource('Patient', '"nane":1,"active":"x","name":[{"family":""},{"use":null}]').map(
        ({ expression }) => expression?.[0],
      ),
    ).toEqual(['Patient.nane', 'Patient.active', 'Patient.name[0].family', 'Patient.name[1].use']);
  });

  it('are at most 50', () => {
    expect(resource('Patient', `"name":[${Array(1000).fill('{}').join(',')}]`)).toHaveLength(50);
    expect(resource('Patient', Array.from({ length: 1000 }, (_, index) => `"x${index}":1`).join(','))).toHaveLength(50);
  });

  it('never repeat a value', () => {
    const secret = 'Jane-Secret';
    const issues = resource(
      'Patient',
      `"birthDate":"${secret}","gender":"${secret} ","active":"${secret}","name":"${secret}","contained":[{"resourceType":5,"id":"${secret}"}]`,
    );
    expect(issues).toHaveLength(5);
    expect(JSON.stringify(issues)).not.toContain(secret);
  });

  it('begin with a path where one is given', () => {
    const issues = checkStructure({ resourceType: 'Patient', active: 1 }, definitions, 'Bundle.entry[3].resource');
    expect(issues[0]?.expression).toEqual(['Bundle.entry[3].resource.active']);
  });

  it('long names are cut', () => {
    const [issue] = resource('Patient', `"${'n'.repeat(100_000)}":1`);
    expect(issue?.diagnostics.length).toBeLessThan(200);
    expect(issue?.expression).toEqual(['Patient']);
  });
});

describe('any JSON', () => {
  const json = fc.jsonValue({ maxDepth: 5 }).map((value): JsonValue => JSON.parse(JSON.stringify(value)));

  it('never throws, and always names a place', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('Patient', 'Observation', 'Bundle', 'Parameters'),
        fc.dictionary(
          fc.constantFrom(
            'name',
            '_name',
            'active',
            '_active',
            'entry',
            'parameter',
            'contained',
            'valueString',
            '_valueString',
            'extension',
            'meta',
            '__proto__',
            'x',
          ),
          json,
        ),
        (type, members) => {
          const issues = checkStructure({ ...members, resourceType: type }, definitions);
          expect(issues.length).toBeLessThanOrEqual(50);
          for (const issue of issues) expect(issue.expression?.[0]).toMatch(/^[A-Z]/);
        },
      ),
      { numRuns: 500 },
    );
  });
});

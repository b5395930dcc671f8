import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { parseExact } from '../../src/fhir/exact-json.ts';
import { parseJson } from '../../src/fhir/json.ts';
import { atOnce } from '../../src/fhir/steps.ts';
import { numberSteps } from '../../src/validation/numbers.ts';

const definitions = loadDefinitions();
const bytes = (members: string, type: string) => Buffer.from(`{"resourceType":"${type}",${members}}`);
const check = (type: string, members: string) => atOnce(numberSteps(parseExact(bytes(members, type)), definitions));

describe('an integer is written as digits alone', () => {
  it.each([
    ['Patient', '"multipleBirthInteger":2.0', 'Patient.multipleBirthInteger'],
    ['Patient', '"multipleBirthInteger":2e0', 'Patient.multipleBirthInteger'],
    ['Patient', '"telecom":[{"rank":1},{"rank":1.00}]', 'Patient.telecom[1].rank'],
    ['Bundle', '"total":1E1', 'Bundle.total'],
    ['Basic', '"extension":[{"url":"x","valueInteger":1.0}]', 'Basic.extension[0].valueInteger'],
    [
      'Patient',
      '"_birthDate":{"extension":[{"url":"x","valueInteger":1.0}]}',
      'Patient.birthDate.extension[0].valueInteger',
    ],
    [
      'List',
      '"contained":[{"resourceType":"Patient","multipleBirthInteger":-0.0}]',
      'List.contained[0].multipleBirthInteger',
    ],
  ])('%s: %s', (type, members, path) => {
    const [issue, ...others] = check(type, members);
    expect(others).toEqual([]);
    expect(issue).toMatchObject({ severity: 'error', code: 'value', expression: [path] });
    expect(parseJson(bytes(members, type)).loose).toBe(true);
  });
});

describe('a decimal may have a point and an exponent', () => {
  it.each([
    ['Observation', '"valueQuantity":{"value":1.0}'],
    ['Observation', '"valueQuantity":{"value":-1.0E+3},"component":[{"valueInteger":10}]'],
    ['Basic', '"extension":[{"url":"x","valueDecimal":100e-2}]'],
  ])('%s: %s', (type, members) => expect(check(type, members)).toEqual([]));
});

describe('only where a whole number is written otherwise there is something to look at', () => {
  it.each([
    ['1', false],
    ['-10', false],
    ['1.5', false],
    ['10.05', false],
    ['100.50', false],
    ['1.0', true],
    ['-100.000', true],
    ['1e2', true],
    ['1.5e0', true],
    ['0.0', true],
  ])('%s: %s', (number, loose) => {
    for (const text of [number, `[${number}]`, `{"a":${number},"b":1.5}`, `[1.5,${number} ,"1.0"]`]) {
      expect([text, parseJson(Buffer.from(text)).loose]).toEqual([text, loose]);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { isExactObject, parseExact, writeExact } from '../../src/fhir/exact-json.ts';
import { type Subset, subset } from '../../src/fhir/subset.ts';
import { haveR4Examples, r4Examples } from '../r4-examples.ts';

const definitions = loadDefinitions();
const TAG = '{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}';
const META = `"meta":{"tag":[${TAG}]}`;

function cut(json: string | Uint8Array, wanted: Subset): string {
  const resource = parseExact(typeof json === 'string' ? Buffer.from(json) : json);
  if (!isExactObject(resource)) throw new Error('no resource');
  const before = Buffer.from(writeExact(resource)).toString();
  const result = Buffer.from(writeExact(subset(resource, definitions, wanted))).toString();
  expect(Buffer.from(writeExact(resource)).toString()).toBe(before);
  return result;
}

const patient = `{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div>x</div>"},"extension":[{"url":"http://a.org","valueDecimal":1.00}],"name":[{"id":"n","family":"F","given":["G"]}],"birthDate":"2000","_birthDate":{"extension":[{"url":"http://a.org","valueString":"x"}]},"maritalStatus":{"text":"M"},"photo":[{"contentType":"image/png","data":"AAAA"}],"contact":[{"gender":"male"}],"deceasedBoolean":false}`;
const observation = `{"id":"o","resourceType":"Observation","meta":{"versionId":"3","tag":[{"code":"a"}]},"valueQuantity":{"value":1.00,"unit":"kg"},"status":"final","contained":[{"resourceType":"Device","id":"d"}],"code":{"coding":[{"system":"s","code":"c","id":"x"}]},"note":[{"text":"n"}],"component":[{"code":{"text":"k"},"valueQuantity":{"value":1e-20,"comparator":"<"},"interpretation":[{"text":"i"}]}],"referenceRange":[{"text":"r"}]}`;

describe('_summary', () => {
  it('true: elements of the summary, those within them too', () => {
    expect(cut(patient, { summary: 'true' })).toBe(
      `{"resourceType":"Patient","id":"p",${META},"name":[{"family":"F","given":["G"]}],"birthDate":"2000","_birthDate":{"extension":[{"url":"http://a.org","valueString":"x"}]},"deceasedBoolean":false}`,
    );
    expect(cut(observation, { summary: 'true' })).toBe(
      `{"id":"o","resourceType":"Observation","meta":{"versionId":"3","tag":[{"code":"a"},${TAG}]},"valueQuantity":{"value":1.00,"unit":"kg"},"status":"final","code":{"coding":[{"system":"s","code":"c"}]},"component":[{"code":{"text":"k"},"valueQuantity":{"value":1e-20,"comparator":"<"}}]}`,
    );
  });

  it('true: what would be empty stays whole', () => {
    const absent = '"code":{"extension":[{"url":"http://a.org","valueCode":"unknown"}]}';
    expect(cut(`{"resourceType":"Observation",${absent}}`, { summary: 'true' })).toBe(
      `{"resourceType":"Observation",${META},${absent}}`,
    );
  });

  it('true: modifier extensions stay', () => {
    const modifier = '"modifierExtension":[{"url":"http://a.org","valueBoolean":true}]';
    expect(cut(`{"resourceType":"Patient",${modifier},"photo":[{"url":"u"}]}`, { summary: 'true' })).toBe(
      `{"resourceType":"Patient",${META},${modifier}}`,
    );
  });

  it('true: resources in a Bundle are cut likewise', () => {
    expect(
      cut(
        `{"resourceType":"Bundle","id":"b","type":"collection","entry":[{"fullUrl":"urn:a","resource":${patient}}]}`,
        {
          summary: 'true',
        },
      ),
    ).toBe(
      `{"resourceType":"Bundle","id":"b",${META},"type":"collection","entry":[{"fullUrl":"urn:a","resource":${cut(patient, { summary: 'true' })}}]}`,
    );
  });

  it('text: the narrative and mandatory elements', () => {
    expect(cut(patient, { summary: 'text' })).toBe(
      `{"resourceType":"Patient","id":"p",${META},"text":{"status":"generated","div":"<div>x</div>"}}`,
    );
    expect(cut(observation, { summary: 'text' })).toBe(
      `{"id":"o","resourceType":"Observation","meta":{"versionId":"3","tag":[{"code":"a"},${TAG}]},"status":"final","code":{"coding":[{"system":"s","code":"c","id":"x"}]}}`,
    );
  });

  it('data: all but the narrative', () => {
    expect(cut(patient, { summary: 'data' })).toBe(
      patient
        .replace('"id":"p",', `"id":"p",${META},`)
        .replace('"text":{"status":"generated","div":"<div>x</div>"},', ''),
    );
  });

  it('tags once', () => {
    const once = cut(patient, { summary: 'data' });
    expect(cut(once, { summary: 'data' })).toBe(once);
  });

  it('puts meta after the type where there is no id', () => {
    expect(cut('{"resourceType":"Patient","active":true}', { summary: 'text' })).toBe(
      `{"resourceType":"Patient",${META}}`,
    );
  });
});

describe('_elements', () => {
  it.each<[string, string, string[], string]>([
    [
      'one',
      patient,
      ['birthDate'],
      `{"resourceType":"Patient","id":"p",${META},"birthDate":"2000","_birthDate":{"extension":[{"url":"http://a.org","valueString":"x"}]}}`,
    ],
    [
      'whole, in the order of the resource',
      patient,
      ['name', 'extension'],
      `{"resourceType":"Patient","id":"p",${META},"extension":[{"url":"http://a.org","valueDecimal":1.00}],"name":[{"id":"n","family":"F","given":["G"]}]}`,
    ],
    [
      'any type of a choice',
      patient,
      ['deceased'],
      `{"resourceType":"Patient","id":"p",${META},"deceasedBoolean":false}`,
    ],
    [
      'one type of a choice',
      patient,
      ['deceasedBoolean'],
      `{"resourceType":"Patient","id":"p",${META},"deceasedBoolean":false}`,
    ],
    ['another type of a choice', patient, ['deceasedDateTime'], `{"resourceType":"Patient","id":"p",${META}}`],
    ['unknown', patient, ['nothing'], `{"resourceType":"Patient","id":"p",${META}}`],
    [
      'of its type',
      patient,
      ['Patient.maritalStatus', 'Observation.code'],
      `{"resourceType":"Patient","id":"p",${META},"maritalStatus":{"text":"M"}}`,
    ],
    [
      'of its type and of any',
      patient,
      ['contact', 'Observation.code'],
      `{"resourceType":"Patient","id":"p",${META},"contact":[{"gender":"male"}]}`,
    ],
    [
      'a path',
      patient,
      ['name.family'],
      `{"resourceType":"Patient","id":"p",${META},"name":[{"id":"n","family":"F","given":["G"]}]}`,
    ],
    ['of other types only', patient, ['Observation.code'], patient],
    ['__proto__', patient, ['__proto__'], `{"resourceType":"Patient","id":"p",${META}}`],
    [
      'mandatory ones stay',
      observation,
      ['note'],
      `{"id":"o","resourceType":"Observation","meta":{"versionId":"3","tag":[{"code":"a"},${TAG}]},"status":"final","code":{"coding":[{"system":"s","code":"c","id":"x"}]},"note":[{"text":"n"}]}`,
    ],
    [
      'decimals keep their text',
      observation,
      ['value'],
      `{"id":"o","resourceType":"Observation","meta":{"versionId":"3","tag":[{"code":"a"},${TAG}]},"valueQuantity":{"value":1.00,"unit":"kg"},"status":"final","code":{"coding":[{"system":"s","code":"c","id":"x"}]}}`,
    ],
  ])('%s', (_name, resource, elements, expected) => {
    expect(cut(resource, { elements })).toBe(expected);
  });
});

const have = await haveR4Examples();

describe.skipIf(!have)('examples of R4', () => {
  it('a summary is a sound part', async () => {
    const { checkStructure } = await import('../../src/validation/structure.ts');
    let examples = 0;
    for await (const { file, bytes } of r4Examples()) {
      if (examples++ % 5 !== 0 || bytes.length > 500_000) continue;
      const whole = checkStructure(JSON.parse(bytes.toString('utf8')), definitions);
      for (const summary of ['true', 'text', 'data'] as const) {
        const part = cut(bytes, { summary });
        if (whole.length === 0) expect(checkStructure(JSON.parse(part), definitions), `${file} ${summary}`).toEqual([]);
        expect(part).toContain(TAG);
      }
    }
    expect(examples).toBe(5306);
  }, 120_000);
});

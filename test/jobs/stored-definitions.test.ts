/** Definitions of search parameters that lie in the store. https://hl7.org/fhir/R4/searchparameter.html */
import { expect, test } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { StoredDefinitions } from '../../src/jobs/stored-definitions.ts';

/** The body of one for patients. */
function stored(id: string, expression: string): { readonly id: string; readonly body: Uint8Array } {
  const url = `http://example.org/${id}`;
  const resource = { resourceType: 'SearchParameter', id, url, code: id, name: id, status: 'active', type: 'string' };
  return { id, body: Buffer.from(JSON.stringify({ ...resource, base: ['Patient'], expression })) };
}

test('what an earlier release took and this one can’t run is told of, and not used', () => {
  const told: string[] = [];
  const definitions = new StoredDefinitions({
    definitions: loadDefinitions(),
    profiles: [],
    extractionVersion: () => 1,
    report: (text) => told.push(text),
  });
  definitions.load([
    stored('fine', 'Patient.name.family.lower()'),
    stored('last', "Patient.name.family.select(lastIndexOf('a').toString())"),
    stored('sorted', 'Patient.name.given.sort().first()'),
    stored('member', "Patient.name.where(use.memberOf('http://example.org/v')).family"),
  ]);
  expect(definitions.own().map(({ code }) => code)).toEqual(['fine']);
  expect(told).toEqual([
    expect.stringMatching(/^SearchParameter\/last is not used: .*lastIndexOf\(\)/),
    expect.stringMatching(/^SearchParameter\/sorted is not used: .*sort\(\)/),
    expect.stringMatching(/^SearchParameter\/member is not used: .*memberOf\(\)/),
  ]);
});

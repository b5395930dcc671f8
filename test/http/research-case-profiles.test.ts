/** Every definition and example in `profiles/research-case/` under validation. https://hl7.org/fhir/R4/validation.html */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FiledResource, readProfiles } from '../../src/jobs/profile-files.ts';
import { type Json, type TestServer, testServer } from './server.ts';

const filed = readProfiles('profiles/research-case');
const isExample = ({ file }: FiledResource) => file.includes('/examples/');
const definitions = filed.filter((each) => !isExample(each));
const valid = filed.filter((each) => isExample(each) && each.file.includes('/valid-'));
const invalid = filed.filter((each) => isExample(each) && each.file.includes('/invalid-'));

/** Where each example is refused; those of the cases all have an approach, or a code, as their first field. */
const refusedAt: readonly (readonly [file: RegExp, expression: RegExp])[] = [
  [/-no-case-identifier\./, /^Procedure(\.identifier)?$/],
  [/-case\/.*-no-|arth.*-no-|cuff.*-no-/, /^Procedure(\.extension)?$/],
  [/invalid-blood-type-code/, /^Observation\.value/],
  [/-code\./, /^Procedure\.extension\[\d\]\.value/],
  [/patient-no-mrn/, /^Patient(\.identifier)?$/],
  [/encounter-no-patient/, /^Encounter(\.subject)?$/],
  [/surgeon-no-identifier/, /^Practitioner(\.identifier)?$/],
  [/coverage-no-name/, /^Coverage\.payor\[0\](\.display)?$/],
  [/height-unit/, /^Observation\.value/],
  [/-value\./, /^Observation\.value/],
  [/vas-no-time/, /^Observation(\.extension)?$/],
  [/vas-time/, /^Observation\.extension\[0\]\.value/],
  [/observation-no-identifier/, /^Observation(\.identifier)?$/],
];

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ PROFILES: 'profiles' });
});
afterAll(() => server.close());

/** The errors that `$validate` finds. */
async function errorsOf(resource: Json): Promise<readonly Json[]> {
  const reply = await server.send('POST', `/${resource.resourceType}/$validate`, resource);
  expect(reply.status, reply.text).toBe(200);
  return reply.body.issue.filter(({ severity }: Json) => severity === 'error' || severity === 'fatal');
}

describe('research cases under validation', () => {
  test.each(definitions.map((each) => [each.file, each.resource] as const))('%s is right', async (_, resource) => {
    expect(await errorsOf(resource)).toEqual([]);
  });

  test.each(valid.map((each) => [each.file, each.resource] as const))('%s is valid', async (_, resource) => {
    expect(await errorsOf(resource)).toEqual([]);
  });

  test.each(invalid.map((each) => [each.file, each.resource] as const))('%s is refused', async (file, resource) => {
    const expected = refusedAt.find(([each]) => each.test(file))?.[1];
    expect(expected, 'no rule says where').toBeDefined();
    const errors = await errorsOf(resource);
    expect(errors).not.toHaveLength(0);
    for (const { expression } of errors) expect(expression[0]).toMatch(expected ?? /^$/);
  });
});

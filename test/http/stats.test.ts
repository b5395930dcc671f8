/** `$stats`: counts, frequencies and summaries of matches. https://hl7.org/fhir/R4/operations.html */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { load } from './searching.ts';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';
import { issueOf } from './writing.ts';

const ucum = 'http://unitsofmeasure.org';
const loinc = 'http://loinc.org';
const genders = 'http://hl7.org/fhir/administrative-gender';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
  const patient = (id: string, gender: string | undefined, active: boolean) => ({
    resourceType: 'Patient',
    id,
    active,
    identifier: [{ system: 'urn:mrn', value: id }],
    ...(gender === undefined ? {} : { gender }),
  });
  const observation = (id: string, subject: string, code: string, value: Json) => ({
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system: loinc, code }] },
    subject: { reference: `Patient/${subject}` },
    ...value,
  });
  const kg = (value: number, unit = 'kg') => ({ valueQuantity: { value, unit, system: ucum, code: unit } });
  await load(server, [
    patient('a', 'female', true),
    patient('b', 'female', true),
    patient('c', 'male', false),
    patient('d', undefined, true),
    observation('w1', 'a', '29463-7', kg(60)),
    observation('w2', 'b', '29463-7', kg(70.5)),
    observation('w3', 'c', '29463-7', kg(80)),
    observation('w4', 'd', '29463-7', kg(90)),
    observation('w5', 'd', '29463-7', kg(200, 'g')),
    observation('h1', 'a', '8302-2', { valueQuantity: { value: 5, comparator: '<', system: ucum, code: 'm' } }),
    observation('s1', 'a', '11331-6', { valueCodeableConcept: { coding: [{ system: 'urn:s', code: 'yes' }] } }),
  ]);
});
afterAll(() => server.close());

/** The parts of a parameter by name, of which there is one each. */
const partsOf = (parts: readonly Json[], name: string): readonly Json[] => parts.filter((each) => each.name === name);
const fieldOf = ({ body }: Reply, name: string): readonly Json[] | undefined =>
  partsOf(body.parameter, 'field').find(({ part }) => part[0].valueCode === name)?.part;
const get = async (path: string): Promise<Reply> => {
  const reply = await server.get(path);
  expect(reply.status, reply.text).toBe(200);
  expect(reply.body.resourceType).toBe('Parameters');
  return reply;
};

describe('$stats', () => {
  test('counts the codes of each coded field, and who lacks one', async () => {
    const reply = await get('/$stats?type=Patient');
    expect(reply.body.parameter[0]).toEqual({ name: 'type', valueCode: 'Patient' });
    expect(reply.body.parameter[1]).toEqual({ name: 'total', valueInteger: 4 });
    const value = (code: string, count: number) => ({
      name: 'value',
      part: [
        { name: 'code', valueCoding: { system: genders, code } },
        { name: 'count', valueInteger: count },
      ],
    });
    expect(fieldOf(reply, 'gender')).toEqual([
      { name: 'name', valueCode: 'gender' },
      { name: 'present', valueInteger: 3 },
      { name: 'missing', valueInteger: 1 },
      { name: 'distinct', valueInteger: 2 },
      value('female', 2),
      value('male', 1),
    ]);
    expect(fieldOf(reply, 'active')?.slice(1, 4)).toEqual([
      { name: 'present', valueInteger: 4 },
      { name: 'missing', valueInteger: 0 },
      { name: 'distinct', valueInteger: 2 },
    ]);
    expect(fieldOf(reply, 'identifier'), 'it hardly repeats').toBeUndefined();
    expect(fieldOf(reply, 'language'), 'nobody has one').toBeUndefined();
  });

  test('summarises numbers, those of one unit together', async () => {
    const field = fieldOf(await get('/$stats?type=Observation&code=29463-7&field=value-quantity'), 'value-quantity');
    const [kilograms, grams] = partsOf(field ?? [], 'numbers').map(({ part }) => part);
    expect(
      Object.fromEntries(kilograms.slice(2).map((each: Json) => [each.name, each.valueInteger ?? each.valueDecimal])),
    ).toEqual({
      count: 4,
      min: 60,
      q1: 67.875,
      median: 75.25,
      q3: 82.5,
      max: 90,
      mean: 75.125,
      sd: 12.8476651575296,
    });
    expect(kilograms.slice(0, 2)).toEqual([
      { name: 'unit', valueString: 'kg' },
      { name: 'code', valueCoding: { system: ucum, code: 'kg' } },
    ]);
    expect(grams).toContainEqual({ name: 'mean', valueDecimal: 200 });
    expect(grams.some(({ name }: Json) => name === 'sd')).toBe(false);
  });

  test('reckons with no range, and says how many there are', async () => {
    const field = fieldOf(await get('/$stats?type=Observation&code=8302-2&field=value-quantity'), 'value-quantity');
    expect(field?.slice(1)).toEqual([
      { name: 'present', valueInteger: 1 },
      { name: 'missing', valueInteger: 0 },
      { name: 'ranges', valueInteger: 1 },
    ]);
  });

  test('takes any search, and groups by a coded field', async () => {
    const women = await get('/$stats?type=Observation&subject:Patient.gender=female&field=code');
    expect(women.body.parameter[1]).toEqual({ name: 'total', valueInteger: 4 });
    const reply = await get('/$stats?type=Patient&by=gender&field=active');
    const groups = partsOf(reply.body.parameter, 'group').map(({ part }) => part);
    expect(groups.map(([code, total]) => [code.valueCoding?.code, total.valueInteger])).toEqual([
      ['female', 2],
      ['male', 1],
      [undefined, undefined],
    ]);
    expect(groups[2][0], 'those without one').toEqual({ name: 'total', valueInteger: 1 });
    expect(reply.body.parameter[1]).toEqual({ name: 'total', valueInteger: 4 });
  });

  test('lists the most frequent values', async () => {
    const few = fieldOf(await get('/$stats?type=Patient&field=identifier&values=1'), 'identifier') ?? [];
    expect(partsOf(few, 'distinct')).toEqual([{ name: 'distinct', valueInteger: 4 }]);
    expect(partsOf(few, 'value')).toHaveLength(1);
  });

  test('is of the resources of a profile', async () => {
    const url = 'http://example.org/StructureDefinition/weight';
    const definition = {
      resourceType: 'StructureDefinition',
      id: 'w',
      url,
      name: 'W',
      status: 'active',
      kind: 'resource',
    };
    const of = { abstract: false, type: 'Observation', derivation: 'constraint' };
    await load(server, [
      { ...definition, ...of, baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Observation' },
    ]);
    expect((await get(`/$stats?profile=${url}`)).body.parameter.slice(0, 2)).toEqual([
      { name: 'type', valueCode: 'Observation' },
      { name: 'total', valueInteger: 0 },
    ]);
    const weighed = { resourceType: 'Observation', id: 'of-profile', status: 'final', code: { text: 'Weight' } };
    await load(server, [{ ...weighed, meta: { profile: [url] } }]);
    for (const named of [url, 'w', 'StructureDefinition/w', 'W']) {
      const [, total] = (await get(`/$stats?profile=${named}`)).body.parameter;
      expect(total, named).toEqual({ name: 'total', valueInteger: 1 });
    }
    expect(issueOf(await server.get('/$stats?profile=nobody')).code).toBe('not-found');
    expect(issueOf(await server.get(`/$stats?profile=${url}&type=Patient`)).diagnostics).toContain('not of Patient');
    expect(issueOf(await server.get('/$stats?profile=urn:none')).code).toBe('not-found');
  });

  test.each([
    ['/$stats', 'required', 'type=Patient'],
    ['/$stats?type=Patiant', 'value', 'Patient'],
    ['/$stats?type=AuditEvent', 'not-supported', 'AuditEvent'],
    ['/$stats?type=Patient&field=gendr', 'value', 'gender'],
    ['/$stats?type=Patient&field=birthdate', 'value', 'birthdate'],
    ['/$stats?type=Patient&by=identifier', 'value', 'identifier'],
    ['/$stats?type=Patient&_sort=gender', 'not-supported', '_sort'],
    ['/$stats?type=Patient&gendr=male', 'invalid', 'gender'],
    ['/$stats?type=Patient&values=many', 'value', 'values'],
  ])('%s is refused', async (path, code, text) => {
    const reply = await server.get(path, { Prefer: 'handling=lenient' });
    expect(reply.status).toBe(400);
    expect(issueOf(reply)).toMatchObject({ diagnostics: expect.stringContaining(text) });
    if (code !== 'invalid') expect(issueOf(reply).code).toBe(code);
  });
});

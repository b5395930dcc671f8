/** The research cases in `profiles/`: what their search parameters find. https://hl7.org/fhir/R4/searchparameter.html */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readProfiles } from '../../src/jobs/profile-files.ts';
import { find, type Json, load } from './searching.ts';
import { indexed, type TestServer, testServer } from './server.ts';

const filed = readProfiles('profiles/research-case');
const parameters: readonly Json[] = filed.map(({ resource }) => resource).filter(isParameter);
const examples: readonly Json[] = filed
  .filter(({ file }) => file.includes('/examples/valid-'))
  .map(({ resource }) => resource);

function isParameter({ resourceType }: Json): boolean {
  return resourceType === 'SearchParameter';
}

/** A query value that a value is found by. */
function queryOf(value: Json): string {
  if (value.coding !== undefined) return `${value.coding[0].system}|${value.coding[0].code}`;
  return value.value === undefined ? String(value) : `${value.value}|${value.system}|${value.code}`;
}

/** What a search parameter of an extension, or of bodySite, finds in an example. */
function valueIn(example: Json, parameter: Json): Json {
  const url = /url = '([^']+)'/.exec(parameter.expression)?.[1];
  if (url === undefined) return example.bodySite?.[0];
  const extension = example.extension?.find((each: Json) => each.url === url);
  return extension === undefined
    ? undefined
    : Object.entries(extension).find(([name]) => name.startsWith('value'))?.[1];
}

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ PROFILES: 'profiles' });
  await indexed(server);
  await load(server, examples);
});
afterAll(() => server.close());

describe('search parameters of research cases', () => {
  test.each(parameters.map((parameter) => [parameter.code, parameter] as const))(
    '%s finds exactly the examples that have its value',
    async (code, parameter) => {
      const [type] = parameter.base;
      const having = examples.filter((each) => each.resourceType === type && valueIn(each, parameter) !== undefined);
      expect(having, 'no example has it').not.toHaveLength(0);
      const query = queryOf(valueIn(having[0], parameter));
      const wanted = having.filter((each) => queryOf(valueIn(each, parameter)) === query).map(({ id }) => id);
      expect(await find(server, `/${type}?${code}=${encodeURIComponent(query)}&_count=100`)).toBe(
        wanted.sort().join(' '),
      );
      expect(await find(server, `/${type}?${code}:missing=false&_count=100`)).toBe(
        having
          .map(({ id }) => id)
          .sort()
          .join(' '),
      );
    },
  );

  test('fields of a case combine with each other and with everything that searches have', async () => {
    const path = '/Procedure?approach=posterior&bearing-surface=ceramic';
    expect(await find(server, path)).toBe('example-hip-arthroplasty');
    expect(await find(server, '/Procedure?bearing-surface=ceramic')).toBe(
      'example-hip-arthroplasty example-knee-arthroplasty example-shoulder-arthroplasty',
    );
    expect(await find(server, `${path}&cup-size=gt10&subject.family=holm`)).toBe('example-hip-arthroplasty');
    expect(await find(server, `${path}&implant-type:not=total`)).toBe('');
    expect(await find(server, '/Patient?_has:Procedure:subject:approach=posterior')).toBe('example');
    expect(
      await find(server, '/Observation?follow-up-time=1y&part-of:Procedure.approach=posterior&code=oxford-hip'),
    ).toBe('example-oxford-hip');
  });

  test('the capability statement lists them', async () => {
    const { body } = await server.get('/metadata');
    for (const { base, code, url, type } of parameters) {
      const listed = body.rest[0].resource.find((each: Json) => each.type === base[0]).searchParam;
      expect(listed).toContainEqual(expect.objectContaining({ name: code, definition: url, type }));
    }
  });
});

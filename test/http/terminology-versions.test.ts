/** Value sets that name versions of code systems. https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.version */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import { outOf, refusedWith, valueSet } from './terminology.ts';
import { issueOf } from './writing.ts';

let server: TestServer;
const colours = 'http://example.org/CodeSystem/colours';
const url = (id: string) => `http://example.org/ValueSet/${id}`;

const colourSystem = (version: string, concept: readonly Json[]): Json => ({
  resourceType: 'CodeSystem',
  id: `colours-${version}`,
  url: colours,
  version,
  status: 'active',
  content: 'complete',
  concept,
});

beforeAll(async () => {
  server = await testServer({ VALIDATION: 'profiles' });
  await load(server, [
    colourSystem('1', [
      { code: 'red', display: 'Red as it was' },
      { code: 'grey', display: 'Grey' },
    ]),
    colourSystem('2', [
      { code: 'red', display: 'Red' },
      { code: 'blue', display: 'Blue' },
    ]),
    valueSet('first', [{ system: colours, version: '1' }]),
    valueSet('latest', [{ system: colours }]),
    valueSet('both', [
      { system: colours, version: '2' },
      { system: colours, version: '1' },
    ]),
    valueSet('some', [
      { system: colours, version: '1', concept: [{ code: 'grey' }, { code: 'pink', display: 'Pink' }] },
    ]),
    valueSet('third', [{ system: colours, version: '3' }]),
    valueSet('listed', [{ system: colours, version: '3', concept: [{ code: 'red', display: 'Red again' }] }]),
    valueSet('importing', [{ valueSet: [url('nowhere')] }]),
    valueSet('deep', [{ valueSet: [url('importing')] }]),
  ]);
});
afterAll(() => server.close());

const at = (id: string) => server.get(`/ValueSet/$expand?url=${url(id)}`);
const shown = async (id: string): Promise<readonly string[]> => {
  const { body } = await at(id);
  return body.expansion.contains.map(({ code, display }: Json) => `${code} ${display}`);
};
const inSet = async (id: string, query: string) =>
  outOf(await server.get(`/ValueSet/$validate-code?url=${url(id)}&system=${colours}&${query}`));

describe('$expand', () => {
  it('takes codes and displays of the version that is named, of several all', async () => {
    expect(await shown('first')).toEqual(['red Red as it was', 'grey Grey']);
    expect(await shown('latest')).toEqual(['red Red', 'blue Blue']);
    expect(await shown('both')).toEqual(['red Red', 'blue Blue', 'grey Grey']);
    expect(await shown('some')).toEqual(['grey Grey', 'pink Pink']);
  });

  it('names a version that isn’t here: refused where its codes are needed, told where they are listed', async () => {
    expect(refusedWith(await at('third'))).toMatch(/^422 not-supported: .*colours\|3 is not here/);
    expect(await shown('listed')).toEqual(['red Red again']);
    expect((await at('listed')).body.expansion.parameter).toEqual([{ name: 'version', valueUri: `${colours}|3` }]);
  });

  it('names an imported value set that isn’t here, and what imports it', async () => {
    expect(refusedWith(await at('importing'))).toMatch(/^422 not-found: The value set .*importing can't be .*nowhere/);
    expect(refusedWith(await at('deep'))).toMatch(
      /^422 not-found: .*deep can't be .*nowhere here, which .*importing imports/,
    );
    expect(refusedWith(await at('nowhere'))).toMatch(/^404 not-found/);
  });
});

describe('$validate-code', () => {
  it('asks the version that is named', async () => {
    expect(await inSet('first', 'code=red')).toEqual({ result: true, display: 'Red as it was' });
    expect(await inSet('first', 'code=blue')).toMatchObject({ result: false });
    expect(await inSet('latest', 'code=grey')).toMatchObject({ result: false });
    expect(await inSet('first', 'code=red&systemVersion=1')).toMatchObject({ result: true });
    expect(await inSet('both', 'code=grey&systemVersion=1')).toMatchObject({ result: true });
  });

  it('is false for a code of another version, and says so', async () => {
    expect(await inSet('first', 'code=red&systemVersion=2')).toEqual({
      result: false,
      message: expect.stringMatching(/takes codes of version 1 of .*colours, not of 2/),
    });
    expect(await inSet('some', 'code=grey&systemVersion=2')).toMatchObject({ result: false });
    expect(await inSet('latest', 'code=red&systemVersion=2')).toMatchObject({ result: true });
  });

  it('says what isn’t here', async () => {
    expect(await inSet('third', 'code=red')).toMatchObject({
      result: false,
      message: expect.stringMatching(/colours\|3 is not here/),
    });
    expect(await inSet('listed', 'code=red')).toEqual({
      result: true,
      display: 'Red again',
      message: expect.stringMatching(/Version 3 of .*colours, which the value set .*listed names, is not here/),
    });
    expect(await inSet('deep', 'code=red')).toMatchObject({
      result: false,
      message: expect.stringMatching(/there is no value set .*nowhere here/),
    });
  });
});

it('a binding asks the version that is named, and takes no code that says another', async () => {
  await load(server, [
    {
      resourceType: 'StructureDefinition',
      id: 'coloured',
      url: 'http://example.org/StructureDefinition/coloured',
      name: 'Coloured',
      status: 'active',
      kind: 'resource',
      abstract: false,
      type: 'Observation',
      baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Observation',
      derivation: 'constraint',
      differential: {
        element: [
          {
            id: 'Observation.code',
            path: 'Observation.code',
            binding: { strength: 'required', valueSet: url('first') },
          },
        ],
      },
    },
  ]);
  const coded = async (coding: Json) => {
    const reply = await server.send(
      'POST',
      '/Observation',
      JSON.stringify({
        resourceType: 'Observation',
        meta: { profile: ['http://example.org/StructureDefinition/coloured'] },
        status: 'final',
        code: { coding: [{ system: colours, ...coding }] },
      }),
    );
    return reply.status === 201 ? 'stored' : reply.text;
  };
  expect(await coded({ code: 'grey' })).toBe('stored');
  expect(await coded({ code: 'grey', version: '1' })).toBe('stored');
  expect(await coded({ code: 'blue' })).toMatch(/"code":"binding"/);
  expect(await coded({ code: 'red', version: '2' })).toMatch(/"code":"binding"/);
});

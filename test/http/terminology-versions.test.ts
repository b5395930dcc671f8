/** Value sets that name versions of code systems. https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.version */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import { outOf, refusedWith, valueSet } from './terminology.ts';

let server: TestServer;
const colours = 'http://example.org/CodeSystem/colours';
const snomed = 'http://snomed.info/sct';
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
    valueSet('picked', [
      { system: colours, version: '1', concept: [{ code: 'grey' }] },
      { system: colours, version: '2', concept: [{ code: 'blue' }] },
    ]),
    valueSet('common', [{ system: colours, version: '2', valueSet: [url('first')] }]),
    valueSet('again', [{ system: colours, valueSet: [url('first')] }]),
    {
      ...valueSet('without', []),
      compose: {
        include: [{ system: colours, version: '2' }],
        exclude: [{ system: colours, version: '1', valueSet: [url('red')] }],
      },
    },
    {
      ...valueSet('others', []),
      compose: { include: [{ system: colours, version: '2' }], exclude: [{ system: colours, version: '1' }] },
    },
    {
      ...valueSet('latter', []),
      compose: { include: [{ valueSet: [url('both')] }], exclude: [{ system: colours, version: '1' }] },
    },
    valueSet('red', [{ system: colours, concept: [{ code: 'red' }] }]),
    valueSet('mixed', [
      { system: colours, version: '1', concept: [{ code: 'grey' }] },
      { system: colours, version: '2' },
    ]),
    valueSet('pinned', [{ system: colours }, { system: colours, version: '2', concept: [{ code: 'blue' }] }]),
    valueSet('edition', [{ system: snomed, version: `${snomed}/900000000000207008`, concept: [{ code: '1' }] }]),
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

  it.each([
    ['common', ['red']],
    ['again', ['red']],
    ['without', ['blue']],
    ['others', ['blue']],
    ['latter', ['blue']],
    ['mixed', ['grey', 'red', 'blue']],
    ['pinned', ['red', 'blue']],
  ])('compares the codes of different versions: %s', async (id, codes) => {
    expect((await at(id)).body.expansion.contains.map(({ code }: Json) => code)).toEqual(codes);
    for (const code of ['red', 'blue', 'grey']) {
      expect(await inSet(id, `code=${code}`)).toMatchObject({ result: codes.includes(code) });
    }
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

  it('takes a code of a version by what the set takes of that version', async () => {
    const taken = async (id: string, code: string, version: string) =>
      (await inSet(id, `code=${code}&systemVersion=${version}`)).result;
    expect(await taken('both', 'blue', '1')).toBe(false);
    expect(await taken('both', 'grey', '2')).toBe(false);
    expect(await taken('both', 'blue', '2')).toBe(true);
    expect(await taken('picked', 'grey', '1')).toBe(true);
    expect(await taken('picked', 'grey', '2')).toBe(false);
    expect(await inSet('common', 'code=red')).toMatchObject({ result: true });
    expect(await taken('common', 'red', '2')).toBe(true);
    expect(await taken('common', 'red', '1')).toBe(false);
    expect(await taken('without', 'red', '2')).toBe(false);
    expect(await taken('others', 'red', '2')).toBe(false);
    expect(await taken('others', 'blue', '2')).toBe(true);
  });

  it('takes each version of an edition of SNOMED CT that is named', async () => {
    const versioned = async (version: string) =>
      outOf(
        await server.get(
          `/ValueSet/$validate-code?url=${url('edition')}&system=${snomed}&code=1&systemVersion=${version}`,
        ),
      );
    const edition = `${snomed}/900000000000207008`;
    expect(await versioned(edition)).toMatchObject({ result: true });
    expect(await versioned(`${edition}/version/20240301`)).toEqual({
      result: true,
      message: expect.stringMatching(/20240301 of .*, which the code names, is not here/),
    });
    expect(await versioned(`${snomed}/731000124108/version/20240301`)).toEqual({
      result: false,
      message: expect.stringMatching(/can't be told here \(.*900000000000207008 is not here/),
    });
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
    expect(await inSet('listed', 'code=red&systemVersion=2')).toEqual({
      result: false,
      display: 'Red',
      message: expect.stringMatching(/can't be told here \(.*colours\|3 is not here/),
    });
    expect(await inSet('deep', 'code=red')).toMatchObject({
      result: false,
      message: expect.stringMatching(/there is no value set .*nowhere here/),
    });
  });
});

it('a binding asks the version that is named, and takes no code that says another', async () => {
  const bound = (id: string, valueSet: string): Json => ({
    resourceType: 'StructureDefinition',
    id,
    url: `http://example.org/StructureDefinition/${id}`,
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
          binding: { strength: 'required', valueSet: url(valueSet) },
        },
      ],
    },
  });
  await load(server, [bound('coloured', 'first'), bound('found', 'edition')]);
  const coded = async (coding: Json, profile = 'coloured') => {
    const reply = await server.send(
      'POST',
      '/Observation',
      JSON.stringify({
        resourceType: 'Observation',
        meta: { profile: [`http://example.org/StructureDefinition/${profile}`] },
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
  const finding = (version: string) => coded({ system: snomed, code: '1', version }, 'found');
  expect(await finding(`${snomed}/900000000000207008/version/20240301`)).toBe('stored');
  // Nothing is known of either edition here.
  expect(await finding(`${snomed}/731000124108/version/20240301`)).toBe('stored');
  expect(await coded({ system: snomed, code: '2' }, 'found')).toMatch(/"code":"binding"/);
});

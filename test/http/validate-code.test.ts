/** `$validate-code`. https://hl7.org/fhir/R4/valueset-operation-validate-code.html, https://hl7.org/fhir/R4/codesystem-operation-validate-code.html */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeSetOf } from '../../src/interactions/code-sets.ts';
import { load } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import { boneSystem, bones, joints, loadJoints, outOf, parameters, refusedWith, valueSet } from './terminology.ts';

let server: TestServer;
const url = (id: string) => `http://example.org/ValueSet/${id}`;

beforeAll(async () => {
  server = await testServer();
  await loadJoints(server);
  await load(server, [
    boneSystem,
    valueSet('legs', [{ system: bones }]),
    valueSet('knees', [{ system: joints, filter: [{ property: 'concept', op: 'is-a', value: 'J1' }] }]),
    valueSet('mixed', [
      { system: bones, concept: [{ code: 'tibia', display: 'Shin bone' }] },
      { system: 'http://loinc.org' },
    ]),
  ]);
});
afterAll(() => server.close());

const inSet = async (id: string, query: string) =>
  outOf(await server.get(`/ValueSet/$validate-code?url=${url(id)}&${query}`));
const inSystem = async (query: string) => outOf(await server.get(`/CodeSystem/$validate-code?${query}`));

describe('ValueSet/$validate-code', () => {
  it('says whether a code is in the set, and what it is called', async () => {
    expect(await inSet('legs', `system=${bones}&code=tibia`)).toEqual({ result: true, display: 'Tibia' });
    expect(await inSet('knees', `system=${joints}&code=J1.1`)).toEqual({ result: true, display: 'Left knee' });
    const other = await inSet('knees', `system=${joints}&code=J2`);
    expect(other).toMatchObject({
      result: false,
      display: 'Hip',
      message: expect.stringMatching(/J2 .* is not in the value set/),
    });
    const none = await inSet('knees', `system=${joints}&code=J9`);
    expect(none).toEqual({ result: false, message: `The code J9 of ${joints} doesn't exist.` });
  });

  it('compares the display with those of the system and of the set', async () => {
    const wrong = await inSet('legs', `system=${bones}&code=femur&display=test`);
    expect(wrong).toEqual({ result: false, message: 'The display "test" is not that of the code.', display: 'Femur' });
    for (const display of ['femur', 'Oberschenkelknochen']) {
      expect((await inSet('legs', `system=${bones}&code=femur&display=${display}`)).result).toBe(true);
    }
    expect((await inSet('mixed', `system=${bones}&code=tibia&display=Shin bone`)).result).toBe(true);
    const german = await inSet('legs', `system=${bones}&code=femur&displayLanguage=de`);
    expect(german.display).toBe('Oberschenkelknochen');
  });

  it('takes abstract codes where that is asked for, and says of inactive ones that they are', async () => {
    expect(await inSet('legs', `system=${bones}&code=leg`)).toMatchObject({
      result: false,
      message: expect.stringMatching(/abstract/),
    });
    expect((await inSet('legs', `system=${bones}&code=leg&abstract=true`)).result).toBe(true);
    expect(await inSet('knees', `system=${joints}&code=J1.9`)).toMatchObject({
      result: true,
      message: expect.stringMatching(/inactive/),
    });
  });

  it('takes a Coding, a CodeableConcept of which one is enough, and a value set in the request', async () => {
    const post = async (...parameter: Json[]) =>
      outOf(await server.send('POST', '/ValueSet/$validate-code', parameters(...parameter)));
    const knees = { name: 'url', valueUri: url('knees') };
    const coding = (code: string) => ({ system: joints, code });
    expect((await post(knees, { name: 'coding', valueCoding: coding('J1.2') })).result).toBe(true);
    const both = await post(knees, {
      name: 'codeableConcept',
      valueCodeableConcept: { coding: [coding('J2'), coding('J1')] },
    });
    expect(both).toMatchObject({ result: true, display: 'Knee', message: expect.stringMatching(/J2/) });
    const sent = { name: 'valueSet', resource: valueSet('sent', [{ system: bones }]) };
    expect((await post(sent, { name: 'coding', valueCoding: { system: bones, code: 'tibia' } })).result).toBe(true);
    expect(
      (await server.get(`/ValueSet/legs/$validate-code?system=${bones}&code=femur`)).body.parameter[0].valueBoolean,
    ).toBe(true);
  });

  it('looks at each coding of a CodeableConcept by itself, whatever is wrong with another', async () => {
    const ask = async (path: string, coding: readonly Json[], ...more: readonly Json[]) => {
      const concept = { name: 'codeableConcept', valueCodeableConcept: { coding } };
      return outOf(await server.send('POST', `${path}/$validate-code`, parameters(concept, ...more)));
    };
    const sound = { system: joints, code: 'J1.1', display: 'left  KNEE' };
    const faulty = [
      { code: 'J1' },
      { system: 'urn:unheard-of', code: 'x' },
      { system: joints, code: 'J9' },
      { system: joints, code: 'J1.2', display: 'Left knee' },
    ];
    const set = { name: 'url', valueUri: url('knees') };
    for (const [path, more] of [
      ['/ValueSet', [set]],
      ['/CodeSystem', []],
    ] as const) {
      expect(await ask(path, [...faulty, sound], ...more)).toMatchObject({ result: true, display: 'Left knee' });
      const none = await ask(path, faulty, ...more);
      expect(none).toMatchObject({
        result: false,
        message: expect.stringMatching(/no system.*unheard-of.*J9.*display/),
      });
    }
  });

  it('tells nothing of a version that is not here, and refuses a display without its code', async () => {
    expect(await inSet('knees', `system=${joints}&systemVersion=1999&code=J1`)).toEqual({
      result: false,
      message: `There is no version 1999 of ${joints} here.`,
    });
    expect((await inSet('knees', `system=${joints}&systemVersion=2022&code=J1`)).result).toBe(true);
    const coding = { name: 'coding', valueCoding: { system: bones, code: 'femur' } };
    const body = parameters(coding, { name: 'display', valueString: 'Femur' });
    expect(refusedWith(await server.send('POST', '/CodeSystem/$validate-code', body))).toMatch(
      /^400 invalid: display goes with code/,
    );
  });

  it('says what is lacking where it can not tell', async () => {
    const unknown = await inSet('mixed', 'system=http://loinc.org&code=1-8');
    expect(unknown).toMatchObject({
      result: false,
      message: expect.stringMatching(/can't be told here .*loinc.org is not here/),
    });
    expect(refusedWith(await server.get(`/ValueSet/$validate-code?url=${url('none')}&code=x&system=y`))).toMatch(
      /^404 not-found/,
    );
    expect(refusedWith(await server.get(`/ValueSet/$validate-code?url=${url('legs')}&code=x`))).toMatch(
      /^400 required: Give the system/,
    );
    expect(refusedWith(await server.get(`/ValueSet/$validate-code?url=${url('legs')}`))).toMatch(
      /^400 required: Give one of code/,
    );
    expect(refusedWith(await server.get(`/ValueSet/$validate-code?url=${url('legs')}&coding=x`))).toMatch(
      /^400 invalid: coding is a Coding/,
    );
  });

  it('sees a value set that is written anew', async () => {
    expect((await inSet('legs', `system=${joints}&code=J1`)).result).toBe(false);
    await load(server, [valueSet('legs', [{ system: bones }, { system: joints }])]);
    expect((await inSet('legs', `system=${joints}&code=J1`)).result).toBe(true);
  });
});

describe('the value set of an element', () => {
  it('is that of its binding; it tells the system of a code that has none', async () => {
    const profile = {
      resourceType: 'StructureDefinition',
      id: 'bound',
      url: 'http://example.org/StructureDefinition/bound',
      name: 'Bound',
      status: 'active',
      kind: 'resource',
      abstract: false,
      type: 'Condition',
      baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Condition',
      derivation: 'constraint',
      differential: {
        element: [
          {
            id: 'Condition.bodySite',
            path: 'Condition.bodySite',
            binding: { strength: 'required', valueSet: url('knees') },
          },
        ],
      },
    };
    await load(server, [profile]);
    const context = encodeURIComponent(`${profile.url}#Condition.bodySite`);
    const ask = (query: string) => server.get(`/ValueSet/$validate-code?context=${context}&${query}`);
    expect(outOf(await ask('code=J1.1')).result).toBe(true);
    expect(outOf(await ask('code=J2.1')).result).toBe(false);
    const other = encodeURIComponent(`${profile.url}#Condition.code`);
    expect(refusedWith(await server.get(`/ValueSet/$expand?context=${other}`))).toMatch(
      /^404 not-found: context: Condition.code/,
    );
  });
});

describe('CodeSystem/$validate-code', () => {
  it('says whether the system has a code', async () => {
    expect(await inSystem(`url=${bones}&code=tibia`)).toEqual({ result: true, display: 'Tibia' });
    expect(await inSystem(`url=${bones}&code=tail`)).toMatchObject({
      result: false,
      message: expect.stringMatching(/no code tail/),
    });
    expect(await inSystem(`url=${joints}&version=2022&code=J2.1`)).toEqual({ result: true, display: 'Left hip' });
    expect(refusedWith(await server.get(`/CodeSystem/$validate-code?url=${joints}&version=1&code=J2`))).toMatch(
      /^404 not-found: .*joints\|1/,
    );
    expect((await server.get('/CodeSystem/bones/$validate-code?code=femur')).body.parameter[0].valueBoolean).toBe(true);
    const gender = await inSystem('url=http://hl7.org/fhir/administrative-gender&code=male&display=Male');
    expect(gender.result).toBe(true);
  });

  it('takes one system, by url with its version too', async () => {
    expect((await inSystem(`url=${joints}%7C2022&code=J1`)).result).toBe(true);
    const body = parameters(
      { name: 'url', valueUri: `${joints}|2022` },
      { name: 'coding', valueCoding: { system: joints, code: 'J1' } },
    );
    expect(outOf(await server.send('POST', '/CodeSystem/$validate-code', body)).result).toBe(true);
    expect(refusedWith(await server.get(`/CodeSystem/bones/$validate-code?url=${joints}&code=J1`))).toMatch(
      /^400 invalid: Name one code system/,
    );
  });

  it('refuses a Coding of another system', async () => {
    for (const version of [undefined, '9']) {
      const body = parameters(
        { name: 'url', valueUri: bones },
        { name: 'coding', valueCoding: { system: joints, code: 'J1', ...(version !== undefined && { version }) } },
      );
      const reply = await server.send('POST', '/CodeSystem/$validate-code', body);
      expect(outOf(reply)).toMatchObject({ result: false, message: expect.stringMatching(/joints, not of .*bones/) });
    }
  });
});

describe('the codes of a binding', () => {
  it('answer at once where they are in memory, later where they are loaded, and not where a system is lacking', async () => {
    const legs = await codeSetOf(server.context, 'http://hl7.org/fhir/ValueSet/administrative-gender');
    expect([legs?.has(undefined, 'male'), legs?.has(undefined, 'm')]).toEqual([true, false]);
    const knees = await codeSetOf(server.context, url('knees'));
    expect([
      await knees?.has(joints, 'J1.1'),
      await knees?.has(joints, 'J2'),
      await knees?.has(undefined, 'J1'),
    ]).toEqual([true, false, true]);
    const mixed = await codeSetOf(server.context, url('mixed'));
    expect([mixed?.has(bones, 'tibia'), mixed?.has(bones, 'femur'), mixed?.has('http://loinc.org', 'x')]).toEqual([
      true,
      false,
      undefined,
    ]);
    expect(await codeSetOf(server.context, url('none'))).toBeUndefined();
  });
});

it('a value set without a name, in which nothing is listed, is told as one', async () => {
  const empty = { name: 'valueSet', resource: { resourceType: 'ValueSet', status: 'draft' } };
  const coded = parameters(empty, { name: 'code', valueCode: 'tibia' }, { name: 'system', valueUri: bones });
  expect(outOf(await server.send('POST', '/ValueSet/$validate-code', coded))).toMatchObject({
    result: false,
    message: expect.stringMatching(/the value set has neither compose/),
  });
  const expansion = await server.send('POST', '/ValueSet/$expand', parameters(empty));
  expect(refusedWith(expansion)).toMatch(/^422 not-supported: the value set has neither compose/);
});

/** `$lookup` and `$subsumes`. https://hl7.org/fhir/R4/codesystem-operation-lookup.html, https://hl7.org/fhir/R4/codesystem-operation-subsumes.html */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, load, patient } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import { boneSystem, bones, joints, loadJoints, outOf, parameters, refusedWith, valueSet } from './terminology.ts';

let server: TestServer;

beforeAll(async () => {
  server = await testServer();
  await loadJoints(server);
  await load(server, [
    boneSystem,
    { ...boneSystem, id: 'bare', url: 'urn:bare', content: 'not-present', concept: undefined },
    // What a resource without concepts says doesn't hide what is loaded.
    { ...boneSystem, id: 'joints', url: joints, version: '2022', content: 'not-present', concept: undefined },
  ]);
});
afterAll(() => server.close());

const lookup = (query: string) => server.get(`/CodeSystem/$lookup?${query}`);
const propertiesOf = (out: Json): Json =>
  [out.property ?? []]
    .flat()
    .map(({ code, value, description }: Json) => [code, value, ...(description ? [description] : [])]);

describe('$lookup', () => {
  it('tells what is known of a loaded code', async () => {
    const out = outOf(await lookup(`system=${joints}&code=J1`));
    expect(out).toMatchObject({ name: 'Joints', version: '2022', display: 'Knee' });
    expect(propertiesOf(out)).toEqual([
      ['definition', 'Between thigh and shin'],
      ['parent', 'J', 'Joint'],
      ['child', 'J1.1', 'Left knee'],
      ['child', 'J1.2', 'Right knee'],
      ['child', 'J1.9', 'Knee, formerly'],
    ]);
    const left = outOf(await lookup(`system=${joints}&code=J1.1&displayLanguage=de`));
    expect(left).toMatchObject({
      display: 'Linkes Knie',
      designation: { language: 'de', use: { code: 'synonym' }, value: 'Linkes Knie' },
    });
    expect(propertiesOf(left)).toEqual([
      ['parent', 'J1', 'Knee'],
      ['billable', true],
      ['weight', 3],
    ]);
    const former = outOf(await lookup(`system=${joints}&code=J1.9&property=inactive&property=replaces`));
    expect(propertiesOf(former)).toEqual([
      ['inactive', true],
      ['replaces', 'J1.1', 'Left knee'],
    ]);
  });

  it('tells what is known of a code of a resource, and of R4', async () => {
    const body = parameters({ name: 'coding', valueCoding: { system: bones, version: '1', code: 'femur' } });
    const out = outOf(await server.send('POST', '/CodeSystem/$lookup', body));
    expect(out).toMatchObject({
      name: 'Bones of the leg',
      version: '1',
      display: 'Femur',
      designation: { language: 'de' },
    });
    expect(propertiesOf(out)).toEqual([
      ['definition', 'The bone of the thigh'],
      ['parent', 'leg', 'Leg bones'],
    ]);
    expect(propertiesOf(outOf(await lookup(`system=${bones}&code=leg&property=notSelectable`)))).toEqual([
      ['notSelectable', true],
    ]);
    expect(outOf(await lookup('system=http://hl7.org/fhir/administrative-gender&code=male'))).toMatchObject({
      display: 'Male',
    });
  });

  it('refuses what is not here', async () => {
    expect(refusedWith(await lookup(`system=${joints}&code=J9`))).toMatch(/^404 not-found: .*joints has no code J9/);
    expect(refusedWith(await lookup('system=http://loinc.org&code=1'))).toMatch(
      /^404 not-found: There is no code system/,
    );
    expect(refusedWith(await lookup(`system=${joints}&version=1&code=J1`))).toMatch(/^404 not-found: .*joints\|1/);
    expect(refusedWith(await lookup('system=urn:bare&code=1'))).toMatch(/^422 not-supported: .*content not-present/);
    expect(refusedWith(await lookup('code=J1'))).toMatch(/^400 required: Give the system/);
    expect(refusedWith(await lookup(`system=${joints}`))).toMatch(/^400 required: Give code and system, or coding/);
  });

  it('is answered within a batch', async () => {
    const entry = [{ request: { method: 'GET', url: `CodeSystem/$lookup?system=${joints}&code=J2` } }];
    const reply = await server.send('POST', '', { resourceType: 'Bundle', type: 'batch', entry });
    expect(reply.body.entry[0].resource.parameter[2]).toEqual({ name: 'display', valueString: 'Hip' });
  });
});

describe('$subsumes', () => {
  it.each([
    [joints, 'J', 'J1.1', 'subsumes'],
    [joints, 'J1.1', 'J', 'subsumed-by'],
    [joints, 'J1.1', 'J1.1', 'equivalent'],
    [joints, 'J1', 'J2', 'not-subsumed'],
    [bones, 'leg', 'femur', 'subsumes'],
    ['http://terminology.hl7.org/CodeSystem/condition-clinical', 'relapse', 'active', 'subsumed-by'],
  ])('of %s: %s and %s are %s', async (system, a, b, outcome) => {
    expect(outOf(await server.get(`/CodeSystem/$subsumes?system=${system}&codeA=${a}&codeB=${b}`))).toEqual({
      outcome,
    });
  });

  it('takes Codings, and the system of the path', async () => {
    const coding = (which: string, code: string) => ({ name: `coding${which}`, valueCoding: { system: joints, code } });
    const reply = await server.send('POST', '/CodeSystem/$subsumes', parameters(coding('A', 'J'), coding('B', 'J2')));
    expect(outOf(reply)).toEqual({ outcome: 'subsumes' });
    expect(outOf(await server.get('/CodeSystem/bones/$subsumes?codeA=leg&codeB=tibia'))).toEqual({
      outcome: 'subsumes',
    });
    const elsewhere = parameters(coding('A', 'J1.1'), coding('B', 'J1'));
    expect(outOf(await server.send('POST', '/CodeSystem/bones/$subsumes', elsewhere))).toEqual({
      outcome: 'subsumed-by',
    });
  });

  it('refuses what it can not tell', async () => {
    const ask = (query: string) => server.get(`/CodeSystem/$subsumes?${query}`);
    expect(refusedWith(await ask(`system=${joints}&codeA=J&codeB=J9`))).toMatch(/^404 not-found: .*no code J9/);
    expect(refusedWith(await ask('system=urn:none&codeA=J&codeB=J9'))).toMatch(
      /^404 not-found: There is no code system/,
    );
    expect(refusedWith(await ask(`system=${joints}&codeA=J`))).toMatch(/^400 required: Give codeB/);
    const body = parameters(
      { name: 'codingA', valueCoding: { system: joints, code: 'J' } },
      { name: 'codingB', valueCoding: { system: bones, code: 'leg' } },
    );
    expect(refusedWith(await server.send('POST', '/CodeSystem/$subsumes', body))).toMatch(/^422 not-supported/);
    const versions = parameters(
      { name: 'codingA', valueCoding: { system: joints, version: '2022', code: 'J' } },
      { name: 'codingB', valueCoding: { system: joints, version: '2021', code: 'J1' } },
    );
    expect(refusedWith(await server.send('POST', '/CodeSystem/$subsumes', versions))).toMatch(
      /^422 not-supported: How codes of versions 2022 and 2021/,
    );
  });
});

describe('searches by loaded systems', () => {
  const conditions = (query: string) => find(server, `/Condition?${query}`);

  beforeAll(async () => {
    const condition = (id: string, code: string) => ({
      resourceType: 'Condition',
      id,
      subject: { reference: 'Patient/p' },
      code: { coding: [{ system: joints, code }] },
    });
    await load(server, [
      patient('p'),
      condition('knee', 'J1'),
      condition('left-knee', 'J1.1'),
      condition('hip', 'J2'),
      valueSet('knees', [{ system: joints, filter: [{ property: 'concept', op: 'is-a', value: 'J1' }] }]),
    ]);
  });

  it('find by :below, :above, :in and :not-in', async () => {
    expect(await conditions(`code:below=${joints}%7CJ1`)).toBe('knee left-knee');
    expect(await conditions(`code:above=${joints}%7CJ1.1`)).toBe('knee left-knee');
    expect(await conditions('code:in=http://example.org/ValueSet/knees')).toBe('knee left-knee');
    expect(await conditions('code:not-in=http://example.org/ValueSet/knees')).toBe('hip');
  });

  it('see a system that is loaded anew', async () => {
    await loadJoints(server, [
      { code: 'J', display: 'Joint', parents: [] },
      { code: 'J1', display: 'Knee', parents: ['J'] },
      { code: 'J2', display: 'Hip', parents: ['J1'] },
    ]);
    expect(await conditions('code:in=http://example.org/ValueSet/knees')).toBe('hip knee');
    await loadJoints(server);
    expect(await conditions('code:in=http://example.org/ValueSet/knees')).toBe('knee left-knee');
  });
});

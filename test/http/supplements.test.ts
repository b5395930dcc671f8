/** Supplements of code systems. https://hl7.org/fhir/R4/codesystem.html#supplements */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { withComing } from '../../src/interactions/coming.ts';
import { findConcepts } from '../../src/interactions/concepts.ts';
import type { Context } from '../../src/interactions/context.ts';
import { supplementsHere } from '../../src/interactions/supplements.ts';
import { load } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import { boneSystem, bones, joints, loadJoints, outOf, refusedWith, valueSet } from './terminology.ts';

const gender = 'http://hl7.org/fhir/administrative-gender';
const status = 'http://hl7.org/fhir/observation-status';
const supplement = (id: string, supplements: string, concept: readonly Json[], more: Json = {}): Json => ({
  resourceType: 'CodeSystem',
  id,
  url: `http://example.org/CodeSystem/${id}`,
  version: '1',
  name: 'Names',
  status: 'active',
  content: 'supplement',
  supplements,
  concept,
  ...more,
});
const inFrench = (value: string): Json => ({ language: 'fr', value });

/** In a file. */
const german = supplement('german', gender, [{ code: 'female', display: 'weiblich' }, { code: 'none' }], {
  language: 'de',
});
const french = supplement(
  'french',
  bones,
  [
    {
      code: 'femur',
      designation: [inFrench('Fémur, os de la cuisse')],
      property: [{ code: 'grade', valueInteger: 3 }],
    },
    { code: 'tibia', property: [{ code: 'side', valueCode: 'outer' }] },
    { code: 'tail', designation: [inFrench('Queue')], property: [{ code: 'grade', valueInteger: 3 }] },
  ],
  { property: [{ code: 'grade', type: 'integer' }] },
);
const loaded = supplement('loaded', `${joints}|2022`, [
  { code: 'J1', designation: [inFrench('Genou')], property: [{ code: 'region', valueString: 'leg' }] },
  { code: 'J1.1', designation: [inFrench('Genou gauche')], property: [{ code: 'billable', valueBoolean: false }] },
  { code: 'J2', designation: [inFrench('Hanche (pas un genou)')], property: [{ code: 'region', valueString: 'hip' }] },
]);
const other = supplement('other', `${bones}|2`, [{ code: 'femur', designation: [inFrench('Autre')] }]);
const retired = { ...supplement('retired', bones, french.concept), status: 'retired' };

let server: TestServer;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'osteon-supplements-'));
  mkdirSync(join(directory, 'names'));
  writeFileSync(join(directory, 'names', 'german.json'), JSON.stringify(german));
  const wrong = supplement('wrong-filed', status, [{ code: 'final', display: 'endgültig' }], { url: status });
  writeFileSync(join(directory, 'names', 'wrong.json'), JSON.stringify({ ...wrong, language: 'de' }));
  server = await testServer({ PROFILES: directory });
  await loadJoints(server);
  const on = (property: string, op: string, value: string) => ({ filter: [{ property, op, value }] });
  await load(server, [
    boneSystem,
    french,
    loaded,
    other,
    retired,
    valueSet('bones', [{ system: bones }]),
    valueSet('joints', [{ system: joints }]),
    valueSet('graded', [{ system: bones, ...on('grade', '=', '3') }]),
    valueSet('sided', [{ system: bones, ...on('side', 'in', 'inner,outer') }]),
    valueSet('one-side', [{ system: bones, ...on('side', 'not-in', 'outer') }]),
    valueSet('regions', [{ system: joints, ...on('region', 'exists', 'true') }]),
    valueSet('no-region', [{ system: joints, ...on('region', 'exists', 'false') }]),
    valueSet('billable', [{ system: joints, ...on('billable', 'regex', '.*e') }]),
  ]);
  for (const name of ['french', 'french|1', 'french|2', 'nothing']) {
    const id = `on-${name.replace('|', '-')}`;
    const url = 'http://hl7.org/fhir/StructureDefinition/valueset-supplement';
    const extension = [{ url, valueCanonical: `http://example.org/CodeSystem/${name}` }];
    await load(server, [{ ...valueSet(id, [{ system: bones }]), extension }]);
  }
});
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

const lookup = async (system: string, code: string, more = '') =>
  outOf(await server.get(`/CodeSystem/$lookup?system=${system}&code=${code}${more}`));
const expand = (id: string, query = '') =>
  server.get(`/ValueSet/$expand?url=http://example.org/ValueSet/${id}${query}`);
const codes = async (id: string, query = ''): Promise<string> => {
  const reply = await expand(id, query);
  expect(reply.status, reply.text).toBe(200);
  return (reply.body.expansion.contains ?? []).map(({ code }: Json) => code).join(' ');
};

describe('a supplement', () => {
  it('adds designations and properties to what $lookup tells', async () => {
    const femur = await lookup(bones, 'femur');
    expect(femur.designation).toEqual([
      { language: 'de', value: 'Oberschenkelknochen' },
      { language: 'fr', value: 'Fémur, os de la cuisse' },
    ]);
    expect(femur.property).toContainEqual({ code: 'grade', value: 3 });
    expect((await lookup(bones, 'femur', '&displayLanguage=fr')).display).toBe('Fémur, os de la cuisse');
    expect((await lookup(joints, 'J1', '&displayLanguage=fr')).display).toBe('Genou');
    expect((await lookup(joints, 'J1', '&property=region')).property).toEqual({ code: 'region', value: 'leg' });
  });

  it('lies in a file, and adds to a system of R4; its displays are in its language', async () => {
    expect((await lookup(gender, 'female', '&displayLanguage=de')).display).toBe('weiblich');
    expect((await lookup(gender, 'female')).display).toBe('Female');
    expect((await server.get(`/CodeSystem/$lookup?system=${gender}&code=none`)).status).toBe(404);
  });

  it('adds designations, displays and words to expansions, which name it', async () => {
    const { expansion } = (await expand('bones', '&includeDesignations=true&displayLanguage=fr')).body;
    expect(expansion.contains[1]).toMatchObject({
      code: 'femur',
      display: 'Fémur, os de la cuisse',
      designation: [{ language: 'de' }, { language: 'fr' }],
    });
    expect(expansion.contains).toHaveLength(4);
    const name = 'used-supplement';
    expect(expansion.parameter).toContainEqual({ name, valueUri: `${french.url}|1` });
    expect(await codes('bones', '&filter=cuisse')).toBe('femur');
    expect(await codes('joints', '&filter=genou')).toBe('J1 J1.1 J2');
    expect(await codes('joints', '&filter=genou&offset=1&count=1')).toBe('J1.1');
    expect((await expand('joints', '&filter=genou&count=0')).body.expansion.total).toBe(3);
    expect(await codes('joints', '&filter=genou gau')).toBe('J1.1');
    expect(await codes('joints', '&filter=left')).toBe('J1.1 J2.1');
  });

  it('has properties that value sets filter by, beside those of the system', async () => {
    expect(await codes('graded')).toBe('femur');
    expect(await codes('sided')).toBe('tibia');
    expect(await codes('one-side')).toBe('leg femur splint');
    expect(await codes('regions')).toBe('J1 J2');
    expect(await codes('no-region')).toBe('J J1.1 J1.2 J1.9 J2.1');
    expect(await codes('billable')).toBe('J1.1 J1.2 J2.1');
    const inSet = `/ValueSet/$validate-code?url=http://example.org/ValueSet/graded&system=${bones}&code=`;
    expect(outOf(await server.get(`${inSet}femur`)).result).toBe(true);
    expect(outOf(await server.get(`${inSet}tibia`)).result).toBe(false);
  });

  it('has displays that $validate-code takes', async () => {
    const valid = (path: string, display: string) =>
      server.get(`${path}/$validate-code?code=femur&display=${encodeURIComponent(display)}`).then(outOf);
    expect((await valid('/CodeSystem/bones', 'fémur, os de la cuisse')).result).toBe(true);
    expect((await valid('/CodeSystem/bones', 'Autre')).result).toBe(false);
    const inSet = `/ValueSet/bones/$validate-code?system=${bones}&code=femur&display=`;
    expect(outOf(await server.get(`${inSet}Fémur, os de la cuisse&displayLanguage=fr`))).toEqual({
      result: true,
      display: 'Fémur, os de la cuisse',
    });
  });

  it('is never taken for a code system', async () => {
    const url = french.url;
    const refused = async (path: string) => refusedWith(await server.get(path));
    expect(await refused(`/CodeSystem/$lookup?system=${url}&code=femur`)).toMatch(/^404 not-found/);
    expect(await refused(`/CodeSystem/$validate-code?url=${url}&code=femur`)).toMatch(/^404 not-found/);
    expect(await refused('/CodeSystem/french/$validate-code?code=femur')).toMatch(
      /^422 not-supported: This CodeSystem supplements .*bones/,
    );
    expect(await refused('/CodeSystem/french/$subsumes?codeA=femur&codeB=tibia')).toMatch(/^422 not-supported/);
    await load(server, [valueSet('of-it', [{ system: url }])]);
    expect(await refused(`/ValueSet/of-it/$expand`)).toMatch(/^422 not-supported: .*french is not here/);
    // Not even with the url of one.
    await load(server, [supplement('wrong', gender, [{ code: 'female' }], { url: gender, version: '9' })]);
    expect((await lookup(gender, 'male')).display).toBe('Male');
    expect((await lookup(status, 'final')).display).toBe('Final');
    expect((await lookup(status, 'final', '&displayLanguage=de')).display).toBe('endgültig');
  });

  it('may be what a value set depends on: without it, the set is refused', async () => {
    expect(await codes('on-french')).toBe('leg femur tibia splint');
    expect(await codes('on-french-1')).toBe('leg femur tibia splint');
    for (const id of ['on-french-2', 'on-nothing']) {
      expect(refusedWith(await expand(id))).toMatch(/^422 not-supported: .*depends on the supplement .*, which is not/);
      const reply = await server.get(`/ValueSet/${id}/$validate-code?system=${bones}&code=femur`);
      expect(outOf(reply)).toMatchObject({
        result: false,
        message: expect.stringMatching(/depends on the supplement/),
      });
    }
  });

  it('counts as long as it is there', async () => {
    expect((await server.send('DELETE', '/CodeSystem/loaded')).status).toBe(204);
    expect((await lookup(joints, 'J1', '&displayLanguage=fr')).display).toBe('Knee');
    expect(await codes('joints', '&filter=genou')).toBe('');
    expect(refusedWith(await expand('regions'))).toMatch(/^422 not-supported: the filter region exists/);
    await load(server, [loaded]);
    expect((await lookup(joints, 'J1', '&displayLanguage=fr')).display).toBe('Genou');
  });
});

describe('the supplements of a request', () => {
  it('are those that it is about to store instead of those with their ids', async () => {
    const content = { ...french, concept: [{ code: 'femur', designation: [inFrench('Os')] }] };
    const coming = [
      { type: 'CodeSystem', id: 'french', key: 'coming', content },
      { type: 'CodeSystem', id: 'new', key: 'new', content: supplement('new', bones, french.concept) },
    ];
    const designations = async (context: Context) =>
      (await (await findConcepts(context, bones))?.concepts.get('femur'))?.designations?.map(({ value }) => value);
    const own = 'Oberschenkelknochen';
    const long = 'Fémur, os de la cuisse';
    expect(await designations(withComing(server.context, coming))).toEqual([own, 'Os', long]);
    const going = { type: 'CodeSystem', id: 'french', key: 'going', content: undefined };
    expect(await designations(withComing(server.context, [going]))).toEqual([own]);
    expect(await designations(server.context)).toEqual([own, long]);
  });

  it('are those of other processes, too', async () => {
    const { conformance } = server.context;
    const refresh = vi.spyOn(conformance, 'refresh').mockImplementation(async () => conformance.renew());
    const before = conformance.generation;
    await supplementsHere(server.context);
    expect(conformance.generation).toBeGreaterThan(before);
    refresh.mockRestore();
  });
});

describe('what is kept of supplements', () => {
  it('is not their size', async () => {
    const { store, conformance } = server.context;
    const large = { ...supplement('large', bones, []), description: 'x'.repeat(17 * 1024 * 1024) };
    const body = new TextEncoder().encode(JSON.stringify(large));
    const version = { type: 'CodeSystem', id: 'large', versionId: 1, lastUpdated: 1, method: 'PUT' as const, body };
    conformance.renew();
    const search = vi.spyOn(store, 'search').mockResolvedValue({ matches: [version] });
    const [first] = await supplementsHere(server.context);
    const [again] = await supplementsHere(server.context);
    expect(first?.url).toBe(large.url);
    expect(again).toBe(first);
    expect(search).toHaveBeenCalledTimes(1);
    search.mockRestore();
    conformance.renew();
  });

  it('lies with the system that they are for, however many concepts they are', async () => {
    const concept = (count: number) => Array.from({ length: count }, (_, n) => ({ code: `c${n}`, display: 'x' }));
    const system = { ...boneSystem, id: 'large', url: 'urn:large', property: [], concept: concept(160_000) };
    const context = withComing(server.context, [
      { type: 'CodeSystem', id: 'large', key: 'large', content: system },
      {
        type: 'CodeSystem',
        id: 'more',
        key: 'more',
        content: supplement('more', 'urn:large', concept(150_000), { language: 'fr' }),
      },
    ]);
    const first = await findConcepts(context, 'urn:large');
    expect(first?.concepts.supplements).toHaveLength(1);
    expect((await findConcepts(context, 'urn:large'))?.concepts).toBe(first?.concepts);
  });
});

describe('supplements that are alike', () => {
  const system = (version: string): Json => ({ ...boneSystem, id: `alike-${version}`, url: 'urn:alike', version });
  const url = 'urn:names';
  const said = (value: string) => [{ code: 'femur', designation: [inFrench(value)] }];
  const french = (query = '') => lookup('urn:alike', 'femur', `&displayLanguage=fr${query}`);

  beforeAll(async () => {
    const extension = (version: string) => [
      { url: 'http://hl7.org/fhir/StructureDefinition/valueset-supplement', valueCanonical: `${url}|${version}` },
    ];
    await load(server, [
      system('1'),
      system('2'),
      supplement('one', 'urn:alike|1', said('un'), { url }),
      supplement('two', 'urn:alike|2', said('deux'), { url, version: '2' }),
      ...['1', '2', '3'].map((version) => ({
        ...valueSet(`needs-${version}`, [{ system: 'urn:alike' }]),
        extension: extension(version),
      })),
    ]);
  });

  it('count for the version of the system that each is for, and for value sets that name their own', async () => {
    expect((await french('&version=1')).display).toBe('un');
    expect((await french('&version=2')).display).toBe('deux');
    expect(await codes('needs-1')).toBe('leg femur tibia splint');
    expect(await codes('needs-2')).toBe('leg femur tibia splint');
    expect(refusedWith(await expand('needs-3'))).toMatch(/^422 not-supported: .*depends on the supplement/);
  });

  it('count each where they have no url, and are not named', async () => {
    const { url: _url, ...nameless } = supplement('nameless', 'urn:alike|2', [
      { code: 'tibia', designation: [inFrench('tibia')] },
    ]);
    const { url: _other, ...another } = supplement('another', 'urn:alike|2', [
      { code: 'tibia', designation: [inFrench('jambe')] },
    ]);
    await load(server, [nameless, another]);
    const { designation } = await lookup('urn:alike', 'tibia', '&version=2');
    expect(designation).toHaveLength(2);
    const { parameter } = (await expand('needs-2')).body.expansion;
    expect(parameter.filter(({ name }: Json) => name === 'used-supplement')).toEqual([
      { name: 'used-supplement', valueUri: `${url}|2` },
    ]);
  });
});

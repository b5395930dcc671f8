/** `$expand`. https://hl7.org/fhir/R4/valueset-operation-expand.html */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import {
  boneSystem,
  bones,
  jointConcepts,
  joints,
  loadJoints,
  parameters,
  refusedWith,
  valueSet,
} from './terminology.ts';

let server: TestServer;
const isA = (system: string, value: string, op = 'is-a'): Json => ({
  system,
  filter: [{ property: 'concept', op, value }],
});

beforeAll(async () => {
  server = await testServer();
  await loadJoints(server);
  await load(server, [
    boneSystem,
    valueSet('legs', [{ system: bones }]),
    valueSet('joints', [{ system: joints }]),
    valueSet('knees', [isA(joints, 'J1')]),
    valueSet('both', [{ system: bones, concept: [{ code: 'tibia', display: 'Shin bone' }] }, isA(joints, 'J1')], {
      exclude: [{ system: joints, concept: [{ code: 'J1.2' }] }],
    }),
    valueSet('imported', [{ valueSet: ['http://example.org/ValueSet/both', 'http://example.org/ValueSet/knees'] }]),
    valueSet('current', [{ system: bones }], { inactive: false }),
    valueSet('parts', [isA(joints, 'J1'), isA(joints, 'J2')], {
      exclude: [isA(joints, 'J1.2'), { system: joints, concept: [{ code: 'J2' }] }],
    }),
    valueSet('rest', [{ system: joints }, isA(joints, 'J2')], { exclude: [isA(joints, 'J1')] }),
    valueSet(
      'narrow',
      [
        {
          system: joints,
          filter: [
            { property: 'concept', op: 'is-not-a', value: 'J2' },
            { property: 'concept', op: 'not-in', value: 'J1.2,J1.9' },
            { property: 'concept', op: 'is-a', value: 'J' },
            { property: 'billable', op: 'exists', value: 'true' },
          ],
        },
        isA(joints, 'J2', 'descendent-of'),
      ],
      { inactive: false },
    ),
    valueSet('upwards', [isA(joints, 'J1.1', 'generalizes'), isA(joints, 'J2')], { exclude: [isA(joints, 'J', '=')] }),
    valueSet('pattern', [isA(joints, 'J1\\..', 'regex'), isA(bones, '.*i.+', 'regex')]),
    valueSet('weights', [{ system: joints, filter: [{ property: 'weight', op: 'regex', value: '[1-5]' }] }]),
    valueSet('around', [isA(joints, 'J(?=1).*', 'regex')]),
    valueSet('gender', [isA('http://hl7.org/fhir/administrative-gender', '(fe)?male', 'regex')]),
    valueSet('lacking', [{ system: 'http://loinc.org' }]),
    valueSet('old', [{ system: bones, version: '0' }]),
  ]);
});
afterAll(() => server.close());

const at = (id: string, query = '') => server.get(`/ValueSet/$expand?url=http://example.org/ValueSet/${id}${query}`);
async function codes(id: string, query = ''): Promise<string> {
  const reply = await at(id, query);
  expect(reply.status, reply.text).toBe(200);
  return (reply.body.expansion.contains ?? []).map(({ code }: Json) => code).join(' ');
}

describe('$expand', () => {
  it('gives all codes of a resource’s or a loaded system, in a stable order', async () => {
    expect(await codes('legs')).toBe('leg femur tibia splint');
    expect(await codes('joints')).toBe('J J1 J1.1 J1.2 J1.9 J2 J2.1');
    const { body } = await at('legs');
    expect(body.expansion.total).toBe(4);
    expect(body.expansion.contains[0]).toEqual({ system: bones, abstract: true, code: 'leg', display: 'Leg bones' });
    expect(body.expansion.contains[3]).toEqual({
      system: bones,
      inactive: true,
      code: 'splint',
      display: 'Splint bone',
    });
    expect(body.expansion.parameter).toEqual([{ name: 'version', valueUri: `${bones}|1` }]);
    expect(body.compose).toBeUndefined();
    expect((await at('legs', '&includeDefinition=true')).body.compose).toEqual({ include: [{ system: bones }] });
  });

  it('follows includes, excludes, imports and filters', async () => {
    expect(await codes('knees')).toBe('J1 J1.1 J1.2 J1.9');
    expect(await codes('both')).toBe('tibia J1 J1.1 J1.9');
    expect((await at('both')).body.expansion.contains[0].display).toBe('Shin bone');
    expect(await codes('imported')).toBe('J1 J1.1 J1.9');
    expect(await codes('current')).toBe('leg femur tibia');
  });

  it('puts parts of a loaded system together, and pages and filters them', async () => {
    expect(await codes('parts')).toBe('J1 J1.1 J1.9 J2.1');
    expect(await codes('parts', '&offset=1&count=2')).toBe('J1.1 J1.9');
    expect(await codes('parts', '&filter=left')).toBe('J1.1 J2.1');
    expect(await codes('parts', '&filter=knee&activeOnly=true')).toBe('J1 J1.1');
    expect(await codes('parts', `&exclude-system=${joints}`)).toBe('');
    expect(await codes('rest')).toBe('J J2 J2.1');
    expect((await at('rest', '&count=1')).body.expansion.total).toBe(3);
    expect(await codes('narrow')).toBe('J1.1 J2.1');
    expect(await codes('upwards')).toBe('J1.1 J1 J2 J2.1');
  });

  it('follows regular expressions, each of a whole value, over systems wherever they are', async () => {
    expect(await codes('pattern')).toBe('J1.1 J1.2 J1.9 tibia splint');
    expect(await codes('pattern', '&filter=knee&activeOnly=true')).toBe('J1.1 J1.2');
    expect(await codes('weights')).toBe('J1.1');
    expect(await codes('gender')).toBe('male female');
  });

  it('is asked by url, by id, with the value set, or with the element that is bound to it', async () => {
    const byId = await server.get('/ValueSet/knees/$expand');
    expect(byId.body.expansion.total).toBe(4);
    const sent = valueSet('sent', [isA(joints, 'J2')]);
    const posted = await server.send('POST', '/ValueSet/$expand', parameters({ name: 'valueSet', resource: sent }));
    expect(posted.body.expansion.contains.map(({ code }: Json) => code)).toEqual(['J2', 'J2.1']);
    expect((await server.send('POST', '/ValueSet/$expand?count=1', sent)).body.expansion.contains).toHaveLength(1);
    expect(refusedWith(await server.get('/ValueSet/$expand'))).toMatch(/^400 required: Name a value set/);
    expect(refusedWith(await server.get('/ValueSet/knees/$expand?url=x'))).toMatch(/^400 required: Name one value set/);
    expect(refusedWith(await at('nothing'))).toMatch(/^404 not-found: There is no value set .*nothing here/);
    expect(refusedWith(await at('knees', '&valueSetVersion=9'))).toMatch(/^404 not-found/);
  });

  it('pages with the total, and filters by the beginnings of words', async () => {
    expect(await codes('joints', '&offset=2&count=2')).toBe('J1.1 J1.2');
    expect(await codes('both', '&offset=1&count=2')).toBe('J1 J1.1');
    const page = (await at('both', '&offset=1&count=2')).body.expansion;
    expect([page.total, page.offset]).toEqual([4, 1]);
    expect((await at('joints', '&count=0')).body.expansion).toMatchObject({ total: 7 });
    expect(await codes('joints', '&filter=left kn')).toBe('J1.1');
    expect(await codes('joints', '&filter=linkes')).toBe('J1.1');
    expect(await codes('both', '&filter=shin')).toBe('tibia');
    expect(await codes('both', '&filter=KNEE')).toBe('J1 J1.1 J1.9');
    expect(await codes('legs', '&filter=oberschenkel')).toBe('femur');
  });

  it('leaves out what is inactive, abstract, or of a system that is not wanted', async () => {
    expect(await codes('joints', '&activeOnly=true')).toBe('J J1 J1.1 J1.2 J2 J2.1');
    expect(await codes('legs', '&activeOnly=true&excludeNotForUI=true')).toBe('femur tibia');
    expect(await codes('both', `&exclude-system=${bones}`)).toBe('J1 J1.1 J1.9');
    expect(await codes('both', `&exclude-system=${bones}%7C9`)).toBe('tibia J1 J1.1 J1.9');
  });

  it('tells designations, displays in a language, and the hierarchy where it is wanted', async () => {
    const { contains } = (await at('knees', '&includeDesignations=true&displayLanguage=de')).body.expansion;
    expect(contains[1]).toEqual({
      system: joints,
      code: 'J1.1',
      display: 'Linkes Knie',
      designation: [{ language: 'de', use: { code: 'synonym' }, value: 'Linkes Knie' }],
    });
    expect((await at('knees', '&designation=fr')).body.expansion.contains[1].designation).toBeUndefined();
    expect((await at('knees', '&designation=synonym')).body.expansion.contains[1].designation).toHaveLength(1);
    const nested = (await at('joints', '&excludeNested=false')).body.expansion.contains;
    expect(nested).toHaveLength(1);
    expect(nested[0].contains.map(({ code }: Json) => code)).toEqual(['J1', 'J2']);
    expect(nested[0].contains[0].contains).toHaveLength(3);
  });

  it('looks at the versions of code systems that are asked for, and tells them', async () => {
    const [, ...younger] = jointConcepts.toReversed();
    await loadJoints(server, younger.toReversed(), '2023');
    expect((await at('joints')).body.expansion.total).toBe(6);
    const fixed = (await at('joints', `&system-version=${joints}%7C2022`)).body.expansion;
    expect(fixed.total).toBe(7);
    expect(fixed.parameter).toContainEqual({ name: 'version', valueUri: `${joints}|2022` });
    expect((await at('old', `&force-system-version=${bones}%7C1`)).body.expansion.total).toBe(4);
    expect(refusedWith(await at('old', `&check-system-version=${bones}%7C1`))).toMatch(
      /^422 business-rule: check-system/,
    );
    expect(refusedWith(await at('old', `&system-version=${bones}`))).toMatch(/^400 value: system-version must be/);
    expect(refusedWith(await at('old'))).toMatch(/^422 not-supported: .*bones\|0 is not here/);
    await server.context.store.terminology.remove(joints, '2023');
    expect((await at('joints')).body.expansion.total).toBe(7);
  });

  it('refuses what it can not do, and names it', async () => {
    expect(refusedWith(await at('around'))).toMatch(
      /^422 not-supported: the filter concept regex .*joints can't be followed: the regular expression looks around/,
    );
    expect(refusedWith(await at('lacking'))).toMatch(
      /^422 not-supported: the code system http:\/\/loinc.org is not here/,
    );
    expect(refusedWith(await at('knees', '&fliter=x'))).toMatch(/^400 not-supported: .*"fliter".* filter,/);
    expect(refusedWith(await at('knees', '&count=-1'))).toMatch(/^400 value: count must be/);
    expect(refusedWith(await at('knees', '&count=1&count=2'))).toMatch(/^400 invalid: count may be given once/);
    expect(refusedWith(await at('knees', '&activeOnly=yes'))).toMatch(/^400 value: activeOnly must be true or false/);
    const many = {
      ...boneSystem,
      id: 'many',
      url: 'urn:many',
      concept: Array.from({ length: 10_001 }, (_, n) => ({ code: `c${n}` })),
    };
    await load(server, [many, valueSet('many', [{ system: 'urn:many' }])]);
    expect(refusedWith(await at('many'))).toMatch(/^422 too-costly: .*more than 10000 codes: ask for a page/);
    expect((await at('many', '&count=3&offset=9999')).body.expansion).toMatchObject({ total: 10_001, offset: 9999 });
    expect(await codes('many', '&count=3&offset=9999')).toBe('c9999 c10000');
  });

  it('falls back from a kind of a language to the language', async () => {
    const display = async (language: string) =>
      (await at('knees', `&displayLanguage=${language}`)).body.expansion.contains[1].display;
    expect(await display('de-AT')).toBe('Linkes Knie');
    expect(await display('de-DE-1996')).toBe('Linkes Knie');
    expect(await display('fr-CH')).toBe('Left knee');
    expect(await display('-de')).toBe('Left knee');
    const long = `de${'-a'.repeat(32)}`;
    for (const reply of [
      await at('knees', `&displayLanguage=${long}`),
      await server.get(`/CodeSystem/$lookup?system=${joints}&code=J1.1&displayLanguage=${long}`),
      await server.send('POST', '/ValueSet/knees/$expand', parameters({ name: 'displayLanguage', valueCode: long })),
    ])
      expect(refusedWith(reply)).toMatch(/^400 value: displayLanguage must be the tag of a language, of at most 64/);
    const { contains } = (await at('knees', `&designation=${long}`)).body.expansion;
    expect(contains[1].designation).toBeUndefined();
  });

  it('takes a direction with a context alone, and tells how many codes a page may have', async () => {
    const place = encodeURIComponent('http://hl7.org/fhir/StructureDefinition/Patient#Patient.gender');
    for (const direction of ['incoming', 'outgoing']) {
      const reply = await server.get(`/ValueSet/$expand?context=${place}&contextDirection=${direction}`);
      expect(reply.body.expansion.total).toBe(4);
    }
    const wrong = /^400 value: contextDirection must be incoming or outgoing, and goes with context/;
    expect(refusedWith(await at('knees', '&contextDirection=incoming'))).toMatch(wrong);
    expect(refusedWith(await server.get(`/ValueSet/$expand?context=${place}&contextDirection=in`))).toMatch(wrong);
    const { parameter } = (await at('knees', '&count=20000')).body.expansion;
    expect(parameter).toContainEqual({ name: 'count', valueInteger: 10_000 });
  });

  it('gives the value sets that SNOMED CT and LOINC imply', async () => {
    const version = 'http://snomed.info/sct/900000000000207008/version/20310101';
    const snomed = { url: 'http://snomed.info/sct', title: 'SNOMED CT', caseSensitive: true };
    const properties = [{ code: '363698007', type: 'code' as const }];
    const concepts = [
      { code: '138875005', display: 'SNOMED CT Concept', parents: [] },
      { code: '39057004', display: 'Knee', parents: ['138875005'] },
      { code: '64572001', display: 'Disease', parents: ['138875005'] },
      {
        code: '239873007',
        display: 'Osteoarthritis of knee',
        parents: ['64572001'],
        properties: [['363698007', '39057004'] as const],
      },
    ];
    const { terminology } = server.context.store;
    await terminology.load({ ...snomed, version, properties }, async function* () {
      yield concepts;
    });
    const expanded = async (url: string) => {
      const reply = await server.get(`/ValueSet/$expand?url=${encodeURIComponent(url)}`);
      return reply.status === 200
        ? reply.body.expansion.contains.map(({ code }: Json) => code).join(' ')
        : refusedWith(reply);
    };
    expect(await expanded('http://snomed.info/sct?fhir_vs')).toBe('138875005 239873007 39057004 64572001');
    expect(await expanded('http://snomed.info/sct?fhir_vs=isa/64572001')).toBe('239873007 64572001');
    expect(await expanded(`${version}?fhir_vs=isa/64572001`)).toBe('239873007 64572001');
    expect(await expanded(`${version.replace('2031', '2030')}?fhir_vs`)).toMatch(/^422 not-supported: .*is not here/);
    expect(await expanded('http://snomed.info/sct?fhir_vs=refset/64572001')).toMatch(/^404 not-found/);
    expect(await expanded('http://loinc.org/vs')).toMatch(/^422 not-supported: .*loinc.org is not here/);
    const isa = encodeURIComponent('http://snomed.info/sct?fhir_vs=isa/64572001');
    const inIt = `/ValueSet/$validate-code?url=${isa}&system=${snomed.url}&code=`;
    expect((await server.get(`${inIt}239873007`)).body.parameter[0].valueBoolean).toBe(true);
    expect((await server.get(`${inIt}39057004`)).body.parameter[0].valueBoolean).toBe(false);
    // An attribute of concepts is a property.
    const filter = [{ property: '363698007', op: '=', value: '39057004' }];
    await load(server, [valueSet('of-the-knee', [{ system: snomed.url, filter }])]);
    expect(await codes('of-the-knee')).toBe('239873007');
    await terminology.remove(snomed.url, version);
  });

  it('tells codes as they are now, and refuses other dates', async () => {
    const today = new Date().toISOString().slice(0, 10);
    for (const date of [today.slice(0, 4), today.slice(0, 7), new Date().toISOString()]) {
      const { expansion } = (await at('knees', `&date=${date}`)).body;
      expect(expansion.parameter).toContainEqual({ name: 'date', valueDateTime: date });
      expect(expansion.total).toBe(4);
    }
    expect(refusedWith(await at('knees', '&date=2019-01-01'))).toMatch(
      /^422 not-supported: date: codes are told as they are now, not as they are on 2019-01-01; name the version/,
    );
    expect(refusedWith(await at('knees', '&date=2999'))).toMatch(/^422 not-supported: date/);
    expect(refusedWith(await at('knees', '&date=yesterday'))).toMatch(/^400 value: date: yesterday is no date/);
    for (const path of [`/CodeSystem/$lookup?system=${bones}`, `/CodeSystem/$validate-code?url=${bones}`]) {
      expect(refusedWith(await server.get(`${path}&code=tibia&date=2019`))).toMatch(/^422 not-supported: date/);
      expect((await server.get(`${path}&code=tibia&date=${today.slice(0, 4)}`)).status).toBe(200);
    }
    const validate = `/ValueSet/legs/$validate-code?system=${bones}&code=tibia`;
    expect(refusedWith(await server.get(`${validate}&date=2019-05`))).toMatch(/^422 not-supported: date/);
    expect((await server.get(`${validate}&date=${new Date().toISOString()}`)).status).toBe(200);
  });

  it('gives R4’s own value sets', async () => {
    const reply = await server.get('/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender');
    expect(reply.body.expansion.contains.map(({ display }: Json) => display)).toEqual([
      'Male',
      'Female',
      'Other',
      'Unknown',
    ]);
  });
});

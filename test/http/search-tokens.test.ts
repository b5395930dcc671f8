/** Searches by tokens, sentence by sentence of "Search values". https://hl7.org/fhir/R4/search.html#token */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, load, observation, patient, refused } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;
const loinc = 'http://loinc.org';
const genders = 'http://hl7.org/fhir/administrative-gender';

const coded = (id: string, ...codings: readonly Json[]) => observation(id, { code: { coding: codings, text: 'Text' } });

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    coded('loinc', { system: loinc, code: '8480-6', display: 'Systolic' }),
    coded('local', { system: 'urn:local', code: '8480-6' }),
    coded('nosystem', { code: '8480-6' }),
    coded('both', { system: loinc, code: '8462-4' }, { system: 'urn:local', code: 'Dia' }),
    coded('upper', { system: 'urn:local', code: 'DIA' }),
    coded('pipe', { system: 'urn:local', code: 'a|b,c$d' }),
    coded('systemonly', { system: loinc }),
    observation('textonly', { category: [{ coding: [{ system: 'urn:cat', code: 'lab' }] }] }),
    patient('a', {
      active: true,
      gender: 'male',
      identifier: [{ system: 'urn:mrn', value: 'AB1' }, { value: 'Nosys' }, { system: 'urn:onlysystem' }],
      telecom: [
        { system: 'phone', value: '+49 123' },
        { system: 'email', value: 'Ann@Example.org' },
        { value: 'unknown' },
      ],
      communication: [{ language: { coding: [{ system: 'urn:ietf:bcp:47', code: 'de' }] } }],
    }),
    patient('b', {
      active: false,
      gender: 'female',
      identifier: [{ system: 'urn:mrn', value: 'ab1' }],
      deceasedBoolean: false,
    }),
    patient('c', { identifier: [{ system: 'urn:other', value: 'AB1' }], deceasedDateTime: '2020' }),
    { resourceType: 'ValueSet', id: 'v', status: 'active', version: '1.0', url: 'http://v' },
    {
      resourceType: 'Condition',
      id: 'cond',
      subject: { reference: 'Patient/a' },
      clinicalStatus: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
      },
    },
  ]);
});
afterAll(() => server.close());

const codes = (value: string) => find(server, `/Observation?code=${encodeURIComponent(value)}`);
const patients = (query: string) => find(server, `/Patient?${query}`);

describe('a token', () => {
  it('system|code', async () => {
    expect(await codes(`${loinc}|8480-6`)).toBe('loinc');
    expect(await codes('urn:local|8480-6')).toBe('local');
    expect(await codes(`${loinc}|nothing`)).toBe('');
    expect(await codes('urn:nowhere|8480-6')).toBe('');
    expect(await codes('HTTP://LOINC.ORG|8480-6')).toBe('');
  });

  it('|code: no system', async () => {
    expect(await codes('|8480-6')).toBe('nosystem');
    expect(await patients('identifier=|Nosys')).toBe('a');
    expect(await patients('identifier=|AB1')).toBe('');
  });

  it('system|: any code of it', async () => {
    expect(await codes(`${loinc}|`)).toBe('both loinc');
    expect(await codes('urn:local|')).toBe('both local pipe upper');
    expect(await patients('identifier=urn:mrn|')).toBe('a b');
    expect(await patients('identifier=urn:onlysystem|')).toBe('');
  });

  it('code: in any system and none', async () => {
    expect(await codes('8480-6')).toBe('local loinc nosystem');
    expect(await patients('identifier=AB1')).toBe('a c');
  });

  it('alternatives and repeats', async () => {
    expect(await find(server, `/Observation?code=${loinc}|8480-6,|8480-6,dia`)).toBe('both loinc nosystem upper');
    expect(await find(server, `/Observation?code=${loinc}|8462-4&code=urn:local|Dia`)).toBe('both');
    expect(await find(server, `/Observation?code=${loinc}|8462-4&code=urn:local|8480-6`)).toBe('');
  });

  it('escapes', async () => {
    expect(await find(server, '/Observation?code=urn:local|a\\|b\\,c\\$d')).toBe('pipe');
    expect(await find(server, '/Observation?code=a\\|b\\,c\\$d')).toBe('pipe');
    expect(await refused(server, '/Observation?code=urn:local|a|b')).toMatch(/code/);
  });
});

describe('case', () => {
  it('counts for _id, identifier values and systems', async () => {
    expect(await patients('_id=a')).toBe('a');
    expect(await patients('_id=A')).toBe('');
    expect(await patients('identifier=urn:mrn|AB1')).toBe('a');
    expect(await patients('identifier=urn:mrn|ab1')).toBe('b');
    expect(await patients('identifier=URN:MRN|ab1')).toBe('');
  });

  it('doesn’t for other codes', async () => {
    expect(await codes('urn:local|DIA')).toBe('both upper');
    expect(await codes('urn:local|dia')).toBe('both upper');
    expect(await codes('dia')).toBe('both upper');
    expect(await patients('email=ANN@EXAMPLE.ORG')).toBe('a');
  });

  it('counts for codes of systems known to be case-sensitive, where they are named or the element has one', async () => {
    expect(await patients('gender=male')).toBe('a');
    expect(await patients('gender=MALE')).toBe('');
    expect(await find(server, '/Condition?clinical-status=active')).toBe('cond');
    // R4: "When in doubt, servers SHOULD treat tokens in a case-insensitive manner".
    expect(await find(server, '/Condition?clinical-status=ACTIVE')).toBe('cond');
    const system = 'http://terminology.hl7.org/CodeSystem/condition-clinical';
    expect(await find(server, `/Condition?clinical-status=${system}|active`)).toBe('cond');
    expect(await find(server, `/Condition?clinical-status=${system}|Active`)).toBe('');
  });
});

describe('a code element', () => {
  it('matches with the system of its required binding', async () => {
    expect(await patients(`gender=${genders}|male`)).toBe('a');
    expect(await patients(`gender=${genders}|`)).toBe('a b');
    expect(await patients('gender=urn:other|male')).toBe('');
    expect(await patients('gender=|male')).toBe('');
    expect(await find(server, '/Observation?status=http://hl7.org/fhir/observation-status|final&_count=0')).toBe('');
    expect((await server.get('/Observation?status=http://hl7.org/fhir/observation-status|final')).body.total).toBe(8);
  });
});

describe('a code whose binding has a largest value set', () => {
  it('has the system of that: languages', async () => {
    const languages = ['en', 'en-US', 'de'];
    await load(
      server,
      languages.map((language) => ({
        resourceType: 'DocumentReference',
        id: language,
        status: 'current',
        content: [{ attachment: { language } }],
      })),
    );
    const documents = (query: string) => find(server, `/DocumentReference?${query}`);
    expect(await documents('language=en')).toBe('en');
    expect(await documents('language=urn:ietf:bcp:47|en')).toBe('en');
    expect(await documents('language=|en')).toBe('');
    for (const written of ['', 'urn:ietf:bcp:47|']) {
      expect(await documents(`language:below=${written}en`)).toBe('en en-US');
      expect(await documents(`language:above=${written}en-US`)).toBe('en en-US');
    }
  });
});

describe('ContactPoint', () => {
  it('uses its system before |', async () => {
    expect(await patients('telecom=phone|%2B49 123')).toBe('a');
    expect(await patients('telecom=email|%2B49 123')).toBe('');
    expect(await patients('telecom=email|ann@example.org')).toBe('a');
    expect(await patients('telecom=|unknown')).toBe('a');
    expect(await patients('telecom=phone|')).toBe('a');
    expect(await patients('phone=%2B49 123')).toBe('a');
    expect(await patients('phone=ann@example.org')).toBe('');
    expect(await patients('email=email|Ann@Example.org')).toBe('a');
  });
});

describe('booleans', () => {
  it('are true and false', async () => {
    expect(await patients('active=true')).toBe('a');
    expect(await patients('active=false')).toBe('b');
    expect(await patients('active:not=true')).toBe('b c');
    expect(await patients('deceased=true')).toBe('c');
    expect(await patients('deceased=false')).toBe('a b');
    expect((await server.get('/Patient?active=1')).status).toBe(400);
  });
});

describe(':not', () => {
  it('leaves out resources that have any of the values and includes those with none', async () => {
    expect(await patients('gender:not=male')).toBe('b c');
    expect(await patients('gender:not=male,female')).toBe('c');
    expect(await patients('identifier:not=urn:mrn|AB1')).toBe('b c');
    expect(await patients('identifier:not=AB1')).toBe('b');
    expect(await find(server, `/Observation?code:not=${loinc}|,urn:local|`)).toBe('nosystem systemonly textonly');
    expect(await find(server, '/Observation?category:not=lab&code=8480-6')).toBe('local loinc nosystem');
    expect(await patients('_id:not=a,c')).toBe('b');
    expect(await patients('gender:not=nothing')).toBe('a b c');
  });

  it('and its opposite make all', async () => {
    for (const [type, value] of [
      ['Observation', 'code:not=8480-6'],
      ['Observation', 'code:not=dia'],
      ['Patient', 'gender:not=male'],
      ['Patient', 'telecom:not=phone|'],
    ] as const) {
      const all = (await find(server, `/${type}`)).split(' ');
      const without = (await find(server, `/${type}?${value}`)).split(' ');
      const having = (await find(server, `/${type}?${value.replace(':not', '')}`)).split(' ');
      expect([...without, ...having].sort(), value).toEqual(all);
    }
  });
});

describe(':missing', () => {
  it('tells those without a value', async () => {
    expect(await patients('gender:missing=true')).toBe('c');
    expect(await patients('identifier:missing=true')).toBe('');
    expect(await patients('telecom:missing=false')).toBe('a');
    expect(await find(server, '/Observation?code:missing=true')).toBe('systemonly textonly');
    expect(await patients('_id:missing=false&_count=3')).toBe('a b c');
    expect(await patients('_id:missing=true')).toBe('');
    expect(await find(server, '/Observation?category:missing=false')).toBe('textonly');
  });
});

describe('_tag, _profile and _security', () => {
  it('are tokens and uris of meta', async () => {
    await load(server, [
      {
        resourceType: 'Basic',
        id: 'm',
        code: { text: 'x' },
        meta: {
          tag: [{ system: 'urn:t', code: 'T1' }],
          profile: ['http://p|2'],
          security: [{ system: 'urn:s', code: 'R' }],
          source: 'http://src',
        },
      },
      { resourceType: 'Basic', id: 'n', code: { text: 'x' } },
    ]);
    expect(await find(server, '/Basic?_tag=urn:t|T1')).toBe('m');
    expect(await find(server, '/Basic?_tag=t1')).toBe('m');
    expect(await find(server, '/Basic?_security=urn:s|R')).toBe('m');
    expect(await find(server, '/Basic?_profile=http://p')).toBe('m');
    expect(await find(server, '/Basic?_profile=http://p|2')).toBe('m');
    expect(await find(server, '/Basic?_profile=http://p|1')).toBe('');
    expect(await find(server, '/Basic?_source=http://src')).toBe('m');
    expect(await find(server, '/Basic?_tag:not=t1')).toBe('n');
    expect(await find(server, '?_tag=urn:t|T1')).toBe('m');
    expect(await find(server, '?_type=Basic,Patient&_tag:missing=true')).toBe('a b c n');
  });
});

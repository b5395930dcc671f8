/** `_filter`. https://hl7.org/fhir/R4/search_filter.html */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, idsOf, link, load, observation, patient, refused, search, selfOf, walk } from './searching.ts';
import { type TestServer, testServer } from './server.ts';

let server: TestServer;
const lenient = { Prefer: 'handling=lenient' };

const quantity = (value: number) => ({ valueQuantity: { value } });
const coded = (code: string) => ({ code: { coding: [{ system: 'http://loinc.org', code }] } });

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    patient('a', { name: [{ family: 'Chalmers', given: ['Peter', 'James'] }], birthDate: '1974-12-25' }),
    patient('b', { name: [{ family: 'Petersen', given: ['Ann Sophie'] }], birthDate: '2014-10-10', gender: 'female' }),
    patient('c', { name: [{ family: 'Zoë', given: ['peter'] }], birthDate: '2015-01-01', gender: 'male' }),
    patient('d'),
    { resourceType: 'Practitioner', id: 'e', name: [{ family: 'Chalmers' }] },
    observation('o1', {
      subject: { reference: 'Patient/a' },
      ...coded('1234-5'),
      effectiveDateTime: '2020-05',
      ...quantity(3),
    }),
    observation('o2', {
      subject: { reference: 'Patient/a' },
      ...coded('8480-6'),
      effectiveDateTime: '2020-05-17',
      ...quantity(9),
    }),
    observation('o3', { subject: { reference: 'Patient/b' }, ...coded('1234-5'), valueString: 'badly broken' }),
    {
      resourceType: 'RiskAssessment',
      id: 'k',
      status: 'final',
      subject: { reference: 'Group/x' },
      prediction: [{ probabilityDecimal: 0.8 }],
    },
    {
      resourceType: 'DocumentReference',
      id: 'r',
      status: 'current',
      content: [{ attachment: { url: 'http://example.org/1' } }],
      relatesTo: [
        { code: 'replaces', target: { reference: 'DocumentReference/1' } },
        { code: 'appends', target: { reference: 'DocumentReference/2' } },
      ],
    },
  ]);
});
afterAll(() => server.close());

const filtered = (path: string, filter: string) =>
  find(server, `${path}${path.includes('?') ? '&' : '?'}_filter=${encodeURIComponent(filter)}`);

describe('a filter finds', () => {
  it.each<[string, string, string]>([
    ['/Patient', 'name co "pet"', 'a b c'],
    ['/Patient', 'given eq "peter" and birthdate ge 2014-10-10', 'c'],
    ['/Patient', 'given eq peter', 'a c'],
    ['/Patient', 'given ne peter', 'a b'],
    ['/Patient', 'not (given eq peter)', 'b d'],
    ['/Patient', 'given sw sophie', 'b'],
    ['/Patient', 'given ew sophie', 'b'],
    ['/Patient', 'given ew ann', ''],
    ['/Patient', 'family gt petersen', 'c'],
    ['/Patient', 'family ge petersen', 'b c'],
    ['/Patient', 'family lt "petersen"', 'a'],
    ['/Patient', 'family le PETERSEN', 'a b'],
    ['/Patient', 'gender ne male', 'b'],
    ['/Patient', 'gender pr false', 'a d'],
    ['/Patient', 'gender ne nothing', 'b c'],
    ['/Patient', '_id eq a or _id eq d', 'a d'],
    ['/Patient', '_id ne a', 'b c d'],
    ['/Observation', 'code-value-quantity pr true', 'o1 o2'],
    ['/Observation', 'code-value-quantity pr false', 'o3'],
    ['/Observation', 'code-value-quantity ne http://loinc.org|1234-5$gt2', 'o2'],
    ['/Observation', 'code-value-string ne 1234-5$broken', 'o3'],
    ['/Observation', 'code-value-string ne 1234-5$brokenness', 'o3'],
    ['/Observation', '_content co "broken NOT arm"', 'o3'],
    ['/Observation', '_content co broken or subject.name eq chalmers', 'o1 o2 o3'],
    ['/Observation', '_text co broken', ''],
    ['/Observation', 'not (_content co "brok*")', 'o1 o2'],
    ['/Patient', 'gender eq male or given eq james and birthdate lt 2000', 'a'],
    ['/Patient', 'gender eq male or (given eq james and birthdate lt 2000)', 'a c'],
    ['/Patient', 'birthdate po 2014-10', 'b'],
    ['/Patient', '_lastUpdated ge 2000 and _lastUpdated pr true', 'a b c d'],
    ['/Observation', 'code eq http://loinc.org|1234-5', 'o1 o3'],
    ['/Observation', 'code eq loinc|1234-5', 'o1 o3'],
    ['/Observation', 'code ne loinc|1234-5', 'o2'],
    ['/Observation', 'subject re Patient/a and date co 2020-05-17', 'o1 o2'],
    ['/Observation', 'date co 2020-05', 'o1'],
    ['/Observation', 'date po 2020-05-17', 'o1 o2'],
    ['/RiskAssessment', 'probability co 0.849', 'k'],
    ['/RiskAssessment', 'probability co 0.85', ''],
    ['/Observation', 'subject.name co "pet"', 'o1 o2 o3'],
    ['/Observation', 'subject.given eq peter', 'o1 o2'],
    ['/Observation', 'subject[gender eq female].family sw "pet"', 'o3'],
    ['/Observation', 'subject[gender pr false].family sw "pet"', ''],
    ['/Observation', 'not (subject.gender eq female)', 'o1 o2'],
    ['/Observation', 'subject[gender eq female or given eq james].family pr true and code eq loinc|1234-5', 'o1 o3'],
    ['/DocumentReference', 'relatesTo[code eq replaces].target re DocumentReference/1', 'r'],
    ['/DocumentReference', 'relatesTo[code eq replaces].target re DocumentReference/2', ''],
  ])('%s: %s', async (path, filter, expected) => {
    expect(await filtered(path, filter)).toBe(expected);
  });

  it('beside other parameters and another filter', async () => {
    expect(await filtered('/Patient?gender=female,male', 'given eq peter')).toBe('c');
    expect(await filtered('/Patient?_filter=given eq peter', 'gender pr true')).toBe('c');
  });

  it('in a compartment and on the system, by what all its types have', async () => {
    expect(await filtered('/Patient/a/Observation', 'code eq loinc|1234-5')).toBe('o1');
    expect(await filtered('/Patient/a/*', '_id ne o1')).toBe('a o2');
    expect(await filtered('?_type=Patient,Practitioner', 'family eq chalmers')).toBe('a e');
    expect(await filtered('', '_id eq a or _id eq o1')).toBe('a o1');
    expect(await refused(server, '?_filter=family eq chalmers')).toMatch(/no search parameter "family"/);
  });

  it('by POST, page by page, in any order', async () => {
    const posted = await search(server, '/Patient/_search', { _filter: 'name co "pet"', _sort: '-birthdate' });
    expect(idsOf(posted)).toEqual(['c', 'b', 'a']);
    expect(await walk(server, '/Patient?_filter=name co "pet"&_sort=-birthdate&_count=1')).toEqual(['c', 'b', 'a']);
    expect([...(await walk(server, '/Patient?_filter=given ne peter or gender pr false&_count=1'))].sort()).toEqual([
      'a',
      'b',
      'd',
    ]);
  });

  it('and stands in self as it was sent', async () => {
    const page = await server.get('/Patient?_filter=family%20eq%20%22a,b%22&_count=1');
    expect(selfOf(page)).toEqual(['_filter=family eq "a,b"', '_count=1']);
    expect(idsOf(await server.get(link(page, 'self') ?? ''))).toEqual([]);
    expect(selfOf(await server.get('/Patient?_filter='))).toEqual(['_count=50']);
  });
});

describe('what is no filter', () => {
  it('is 400 whatever the handling', async () => {
    for (const headers of [{}, lenient]) {
      expect(await refused(server, '/Patient?_filter=name is x', headers)).toMatch(/_filter, character 6: /);
      expect(await refused(server, '/Patient?_filter=nam eq x', headers)).toMatch(/nearest: name/);
      expect(await refused(server, '/Patient?_filter=name po x', headers)).toMatch(/takes eq, ne, co/);
    }
  });
});

describe('a filter that is as large as one may be', () => {
  it('is answered', async () => {
    const leaf = (n: number) => `(family ne x${n} or given co "et" and birthdate ge 1900 and not (gender pr false))`;
    let filter = '_id ne z';
    for (let n = 0; n < 11; n++) filter = `${leaf(n)} and not (${filter} or _id eq z and family sw p)`;
    expect((await server.get(`/Patient?_filter=${encodeURIComponent(filter)}`)).status).toBe(200);
    const all = Array.from({ length: 200 }, (_, n) => `given ne g${n}`);
    expect(await filtered('/Patient', all.join(' and '))).toBe('a b c');
    expect(await filtered('/Patient', all.join(' or '))).toBe('a b c');
    const wide = Array.from({ length: 200 }, (_, n) => (n % 2 === 0 ? `family eq g${n}` : `gender eq g${n}`));
    expect(await filtered('/Patient', wide.join(' or '))).toBe('');
    const deep = `${'not ('.repeat(48)}${all.join(' and ')}${')'.repeat(48)}`;
    expect(await filtered('/Patient', deep)).toBe('a b c');
  });
});

describe('conditional interactions', () => {
  it('take a filter as criterion', async () => {
    const create = (filter: string) =>
      server.send('POST', '/Patient', patient('x', { name: [{ family: 'New' }] }), {
        'If-None-Exist': `_filter=${encodeURIComponent(filter)}`,
      });
    expect((await create('family eq zoe')).status).toBe(200);
    expect((await create('given eq peter')).status).toBe(412);
    expect((await create('family eq new')).status).toBe(201);
    expect((await create('family eq new')).status).toBe(200);
    expect((await create('family')).status).toBe(400);
    const gone = await server.send('DELETE', `/Patient?_filter=${encodeURIComponent('family eq new')}`);
    expect(gone.status).toBe(204);
    expect(await filtered('/Patient', 'family eq new')).toBe('');
  });
});

/** What a search refuses, ignores and says about it. https://hl7.org/fhir/R4/search.html#errors */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  entriesOf,
  find,
  idsOf,
  link,
  load,
  observation,
  patient,
  refusal,
  refused,
  search,
  selfOf,
} from './searching.ts';
import { type TestServer, testServer } from './server.ts';

let server: TestServer;
const lenient = { Prefer: 'handling=lenient' };

beforeAll(async () => {
  server = await testServer({ IGNORED_PARAMETERS: '_cacheBuster, apikey' });
  await load(server, [
    patient('a', { name: [{ family: 'Ann' }], gender: 'female', birthDate: '1970-01-01' }),
    patient('b', { name: [{ family: 'Ben' }], gender: 'male' }),
    { resourceType: 'Group', id: 'a', type: 'person', actual: true },
    { resourceType: 'Group', id: 'g', type: 'person', actual: true },
    observation('o1', { subject: { reference: 'Patient/a' } }),
    observation('o2', { subject: { reference: 'Group/a' } }),
    observation('o3', { subject: { reference: 'Patient/b' } }),
    observation('o4', { subject: { reference: 'Group/g' } }),
    observation('o5', { subject: { reference: 'Patient/gone' } }),
  ]);
});
afterAll(() => server.close());

describe('escapes that are no UTF-8', () => {
  const latin = { 'Content-Type': 'application/x-www-form-urlencoded' };

  it('are 400 wherever a query stands, since they would be another text', async () => {
    const post = (body: string | Uint8Array) => server.send('POST', '/Patient/_search', body, latin);
    const entry = [{ request: { method: 'GET', url: 'Patient?name=M%FCller' } }];
    const batch = await server.send('POST', '', { resourceType: 'Bundle', type: 'batch', entry });
    const created = { 'Content-Type': 'application/fhir+json', 'If-None-Exist': 'name=M%FCller' };
    for (const issue of [
      refusal(await server.get('/Patient?name=M%FCller')),
      refusal(await server.get('/Patient?M%FCller=x')),
      refusal(await post('name=M%FCller')),
      refusal(await post(Buffer.from('name=Müller', 'latin1'))),
      refusal(await server.send('POST', '/Patient', { resourceType: 'Patient' }, created)),
      batch.body.entry[0].response.outcome.issue[0],
    ])
      expect(issue.diagnostics).toContain('UTF-8');
  });

  it('are told from U+FFFD, and from a % that stands for itself', async () => {
    for (const name of ['%EF%BF%BD', 'Ann%EF%BF%BD', '50%', '50%zz%C3%BC'])
      expect((await server.get(`/Patient?name:exact=${name}`)).status, name).toBe(200);
  });
});

describe('an unknown parameter', () => {
  it('is 400 with the nearest valid names', async () => {
    const issue = refusal(await server.get('/Patient?famly=x'));
    expect(issue.severity).toBe('error');
    expect(issue.diagnostics).toMatch(/famly/);
    expect(issue.diagnostics).toMatch(/family/);
    expect(await refused(server, '/Patient?birthDate=1970')).toMatch(/nearest: birthdate/);
    expect(await refused(server, '/Observation?value_quantity=1')).toMatch(/value-quantity/);
    expect(await refused(server, '/Patient?_lastupdated=2020')).toMatch(/_lastUpdated/);
    expect(await refused(server, '/Patient?_cuont=5')).toMatch(/_count/);
    expect((await server.get('/Patient?famly=')).status).toBe(400);
    expect((await server.get('/Patient?=x')).status).toBe(400);
  });

  it('of several types says how to ask those that have it', async () => {
    const hint = /Other types that are searched have it: name these in _type\.$/;
    expect(await refused(server, '?name=x')).toMatch(/AdverseEvent has no search parameter "name".*/);
    for (const path of ['?name=x', '?_type=Patient,Observation&name=x', '/Patient/1/*?code=x'])
      expect(await refused(server, path), path).toMatch(hint);
    for (const path of ['?famly=x', '/Observation?name=x', '/Observation?subject:Patient.code=x'])
      expect(await refused(server, path), path).not.toMatch(hint);
  });

  it('is 400 by POST, in either place', async () => {
    expect((await search(server, '/Patient/_search', { famly: 'x' })).status).toBe(400);
    expect((await search(server, '/Patient/_search?famly=x', { gender: 'male' })).status).toBe(400);
  });

  it('is ignored with Prefer: handling=lenient, left out of self, and told in an outcome entry', async () => {
    const page = await server.get('/Patient?famly=x&gender=male&foo:bar=1&famly=y', lenient);
    expect(idsOf(page)).toEqual(['b']);
    expect(page.body.total).toBe(1);
    expect(selfOf(page)).toEqual(['gender=male', '_count=50']);
    expect(page.headers.get('preference-applied')).toBe('handling=lenient');
    const outcomes = entriesOf(page, 'outcome');
    expect(outcomes).toHaveLength(1);
    const { resourceType, issue } = outcomes[0].resource;
    expect(resourceType).toBe('OperationOutcome');
    expect(issue.map((each: { severity: string }) => each.severity)).toEqual(['warning', 'warning']);
    expect(JSON.stringify(issue)).toMatch(/famly/);
    expect(JSON.stringify(issue)).toMatch(/foo:bar/);
  });

  it('is told of beside no match at all, and on a count', async () => {
    const none = await server.get('/Patient?famly=x&_id=nobody', lenient);
    expect(idsOf(none)).toEqual([]);
    expect(entriesOf(none, 'outcome')).toHaveLength(1);
    const count = await server.get('/Patient?famly=x&_summary=count', lenient);
    expect(count.body.total).toBe(2);
    expect(entriesOf(count, 'outcome')).toHaveLength(1);
  });

  it('that is ignored does not come back on the next page', async () => {
    const page = await server.get('/Patient?famly=x&_count=1', lenient);
    expect((await server.get(link(page, 'next') ?? '')).status).toBe(200);
  });

  it('is 400 with handling=strict and with preferences nobody knows', async () => {
    expect((await server.get('/Patient?famly=x', { Prefer: 'handling=strict' })).status).toBe(400);
    expect((await server.get('/Patient?famly=x', { Prefer: 'handling=loose' })).status).toBe(400);
  });
});

describe('_format, _pretty and names in IGNORED_PARAMETERS', () => {
  it('never count as unknown', async () => {
    const query = '_format=json&_pretty=true&_cacheBuster=17&apikey=x&gender=male';
    const page = await server.get(`/Patient?${query}`);
    expect(idsOf(page)).toEqual(['b']);
    expect(selfOf(page)).toEqual(['_format=json', '_pretty=true', 'gender=male', '_count=50']);
    expect(entriesOf(page, 'outcome')).toEqual([]);
    expect(idsOf(await server.get(`/Patient?${query}`, lenient))).toEqual(['b']);
    expect(entriesOf(await server.get(`/Patient?${query}`, lenient), 'outcome')).toEqual([]);
  });

  it('may stand beside a page link', async () => {
    const page = await server.get('/Patient?_count=1');
    expect((await server.get(`${link(page, 'next')}&_format=json&_pretty=true`)).status).toBe(200);
    const pretty = await server.get('/Patient?_count=1&_pretty=true');
    expect((await server.get(link(pretty, 'next') ?? '')).text).toMatch(/^\{\n/);
    expect((await server.get(`${link(page, 'next')}&_cacheBuster=1`)).status).toBe(200);
  });
});

describe('400 always', () => {
  const everywhere = async (query: string, names: RegExp) => {
    for (const headers of [{}, lenient]) {
      const issue = refusal(await server.get(query, headers));
      expect(issue.diagnostics, query).toMatch(names);
    }
  };

  it('an unsupported modifier', async () => {
    await everywhere('/Patient?name:foo=x', /name:foo.*:exact/);
    await everywhere('/Patient?gender:exact=male', /gender:exact/);
    await everywhere('/Patient?birthdate:contains=1970', /birthdate:contains/);
    await everywhere('/Patient?name:not=x', /name:not/);
    await everywhere('/Observation?value-quantity:exact=1', /value-quantity:exact/);
    await everywhere('/Observation?subject:Medication=1', /never leads to Medication/);
    await everywhere(
      '/Observation?subject:Patiant=1',
      /subject takes (?=.*:missing)(?=.*:identifier)(?=.*:above)(?=.*:below).*, and a type it leads to: :Patient, /,
    );
    await everywhere('/Patient?gender:nott=male', /gender takes :not, (?=.*:of-type)(?=.*:not-in)(?=.*:missing)/);
    await everywhere('/Observation?code-value-quantity:missing=true', /code-value-quantity:missing/);
    await everywhere('/ValueSet?url:exact=http://x', /url:exact/);
    await everywhere('/Patient?_id:exact=a', /_id:exact/);
    await everywhere('/Patient?_count:exact=1', /_count/);
    await everywhere('/Patient?_sort:asc=name', /_sort/);
    await everywhere('/Patient?name:=x', /name:/);
    await everywhere('/Patient?name:exact:missing=x', /name:exact:missing/);
  });

  it('an unsupported modifier with an empty value', async () => {
    await everywhere('/Patient?name:foo=', /name:foo/);
  });

  it('what R4 has and this server not', async () => {
    await everywhere('/Observation?_filter=code in http://x', /no value set/);
    await everywhere('/Patient?_list=$current-problems', /_list/);
    await everywhere('/Patient?_list:not=1', /_list/);
    await everywhere('/Patient?_query=x', /_query: .* no named queries/);
    await everywhere('/Observation?code:in=http://x', /:in/);
    await everywhere('/Patient?_containedType=container', /_containedType/);
    await everywhere('/Observation?_include:again=Observation:subject', /again/);
  });

  it('a chain that leads nowhere', async () => {
    await everywhere('/Observation?code.name=x', /no reference/);
    await everywhere('/Observation?subject:Practitioner.name=x', /never leads/);
    await everywhere('/Observation?subject:exact.name=x', /exact/);
    await everywhere('/Observation?subject:identifier.name=x', /identifier/);
    await everywhere('/Patient?_has:Observation:patient=x', /_has:Type/);
    await everywhere('/Patient?_has:Observation=x', /_has:Type/);
    await everywhere('/Patient?_has=x', /_has:Type/);
    await everywhere('/Patient?_has:Observatio:patient:code=x', /Observation/);
    await everywhere('/Patient?_has:Observation:code:code=x', /no reference parameter "code"; nearest: .*subject/);
    await everywhere('/Patient?_has:Observation:encounter:code=x', /never leads to Patient; nearest: .*patient/);
    await everywhere(`/Patient?${'link.'.repeat(20)}name=x`, /steps/);
    await everywhere(`/Composition?${'subject.'.repeat(8)}status=x`, /too many types/);
    await everywhere(`/Composition?_sort=${'subject.'.repeat(8)}status`, /too many types/);
  });

  it('a malformed value', async () => {
    await everywhere('/Patient?birthdate=70', /birthdate/);
    await everywhere('/Patient?birthdate=1970-13', /birthdate/);
    await everywhere('/Patient?birthdate=1970-02-30', /birthdate/);
    await everywhere('/Patient?birthdate=xx1970', /birthdate/);
    await everywhere('/Patient?birthdate=1970-01-01T25:00', /birthdate/);
    await everywhere('/Patient?birthdate=gt', /birthdate/);
    await everywhere('/Patient?_lastUpdated=yesterday', /_lastUpdated/);
    await everywhere('/RiskAssessment?probability=high', /probability/);
    await everywhere('/RiskAssessment?probability=1,5x', /probability/);
    await everywhere('/Observation?value-quantity=x|http://unitsofmeasure.org|mg', /value-quantity/);
    await everywhere('/Observation?value-quantity=1|2|3|4', /value-quantity/);
    await everywhere('/Observation?value-quantity=|http://unitsofmeasure.org|mg', /value-quantity/);
    await everywhere('/Observation?code=a|b|c', /code/);
    await everywhere('/Observation?code=|', /code/);
    await everywhere('/Patient?active=yes', /active/);
    await everywhere('/Patient?name:missing=perhaps', /missing/);
    await everywhere('/Patient?name:missing=true,false', /missing/);
    await everywhere('/Observation?subject=Patiant/1', /subject/);
    await everywhere('/Observation?subject=Patient/a b', /subject/);
    await everywhere('/Observation?code-value-quantity=x', /code-value-quantity/);
    await everywhere('/Observation?code-value-quantity=x$y$z', /code-value-quantity/);
    await everywhere('/Patient?_filter=name is x', /_filter, character 6: expected an operator/);
    await everywhere('/Patient?_filter=birthdate ge 70', /_filter: birthdate ge/);
    await everywhere('/Patient?_filter=famly eq x', /family/);
  });

  it('a prefix on the wrong type', async () => {
    // A prefix is only read on numbers, dates and quantities: elsewhere it is part of the value.
    expect(await find(server, '/Patient?name=gtAnn')).toBe('');
    await everywhere('/Patient?birthdate=lk1970', /birthdate/);
    await everywhere('/Patient?birthdate=GE1970', /birthdate/);
  });

  it('what cannot be sorted by', async () => {
    await everywhere('/Patient?_sort=famly', /family/);
    await everywhere('/Patient?_sort=--name', /_sort/);
    await everywhere('/Observation?_sort=code-value-quantity', /composite/);
    await everywhere('/Observation?_sort=subject:Patient.nam', /name/);
    await everywhere('/Observation?_sort=code.name', /code/);
    await everywhere('?_type=Patient,Observation&_sort=birthdate', /_sort/);
  });

  it('unknown words of result parameters', async () => {
    await everywhere('/Patient?_summary=all', /_summary/);
    await everywhere('/Patient?_elements=nam', /name/);
    await everywhere('/Patient?_include=Patient:foo', /_include/);
    await everywhere('/Patient?_include=Observation:subject', /_include/);
    await everywhere('/Patient?_include=Patient', /_include/);
    await everywhere('/Patient?_revinclude=Observation:code', /_revinclude/);
    await everywhere('/Patient?_revinclude=Obs:subject', /Observation/);
    await everywhere('/Patient?_revinclude=Observation:device', /_revinclude/);
    await everywhere('/Patient?_summary=text&_include=Patient:link', /_summary/);
    await everywhere('/Patient?_summary=true&_elements=name', /_summary/);
  });
});

describe('an empty value', () => {
  it('is ignored and left out of self', async () => {
    for (const query of ['name=', 'name=,', 'name:exact=', 'birthdate=', '_include=', '_summary=', 'name:missing=']) {
      const page = await server.get(`/Patient?${query}&gender=male`);
      expect(idsOf(page), query).toEqual(['b']);
      expect(selfOf(page), query).toEqual(['gender=male', '_count=50']);
    }
    expect(await find(server, '/Patient?_id=')).toBe('a b');
    expect(await find(server, '/Patient?name=,Ann,,')).toBe('a');
  });
});

describe('a bare id that exists in several of the parameter’s types', () => {
  it('is 400 and names them', async () => {
    expect(await refused(server, '/Observation?subject=a')).toMatch(/Patient\/a/);
    expect(await refused(server, '/Observation?subject=a')).toMatch(/Group\/a/);
    expect((await server.get('/Observation?subject=b,a', lenient)).status).toBe(400);
  });

  it('is no matter with the type named', async () => {
    expect(await find(server, '/Observation?subject=Patient/a')).toBe('o1');
    expect(await find(server, '/Observation?subject:Patient=a')).toBe('o1');
    expect(await find(server, '/Observation?subject:Group=a')).toBe('o2');
    expect(await find(server, '/Observation?patient=a')).toBe('o1');
  });

  it('means the one that exists elsewhere', async () => {
    expect(await find(server, '/Observation?subject=b')).toBe('o3');
    expect(await find(server, '/Observation?subject=g')).toBe('o4');
    expect(await find(server, '/Observation?subject=gone')).toBe('o5');
  });

  it('that came to be so during a walk does not end the walk', async () => {
    await load(server, [
      patient('w'),
      observation('w1', { subject: { reference: 'Patient/w' } }),
      observation('w2', { subject: { reference: 'Patient/w' } }),
    ]);
    const page = await server.get('/Observation?subject=w&_count=1');
    await load(server, [{ resourceType: 'Group', id: 'w', type: 'person', actual: true }]);
    expect((await server.get('/Observation?subject=w&_count=1')).status).toBe(400);
    expect(idsOf(await server.get(link(page, 'next') ?? ''))).toHaveLength(1);
  });
});

/** `:in`, `:not-in`, `:above` and `:below` on tokens, with value sets and code systems of the store and of R4. https://hl7.org/fhir/R4/search.html#token */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { base, find, idsOf, link, load, patient, refusal, selfOf } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;
const bones = 'http://example.org/CodeSystem/bones';
const joints = 'http://example.org/ValueSet/joints';
const clinical = 'http://terminology.hl7.org/CodeSystem/condition-clinical';

const condition = (id: string, codes: readonly (readonly [string, string])[], more: Json = {}): Json => ({
  resourceType: 'Condition',
  id,
  subject: { reference: 'Patient/p' },
  ...(codes.length > 0 && { code: { coding: codes.map(([system, code]) => ({ system, code })) } }),
  ...more,
});
const valueSet = (id: string, url: string, include: Json, more: Json = {}): Json => ({
  resourceType: 'ValueSet',
  id,
  url,
  status: 'active',
  compose: { include: [include] },
  ...more,
});
const below = (code: string): Json => ({ system: bones, filter: [{ property: 'concept', op: 'is-a', value: code }] });
const status = (code: string): Json => ({ clinicalStatus: { coding: [{ system: clinical, code }] } });

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    patient('p'),
    {
      resourceType: 'CodeSystem',
      id: 'bones',
      url: bones,
      status: 'active',
      content: 'complete',
      concept: [
        {
          code: 'leg',
          concept: [{ code: 'Knee', concept: [{ code: 'meniscus' }] }, { code: 'hip' }],
        },
        { code: 'arm', concept: [{ code: 'elbow' }] },
      ],
    },
    valueSet('joints', joints, { system: bones, concept: [{ code: 'Knee' }, { code: 'hip' }, { code: 'elbow' }] }),
    valueSet('legs', 'http://example.org/ValueSet/legs', below('leg')),
    valueSet('nested', 'http://example.org/ValueSet/nested', {
      valueSet: [joints, 'http://example.org/ValueSet/legs'],
    }),
    valueSet('any', 'http://example.org/ValueSet/any', { system: bones }),
    valueSet('none', 'http://example.org/ValueSet/none', below('leg'), {
      compose: { include: [below('leg')], exclude: [{ system: bones }] },
    }),
    valueSet('v1', 'http://example.org/ValueSet/versioned', below('arm'), { version: '1.9' }),
    valueSet('v2', 'http://example.org/ValueSet/versioned', below('hip'), { version: '1.10' }),
    valueSet('lacking', 'http://example.org/ValueSet/lacking', {
      system: 'http://snomed.info/sct',
      filter: [{ property: 'concept', op: 'is-a', value: '1' }],
    }),
    condition('leg', [[bones, 'leg']], status('active')),
    condition('knee', [[bones, 'Knee']], status('relapse')),
    condition('meniscus', [[bones, 'meniscus']]),
    condition('hip', [
      [bones, 'hip'],
      ['urn:other', 'x'],
    ]),
    condition('elbow', [[bones, 'elbow']]),
    condition('other', [['urn:other', 'Knee']]),
    condition('bare', []),
  ]);
});
afterAll(() => server.close());

const conditions = (query: string) => find(server, `/Condition?${query}`);

describe(':in', () => {
  it('finds codes of the value set, by its url', async () => {
    expect(await conditions(`code:in=${joints}`)).toBe('elbow hip knee');
    expect(await conditions('code:in=http://example.org/ValueSet/legs')).toBe('hip knee leg meniscus');
    expect(await conditions('code:in=http://example.org/ValueSet/nested')).toBe('hip knee');
  });

  it('by its literal reference, relative or absolute', async () => {
    expect(await conditions('code:in=ValueSet/joints')).toBe('elbow hip knee');
    expect(await conditions(`code:in=${base}/ValueSet/joints`)).toBe('elbow hip knee');
  });

  it('by its version, the latest where none is named', async () => {
    expect(await conditions('code:in=http://example.org/ValueSet/versioned')).toBe('hip');
    expect(await conditions('code:in=http://example.org/ValueSet/versioned|1.10')).toBe('hip');
    expect(await conditions('code:in=http://example.org/ValueSet/versioned|1.9')).toBe('elbow');
    expect(refusal(await server.get('/Condition?code:in=http://example.org/ValueSet/versioned|2')).code).toBe(
      'not-found',
    );
  });

  it('by the versions that the value set names of systems and of other value sets', async () => {
    const shapes = 'http://example.org/CodeSystem/shapes';
    const url = (name: string) => `http://example.org/ValueSet/${name}`;
    const round = { property: 'concept', op: 'is-a', value: 'round' };
    const system = (version: string, below: readonly string[]): Json => ({
      resourceType: 'CodeSystem',
      id: `shapes-${version}`,
      url: shapes,
      version,
      status: 'active',
      content: 'complete',
      concept: [{ code: 'round', concept: below.map((code) => ({ code })) }, { code: 'square' }],
    });
    const set = (name: string, include: Json, version = '1'): Json =>
      valueSet(`${name}-${version}`, url(name), include, { version });
    await load(server, [
      system('1', ['ball']),
      system('2', ['ball', 'disc']),
      set('round', { system: shapes, version: '1', filter: [round] }),
      set('round', { system: shapes, filter: [round] }, '2'),
      set('first', { valueSet: [`${url('round')}|1`] }),
      set('newest', { valueSet: [url('round')] }),
      set('third', { system: shapes, version: '3', filter: [round] }),
      ...['ball', 'disc', 'square'].map((code) => ({
        ...condition(code, [[shapes, code]]),
        resourceType: 'Procedure',
        status: 'completed',
      })),
    ]);
    const procedures = (value: string) => find(server, `/Procedure?code:in=${value}`);
    expect(await procedures(`${url('round')}|1`)).toBe('ball');
    expect(await procedures(`${url('round')}|2`)).toBe('ball disc');
    expect(await procedures(url('round'))).toBe('ball disc');
    expect(await procedures(url('first'))).toBe('ball');
    expect(await procedures(url('newest'))).toBe('ball disc');
    expect(await find(server, `/Procedure?code:not-in=${url('first')}`)).toBe('disc square');
    const refused = refusal(await server.get(`/Procedure?code:in=${url('third')}`));
    expect([refused.code, refused.diagnostics]).toEqual(['not-supported', expect.stringContaining(`${shapes}|3`)]);
  });

  it('finds all of a whole system, and nothing of a set without codes', async () => {
    expect(await conditions('code:in=http://example.org/ValueSet/any')).toBe('elbow hip knee leg meniscus');
    expect(await conditions('code:in=http://example.org/ValueSet/none')).toBe('');
    expect(await conditions('code:not-in=http://example.org/ValueSet/none')).toBe(
      'bare elbow hip knee leg meniscus other',
    );
  });

  it('takes alternatives and repeats', async () => {
    expect(await conditions(`code:in=http://example.org/ValueSet/versioned,${joints}`)).toBe('elbow hip knee');
    expect(await conditions(`code:in=${joints}&code:in=http://example.org/ValueSet/legs`)).toBe('hip knee');
    expect(await conditions(`code:in=${joints}&code=hip`)).toBe('hip');
    const page = await server.get(`/Condition?code:in=${joints}&_count=2&_sort=_id`);
    expect(selfOf(page)).toEqual([`code:in=${joints}`, '_sort=_id', '_count=2']);
  });

  it('takes value sets of R4', async () => {
    expect(await conditions('clinical-status:in=http://hl7.org/fhir/ValueSet/condition-clinical')).toBe('knee leg');
    expect(await find(server, '/Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender')).toBe('');
  });

  it('refuses what is not here, and names it', async () => {
    const unknown = refusal(await server.get('/Condition?code:in=http://example.org/ValueSet/nothing'));
    expect(unknown.code).toBe('not-found');
    expect(unknown.diagnostics).toMatch(/code:in.*http:\/\/example.org\/ValueSet\/nothing/);
    const lacking = refusal(await server.get('/Condition?code:in=http://example.org/ValueSet/lacking'));
    expect(lacking.code).toBe('not-supported');
    expect(lacking.diagnostics).toMatch(/http:\/\/snomed.info\/sct is here without its concepts/);
    const lenient = { Prefer: 'handling=lenient' };
    expect((await server.get('/Condition?code:in=http://example.org/ValueSet/nothing', lenient)).status).toBe(400);
    expect(refusal(await server.get(`/Patient?identifier:in=${joints}`)).code).toBe('not-supported');
  });

  it('sees what is stored later', async () => {
    const url = 'http://example.org/ValueSet/later';
    expect((await server.get(`/Condition?code:in=${url}`)).status).toBe(400);
    await load(server, [valueSet('later', url, below('arm'))]);
    expect(await conditions(`code:in=${url}`)).toBe('elbow');
    await load(server, [valueSet('later', url, below('Knee'))]);
    expect(await conditions(`code:in=${url}`)).toBe('knee meniscus');
    await server.send('DELETE', '/ValueSet/later');
    expect((await server.get(`/Condition?code:in=${url}`)).status).toBe(400);
  });

  it('is made once, and again when anything that it was made of is another', async () => {
    const sets = 'http://example.org/ValueSet/kept';
    const outer = valueSet('kept-outer', `${sets}-outer`, { valueSet: [`${sets}-inner`] });
    const inner = (code: string, more: Json = {}) => valueSet('kept-inner', `${sets}-inner`, below(code), more);
    const parse = vi.spyOn(JSON, 'parse');
    const reads = (): number => {
      const read = parse.mock.calls.filter(([text]) => text.startsWith('{"resourceType":"ValueSet","id":"kept-outer"'));
      parse.mockClear();
      return read.length;
    };
    const search = async () => [await conditions(`code:in=${sets}-outer`), reads()];
    await load(server, [outer, inner('arm')]);
    reads();
    expect(await search()).toEqual(['elbow', 1]);
    expect(await search()).toEqual(['elbow', 0]);
    await load(server, [inner('Knee')]);
    expect(await search()).toEqual(['knee meniscus', 1]);
    expect(await search()).toEqual(['knee meniscus', 0]);
    const refused = async () => [refusal(await server.get(`/Condition?code:in=${sets}-outer`)).diagnostics, reads()];
    await server.send('DELETE', '/ValueSet/kept-inner');
    // Whoever is told that it is in use has read it.
    reads();
    expect(await refused()).toEqual([expect.stringMatching(/no value set .*kept-inner/), 1]);
    expect(await refused()).toEqual([expect.stringMatching(/^code:in: there is no value set .*kept-inner/), 0]);
    await load(server, [inner('hip')]);
    expect(await search()).toEqual(['hip', 1]);
    parse.mockRestore();
  });

  it('keeps during a walk to the value set of its first page', async () => {
    const url = 'http://example.org/ValueSet/walked';
    await load(server, [valueSet('walked', url, below('leg'))]);
    const first = await server.get(`/Condition?code:in=${url}&_sort=_id&_count=2`);
    expect(idsOf(first)).toEqual(['hip', 'knee']);
    await load(server, [valueSet('walked', url, below('arm'))]);
    expect(idsOf(await server.get(link(first, 'next') ?? ''))).toEqual(['leg', 'meniscus']);
    expect(await conditions(`code:in=${url}`)).toBe('elbow');
  });
});

describe(':not-in', () => {
  it('finds what :in does not, resources without a code too', async () => {
    const all = 'bare elbow hip knee leg meniscus other'.split(' ');
    for (const id of ['joints', 'legs', 'nested', 'any', 'none', 'v1']) {
      const within = (await conditions(`code:in=ValueSet/${id}`)).split(' ');
      const without = await conditions(`code:not-in=ValueSet/${id}`);
      expect(without).toBe(all.filter((each) => !within.includes(each)).join(' '));
    }
    expect(await conditions('code:not-in=ValueSet/legs,ValueSet/v1')).toBe('bare other');
  });
});

describe(':below and :above', () => {
  it('find what a code subsumes and is subsumed by, itself included', async () => {
    expect(await conditions(`code:below=${bones}|leg`)).toBe('hip knee leg meniscus');
    expect(await conditions(`code:below=${bones}|Knee`)).toBe('knee meniscus');
    expect(await conditions(`code:below=${bones}|elbow`)).toBe('elbow');
    expect(await conditions(`code:above=${bones}|meniscus`)).toBe('knee leg meniscus');
    expect(await conditions(`code:below=${bones}|Knee,${bones}|arm`)).toBe('elbow knee meniscus');
  });

  it('use the code systems of R4, that of the binding where no system is written', async () => {
    expect(await conditions(`clinical-status:below=${clinical}|active`)).toBe('knee leg');
    expect(await conditions(`clinical-status:above=${clinical}|relapse`)).toBe('knee leg');
  });

  it('find nothing for a code that the system does not have', async () => {
    expect(await conditions(`code:below=${bones}|wing`)).toBe('');
  });

  it('refuse a system that is not here, and a code without one', async () => {
    const unknown = refusal(await server.get('/Condition?code:below=http://snomed.info/sct|64572001'));
    expect(unknown.code).toBe('not-supported');
    expect(unknown.diagnostics).toMatch(/code:below.*http:\/\/snomed.info\/sct is here without its concepts/);
    const nowhere = refusal(await server.get('/Condition?code:above=http://example.org/nothing|x'));
    expect(nowhere.diagnostics).toMatch(/http:\/\/example.org\/nothing is not here/);
    expect(refusal(await server.get('/Condition?code:below=leg')).diagnostics).toMatch(/write system\|code/);
  });
});

describe('criteria of writes', () => {
  it('take the modifiers as well', async () => {
    const made = condition('made', [[bones, 'elbow']]);
    const { id: _, ...body } = made;
    const headers = { 'If-None-Exist': `code:in=${joints}&_id=elbow` };
    const found = await server.send('POST', '/Condition', body, headers);
    expect(found.status).toBe(200);
    expect(found.body.id).toBe('elbow');
    const many = { 'If-None-Exist': `code:below=${bones}|leg` };
    expect((await server.send('POST', '/Condition', body, many)).status).toBe(412);
    const lacking = { 'If-None-Exist': 'code:in=http://example.org/ValueSet/nothing' };
    expect((await server.send('POST', '/Condition', body, lacking)).status).toBe(400);
    const deleted = await server.send('DELETE', `/Condition?code:above=${bones}|nothing`);
    expect(deleted.status).toBe(204);
  });

  it('in bundles too', async () => {
    const { id: _, ...resource } = condition('x', [[bones, 'elbow']]);
    const bundle = {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { resource, request: { method: 'POST', url: 'Condition', ifNoneExist: `code:below=${bones}|arm` } },
        { request: { method: 'GET', url: `Condition?code:in=${joints}` } },
      ],
    };
    const reply = await server.send('POST', '', bundle, { Prefer: 'return=representation' });
    expect(reply.status, reply.text).toBe(200);
    expect(reply.body.entry[0].response.status).toMatch(/^200/);
    expect(reply.body.entry[1].resource.total).toBe(3);
  });
});

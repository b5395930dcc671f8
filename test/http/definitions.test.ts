/** StructureDefinition, ValueSet and CodeSystem resources count as soon as they are stored. https://hl7.org/fhir/R4/conformance-module.html */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';
import { freshStore, onMongo } from './stores.ts';
import { bundle, entry, idOf, unique } from './writing.ts';

const store = freshStore();
let server: TestServer;
/** Another process where the store can have several, otherwise the same. */
let other: TestServer;
beforeAll(async () => {
  server = await testServer({ VALIDATION: 'profiles', STORE_URL: store.url });
  other = onMongo ? await testServer({ VALIDATION: 'profiles', STORE_URL: store.url }) : server;
});
afterAll(async () => {
  if (other !== server) await other.close();
  await server.close();
  await store.remove();
});

const patientUrl = 'http://hl7.org/fhir/StructureDefinition/Patient';
const narrative = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' };
const minimum = (path: string, min: number, more: Json = {}) => ({ id: path, path, min, ...more });

function profile(name: string, element: readonly Json[], more: Json = {}): Json {
  return {
    resourceType: 'StructureDefinition',
    id: name,
    text: narrative,
    url: `http://example.org/StructureDefinition/${name}`,
    name: 'Profile',
    status: 'active',
    kind: 'resource',
    abstract: false,
    type: 'Patient',
    baseDefinition: patientUrl,
    derivation: 'constraint',
    differential: { element },
    ...more,
  };
}

const patient = (canonical: string, more: Json = {}): Json => ({
  resourceType: 'Patient',
  meta: { profile: [canonical] },
  ...more,
});

const put = (resource: Json) => server.send('PUT', `/${resource.resourceType}/${resource.id}`, resource);
const named = { name: [{ family: 'Holm' }] };

async function stored(...resources: readonly Json[]): Promise<void> {
  for (const each of resources) {
    const reply = await put(each);
    expect([200, 201], reply.text).toContain(reply.status);
  }
}

/** What the other process answers to a create. */
const statusOf = async (resource: Json) => (await other.send('POST', `/${resource.resourceType}`, resource)).status;

function issues(reply: Reply, severity: string): readonly Json[] {
  return reply.body.issue.filter((each: Json) => each.severity === severity);
}

describe('a profile', () => {
  test('counts for the next write, on all processes; so does its change, and its end', async () => {
    const name = unique('profile');
    const url = `http://example.org/StructureDefinition/${name}`;
    expect(await statusOf(patient(url))).toBe(201);
    await stored(profile(name, [minimum('Patient.name', 1)]));
    expect(await statusOf(patient(url))).toBe(422);
    expect(await statusOf(patient(url, named))).toBe(201);
    await stored(profile(name, [minimum('Patient.birthDate', 1)]));
    expect(await statusOf(patient(url, named))).toBe(422);
    expect(await statusOf(patient(url, { birthDate: '1960-01-01' }))).toBe(201);
    expect((await server.send('DELETE', `/StructureDefinition/${name}`)).status).toBe(200);
    expect(await statusOf(patient(url))).toBe(201);
  });

  test('counts when a transaction, a patch or a batch has written it', async () => {
    const name = unique('profile');
    const url = `http://example.org/StructureDefinition/${name}`;
    const asked = entry('PUT', `StructureDefinition/${name}`, profile(name, [minimum('Patient.name', 1)]));
    expect((await server.send('POST', '', bundle('transaction', asked))).status).toBe(200);
    expect(await statusOf(patient(url))).toBe(422);
    const patch = [{ op: 'replace', path: '/differential/element/0/min', value: 0 }];
    const type = { 'Content-Type': 'application/json-patch+json' };
    expect((await server.send('PATCH', `/StructureDefinition/${name}`, patch, type)).status).toBe(200);
    expect(await statusOf(patient(url))).toBe(201);
    expect((await server.send('POST', '', bundle('batch', asked))).status).toBe(200);
    expect(await statusOf(patient(url))).toBe(422);
  });

  test('is meant by version, and without one the latest active', async () => {
    const url = `http://example.org/StructureDefinition/${unique('profile')}`;
    const versions: Json[] = [
      profile(unique('v'), [minimum('Patient.name', 1)], { url, version: '9.0.0' }),
      profile(unique('v'), [minimum('Patient.birthDate', 1)], { url, version: '10.0.0' }),
      profile(unique('v'), [minimum('Patient.gender', 1)], { url, version: '11.0.0', status: 'draft' }),
    ];
    await stored(...versions);
    const born = { birthDate: '1960-01-01' };
    expect(await statusOf(patient(url, born))).toBe(201);
    expect(await statusOf(patient(url, named))).toBe(422);
    expect(await statusOf(patient(`${url}|9.0.0`, named))).toBe(201);
    expect(await statusOf(patient(`${url}|9.0.0`, born))).toBe(422);
    expect(await statusOf(patient(`${url}|11.0.0`, { gender: 'female' }))).toBe(201);
    expect(await statusOf(patient(`${url}|11.0.0`, born))).toBe(422);
  });

  test('that can’t be used is refused', async () => {
    const wrong = profile(unique('wrong'), [
      minimum('Patient.name', 1, {
        constraint: [{ key: 'x-1', severity: 'error', human: 'x', expression: 'family.exists(' }],
      }),
    ]);
    const reply = await put(wrong);
    expect(reply.status, reply.text).toBe(422);
    const nowhere = profile(unique('wrong'), [minimum('Patient.nonsense', 1)]);
    expect((await put(nowhere)).status).toBe(422);
    const asked = bundle('transaction', entry('POST', 'StructureDefinition', nowhere));
    const [issue] = issues(await server.send('POST', '', asked), 'error');
    expect(issue.expression[0]).toMatch(/^Bundle\.entry\[0]\.resource/);
  });

  test('may come with its base in one transaction, in any order', async () => {
    const base = profile(unique('base'), [minimum('Patient.name', 1)]);
    const derived = profile(unique('derived'), [minimum('Patient.gender', 1)], { baseDefinition: base.url });
    expect((await put(derived)).status).toBe(422);
    const entries = [derived, base].map((each) => entry('PUT', `StructureDefinition/${each.id}`, each));
    const reply = await server.send('POST', '', bundle('transaction', ...entries));
    expect(reply.status, reply.text).toBe(200);
    expect(await statusOf(patient(derived.url, { gender: 'female' }))).toBe(422);
    expect(await statusOf(patient(derived.url, { gender: 'female', ...named }))).toBe(201);
  });

  test('is what other resources of its transaction are checked against, in any order', async () => {
    const made = profile(unique('profile'), [minimum('Patient.name', 1)], { version: '1.0.0' });
    const send = (...resources: readonly Json[]) => {
      const entries = resources.map((each) =>
        each.id === undefined
          ? entry('POST', each.resourceType, each)
          : entry('PUT', `${each.resourceType}/${each.id}`, each),
      );
      return server.send('POST', '', bundle('transaction', ...entries));
    };
    const refused = await send(patient(made.url), made);
    expect(refused.status, refused.text).toBe(422);
    expect(issues(refused, 'error').flatMap(({ expression }) => expression)).toEqual(['Bundle.entry[0].resource.name']);
    expect((await server.get(`/StructureDefinition/${made.id}`)).status).toBe(404);
    const reply = await send(patient(`${made.url}|1.0.0`, named), made);
    expect(reply.status, reply.text).toBe(200);
    // Also where it takes the place of what is stored, and beside another version.
    const next = { ...made, version: '2.0.0', differential: { element: [minimum('Patient.birthDate', 1)] } };
    expect((await send(patient(made.url, named), next)).status).toBe(422);
    const another = { ...next, id: unique('profile') };
    const both = [patient(made.url, { birthDate: '1960' }), patient(`${made.url}|1.0.0`, named)];
    expect((await send(...both, another)).status).toBe(200);
    expect((await send(patient(`${made.url}|1.0.0`), { ...another, id: unique('profile') })).status).toBe(422);
  });

  test('no longer counts in the transaction that deletes it', async () => {
    const made = profile(unique('profile'), [minimum('Patient.name', 1)], { version: '2.0.0' });
    expect((await server.send('PUT', `/StructureDefinition/${made.id}`, made)).status).toBe(201);
    const differential = { element: [minimum('Patient.birthDate', 1)] };
    const earlier = { ...made, id: unique('profile'), version: '1.0.0', differential };
    const gone = { request: { method: 'DELETE', url: `StructureDefinition/${made.id}` } };
    const send = (resource: Json) =>
      server.send(
        'POST',
        '',
        bundle(
          'transaction',
          entry('POST', 'Patient', resource),
          entry('PUT', `StructureDefinition/${earlier.id}`, earlier),
          gone,
        ),
      );
    // The version 2.0.0 goes, so the url means 1.0.0.
    expect((await send(patient(made.url, named))).status).toBe(422);
    const reply = await send(patient(made.url, { birthDate: '1960' }));
    expect(reply.status, reply.text).toBe(200);
  });

  test('with its value set and code system counts within the transaction that brings all of them', async () => {
    const [name, system] = [unique('bound'), `http://example.org/CodeSystem/${unique('colours')}`];
    const set = { resourceType: 'ValueSet', text: narrative, url: `${system}/set`, status: 'active' };
    const definitions: readonly Json[] = [
      { resourceType: 'CodeSystem', text: narrative, url: system, status: 'active', content: 'complete' },
      { ...set, compose: { include: [{ system }] } },
      profile(name, [
        {
          id: 'Patient.maritalStatus',
          path: 'Patient.maritalStatus',
          binding: { strength: 'required', valueSet: set.url },
        },
      ]),
    ].map((each) => (each.resourceType === 'CodeSystem' ? { ...each, concept: [{ code: 'red' }] } : each));
    const { url } = profile(name, []);
    const send = (code: string) => {
      const coloured = patient(url, { maritalStatus: { coding: [{ system, code }] } });
      const entries = [...definitions, coloured].map((each) =>
        entry('POST', each.resourceType, { ...each, id: undefined }),
      );
      return server.send('POST', '', bundle('transaction', ...entries));
    };
    const refused = await send('blue');
    expect(refused.status, refused.text).toBe(422);
    expect(issues(refused, 'error')).toMatchObject([{ expression: ['Bundle.entry[3].resource.maritalStatus'] }]);
    const reply = await send('red');
    expect(reply.status, reply.text).toBe(200);
    expect(await statusOf(patient(url, { maritalStatus: { coding: [{ system, code: 'blue' }] } }))).toBe(422);
  });

  test('whose base is itself, or based on it, is refused', async () => {
    const [one, other] = [unique('circle'), unique('circle')];
    const on = (name: string, base: string) =>
      profile(name, [minimum('Patient.name', 1)], { baseDefinition: `http://example.org/StructureDefinition/${base}` });
    expect((await put(on(one, one))).status).toBe(422);
    const entries = [on(one, other), on(other, one)].map((each) =>
      entry('PUT', `StructureDefinition/${each.id}`, each),
    );
    const reply = await server.send('POST', '', bundle('transaction', ...entries));
    expect(reply.status, reply.text).toBe(422);
    expect(issues(reply, 'error')[0].diagnostics).toMatch(/base/i);
    // A circle that is closed by an update.
    await stored(profile(one, [minimum('Patient.name', 1)]), on(other, one));
    expect((await put(on(one, other))).status).toBe(422);
  });

  test('is among the supported profiles of its type while it is there', async () => {
    const name = unique('profile');
    const supported = async () => {
      const { body } = await other.get('/metadata');
      return body.rest[0].resource.find(({ type }: Json) => type === 'Patient').supportedProfile ?? [];
    };
    const { url } = profile(name, []);
    await stored(profile(name, [minimum('Patient.name', 1)]));
    expect(await supported()).toContain(url);
    await server.send('DELETE', `/StructureDefinition/${name}`);
    expect(await supported()).not.toContain(url);
  });
});

describe('a value set', () => {
  const system = 'http://example.org/CodeSystem/colours';
  const codeSystem = (...codes: readonly string[]): Json => ({
    resourceType: 'CodeSystem',
    id: 'colours',
    text: narrative,
    url: system,
    status: 'active',
    content: 'complete',
    concept: codes.map((code) => ({ code })),
  });
  const valueSet = (include: Json): Json => ({
    resourceType: 'ValueSet',
    id: 'colours',
    text: narrative,
    url: 'http://example.org/ValueSet/colours',
    status: 'active',
    compose: { include: [include] },
  });

  test('and its code system count for bindings at once', async () => {
    const name = unique('bound');
    const url = `http://example.org/StructureDefinition/${name}`;
    const binding = { strength: 'required', valueSet: 'http://example.org/ValueSet/colours' };
    await stored(codeSystem('red'), valueSet({ system }));
    await stored(profile(name, [{ id: 'Patient.maritalStatus', path: 'Patient.maritalStatus', binding }]));
    const coloured = (code: string) => patient(url, { maritalStatus: { coding: [{ system, code }] } });
    expect(await statusOf(coloured('red'))).toBe(201);
    expect(await statusOf(coloured('blue'))).toBe(422);
    await stored(codeSystem('red', 'blue'));
    expect(await statusOf(coloured('blue'))).toBe(201);
    await stored(valueSet({ system, concept: [{ code: 'blue' }] }));
    expect(await statusOf(coloured('red'))).toBe(422);
    expect(await statusOf(coloured('blue'))).toBe(201);
  });
});

describe('deleting a definition', () => {
  test('warns of definitions and resources that name it', async () => {
    const name = unique('used');
    const base = profile(name, [minimum('Patient.name', 1)]);
    const derived = profile(unique('derived'), [minimum('Patient.gender', 1)], { baseDefinition: base.url });
    await stored(base, derived);
    const id = idOf(await server.send('POST', '/Patient', patient(`${base.url}`, named)));
    const reply = await server.send('DELETE', `/StructureDefinition/${name}`);
    expect(reply.status).toBe(200);
    const [warning, another] = issues(reply, 'warning');
    expect(another).toBeUndefined();
    expect(warning.details.coding[0].code).toBe('in-use');
    for (const user of [`StructureDefinition/${derived.id}`, `Patient/${id}`])
      expect(warning.diagnostics).toContain(user);
    expect((await server.get(`/StructureDefinition/${name}`)).status).toBe(410);
  });

  test.each([
    [
      'a profile that a Questionnaire is derived from',
      'StructureDefinition',
      'Questionnaire',
      (url: string) => ({ derivedFrom: [url] }),
    ],
    [
      'the profile of an extension in a profile',
      'StructureDefinition',
      'StructureDefinition',
      (url: string) => ({ type: [{ code: 'Extension', profile: [url] }] }),
    ],
    [
      'a value set in a binding',
      'ValueSet',
      'StructureDefinition',
      (url: string) => ({ binding: { strength: 'example', valueSet: url } }),
    ],
    [
      'a code system in a value set',
      'CodeSystem',
      'ValueSet',
      (url: string) => ({ compose: { include: [{ system: url }] } }),
    ],
    [
      'a code system that another one supplements',
      'CodeSystem',
      'CodeSystem',
      (url: string) => ({ supplements: url, content: 'supplement' }),
    ],
    ['a value set that a map translates from', 'ValueSet', 'ConceptMap', (url: string) => ({ sourceCanonical: url })],
    [
      'a map that another one goes on with',
      'ConceptMap',
      'ConceptMap',
      (url: string) => ({ group: [{ element: [{ code: 'x' }], unmapped: { mode: 'other-map', url } }] }),
    ],
  ] as const)('warns of %s', async (_, type, userType, naming) => {
    const [id, user] = [unique('definition'), unique('user')];
    const url = `http://example.org/${type}/${id}`;
    const head = (resourceType: string): Json => {
      const content = resourceType === 'CodeSystem' ? { content: 'complete' } : {};
      return { resourceType, text: narrative, name: 'Named', status: 'active', ...content };
    };
    const names = naming(url);
    const users: Json =
      userType === 'StructureDefinition'
        ? profile(user, [{ id: 'Patient.extension', path: 'Patient.extension', ...names }])
        : { ...head(userType), id: user, url: `http://example.org/users/${user}`, ...names };
    await stored(
      type === 'StructureDefinition' ? profile(id, [minimum('Patient.name', 1)]) : { ...head(type), id, url },
    );
    await stored(users);
    const reply = await server.send('DELETE', `/${type}/${id}`);
    expect(reply.status, reply.text).toBe(200);
    expect(issues(reply, 'warning').map(({ diagnostics }) => diagnostics)).toEqual([
      `${type}/${id} is deleted, but ${url} is still named by ${userType}/${user}.`,
    ]);
  });

  test('of which others name another version doesn’t warn', async () => {
    const url = `http://example.org/StructureDefinition/${unique('profile')}`;
    const [one, two] = ['1.0.0', '2.0.0'].map((version) =>
      profile(unique('v'), [minimum('Patient.name', 1)], { url, version }),
    );
    await stored(one, two);
    const ids = [url, `${url}|1.0.0`].map(async (canonical) =>
      idOf(await server.send('POST', '/Patient', patient(canonical, named))),
    );
    const [latest, first] = await Promise.all(ids);
    // Version 1.0.0 is named by version alone; without a version the other one is meant.
    const reply = await server.send('DELETE', `/StructureDefinition/${one.id}`);
    expect(issues(reply, 'warning').map(({ diagnostics }) => diagnostics)).toEqual([
      `StructureDefinition/${one.id} is deleted, but ${url}|1.0.0 is still named by Patient/${first}.`,
    ]);
    await server.send('DELETE', `/Patient/${latest}`);
    expect((await server.send('DELETE', `/StructureDefinition/${two.id}`)).status).toBe(204);
  });

  test('warns of each of several, whose users are looked for together', async () => {
    const families = [0, 1].map(() => {
      const base = profile(unique('base'), [minimum('Patient.name', 1)]);
      return {
        base,
        derived: profile(unique('derived'), [minimum('Patient.gender', 1)], { baseDefinition: base.url }),
      };
    });
    await stored(...families.flatMap(({ base, derived }) => [base, derived]));
    const search = vi.spyOn(server.context.store, 'search');
    const entries = families.map(({ base }) => entry('DELETE', `StructureDefinition/${base.id}`));
    const { body } = await server.send('POST', '', bundle('transaction', ...entries));
    const passes = search.mock.calls.filter(
      ([{ parts, position }]) =>
        parts[0]?.type === 'StructureDefinition' && parts[0].criterion.kind === 'and' && position === undefined,
    );
    search.mockRestore();
    expect(passes).toHaveLength(1);
    const told = body.entry.map(({ response }: Json) =>
      response.outcome.issue
        .filter(({ severity }: Json) => severity === 'warning')
        .map(({ diagnostics }: Json) => diagnostics),
    );
    expect(told).toEqual(
      families.map(({ base, derived }) => [
        `StructureDefinition/${base.id} is deleted, but ${base.url} is still named by StructureDefinition/${derived.id}.`,
      ]),
    );
  });

  test('together with all that names it doesn’t warn', async () => {
    const base = profile(unique('base'), [minimum('Patient.name', 1)]);
    const derived = profile(unique('derived'), [minimum('Patient.gender', 1)], { baseDefinition: base.url });
    await stored(base, derived);
    const entries = [base, derived].map(({ id }) => entry('DELETE', `StructureDefinition/${id}`));
    const { body } = await server.send('POST', '', bundle('transaction', ...entries));
    expect(body.entry.map(({ response }: Json) => response.status)).toEqual(['204 No Content', '204 No Content']);
  });

  describe('in a transaction', () => {
    const warningsOf = ({ body }: Reply): readonly string[] =>
      body.entry.flatMap(({ response }: Json) =>
        (response.outcome?.issue ?? [])
          .filter(({ details }: Json) => details?.coding[0].code === 'in-use')
          .map(({ diagnostics }: Json) => diagnostics),
      );
    const sent = async (...entries: readonly Json[]) => {
      const reply = await server.send('POST', '', bundle('transaction', ...entries), {
        Prefer: 'return=OperationOutcome',
      });
      expect(reply.status, reply.text).toBe(200);
      return warningsOf(reply);
    };
    const used = async () => {
      const made = profile(unique('used'), [minimum('Patient.name', 1)]);
      const derived = profile(unique('derived'), [minimum('Patient.gender', 1)], { baseDefinition: made.url });
      await stored(made, derived);
      const user = {
        ...patient(made.url, named),
        id: idOf(await server.send('POST', '/Patient', patient(made.url, named))),
      };
      return { made, derived, user, path: `StructureDefinition/${made.id}` };
    };

    test('that changes all that names it, too, it doesn’t warn', async () => {
      const { made, derived, user, path } = await used();
      const url = `${made.url}-moved`;
      const entries = [
        entry('PUT', path, { ...made, url }),
        entry('PUT', `StructureDefinition/${derived.id}`, { ...derived, baseDefinition: url }),
        entry('PUT', `Patient/${user.id}`, { ...user, meta: { profile: [url] } }),
      ];
      expect(await sent(...entries)).toEqual([]);
    });

    test('that brings another one of its url it doesn’t warn', async () => {
      const { made, path } = await used();
      const { id: _, ...next } = made;
      expect(await sent(entry('DELETE', path), entry('POST', 'StructureDefinition', next))).toEqual([]);
    });

    test('that brings or leaves what names it it warns', async () => {
      const { made, derived, user, path } = await used();
      const entries = [
        entry('DELETE', path),
        entry('PUT', `StructureDefinition/${derived.id}`, { ...derived, baseDefinition: patientUrl }),
        entry('PUT', `Patient/${user.id}`, { ...user, gender: 'female' }),
      ];
      expect(await sent(...entries)).toEqual([
        `${path} is deleted, but ${made.url} is still named by Patient/${user.id}.`,
      ]);
    });
  });

  test('and giving it another url or version warns, too', async () => {
    const made = profile(unique('used'), [minimum('Patient.name', 1)], { version: '1' });
    await stored(made);
    const id = idOf(await server.send('POST', '/Patient', patient(`${made.url}|1`, named)));
    const asked = { Prefer: 'return=OperationOutcome' };
    const path = `/StructureDefinition/${made.id}`;
    const inUse = ({ details }: Json) => details.coding[0].code === 'in-use';
    const warnings = (reply: Reply) =>
      issues(reply, 'warning')
        .filter(inUse)
        .map(({ diagnostics }) => diagnostics);
    expect(warnings(await server.send('PUT', path, { ...made, title: 'Same' }, asked))).toEqual([]);
    const told = (canonicals: string) =>
      `StructureDefinition/${made.id} has another url or version now, but ${canonicals} is still named by Patient/${id}.`;
    expect(warnings(await server.send('PUT', path, { ...made, version: '2' }, asked))).toEqual([told(`${made.url}|1`)]);
    await stored(made);
    const patch = [{ op: 'replace', path: '/version', value: '3' }];
    const type = { 'Content-Type': 'application/json-patch+json', ...asked };
    expect(warnings(await server.send('PATCH', path, patch, type))).toEqual([told(`${made.url}|1`)]);
    await stored(made);
    const put = entry('PUT', path.slice(1), { ...made, url: `${made.url}-moved` });
    const { body } = await server.send('POST', '', bundle('transaction', put), asked);
    expect(JSON.stringify(body.entry[0].response.outcome)).toContain(told(`${made.url} or ${made.url}|1`));
  });

  test('that nothing names is 204', async () => {
    const name = unique('unused');
    await stored(profile(name, [minimum('Patient.name', 1)]));
    expect((await server.send('DELETE', `/StructureDefinition/${name}`)).status).toBe(204);
  });

  test('warns in a transaction, in the answer of its entry', async () => {
    const id = unique('imported');
    const url = `http://example.org/ValueSet/${id}`;
    const set: Json = { resourceType: 'ValueSet', text: narrative, status: 'active' };
    const include = [{ system: 'http://example.org/x', concept: [{ code: 'x' }] }];
    const importing = {
      ...set,
      id: unique('importing'),
      url: `${url}-importing`,
      compose: { include: [{ valueSet: [url] }] },
    };
    await stored({ ...set, id, url, compose: { include } }, importing);
    const { body } = await server.send('POST', '', bundle('transaction', entry('DELETE', `ValueSet/${id}`)));
    const [{ response }] = body.entry;
    expect(response.status).toBe('200 OK');
    expect(JSON.stringify(response.outcome)).toContain(`ValueSet/${importing.id}`);
  });
});

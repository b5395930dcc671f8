/** Several servers on one database. https://hl7.org/fhir/R4/http.html#concurrency */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { indexed, type Json, type Reply, type TestServer, testServer } from './server.ts';
import { freshStore } from './stores.ts';
import { joints, loadJoints, valueSet } from './terminology.ts';
import { bundle, entry, found, idOf, patient, system, unique } from './writing.ts';

const { url } = freshStore();
let one: TestServer;
let other: TestServer;

beforeAll(async () => {
  one = await testServer({ STORE_URL: url });
  other = await testServer({ STORE_URL: url });
});
afterAll(() => Promise.all([one.close(), other.close()]));

const rounds = Array.from({ length: 15 }, (_, n) => n);

/** `Type/id` of created and changed resources, the oldest change first. */
async function changes(server: TestServer, type: string): Promise<readonly string[]> {
  const { body } = await server.get(`/${type}/_history?_count=1000`);
  return body.entry
    .map(({ request, resource, fullUrl }: Json) => {
      const id: string = resource?.id ?? fullUrl.split('/').at(-1);
      return `${request.method} ${id}`;
    })
    .reverse();
}

const createOn = (server: TestServer, query: string, resource: Json): Promise<Reply> =>
  server.send('POST', '/Patient', resource, { 'If-None-Exist': query });

const succeeded = (...replies: readonly Reply[]): void => {
  for (const { status, text } of replies) expect([200, 201, 204], text).toContain(status);
};

describe('a write that one server has acknowledged', () => {
  test('is read, found and in the history of the other at once', async () => {
    for (const n of rounds) {
      const [writer, reader] = n % 2 === 0 ? [one, other] : [other, one];
      const value = unique();
      const created = await writer.send('POST', '/Patient', patient(value));
      const id = idOf(created);
      expect((await reader.get(`/Patient/${id}`)).status).toBe(200);
      expect(await found(reader, `Patient?identifier=${system}|${value}`)).toEqual([id]);
      const { body } = await reader.get('/_history?_count=1');
      expect(body.entry[0].resource.id).toBe(id);
      succeeded(await writer.send('DELETE', `/Patient/${id}`));
      expect((await reader.get(`/Patient/${id}`)).status).toBe(410);
      expect(await found(reader, `Patient?identifier=${system}|${value}`)).toEqual([]);
    }
  });

  test('has the version after the one that the other wrote', async () => {
    const id = unique();
    for (const n of rounds) {
      const writer = n % 2 === 0 ? one : other;
      const reply = await writer.send('PUT', `/Patient/${id}`, { ...patient(`${n}`), id });
      expect(reply.headers.get('etag')).toBe(`W/"${n + 1}"`);
    }
  });
});

describe('of two simultaneous requests at two servers', () => {
  test('one of two updates with the same If-Match is done', async () => {
    const id = unique();
    succeeded(await one.send('PUT', `/Patient/${id}`, { ...patient('first'), id }));
    for (const n of rounds) {
      const headers = { 'If-Match': `W/"${n + 1}"` };
      const replies = await Promise.all(
        [one, other].map((server, place) =>
          server.send('PUT', `/Patient/${id}`, { ...patient(`${n} ${place}`), id }, headers),
        ),
      );
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 412]);
    }
    const { body } = await other.get(`/Patient/${id}/_history?_count=100`);
    expect(body.entry).toHaveLength(rounds.length + 1);
  });

  test('two unconditional updates, and two patches, are both done, one after the other', async () => {
    const id = unique();
    succeeded(await one.send('PUT', `/Patient/${id}`, { ...patient('first'), id, active: true }));
    const patch = (server: TestServer, family: string) =>
      server.send('PATCH', `/Patient/${id}`, [{ op: 'add', path: '/name', value: [{ family }] }], {
        'Content-Type': 'application/json-patch+json',
      });
    for (const n of rounds) {
      succeeded(...(await Promise.all([patch(one, `a${n}`), patch(other, `b${n}`)])));
      succeeded(
        ...(await Promise.all(
          [one, other].map((server, place) =>
            server.send('PUT', `/Patient/${id}`, { ...patient(`${n}/${place}`), id }),
          ),
        )),
      );
    }
    const { body } = await one.get(`/Patient/${id}/_history?_count=1000`);
    const versions: readonly number[] = body.entry.map(({ resource }: Json) => Number(resource.meta.versionId));
    expect(versions).toEqual(Array.from({ length: 1 + 4 * rounds.length }, (_, n) => 1 + 4 * rounds.length - n));
  });

  test('two conditional creates make one resource, however the condition is spelled', async () => {
    for (const n of rounds) {
      const value = unique();
      const spelled = [
        `identifier=${system}|${value}`,
        `identifier=${encodeURIComponent(`${system}|${value}`)}&_format=json`,
        `identifier=${value}`,
        `identifier=${system}|${value},${system}|${value}-other`,
        `identifier:not=nothing&identifier=${system}|${value}`,
      ];
      const replies = await Promise.all([
        createOn(one, spelled[0] ?? '', patient(value)),
        createOn(other, spelled[n % spelled.length] ?? '', patient(value)),
      ]);
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 201]);
      expect(new Set(replies.map(idOf)).size).toBe(1);
      expect(await found(one, `Patient?identifier=${value}`)).toHaveLength(1);
    }
  });

  test('a conditional create without an identifier and a plain one are as if one came after the other', async () => {
    for (const _ of rounds) {
      const family = unique('Family');
      const resource = { resourceType: 'Patient', name: [{ family }] };
      const [conditional, plain] = await Promise.all([
        createOn(one, `family:exact=${family}`, resource),
        other.send('POST', '/Patient', resource),
      ]);
      succeeded(conditional, plain);
      const ids = await found(other, `Patient?family:exact=${family}`);
      if (conditional.status === 200) expect(ids).toContain(idOf(plain));
      else {
        const order = await changes(one, 'Patient');
        expect(order.indexOf(`POST ${idOf(conditional)}`)).toBeLessThan(order.indexOf(`POST ${idOf(plain)}`));
      }
    }
  });

  test('a conditional create and an update, or a deletion, that changes what it matches', async () => {
    for (const n of rounds) {
      const [value, id] = [unique(), unique()];
      succeeded(await one.send('PUT', `/Patient/${id}`, { ...patient(n % 2 === 0 ? 'nobody' : value), id }));
      const change =
        n % 2 === 0
          ? other.send('PUT', `/Patient/${id}`, { ...patient(value), id })
          : other.send('DELETE', `/Patient/${id}`);
      const [conditional, changed] = await Promise.all([
        createOn(one, `identifier=${system}|${value}`, patient(value)),
        change,
      ]);
      succeeded(conditional, changed);
      const ids = await found(one, `Patient?identifier=${system}|${value}`);
      if (conditional.status === 200) {
        expect(idOf(conditional)).toBe(id);
        expect(ids).toEqual(n % 2 === 0 ? [id] : []);
      } else {
        const order = await changes(other, 'Patient');
        const [made, touched] = [
          order.indexOf(`POST ${idOf(conditional)}`),
          order.lastIndexOf(`${n % 2 === 0 ? 'PUT' : 'DELETE'} ${id}`),
        ];
        // Made where nothing matched: before the update, after the deletion.
        expect(n % 2 === 0 ? made < touched : touched < made).toBe(true);
      }
    }
  });

  test('two transactions on the same resources are done as a whole, one after the other', async () => {
    const ids = [unique(), unique(), unique()];
    for (const n of rounds) {
      const put = (server: TestServer, mark: string) =>
        server.send(
          'POST',
          '',
          bundle('transaction', ...ids.map((id) => entry('PUT', `Patient/${id}`, { ...patient(mark), id }))),
        );
      succeeded(...(await Promise.all([put(one, `a${n}`), put(other, `b${n}`)])));
      const marks = await Promise.all(
        ids.map(async (id) => (await one.get(`/Patient/${id}`)).body.identifier[0].value),
      );
      expect(new Set(marks).size).toBe(1);
    }
  });

  test('two conditional references in transactions mean the same resource', async () => {
    for (const _ of rounds) {
      const value = unique();
      const send = (server: TestServer) =>
        server.send(
          'POST',
          '',
          bundle(
            'transaction',
            entry(
              'POST',
              'Patient',
              patient(value),
              { ifNoneExist: `identifier=${system}|${value}` },
              'urn:uuid:5b2fd5d4-6c0a-4c34-9a51-1c0b3c7f1a10',
            ),
            entry('POST', 'Observation', {
              resourceType: 'Observation',
              status: 'final',
              code: { text: value },
              subject: { reference: 'urn:uuid:5b2fd5d4-6c0a-4c34-9a51-1c0b3c7f1a10' },
            }),
          ),
        );
      succeeded(...(await Promise.all([send(one), send(other)])));
      const ids = await found(one, `Patient?identifier=${system}|${value}`);
      expect(ids).toHaveLength(1);
      expect(await found(other, `Observation?subject=Patient/${ids[0]}`)).toHaveLength(2);
    }
  });
});

describe('a client that asks again from the greatest lastUpdated on', () => {
  test.each([
    ['a history', (since: string) => `/Basic/_history?_count=1000&_since=${since}`],
    ['a search', (since: string) => `/Basic?_count=1000&_lastUpdated=ge${since}`],
  ])('misses nothing, by %s', async (_, pathFrom) => {
    let writing = true;
    const mark = unique();
    const write = async (server: TestServer, name: string) => {
      const ids: string[] = [];
      for (let n = 0; n < 60; n += 1) {
        const id = `${mark}-${name}-${n}`;
        const reply = await server.send('PUT', `/Basic/${id}`, { resourceType: 'Basic', id, code: { text: mark } });
        expect(reply.status, reply.text).toBe(201);
        ids.push(id);
      }
      return ids;
    };
    const written = Promise.all([write(one, 'a'), write(one, 'b'), write(other, 'c'), write(other, 'd')]).finally(
      () => {
        writing = false;
      },
    );
    const seen = new Set<string>();
    let since = '2020-01-01T00:00:00.000Z';
    const look = async () => {
      const { body, status, text } = await other.get(pathFrom(encodeURIComponent(since)));
      expect(status, text).toBe(200);
      for (const { resource } of body.entry ?? []) {
        seen.add(resource.id);
        if (resource.meta.lastUpdated > since) since = resource.meta.lastUpdated;
      }
    };
    while (writing) await look();
    await look();
    const ids = (await written).flat();
    expect(ids.filter((id) => !seen.has(id))).toEqual([]);
  });
});

describe('search parameters', () => {
  const eye = {
    resourceType: 'SearchParameter',
    id: 'eye',
    url: 'http://example.org/eye',
    name: 'eye',
    status: 'active',
    description: 'Colour of the eyes',
    code: 'eye',
    base: ['Patient'],
    type: 'string',
    expression: "Patient.extension.where(url = 'http://example.org/eye').value",
  };
  const coloured = (id: string, valueString: string) => ({
    resourceType: 'Patient',
    id,
    extension: [{ url: 'http://example.org/eye', valueString }],
  });

  test('that one server gets are known to the other, which indexes by them and answers', async () => {
    succeeded(await other.send('PUT', '/Patient/before', coloured('before', 'blue')));
    succeeded(await one.send('PUT', '/SearchParameter/eye', eye));
    // Written at a server that may not know of it yet.
    succeeded(await other.send('PUT', '/Patient/after', coloured('after', 'blue')));
    await indexed(one);
    expect(await found(one, 'Patient?eye=blue')).toEqual(['after', 'before']);
    await expect.poll(async () => (await other.get('/Patient?eye=blue')).status, { timeout: 20_000 }).toBe(200);
    expect(await found(other, 'Patient?eye=blue')).toEqual(['after', 'before']);
    succeeded(await other.send('PUT', '/Patient/later', coloured('later', 'blue')));
    expect(await found(one, 'Patient?eye=blue')).toEqual(['after', 'before', 'later']);
  });

  test('that two servers get at once are both indexed', async () => {
    const named = (code: string) => ({ ...eye, id: code, url: `http://example.org/${code}`, name: code, code });
    succeeded(
      ...(await Promise.all([
        one.send('PUT', '/SearchParameter/left', named('left')),
        other.send('PUT', '/SearchParameter/right', named('right')),
      ])),
    );
    for (const server of [one, other]) {
      for (const code of ['left', 'right']) {
        await expect
          .poll(async () => (await server.get(`/Patient?${code}=blue`)).status, { timeout: 20_000 })
          .toBe(200);
        expect(await found(server, `Patient?${code}=blue`)).toEqual(['after', 'before', 'later']);
      }
    }
  });

  test('that are deleted at one server are unknown to the other', async () => {
    succeeded(await other.send('DELETE', '/SearchParameter/eye'));
    await expect.poll(async () => (await one.get('/Patient?eye=blue')).status, { timeout: 20_000 }).toBe(400);
  });
});

describe('code systems', () => {
  const parts = (...codes: readonly string[]) => [
    { code: 'J', display: 'Joint', parents: [] },
    ...codes.map((code) => ({ code, display: code, parents: ['J'] })),
  ];
  const below = [{ property: 'concept', op: 'descendent-of', value: 'J' }];
  const profile = {
    resourceType: 'StructureDefinition',
    id: 'of-a-joint',
    url: 'http://example.org/StructureDefinition/of-a-joint',
    name: 'OfAJoint',
    status: 'draft',
    kind: 'resource',
    abstract: false,
    type: 'Observation',
    baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Observation',
    derivation: 'constraint',
    differential: {
      element: [
        { id: 'Observation', path: 'Observation' },
        {
          id: 'Observation.code',
          path: 'Observation.code',
          binding: { strength: 'required', valueSet: 'http://example.org/ValueSet/parts' },
        },
      ],
    },
  };
  const observation = (code: string) => ({
    resourceType: 'Observation',
    id: `of-${code}`,
    status: 'final',
    code: { coding: [{ system: joints, code }] },
  });
  /** Whether another server finds by the value set, and what it says of the binding: both keep what they made of it. */
  const look = async () => {
    const { body } = await other.send('POST', `/Observation/$validate?profile=${profile.url}`, observation('K1'));
    const faults = body.issue.filter(({ severity }: Json) => severity === 'error');
    const ids = await found(other, 'Observation?code:in=http://example.org/ValueSet/parts');
    return [faults.flatMap(({ expression }: Json) => expression), ids];
  };
  const eventually = { timeout: 20_000 };

  test('that one server gets, or gets anew with as many codes, are others for the other', async () => {
    succeeded(
      await one.send('PUT', '/ValueSet/parts', valueSet('parts', [{ system: joints, filter: below }])),
      await one.send('PUT', '/StructureDefinition/of-a-joint', profile),
      await one.send('PUT', '/Observation/of-K1', observation('K1')),
      await one.send('PUT', '/Observation/of-K2', observation('K2')),
    );
    await loadJoints(one, parts('K1'));
    await expect.poll(look, eventually).toEqual([[], ['of-K1']]);
    await loadJoints(one, parts('K2'));
    await expect.poll(look, eventually).toEqual([['Observation.code'], ['of-K2']]);
    await loadJoints(one, parts('K1'));
    await expect.poll(look, eventually).toEqual([[], ['of-K1']]);
    await one.context.store.terminology.remove(joints, '2022');
    await loadJoints(one, parts('K2'));
    await expect.poll(look, eventually).toEqual([['Observation.code'], ['of-K2']]);
  });
});

describe('jobs', () => {
  test('that one server began are told of by the other, and done once', async () => {
    const begun = await one.send('POST', '/Patient/$reindex');
    expect(begun.status, begun.text).toBe(202);
    const [, path = ''] = /(\/\$reindex-status\?job=.*)$/.exec(begun.headers.get('content-location') ?? '') ?? [];
    await expect.poll(async () => (await other.get(path)).status, { timeout: 20_000 }).toBe(200);
    expect((await other.get(path)).text).toBe((await one.get(path)).text);
  });
});

test('each server keeps its own chain of AuditEvents, and all find them', async () => {
  const id = unique();
  succeeded(await one.send('PUT', `/Patient/${id}`, { ...patient('audited'), id }));
  await other.get(`/Patient/${id}`);
  await Promise.all([one.context.audit.settle(), other.context.audit.settle()]);
  for (const server of [one, other]) {
    const { body } = await server.get(`/AuditEvent?entity=Patient/${id}`);
    expect(body.entry.map(({ resource }: Json) => resource.subtype[0].code).sort()).toEqual(['read', 'update']);
    await server.context.audit.settle();
  }
  const chains = [...(await one.context.store.audit.heads()).keys()];
  expect(chains.length).toBeGreaterThanOrEqual(2);
});

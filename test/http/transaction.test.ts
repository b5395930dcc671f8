/** https://hl7.org/fhir/R4/http.html#transaction */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, type Json, type TestServer, testServer } from './server.ts';
import { bundle, entry, found, idOf, issueOf, patient, stores, unique, versions } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const post = (...entries: readonly Json[]) => server.send('POST', '/', bundle('transaction', ...entries));

async function existing(more: Json = {}): Promise<string> {
  const id = unique();
  await server.send('PUT', `/Patient/${id}`, patient(id, { id, ...more }));
  return id;
}

/** Nothing is written, and the outcome names these elements of the bundle. */
async function refused(status: number, entries: readonly Json[], ...expressions: readonly string[]): Promise<Json> {
  const before = await versions(server);
  const reply = await post(...entries);
  expect([reply.status, reply.body.resourceType]).toEqual([status, 'OperationOutcome']);
  const named: string[] = reply.body.issue.flatMap((issue: Json) => issue.expression ?? ['none']);
  for (const each of named) expect(each).toMatch(/^Bundle\.entry\[\d+\]/);
  expect(named).toEqual(expressions);
  expect(await versions(server)).toEqual(before);
  return reply.body;
}

describe('transaction', () => {
  test('200 with a transaction-response in request order, with status, location, etag, lastModified', async () => {
    const [updated, deleted, patched, read] = await Promise.all([existing(), existing(), existing(), existing()]);
    const created = unique();
    const reply = await post(
      entry('GET', `Patient/${read}`),
      entry('PUT', `Patient/${updated}`, patient(updated, { id: updated, active: true })),
      entry('POST', 'Patient', patient(created)),
      entry('DELETE', `Patient/${deleted}`),
      entry('PATCH', `Patient/${patched}`, {
        resourceType: 'Binary',
        contentType: 'application/merge-patch+json',
        data: Buffer.from('{"active":true}').toString('base64'),
      }),
    );
    expect(reply.status).toBe(200);
    expect([reply.body.resourceType, reply.body.type]).toEqual(['Bundle', 'transaction-response']);
    const entries: Json[] = reply.body.entry;
    expect(entries.map(({ response }) => response.status)).toEqual([
      '200 OK',
      '200 OK',
      '201 Created',
      '204 No Content',
      '200 OK',
    ]);
    expect(entries.map(({ response }) => response.etag)).toEqual(['W/"1"', 'W/"2"', 'W/"1"', 'W/"2"', 'W/"2"']);
    const [newId] = await found(server, `Patient?identifier=${created}`);
    expect(entries.map(({ response }) => response.location)).toEqual([
      undefined,
      `Patient/${updated}/_history/2`,
      `Patient/${newId}/_history/1`,
      undefined,
      `Patient/${patched}/_history/2`,
    ]);
    for (const { response } of entries) expect(response.lastModified).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(entries[0].resource.id).toBe(read);
    expect(entries[0].fullUrl).toBe(`${base}/Patient/${read}`);
    expect((await server.get(`/Patient/${deleted}`)).status).toBe(410);
    expect((await server.get(`/Patient/${patched}`)).body.active).toBe(true);
  });

  test('POST [base] works with and without a final slash', async () => {
    for (const path of ['', '/']) {
      const value = unique();
      const reply = await server.send('POST', path, bundle('transaction', entry('POST', 'Patient', patient(value))));
      expect(reply.status).toBe(200);
      expect(await found(server, `Patient?identifier=${value}`)).toHaveLength(1);
    }
  });

  test('an update in it that changes nothing is no new version, one of what does not exist creates it', async () => {
    const id = await existing();
    const other = unique();
    const { body } = await post(
      entry('PUT', `Patient/${id}`, patient(id, { id })),
      entry('PUT', `Patient/${other}`, patient(other, { id: other })),
      entry('DELETE', `Patient/${unique()}`),
    );
    expect(body.entry.map(({ response }: Json) => [response.status, response.etag])).toEqual([
      ['200 OK', 'W/"1"'],
      ['201 Created', 'W/"1"'],
      ['204 No Content', undefined],
    ]);
  });

  test('an empty one is 200 with an empty response', async () => {
    const reply = await post();
    expect([reply.status, reply.body.type, reply.body.entry]).toEqual([200, 'transaction-response', undefined]);
  });

  test('R4’s order of processing: deletions, creates, updates and patches, reads, whatever the order of entries', async () => {
    const id = await existing();
    const value = unique();
    const { body } = await post(
      entry('GET', `Patient?identifier=${value}`),
      entry('GET', `Patient/${id}`),
      entry('PUT', `Patient/${value}`, patient(value, { id: value })),
      entry('POST', 'Patient', patient(value)),
      entry('DELETE', `Patient/${id}`),
    );
    expect(body.entry[0].resource.total).toBe(2);
    expect(body.entry[1].response.status).toBe('410 Gone');
    const order = (await versions(server)).slice(0, 3);
    expect(order[0]).toBe(`Patient/${value} W/"1"`);
    expect(order[1]).toBe(`Patient/${idOf(body.entry[3])} W/"1"`);
    expect(order[2]).toBe(`Patient/${id} W/"2"`);
  });

  test('all or nothing: one faulty entry leaves all others unwritten', async () => {
    const id = await existing();
    await refused(
      400,
      [
        entry('POST', 'Patient', patient(unique())),
        entry('DELETE', `Patient/${id}`),
        entry('POST', 'Patient', { resourceType: 'Patient', birthDate: 'never' }),
      ],
      'Bundle.entry[2].resource.birthDate',
    );
  });

  test('a failed one answers with one OperationOutcome, with the faults of all entries', async () => {
    await refused(
      400,
      [
        entry('POST', 'Patient', { resourceType: 'Patient', nonsense: 1 }),
        entry('POST', 'Patient', patient(unique())),
        entry('PUT', 'Patient/a', { resourceType: 'Patient', id: 'b' }),
        entry('POST', 'Patient', { resourceType: 'Patient', name: [{ given: 'x' }] }),
      ],
      'Bundle.entry[0].resource.nonsense',
      'Bundle.entry[2].resource.id',
      'Bundle.entry[3].resource.name[0].given',
    );
  });

  test('ifMatch of an entry: 412 for all, naming the entry', async () => {
    const id = await existing();
    for (const method of ['PUT', 'DELETE']) {
      const resource = method === 'PUT' ? patient(id, { id, active: true }) : undefined;
      await refused(
        412,
        [entry('POST', 'Patient', patient(unique())), entry(method, `Patient/${id}`, resource, { ifMatch: 'W/"9"' })],
        'Bundle.entry[1]',
      );
    }
    const { body } = await post(entry('PUT', `Patient/${id}`, patient(id, { id, active: true }), { ifMatch: 'W/"1"' }));
    expect(body.entry[0].response.etag).toBe('W/"2"');
  });

  test('request.ifNoneMatch of a PUT entry is 412 if the resource exists', async () => {
    const id = await existing();
    await refused(
      412,
      [entry('PUT', `Patient/${id}`, patient(id, { id, active: true }), { ifNoneMatch: '*' })],
      'Bundle.entry[0]',
    );
    const other = unique();
    const { status } = await post(
      entry('PUT', `Patient/${other}`, patient(other, { id: other }), { ifNoneMatch: '*' }),
    );
    expect(status).toBe(200);
  });

  test('two entries that would write one resource fail it: 400 naming both', async () => {
    const id = await existing();
    const put = entry('PUT', `Patient/${id}`, patient(id, { id, active: true }));
    const patch = entry('PATCH', `Patient/${id}`, {
      resourceType: 'Binary',
      contentType: 'application/merge-patch+json',
      data: 'e30=',
    });
    const remove = entry('DELETE', `Patient/${id}`);
    const absolute = entry('PUT', `${base}/Patient/${id}`, patient(id, { id, active: true }));
    const conditional = entry('PUT', `Patient?identifier=${id}`, patient(id, { active: true }));
    const conditionalPatch = { ...patch, request: { method: 'PATCH', url: `Patient?identifier=${id}` } };
    const pairs = [
      [put, put],
      [put, absolute],
      [put, patch],
      [put, conditional],
      [patch, conditional],
      [put, conditionalPatch],
    ];
    for (const [one, other] of pairs) {
      const outcome = await refused(
        400,
        [one, entry('POST', 'Patient', patient(unique())), other],
        'Bundle.entry[0]',
        'Bundle.entry[2]',
      );
      expect(outcome.issue[0].code).toBe('duplicate');
    }
    await refused(400, [put, remove], 'Bundle.entry[0]', 'Bundle.entry[1]');
    await refused(400, [remove, remove], 'Bundle.entry[0]', 'Bundle.entry[1]');
    const byCriteria = entry('DELETE', `Patient?identifier=${id}`);
    await refused(400, [remove, byCriteria], 'Bundle.entry[0]', 'Bundle.entry[1]');
    await refused(400, [byCriteria, remove], 'Bundle.entry[0]', 'Bundle.entry[1]');
  });

  test('two entries that share a fullUrl fail it: 400 naming both', async () => {
    const uuid = 'urn:uuid:22222222-2222-4222-8222-222222222222';
    await refused(
      400,
      [
        entry('POST', 'Patient', patient(unique()), {}, uuid),
        entry('POST', 'Observation', { resourceType: 'Observation' }, {}, uuid),
      ],
      'Bundle.entry[0].fullUrl',
      'Bundle.entry[1].fullUrl',
    );
  });

  test('two creates of equal content are two resources', async () => {
    const value = unique();
    await post(entry('POST', 'Patient', patient(value)), entry('POST', 'Patient', patient(value)));
    expect(await found(server, `Patient?identifier=${value}`)).toHaveLength(2);
  });

  test('Prefer: return=representation gives the resources, OperationOutcome outcomes, minimal neither', async () => {
    const id = await existing();
    const entries = () => [
      entry('POST', 'Patient', patient(unique())),
      entry('PUT', `Patient/${id}`, patient(id, { id, birthDate: '2000', gender: unique() === '' ? 'male' : 'other' })),
      entry('DELETE', `Patient/${unique()}`),
    ];
    const send = (prefer?: string) =>
      server.send(
        'POST',
        '/',
        bundle('transaction', ...entries()),
        prefer === undefined ? {} : { Prefer: `return=${prefer}` },
      );
    const full = (await send('representation')).body.entry;
    expect(full.map((each: Json) => each.resource?.resourceType)).toEqual(['Patient', 'Patient', undefined]);
    expect(full[0].fullUrl).toBe(`${base}/Patient/${full[0].resource.id}`);
    const outcomes = (await send('OperationOutcome')).body.entry;
    expect(outcomes.map((each: Json) => each.resource)).toEqual([undefined, undefined, undefined]);
    expect(outcomes.map((each: Json) => each.response.outcome.resourceType)).toEqual(Array(3).fill('OperationOutcome'));
    const minimal = (await send('minimal')).body.entry;
    expect(minimal.map((each: Json) => Object.keys(each))).toEqual([['response'], ['response'], ['response']]);
  });

  test('the response has no two entries with one fullUrl and version (bdl-7)', async () => {
    const id = await existing();
    const { body } = await post(
      entry('GET', `Patient/${id}`),
      entry('GET', `Patient/${id}`),
      entry('GET', `Patient/${id}/_history`),
    );
    const keys = body.entry.flatMap((each: Json) =>
      each.fullUrl === undefined ? [] : [`${each.fullUrl} ${each.resource.meta.versionId}`],
    );
    expect(new Set(keys).size).toBe(keys.length);
    expect(body.entry.map((each: Json) => each.resource.resourceType)).toEqual(['Patient', 'Patient', 'Bundle']);
    expect(body.entry[2].fullUrl).toBeUndefined();
  });

  test('numbers, order and unicode of its resources are kept exactly', async () => {
    const id = unique();
    const text = `{"resourceType":"Observation","id":"${id}","valueQuantity":{"value":1.00,"unit":"µ\\u00b5"},"status":"final"}`;
    const sent = `{ "resourceType": "Bundle", "type": "transaction", "entry": [ { "resource": ${text.replaceAll(',', ' ,\n')}, "request": { "method": "PUT", "url": "Observation/${id}" } } ] }`;
    expect((await server.send('POST', '/', sent)).status).toBe(200);
    const stored = (await server.get(`/Observation/${id}`)).text;
    expect(stored.replace(/,"meta":\{[^}]*\}/, '')).toBe(text);
  });
});

describe('GET entries', () => {
  test('run on the state right after the commit', async () => {
    const value = unique();
    const { body } = await post(
      entry('GET', `Patient/${value}`),
      entry('GET', `Patient?identifier=${value}&_summary=count`),
      entry('GET', `Patient/${value}/_history`),
      entry('GET', `Patient/${value}/_history/1`),
      entry('GET', 'metadata'),
      entry('GET', `Patient/${value}/$meta`),
      entry('HEAD', `Patient/${value}`),
      entry('PUT', `Patient/${value}`, patient(value, { id: value })),
    );
    const entries: Json[] = body.entry;
    expect(entries.map(({ response }) => response.status)).toEqual([...Array(7).fill('200 OK'), '201 Created']);
    expect(entries[0].resource.id).toBe(value);
    expect(entries[1].resource.total).toBe(1);
    expect(entries[2].resource.total).toBe(1);
    expect(entries[3].resource.id).toBe(value);
    expect(entries[4].resource.resourceType).toBe('CapabilityStatement');
    expect(entries[5].resource.resourceType).toBe('Parameters');
    expect(entries[6].resource).toBeUndefined();
    expect(entries[6].response.etag).toBe('W/"1"');
  });

  test('one that finds nothing answers 404 in its entry', async () => {
    const value = unique();
    const reply = await post(
      entry('POST', 'Patient', patient(value)),
      entry('GET', 'Patient/nobody'),
      entry('GET', 'Patient/nobody/_history'),
      entry('GET', 'Patient/nobody/_history/1'),
    );
    expect(reply.status).toBe(200);
    expect(reply.body.entry.slice(1).map((each: Json) => each.response.status)).toEqual(Array(3).fill('404 Not Found'));
    expect(reply.body.entry[1].response.outcome.issue[0].code).toBe('not-found');
    expect(await found(server, `Patient?identifier=${value}`)).toHaveLength(1);
  });

  test('ifNoneMatch gives 304', async () => {
    const id = await existing();
    const { body } = await post(
      entry('GET', `Patient/${id}`, undefined, { ifNoneMatch: 'W/"1"' }),
      entry('GET', `Patient/${id}`, undefined, { ifNoneMatch: '*' }),
      entry('GET', `Patient/${id}`, undefined, { ifNoneMatch: 'W/"2"' }),
    );
    expect(body.entry.map((each: Json) => each.response.status)).toEqual([
      '304 Not Modified',
      '304 Not Modified',
      '200 OK',
    ]);
    expect(body.entry[0].resource).toBeUndefined();
  });

  test.each([
    ['an unknown parameter', 'Patient?nonsense=1'],
    ['a malformed value', 'Patient?birthdate=2020-13'],
    ['a bad include', 'Patient?_include=nonsense'],
    ['_summary=text with an include', 'Patient?_summary=text&_include=Patient:organization'],
    ['a forged cursor', 'Patient?_cursor=abc'],
    ['an unknown parameter of a read', 'Patient/1?nonsense=1'],
    ['a bad _summary', 'Patient/1?_summary=most'],
    ['a bad _since', 'Patient/_history?_since=yesterday'],
    ['a bad _at', '_history?_at=x'],
    ['an unknown parameter of a history', 'Patient/1/_history?nonsense=1'],
  ])('are parsed before the commit, so that %s fails the bundle', async (_what, url) => {
    await refused(400, [entry('POST', 'Patient', patient(unique())), entry('GET', url)], 'Bundle.entry[1].request.url');
  });

  test('with a malformed ifNoneMatch fail the bundle', async () => {
    await refused(
      400,
      [entry('POST', 'Patient', patient(unique())), entry('GET', 'Patient/1', undefined, { ifNoneMatch: 'garbage' })],
      'Bundle.entry[1].request.url',
    );
  });

  test('of operations that only read are allowed, of others not', async () => {
    const id = await existing();
    expect((await post(entry('GET', `Patient/${id}/$meta`))).status).toBe(200);
    const parameters = {
      resourceType: 'Parameters',
      parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 'x' }] } }],
    };
    await refused(400, [entry('POST', `Patient/${id}/$meta-add`, parameters)], 'Bundle.entry[0].request.url');
  });
});

describe('a malformed bundle is refused: nothing is written', () => {
  const good = () => entry('POST', 'Patient', patient(unique()));
  test.each([
    ['no request', { resource: patient('x') }, 'Bundle.entry[1].request'],
    ['a request that is no object', { resource: patient('x'), request: 'POST' }, 'Bundle.entry[1].request'],
    ['no method', { resource: patient('x'), request: { url: 'Patient' } }, 'Bundle.entry[1].request.method'],
    ['an unknown method', entry('SEND', 'Patient', patient('x')), 'Bundle.entry[1].request.method'],
    ['a method in small letters', entry('post', 'Patient', patient('x')), 'Bundle.entry[1].request.method'],
    ['no url', { resource: patient('x'), request: { method: 'PUT' } }, 'Bundle.entry[1].request.url'],
    ['an empty url', entry('PUT', '', patient('x')), 'Bundle.entry[1].request.url'],
    [
      'a url that is no string',
      { resource: patient('x'), request: { method: 'POST', url: 1 } },
      'Bundle.entry[1].request.url',
    ],
    [
      'another server’s url',
      entry('POST', 'http://elsewhere.org/fhir/Patient', patient('x')),
      'Bundle.entry[1].request.url',
    ],
    ['a broken escape', entry('PUT', 'Patient/%E0%A4%A', patient('x')), 'Bundle.entry[1].request.url'],
    ['an unknown type', entry('POST', 'Pacient', patient('x')), 'Bundle.entry[1].request.url'],
    ['Parameters', entry('POST', 'Parameters', { resourceType: 'Parameters' }), 'Bundle.entry[1].request.url'],
    [
      'a method that the path does not take',
      entry('PUT', 'Patient/1/_history/1', patient('x')),
      'Bundle.entry[1].request.url',
    ],
    ['a bundle inside', entry('POST', '', bundle('batch')), 'Bundle.entry[1].request.url'],
    ['no resource to create', entry('POST', 'Patient'), 'Bundle.entry[1].resource'],
    ['no resource to update', entry('PUT', 'Patient/1'), 'Bundle.entry[1].resource'],
    ['no patch', entry('PATCH', 'Patient/1'), 'Bundle.entry[1].resource'],
    [
      'a resource of another type',
      entry('POST', 'Patient', { resourceType: 'Observation' }),
      'Bundle.entry[1].resource',
    ],
    ['a resource without a type', entry('POST', 'Patient', { active: true }), 'Bundle.entry[1].resource'],
    ['an update without id', entry('PUT', 'Patient/1', patient('x')), 'Bundle.entry[1].resource.id'],
    ['an invalid id', entry('PUT', 'Patient/a_b', patient('x', { id: 'a_b' })), 'Bundle.entry[1].resource.id'],
    [
      'an unknown member of the entry',
      { ...entry('POST', 'Patient', patient('x')), nonsense: 1 },
      'Bundle.entry[1].nonsense',
    ],
    [
      'an unknown member of the request',
      entry('POST', 'Patient', patient('x'), { nonsense: 1 }),
      'Bundle.entry[1].request.nonsense',
    ],
    [
      'a fullUrl that is no string',
      { ...entry('POST', 'Patient', patient('x')), fullUrl: 1 },
      'Bundle.entry[1].fullUrl',
    ],
    [
      'an empty ifMatch',
      entry('PUT', 'Patient/1', patient('x', { id: '1' }), { ifMatch: '' }),
      'Bundle.entry[1].request.ifMatch',
    ],
    [
      'a malformed ifMatch',
      entry('PUT', 'Patient/1', patient('x', { id: '1' }), { ifMatch: '1' }),
      'Bundle.entry[1].request',
    ],
    ['criteria of a create', entry('POST', 'Patient?identifier=1', patient('x')), 'Bundle.entry[1].request.url'],
    [
      'parameters of an update',
      entry('PUT', 'Patient/1?identifier=1', patient('x', { id: '1' })),
      'Bundle.entry[1].request.url',
    ],
  ])('%s', async (_what, faulty, expression) => {
    await refused(400, [good(), faulty], expression);
  });

  test('a SUBSETTED resource is 422', async () => {
    const resource = patient('x', { meta: { tag: [{ code: 'SUBSETTED' }] } });
    await refused(422, [good(), entry('POST', 'Patient', resource)], 'Bundle.entry[1].resource.meta.tag[0]');
  });

  test.each([
    ['no type', { resourceType: 'Bundle', entry: [] }],
    ['an unknown type', { resourceType: 'Bundle', type: 'nonsense' }],
    ['a document', { resourceType: 'Bundle', type: 'document' }],
    ['a searchset', { resourceType: 'Bundle', type: 'searchset' }],
    ['a collection', { resourceType: 'Bundle', type: 'collection' }],
    ['a transaction-response', { resourceType: 'Bundle', type: 'transaction-response' }],
    ['an unknown member', { resourceType: 'Bundle', type: 'transaction', nonsense: 1 }],
    ['entries that are no array', { resourceType: 'Bundle', type: 'transaction', entry: {} }],
    ['an empty array of entries', { resourceType: 'Bundle', type: 'transaction', entry: [] }],
    ['an entry that is no object', { resourceType: 'Bundle', type: 'transaction', entry: ['x'] }],
    ['a null entry', { resourceType: 'Bundle', type: 'transaction', entry: [null] }],
    ['another resource', patient('x')],
    ['an array', []],
  ])('%s for the base', async (_what, body) => {
    const before = await versions(server);
    const reply = await server.send('POST', '/', body);
    expect([reply.status, reply.body.resourceType]).toEqual([400, 'OperationOutcome']);
    expect(await versions(server)).toEqual(before);
  });

  test('duplicate keys are found in the bundle, its entries and its resources', async () => {
    const request = '"request":{"method":"POST","url":"Patient"}';
    for (const [text, expression] of [
      [`{"resourceType":"Bundle","type":"transaction","type":"transaction"}`, 'Bundle.type'],
      [`{"resourceType":"Bundle","type":"transaction","entry":[{${request}}],"entry":[]}`, 'Bundle.entry'],
      [
        `{"resourceType":"Bundle","type":"transaction","entry":[{${request},${request},"resource":{"resourceType":"Patient"}}]}`,
        'Bundle.entry[0].request',
      ],
      [
        `{"resourceType":"Bundle","type":"transaction","entry":[{${request},"resource":{"resourceType":"Patient"},"resource":{"resourceType":"Patient"}}]}`,
        'Bundle.entry[0].resource',
      ],
      [
        `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Patient/1"},"resource":{"resourceType":"Patient","active":true,"active":false}}]}`,
        'Bundle.entry[0].resource.active',
      ],
      [
        `{"resourceType":"Bundle","type":"transaction","entry":[{${request},"resource":{"resourceType":"Patient","active":true,"active":false}}]}`,
        'Bundle.entry[0].resource.active',
      ],
    ] as const) {
      const reply = await server.send('POST', '/', text);
      expect([text, reply.status]).toEqual([text, 400]);
      expect(issueOf(reply).expression).toEqual([expression]);
    }
  });
});

test.each(['nonsense', '[1,]', '{"a" 1}', '"\\x"', '01', '{"a":nonsense}'])(
  'what is not JSON is 400 also in a resource that its entry does not need: %s',
  async (resource) => {
    for (const [method, url] of [
      ['DELETE', 'Patient/1'],
      ['GET', 'Patient/1'],
      ['POST', 'Patient/1/$meta'],
    ] as const) {
      const entries = `[{"request":{"method":"${method}","url":"${url}"},"resource":${resource}}]`;
      const reply = await server.send('POST', '/', `{"resourceType":"Bundle","type":"transaction","entry":${entries}}`);
      expect([method, reply.status, issueOf(reply).expression]).toEqual([method, 400, ['Bundle.entry[0].resource']]);
    }
  },
);

describe.each(stores)('simultaneous transactions, store %s', (_name, start) => {
  let racing: TestServer;
  beforeAll(async () => {
    racing = await start();
  });
  afterAll(() => racing.close());

  test('with the same ifMatch let one win as a whole', async () => {
    await racing.send('PUT', '/Patient/race', patient('race', { id: 'race' }));
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        racing.send(
          'POST',
          '/',
          bundle(
            'transaction',
            entry('POST', 'Observation', { resourceType: 'Observation', status: 'final', code: { text: `c${n}` } }),
            entry('PUT', 'Patient/race', patient('race', { id: 'race', multipleBirthInteger: n }), {
              ifMatch: 'W/"1"',
            }),
          ),
        ),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(412)]);
    expect(await found(racing, 'Observation?status=final')).toHaveLength(1);
  });

  test('of the same resources all succeed, and end in one of them whole', async () => {
    const ids = ['x', 'y', 'z'];
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        racing.send(
          'POST',
          '/',
          bundle(
            'transaction',
            ...ids.map((id) => entry('PUT', `Patient/${id}`, patient(id, { id, multipleBirthInteger: n }))),
          ),
        ),
      ),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(200));
    const last = await Promise.all(ids.map((id) => racing.get(`/Patient/${id}`)));
    expect(new Set(last.map(({ body }) => body.multipleBirthInteger)).size).toBe(1);
    expect(new Set(last.map(({ body }) => body.meta.lastUpdated)).size).toBe(1);
  });
});

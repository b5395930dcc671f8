/** https://hl7.org/fhir/R4/http.html#patch */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';
import { bundle, entry, issueOf, patient, stores, unique } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const types = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  fhirpath: 'application/fhir+json',
} as const;

/** A new resource from a text; its id. */
async function stored(type: string, members: string): Promise<string> {
  const id = unique();
  const reply = await server.send('PUT', `/${type}/${id}`, `{"resourceType":"${type}","id":"${id}"${members}}`);
  expect(reply.status).toBe(201);
  return id;
}

const patch = (path: string, kind: keyof typeof types, body: unknown, headers = {}): Promise<Reply> =>
  server.send('PATCH', `/${path}`, body, { 'Content-Type': types[kind], ...headers });

/** A FHIRPath Patch of one operation. */
const operation = (...parts: Json[]): Json => ({
  resourceType: 'Parameters',
  parameter: [{ name: 'operation', part: parts }],
});
const replace = (path: string, value: Json): Json =>
  operation({ name: 'type', valueCode: 'replace' }, { name: 'path', valueString: path }, { name: 'value', ...value });

describe.each([
  ['json', [{ op: 'add', path: '/active', value: true }]],
  ['merge', { active: true }],
  [
    'fhirpath',
    operation(
      { name: 'type', valueCode: 'add' },
      { name: 'path', valueString: 'Patient' },
      { name: 'name', valueString: 'active' },
      { name: 'value', valueBoolean: true },
    ),
  ],
] as const)('a %s patch', (kind, document) => {
  test('is 200 with the next version', async () => {
    const id = await stored('Patient', '');
    const reply = await patch(`Patient/${id}`, kind, document);
    expect(reply.status).toBe(200);
    expect(reply.headers.get('etag')).toBe('W/"2"');
    expect(reply.body).toMatchObject({ id, active: true, meta: { versionId: '2' } });
    expect((await server.get(`/Patient/${id}`)).text).toBe(reply.text);
    expect((await server.get(`/Patient/${id}/_history`)).body.entry[0].request.method).toBe('PATCH');
  });

  test('that changes nothing is no new version: 200 with the old ETag', async () => {
    const id = await stored('Patient', ',"active":true');
    const same = kind === 'fhirpath' ? replace('Patient.active', { valueBoolean: true }) : document;
    const reply = await patch(`Patient/${id}`, kind, same);
    expect([reply.status, reply.headers.get('etag')]).toEqual([200, 'W/"1"']);
  });

  test('of an unknown id is 404, of a deleted one 410', async () => {
    expect((await patch('Patient/unknown', kind, document)).status).toBe(404);
    const id = await stored('Patient', '');
    await server.send('DELETE', `/Patient/${id}`);
    const reply = await patch(`Patient/${id}`, kind, document);
    expect([reply.status, reply.headers.get('etag')]).toEqual([410, 'W/"2"']);
  });

  test('takes If-Match; a stale one is 412 before the patch is tried, on a missing or deleted resource too', async () => {
    const id = await stored('Patient', '');
    const stale = await patch(`Patient/${id}`, kind, document, { 'If-Match': 'W/"2"' });
    expect([stale.status, stale.headers.get('etag')]).toEqual([412, 'W/"1"']);
    expect((await patch(`Patient/${id}`, kind, document, { 'If-Match': 'W/"1"' })).status).toBe(200);
    expect((await patch('Patient/unknown', kind, document, { 'If-Match': '*' })).status).toBe(412);
    await server.send('DELETE', `/Patient/${id}`);
    expect((await patch(`Patient/${id}`, kind, document, { 'If-Match': 'W/"3"' })).status).toBe(412);
  });

  test('of a Binary is 405', async () => {
    const reply = await patch('Binary/1', kind, document);
    expect(reply.status).toBe(405);
    expect(reply.headers.get('allow')).toBe('GET, HEAD, PUT, DELETE, OPTIONS');
  });

  test('of an AuditEvent is 405', async () => {
    expect((await patch('AuditEvent/1', kind, document)).status).toBe(405);
  });
});

describe('patch', () => {
  test('every decimal keeps its text, in untouched elements and in the patch', async () => {
    const decimals =
      ',"component":[{"valueQuantity":{"value":1.00}},{"valueQuantity":{"value":1e-20}},{"valueQuantity":{"value":-0.0}}],"valueQuantity":{"value":1.0e+3}';
    const sent = [
      ['json', '[{"op":"replace","path":"/valueQuantity/value","value":2.500}]'],
      ['merge', '{"valueQuantity":{"value":2.500}}'],
      [
        'fhirpath',
        '{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Observation.value.value"},{"name":"value","valueDecimal":2.500}]}]}',
      ],
    ] as const;
    for (const [kind, document] of sent) {
      const id = await stored('Observation', decimals);
      const reply = await patch(`Observation/${id}`, kind, document);
      expect(reply.status).toBe(200);
      expect(reply.text).toContain(decimals.replace('1.0e+3', '2.500').slice(1));
    }
  });

  test('a number that no double holds is kept by a patch of another element', async () => {
    const big = '123456789012345678901234567890.10';
    const id = await stored('Observation', `,"valueQuantity":{"value":${big}}`);
    const reply = await patch(`Observation/${id}`, 'json', [{ op: 'add', path: '/status', value: 'final' }]);
    expect(reply.text).toContain(big);
    const copied = await patch(
      `Observation/${id}`,
      'json',
      `[{"op":"test","path":"/valueQuantity/value","value":${big}}]`,
    );
    expect(copied.status).toBe(200);
  });

  test('the order of properties is kept', async () => {
    const id = await stored('Patient', ',"gender":"other","birthDate":"2000-01-01","active":false');
    const reply = await patch(`Patient/${id}`, 'json', [{ op: 'replace', path: '/birthDate', value: '2001' }]);
    expect(reply.text).toMatch(/"gender":"other","birthDate":"2001","active":false\}$/);
  });

  test('a failing test is 422 and changes nothing', async () => {
    const id = await stored('Patient', ',"active":false');
    const reply = await patch(`Patient/${id}`, 'json', [
      { op: 'replace', path: '/active', value: true },
      { op: 'test', path: '/gender', value: 'male' },
    ]);
    expect(reply.status).toBe(422);
    const current = await server.get(`/Patient/${id}`);
    expect([current.body.active, current.headers.get('etag')]).toEqual([false, 'W/"1"']);
  });

  test.each([
    ['json', [{ op: 'replace', path: '/name/0/family', value: 'x' }]],
    ['json', [{ op: 'remove', path: '/gender' }]],
    ['json', [{ op: 'add', path: '/name/5', value: {} }]],
    ['json', [{ op: 'move', from: '/gender', path: '/birthDate' }]],
    ['fhirpath', replace('Patient.name[0].family', { valueString: 'x' })],
  ] as const)('a path that is not there is 422 and changes nothing (%s %j)', async (kind, document) => {
    const id = await stored('Patient', '');
    expect((await patch(`Patient/${id}`, kind, document)).status).toBe(422);
    expect((await server.get(`/Patient/${id}`)).headers.get('etag')).toBe('W/"1"');
  });

  test('test on any element is allowed, also on immutable ones', async () => {
    const id = await stored('Patient', ',"name":[{"family":"F"}]');
    const { body } = await server.get(`/Patient/${id}`);
    const reply = await patch(`Patient/${id}`, 'json', [
      { op: 'test', path: '/id', value: id },
      { op: 'test', path: '/resourceType', value: 'Patient' },
      { op: 'test', path: '/meta/versionId', value: '1' },
      { op: 'test', path: '/meta', value: body.meta },
      { op: 'test', path: '', value: body },
      { op: 'add', path: '/active', value: true },
    ]);
    expect(reply.status).toBe(200);
  });

  test('writing an immutable element with its own value is allowed, with another it is 422', async () => {
    const id = await stored('Patient', '');
    const { lastUpdated } = (await server.get(`/Patient/${id}`)).body.meta;
    const own = { id, resourceType: 'Patient', meta: { versionId: '1', lastUpdated }, active: true };
    expect((await patch(`Patient/${id}`, 'merge', own)).status).toBe(200);
    for (const other of [
      { id: 'x' },
      { id: null },
      { resourceType: 'Practitioner' },
      { meta: { versionId: '9' } },
      { meta: { lastUpdated: '2001-01-01T00:00:00Z' } },
    ]) {
      expect((await patch(`Patient/${id}`, 'merge', other)).status).toBe(422);
    }
    expect((await server.get(`/Patient/${id}`)).headers.get('etag')).toBe('W/"2"');
  });

  test('a patch that changes elements of a resource whose narrative is generated removes text', async () => {
    const text = (status: string) =>
      `,"text":{"status":"${status}","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">x</div>"},"active":false`;
    const generated = await stored('Patient', text('generated'));
    expect((await patch(`Patient/${generated}`, 'merge', { active: true })).body.text).toBeUndefined();
    const additional = await stored('Patient', text('additional'));
    expect((await patch(`Patient/${additional}`, 'merge', { active: true })).body.text).toBeDefined();
    const labelled = await stored('Patient', text('generated'));
    expect((await patch(`Patient/${labelled}`, 'merge', { meta: { tag: [{ code: 'x' }] } })).body.text).toBeDefined();
    const both = await stored('Patient', text('generated'));
    const div = '<div xmlns="http://www.w3.org/1999/xhtml">new</div>';
    expect((await patch(`Patient/${both}`, 'merge', { active: true, text: { div } })).body.text.div).toBe(div);
  });

  test('the result is checked like any update: 400 for its structure, 422 for SUBSETTED', async () => {
    const id = await stored('Patient', '');
    const unknown = await patch(`Patient/${id}`, 'merge', { nonsense: 1 });
    expect(unknown.status).toBe(400);
    expect(issueOf(unknown).expression).toEqual(['Patient.nonsense']);
    expect((await patch(`Patient/${id}`, 'merge', { birthDate: 'yesterday' })).status).toBe(400);
    expect((await patch(`Patient/${id}`, 'merge', { name: [] })).status).toBe(400);
    expect((await patch(`Patient/${id}`, 'merge', { meta: { tag: [{ code: 'SUBSETTED' }] } })).status).toBe(422);
    expect((await server.get(`/Patient/${id}`)).headers.get('etag')).toBe('W/"1"');
  });

  test.each([
    ['json', '{"op":"add"}'],
    ['json', '[{"op":"jump","path":"/a"}]'],
    ['json', '[{"op":"add","path":"active","value":true}]'],
    ['json', '[{"op":"add","path":"/active"}]'],
    ['json', '[{"op":"add","path":"/active","value":true,"value":false}]'],
    ['json', 'nonsense'],
    ['json', ''],
    ['merge', '[]'],
    ['merge', '"x"'],
    ['merge', '{'],
    ['fhirpath', '{"resourceType":"Patient"}'],
    ['fhirpath', '{"resourceType":"Parameters","parameter":[{"name":"operation"}]}'],
    ['fhirpath', '{"resourceType":"Parameters","nonsense":1}'],
    [
      'fhirpath',
      '{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"delete","nonsense":1},{"name":"path","valueString":"Patient.active"}]}]}',
    ],
    [
      'fhirpath',
      '{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"fly"},{"name":"path","valueString":"Patient"}]}]}',
    ],
    [
      'fhirpath',
      '{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"delete"},{"name":"path","valueString":"Patient.("}]}]}',
    ],
  ] as const)('a malformed %s patch is 400: %s', async (kind, document) => {
    const id = await stored('Patient', '');
    const reply = await patch(`Patient/${id}`, kind, document);
    expect([document, reply.status]).toEqual([document, 400]);
    expect(reply.body.resourceType).toBe('OperationOutcome');
  });

  test('prototypes are no members: __proto__ and constructor in a patch are 4xx and pollute nothing', async () => {
    const id = await stored('Patient', '');
    for (const [kind, document] of [
      ['json', '[{"op":"add","path":"/__proto__/polluted","value":true}]'],
      ['json', '[{"op":"add","path":"/constructor/prototype/polluted","value":true}]'],
      ['json', '[{"op":"add","path":"/__proto__","value":{"polluted":true}}]'],
      ['merge', '{"__proto__":{"polluted":true}}'],
      ['merge', '{"constructor":{"prototype":{"polluted":true}}}'],
    ] as const) {
      const { status } = await patch(`Patient/${id}`, kind, document);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    }
    expect('polluted' in {}).toBe(false);
    expect((await server.get(`/Patient/${id}`)).headers.get('etag')).toBe('W/"1"');
  });

  test('another media type is 415', async () => {
    const id = await stored('Patient', '');
    for (const type of ['text/plain', 'application/xml-patch+xml', 'application/fhir+xml']) {
      const reply = await server.send('PATCH', `/Patient/${id}`, '[]', { 'Content-Type': type });
      expect([type, reply.status]).toEqual([type, 415]);
    }
  });

  test('one of another version of FHIR is 415', async () => {
    const id = await stored('Patient', ',"active":false');
    const document = replace('Patient.active', { valueBoolean: true });
    const type = (version: string) => ({ 'Content-Type': `application/fhir+json; fhirVersion=${version}` });
    expect((await server.send('PATCH', `/Patient/${id}`, document, type('5.0'))).status).toBe(415);
    expect((await server.send('PATCH', `/Patient/${id}`, document, type('4.0'))).status).toBe(200);
  });

  test('parameters that a patch would ignore are 400', async () => {
    const id = await stored('Patient', '');
    expect((await patch(`Patient/${id}?identifier=1`, 'merge', { active: true })).status).toBe(400);
  });
});

describe('in a bundle a PATCH entry', () => {
  const carriers = [
    ['Parameters', (document: Json) => document, replace('Patient.active', { valueBoolean: true })],
    [
      'a Binary with a JSON Patch',
      (document: Json) => ({
        resourceType: 'Binary',
        contentType: types.json,
        data: Buffer.from(JSON.stringify(document)).toString('base64'),
      }),
      [{ op: 'replace', path: '/active', value: true }],
    ],
    [
      'a Binary with a merge patch',
      (document: Json) => ({
        resourceType: 'Binary',
        contentType: types.merge,
        data: Buffer.from(JSON.stringify(document)).toString('base64'),
      }),
      { active: true },
    ],
  ] as const;

  describe.each(['transaction', 'batch'])('of a %s', (kind) => {
    test.each(carriers)('carries %s', async (_name, carry, document) => {
      const id = await stored('Patient', ',"active":false');
      const reply = await server.send(
        'POST',
        '/',
        bundle(kind, entry('PATCH', `Patient/${id}`, carry(document as Json))),
      );
      expect(reply.status).toBe(200);
      expect(reply.body.entry[0].response).toMatchObject({ status: '200 OK', etag: 'W/"2"' });
      expect((await server.get(`/Patient/${id}`)).body.active).toBe(true);
    });

    test('with another resource, another contentType or no data is 400', async () => {
      const id = await stored('Patient', ',"active":false');
      for (const carrier of [
        { resourceType: 'Patient', id, active: true },
        { resourceType: 'Binary', contentType: 'application/json', data: 'e30=' },
        { resourceType: 'Binary', contentType: types.merge },
      ]) {
        const reply = await server.send('POST', '/', bundle(kind, entry('PATCH', `Patient/${id}`, carrier)));
        const status = kind === 'batch' ? reply.body.entry[0].response.status : String(reply.status);
        expect(status).toMatch(/^400/);
      }
    });

    test('of a Binary is refused', async () => {
      const document = carriers[2][1]({ active: true });
      const reply = await server.send('POST', '/', bundle(kind, entry('PATCH', 'Binary/1', document)));
      if (kind === 'batch') expect(reply.body.entry[0].response.status).toMatch(/^405/);
      else expect(reply.status).toBe(400);
    });

    test('obeys ifMatch', async () => {
      const id = await stored('Patient', ',"active":false');
      const document = carriers[2][1]({ active: true });
      const stale = await server.send(
        'POST',
        '/',
        bundle(kind, entry('PATCH', `Patient/${id}`, document, { ifMatch: 'W/"3"' })),
      );
      if (kind === 'batch') expect(stale.body.entry[0].response.status).toMatch(/^412/);
      else expect([stale.status, issueOf(stale).expression]).toEqual([412, ['Bundle.entry[0]']]);
      const fresh = await server.send(
        'POST',
        '/',
        bundle(kind, entry('PATCH', `Patient/${id}`, document, { ifMatch: 'W/"1"' })),
      );
      expect(fresh.body.entry[0].response.etag).toBe('W/"2"');
    });
  });

  test('leaves links as they are stored, also where they look like the bundle’s or lead nowhere', async () => {
    const old = 'urn:uuid:99999999-0000-4000-8000-000000000001';
    const id = await stored(
      'Observation',
      `,"subject":{"reference":"Patient/123"},"focus":[{"reference":"${old}"}],"hasMember":[{"reference":"Observation?code=x"}]`,
    );
    const reply = await server.send(
      'POST',
      '/',
      bundle(
        'transaction',
        entry('POST', 'Patient', patient(unique()), {}, 'http://other.example.org/fhir/Patient/123'),
        entry('PATCH', `Observation/${id}`, replace('Observation.status', { valueCode: 'final' })),
      ),
    );
    // Nothing has a status yet, so the replacement fails; adding one does not.
    expect(reply.status).toBe(422);
    const added = await server.send(
      'POST',
      '/',
      bundle(
        'transaction',
        entry('POST', 'Patient', patient(unique()), {}, 'http://other.example.org/fhir/Patient/123'),
        entry(
          'POST',
          'Practitioner',
          { resourceType: 'Practitioner' },
          {},
          'urn:uuid:99999999-0000-4000-8000-000000000002',
        ),
        entry('PATCH', `Observation/${id}`, {
          resourceType: 'Binary',
          contentType: types.merge,
          data: Buffer.from(
            JSON.stringify({ performer: [{ reference: 'urn:uuid:99999999-0000-4000-8000-000000000002' }] }),
          ).toString('base64'),
        }),
      ),
    );
    expect(added.status).toBe(200);
    const { body } = await server.get(`/Observation/${id}`);
    expect(body.subject.reference).toBe('Patient/123');
    expect(body.focus[0].reference).toBe(old);
    expect(body.hasMember[0].reference).toBe('Observation?code=x');
    expect(body.performer[0].reference).toMatch(/^Practitioner\//);
  });
});

describe.each(stores)('parallel patches, store %s', (_name, start) => {
  let racing: TestServer;
  beforeAll(async () => {
    racing = await start();
  });
  afterAll(() => racing.close());

  test('all succeed, more than a request would try again', async () => {
    await racing.send('PUT', '/Patient/p', patient('p', { id: 'p' }));
    const replies = await Promise.all(
      Array.from({ length: 120 }, (_, n) =>
        racing.send('PATCH', '/Patient/p', [{ op: 'add', path: '/identifier/-', value: { value: `n${n}` } }], {
          'Content-Type': types.json,
        }),
      ),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(120).fill(200));
    const { body } = await racing.get('/Patient/p');
    expect(body.meta.versionId).toBe('121');
    expect(new Set(body.identifier.map((each: Json) => each.value)).size).toBe(121);
  });

  test('in transactions lose nothing, nor do patches beside them', async () => {
    await racing.send('PUT', '/Patient/t', patient('t', { id: 't' }));
    const data = (n: number) =>
      Buffer.from(JSON.stringify([{ op: 'add', path: '/identifier/-', value: { value: `t${n}` } }])).toString('base64');
    const replies = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        n % 2 === 0
          ? racing.send(
              'POST',
              '/',
              bundle(
                'transaction',
                entry('PATCH', 'Patient/t', { resourceType: 'Binary', contentType: types.json, data: data(n) }),
              ),
            )
          : racing.send('PATCH', '/Patient/t', [{ op: 'add', path: '/identifier/-', value: { value: `t${n}` } }], {
              'Content-Type': types.json,
            }),
      ),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(30).fill(200));
    const { body } = await racing.get('/Patient/t');
    expect(new Set(body.identifier.map((each: Json) => each.value)).size).toBe(31);
  });

  test('with the same If-Match let one win', async () => {
    await racing.send('PUT', '/Patient/m', patient('m', { id: 'm' }));
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        racing.send(
          'PATCH',
          '/Patient/m',
          { multipleBirthInteger: n },
          { 'Content-Type': types.merge, 'If-Match': '"1"' },
        ),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412, 412, 412]);
  });
});

/** https://hl7.org/fhir/R4/http.html#create and #update: what is refused, and that nothing of it is stored. */
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';
import { bundle, entry, patient, versions } from './writing.ts';

let server: TestServer;
let before: readonly string[];
beforeAll(async () => {
  server = await testServer({ MAX_BODY_BYTES: '20000' });
  await server.send('PUT', '/Patient/there', patient('there', { id: 'there' }));
});
afterAll(() => server.close());
beforeEach(async () => {
  before = await versions(server);
});
// Whatever a test here sends: nothing is stored.
afterEach(async () => {
  expect(await versions(server)).toEqual(before);
});

/** Every error is an OperationOutcome with a code, a text that a person can act on, and never a stack trace. */
function outcome(reply: Reply, status: number, code?: string, expression?: string): void {
  expect([reply.status, reply.text]).toEqual([status, reply.text]);
  expect(reply.headers.get('content-type')).toMatch(/^application\/fhir\+json/);
  expect(reply.body.resourceType).toBe('OperationOutcome');
  expect(reply.body.issue.length).toBeGreaterThan(0);
  for (const issue of reply.body.issue) {
    expect(['error', 'fatal']).toContain(issue.severity);
    expect(issue.code).toMatch(/^[a-z-]+$/);
    expect(issue.diagnostics.length).toBeGreaterThan(10);
    expect(issue.diagnostics).not.toMatch(/\bat .*\.(ts|js):\d+|node:internal|Error:|SECRET/);
  }
  if (code !== undefined) expect(reply.body.issue.map((issue: Json) => issue.code)).toContain(code);
  if (expression !== undefined)
    expect(reply.body.issue.flatMap((issue: Json) => issue.expression)).toContain(expression);
}

/** The ways in which a body can come. */
const ways: readonly (readonly [name: string, send: (body: string | Uint8Array) => Promise<Reply>])[] = [
  ['create', (body) => server.send('POST', '/Patient', body)],
  ['conditional create', (body) => server.send('POST', '/Patient', body, { 'If-None-Exist': 'identifier=none' })],
  ['update', (body) => server.send('PUT', '/Patient/there', body)],
  ['update-as-create', (body) => server.send('PUT', '/Patient/new', body)],
  ['conditional update', (body) => server.send('PUT', '/Patient?identifier=none', body)],
  ['entry', (body) => server.send('POST', '/', inTransaction(body))],
];

function inTransaction(resource: string | Uint8Array): Uint8Array {
  const [start, end] = [
    '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Patient"},"resource":',
    '}]}',
  ];
  return Buffer.concat([Buffer.from(start), Buffer.from(resource), Buffer.from(end)]);
}

const members = (text: string) => `{"resourceType":"Patient","id":"there"${text}}`;

describe.each(ways)('%s', (way, send) => {
  describe('malformed JSON is 400', () => {
    test.each([
      ['nothing', ''],
      ['white space', '  \n'],
      ['cut off', '{"resourceType":"Patient","name":[{"family":"SECRET"'],
      ['a trailing comma', members(',"active":true,')],
      ['something behind', `${members('')} x`],
      ['two values', `${members('')}${members('')}`],
      ['single quotes', "{'resourceType':'Patient'}"],
      ['a comment', `/* SECRET */${members('')}`],
      ['NaN', members(',"multipleBirthInteger":NaN')],
      ['a number with a leading zero', members(',"multipleBirthInteger":01')],
      ['a raw line break in a string', members(',"language":"e\nn"')],
      ['a bad escape', members(',"language":"\\x41"')],
      ['XML', '<Patient xmlns="http://hl7.org/fhir"/>'],
    ])('%s', async (_what, body) => {
      const reply = await send(body);
      outcome(reply, 400);
    });
  });

  test.each(['[]', '"Patient"', '1', 'true', 'null'])('%s is no resource: 400', async (body) => {
    outcome(await send(body), 400);
  });

  test.each([
    ['at the top', members(',"active":true,"active":true'), 'Patient.active'],
    ['the resourceType', '{"resourceType":"Patient","id":"there","resourceType":"Patient"}', 'Patient.resourceType'],
    ['deeper', members(',"name":[{"family":"a"},{"family":"b","family":"c"}]'), 'Patient.name[1].family'],
    ['spelled with an escape', members(',"active":true,"\\u0061ctive":true'), 'Patient.active'],
  ])('duplicate keys are 400: %s', async (_where, body, expression) => {
    const reply = await send(body);
    outcome(reply, 400);
    const named = reply.body.issue
      .flatMap((issue: Json) => issue.expression ?? [])
      .map((each: string) => each.replace('Bundle.entry[0].resource', 'Patient'));
    expect(named).toEqual([expression]);
  });

  test.each([
    ['an unknown element', ',"nonsense":1', 'nonsense'],
    ['an element of another type', ',"valueQuantity":{"value":1}', 'valueQuantity'],
    ['an unknown element deeper', ',"name":[{"familie":"x"}]', 'name[0].familie'],
    [
      'an unknown element in a contained resource',
      ',"contained":[{"resourceType":"Patient","id":"c","x":1}]',
      'contained[0].x',
    ],
    ['a wrong JSON type', ',"active":"true"', 'active'],
    ['a number for a string', ',"language":5', 'language'],
    ['a string for an object', ',"maritalStatus":"M"', 'maritalStatus'],
    ['an object for an array', ',"name":{"family":"x"}', 'name'],
    ['an array for an object', ',"maritalStatus":[{"text":"x"}]', 'maritalStatus'],
    ['null', ',"active":null', 'active'],
    ['an empty string', ',"language":""', 'language'],
    ['an empty array', ',"name":[]', 'name'],
    ['an empty object', ',"maritalStatus":{}', 'maritalStatus'],
    ['a date that is none', ',"birthDate":"2020-02-30"', 'birthDate'],
    ['a code with a space at the end', ',"gender":"male "', 'gender'],
    ['a decimal for an integer', ',"multipleBirthInteger":1.5', 'multipleBirth'],
    ['an integer written as a decimal', ',"multipleBirthInteger":2.0', 'multipleBirth'],
    ['an integer with an exponent', ',"multipleBirthInteger":2e0', 'multipleBirth'],
    ['an unknown contained type', ',"contained":[{"resourceType":"Pacient","id":"c"}]', 'contained[0]'],
    ['__proto__', ',"__proto__":{"active":true}', ''],
    ['__proto__ deeper', ',"name":[{"__proto__":{"family":"x"}}]', 'name[0]'],
    ['constructor', ',"constructor":{"prototype":{"polluted":true}}', 'constructor'],
    ['toString', ',"toString":"x"', 'toString'],
    ['hasOwnProperty', ',"hasOwnProperty":true', 'hasOwnProperty'],
  ])('%s is 400 with its expression', async (_what, text, place) => {
    const reply = await send(members(text));
    outcome(reply, 400);
    const named: string[] = reply.body.issue.flatMap((issue: Json) => issue.expression ?? []);
    const prefix = way === 'entry' ? 'Bundle.entry[0].resource' : 'Patient';
    expect(named.some((each) => each.startsWith(place === '' ? prefix : `${prefix}.${place}`))).toBe(true);
    expect(reply.text).toContain(place === '' || place === 'name[0]' ? '__proto__' : place);
    expect('polluted' in {}).toBe(false);
  });

  test('an unknown resource type is 400', async () => {
    outcome(await send('{"resourceType":"Pacient","id":"there"}'), 400);
    outcome(await send('{"resourceType":"__proto__","id":"there"}'), 400);
    outcome(await send('{"resourceType":5,"id":"there"}'), 400);
    outcome(await send('{"id":"there"}'), 400);
  });

  test('the wrong type for the URL is 400', async () => {
    outcome(await send('{"resourceType":"Practitioner","id":"there"}'), 400);
  });

  test.each(['a b', 'a_b', 'a/b', 'ä', '', 'x'.repeat(65), '../etc'])('the invalid id “%s” is 400', async (id) => {
    outcome(await send(`{"resourceType":"Patient","id":${JSON.stringify(id)}}`), 400);
    outcome(await send('{"resourceType":"Patient","id":5}'), 400);
  });

  test('too deep nesting is 400, however deep', async () => {
    for (const depth of [91, 200, 3000]) {
      outcome(await send(members(`,"extension":${'['.repeat(depth)}${']'.repeat(depth)}`)), 400);
    }
    outcome(await send('['.repeat(15_000)), 400);
  });

  test('numbers beyond the limits are 400', async () => {
    outcome(await send(members(`,"multipleBirthInteger":${'1'.repeat(401)}`)), 400);
    outcome(await send(members(',"multipleBirthInteger":1e401')), 400);
  });

  test('invalid UTF-8 is 400', async () => {
    for (const bytes of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
      const [start, end] = members(',"language":"|"').split('|');
      outcome(await send(Buffer.concat([Buffer.from(start ?? ''), Buffer.from(bytes), Buffer.from(end ?? '')])), 400);
    }
  });

  test('UTF-16 is 400', async () => {
    outcome(await send(Buffer.from(members(''), 'utf16le')), 400);
  });

  test('an oversize body is 413', async () => {
    const reply = await send(members(`,"name":[{"family":"${'x'.repeat(20_000)}"}]`));
    outcome(reply, 413, 'too-long');
    expect(reply.body.issue[0].diagnostics).toContain('20000');
  });
});

describe('requests', () => {
  test('mismatching ids are 400', async () => {
    outcome(await server.send('PUT', '/Patient/there', patient('x', { id: 'other' })), 400, 'value', 'Patient.id');
    outcome(await server.send('PUT', '/Patient/there', patient('x')), 400, 'required', 'Patient.id');
  });

  test('invalid ids in the URL are 4xx', async () => {
    for (const id of ['a_b', 'a%20b', '%C3%A4', 'x'.repeat(65), '__proto__']) {
      const text = decodeURIComponent(id);
      outcome(await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id: text }), 400);
      outcome(await server.send('DELETE', `/Patient/${id}`), 404, 'not-found');
      const read = await server.get(`/Patient/${id}`);
      expect([400, 404]).toContain(read.status);
    }
    const entries = bundle('transaction', entry('DELETE', 'Patient/a_b'));
    outcome(await server.send('POST', '/', entries), 400, 'not-found', 'Bundle.entry[0].request.url');
    outcome(await server.send('PUT', '/Patient/%', {}), 400);
  });

  test('an unknown type in the URL is 404 and names the nearest', async () => {
    for (const [method, path] of [
      ['POST', '/Pacient'],
      ['PUT', '/Pacient/1'],
      ['PATCH', '/Pacient/1'],
      ['DELETE', '/Pacient/1'],
      ['PUT', '/Pacient?name=x'],
      ['POST', '/patient'],
    ] as const) {
      const reply = await server.send(
        method,
        path,
        method === 'DELETE' ? undefined : { resourceType: 'Pacient', id: '1' },
      );
      outcome(reply, 404);
      expect(reply.body.issue[0].diagnostics).toContain('Patient');
    }
    outcome(await server.send('POST', '/__proto__', patient('x')), 404);
    outcome(await server.send('POST', '/constructor', patient('x')), 404);
  });

  test('a method that a path does not take is 405 with Allow', async () => {
    for (const [method, path, allow] of [
      ['POST', '/Patient/1', 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'],
      ['PUT', '/Patient/1/_history/1', 'GET, HEAD, OPTIONS'],
      ['DELETE', '/Patient/_history', 'GET, HEAD, OPTIONS'],
      ['PUT', '/', 'GET, HEAD, POST, OPTIONS'],
      ['PUT', '/metadata', 'GET, HEAD, OPTIONS'],
      ['PUT', '/AuditEvent/1', 'GET, HEAD, OPTIONS'],
      ['PATCH', '/Binary/1', 'GET, HEAD, PUT, DELETE, OPTIONS'],
    ] as const) {
      const reply = await server.send(method, path, method === 'DELETE' ? undefined : patient('x', { id: '1' }));
      outcome(reply, 405);
      expect([path, reply.headers.get('allow')]).toEqual([path, allow]);
    }
  });

  test.each([
    'text/plain',
    'application/fhir+xml',
    'application/xml',
    'multipart/form-data',
    'application/fhir+json; fhirVersion=3.0',
    'application/fhir+json; fhirVersion=5.0',
    '',
  ])('the media type “%s” is 415', async (type) => {
    outcome(await server.send('POST', '/Patient', patient('x'), { 'Content-Type': type }), 415, 'not-supported');
    outcome(await server.send('PUT', '/Patient/there', patient('x', { id: 'there' }), { 'Content-Type': type }), 415);
    outcome(
      await server.send('POST', '/', bundle('transaction', entry('POST', 'Patient', patient('x'))), {
        'Content-Type': type,
      }),
      415,
    );
  });

  test('an Accept that can’t be met is 406 before anything is written', async () => {
    for (const Accept of ['application/fhir+xml', 'text/html', 'application/fhir+json; fhirVersion=3.0']) {
      outcome(await server.send('POST', '/Patient', patient('x'), { Accept }), 406, 'not-supported');
      outcome(await server.send('DELETE', '/Patient/there', undefined, { Accept }), 406);
    }
    outcome(await server.send('POST', '/Patient?_format=xml', patient('x')), 406);
  });

  test('a packed body counts unpacked, and unpacking stops at the limit', async () => {
    const packed = gzipSync(Buffer.alloc(50_000_000, 0x20));
    expect(packed.byteLength).toBeLessThan(60_000);
    const small = gzipSync(Buffer.alloc(100_000, 0x20));
    expect(small.byteLength).toBeLessThan(20_000);
    outcome(await server.send('POST', '/Patient', small, { 'Content-Encoding': 'gzip' }), 413, 'too-long');
    outcome(await server.send('POST', '/Patient', packed, { 'Content-Encoding': 'gzip' }), 413);
    outcome(await server.send('POST', '/Patient', JSON.stringify(patient('x')), { 'Content-Encoding': 'gzip' }), 400);
    outcome(await server.send('POST', '/Patient', JSON.stringify(patient('x')), { 'Content-Encoding': 'zebra' }), 415);
  });

  test('an oversize patch is 413', async () => {
    const reply = await server.send(
      'PATCH',
      '/Patient/there',
      { language: 'x'.repeat(20_000) },
      { 'Content-Type': 'application/merge-patch+json' },
    );
    outcome(reply, 413);
  });

  test('a patch or update without a body is 400', async () => {
    outcome(await server.send('PUT', '/Patient/there', undefined, { 'Content-Type': 'application/fhir+json' }), 400);
    outcome(await server.send('POST', '/Patient', undefined, { 'Content-Type': 'application/fhir+json' }), 400);
    outcome(
      await server.send('PATCH', '/Patient/there', undefined, { 'Content-Type': 'application/json-patch+json' }),
      400,
    );
    outcome(await server.send('POST', '/', undefined, { 'Content-Type': 'application/fhir+json' }), 400);
  });

  test('many faults are listed, but not without end', async () => {
    const faults = Array.from({ length: 200 }, () => ({ x: 1 }));
    const reply = await server.send('POST', '/Patient', { resourceType: 'Patient', name: faults });
    outcome(reply, 400);
    expect(reply.body.issue).toHaveLength(50);
  });
});

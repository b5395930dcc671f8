/** https://hl7.org/fhir/R4/http.html#general */
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, testServer } from './server.ts';
import { type SocketReply, type SocketServer, socketServer } from './socket.ts';
import { issueOf } from './writing.ts';

const json = { 'Content-Type': 'application/fhir+json' };
const patient = (length: number) => JSON.stringify({ resourceType: 'Patient', name: [{ text: 'x'.repeat(length) }] });
const outcomeOf = ({ bytes }: SocketReply) => issueOf({ body: JSON.parse(bytes.toString()) });

let server: SocketServer;
beforeAll(async () => {
  server = await socketServer({ MAX_BODY_BYTES: '100000' });
  const named = { resourceType: 'Patient', id: 'a', name: [{ text: 'ä'.repeat(2000) }] };
  await server.ask('PUT', '/fhir/Patient/a', json, JSON.stringify(named));
});
afterAll(() => server.stop());

const total = async () => {
  const { bytes } = await server.ask('GET', '/fhir/Patient?_summary=count');
  return JSON.parse(bytes.toString()).total as number;
};

describe('MAX_BODY_BYTES counts unpacked bytes, and unpacking stops there', () => {
  test('a body of that many bytes is taken, of one more is 413', async () => {
    const fits = patient(100_000 - patient(0).length);
    expect(fits).toHaveLength(100_000);
    expect((await server.ask('POST', '/fhir/Patient', json, fits)).status).toBe(201);
    const before = await total();
    const reply = await server.ask('POST', '/fhir/Patient', json, `${fits} `);
    expect(reply.status).toBe(413);
    expect(outcomeOf(reply)).toMatchObject({ code: 'too-long' });
    expect(outcomeOf(reply).diagnostics).toContain('MAX_BODY_BYTES');
    expect(await total()).toBe(before);
  });

  test('also where its length is not said before', async () => {
    const chunked = { ...json, 'Transfer-Encoding': 'chunked' };
    expect((await server.ask('POST', '/fhir/Patient', chunked, patient(50_000))).status).toBe(201);
    const reply = await server.ask('POST', '/fhir/Patient', chunked, patient(100_000));
    expect(reply.status).toBe(413);
    expect(outcomeOf(reply).code).toBe('too-long');
  });

  test('who says a large length is answered before the body is sent', async () => {
    const head = 'POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n';
    const answer = await server.raw(`${head}Content-Length: 9999999999\r\n\r\n{`);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"code":"too-long"');
  });

  test('a body without end is answered while it streams', async () => {
    const head = 'POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n';
    const answer = await endless(server.port, `${head}Transfer-Encoding: chunked\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"code":"too-long"');
  });

  test('a small body that unpacks to a large one is 413', async () => {
    for (const [coding, packed] of [
      ['gzip', gzipSync(patient(50_000_000))],
      ['deflate', deflateSync(patient(200_000))],
      ['br', brotliCompressSync(patient(200_000))],
    ] as const) {
      expect(packed.byteLength).toBeLessThan(100_000);
      const reply = await server.ask('POST', '/fhir/Patient', { ...json, 'Content-Encoding': coding }, packed);
      expect([coding, reply.status]).toEqual([coding, 413]);
      expect(outcomeOf(reply).diagnostics).toContain('MAX_BODY_BYTES');
    }
  });

  test('the server goes on', async () => {
    expect((await server.ask('GET', '/fhir/Patient/a')).status).toBe(200);
  });
});

describe('`Content-Encoding` gzip in', () => {
  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['identity', (text: string) => Buffer.from(text)],
  ])('%s', async (coding, pack) => {
    const reply = await server.ask('POST', '/fhir/Patient', { ...json, 'Content-Encoding': coding }, pack(patient(9)));
    expect(reply.status).toBe(201);
    expect(JSON.parse(reply.bytes.toString()).name).toEqual([{ text: 'x'.repeat(9) }]);
  });

  test('an unknown coding → 415', async () => {
    for (const coding of ['zstd', 'gzip, gzip', 'nonsense']) {
      const reply = await server.ask('POST', '/fhir/Patient', { ...json, 'Content-Encoding': coding }, patient(1));
      expect([coding, reply.status]).toEqual([coding, 415]);
      expect(outcomeOf(reply).diagnostics).toContain('gzip');
    }
  });

  test('what can’t be unpacked → 400', async () => {
    const packed = gzipSync(patient(1000));
    for (const broken of [Buffer.from(patient(1)), packed.subarray(0, packed.length - 9), Buffer.alloc(0)]) {
      const reply = await server.ask('POST', '/fhir/Patient', { ...json, 'Content-Encoding': 'gzip' }, broken);
      expect(reply.status).toBe(400);
      expect(outcomeOf(reply).code).toMatch(/structure|required/);
    }
  });

  test('a packed form', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Encoding': 'gzip' };
    const reply = await server.ask('POST', '/fhir/Patient/_search', headers, gzipSync('_id=a'));
    expect(JSON.parse(reply.bytes.toString()).total).toBe(1);
  });
});

describe('`Content-Encoding` gzip out', () => {
  const accepting = (value: string, path = '/fhir/Patient/a') => server.ask('GET', path, { 'Accept-Encoding': value });

  test.each(['gzip', 'deflate, gzip;q=0.5', '*', 'GZIP', 'br, gzip'])('Accept-Encoding: %s → packed', async (value) => {
    const plain = await server.ask('GET', '/fhir/Patient/a');
    const packed = await accepting(value);
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(packed.headers.vary).toContain('Accept-Encoding');
    expect(packed.headers['content-length']).toBe(String(packed.bytes.byteLength));
    expect(packed.bytes.byteLength).toBeLessThan(plain.bytes.byteLength);
    expect(gunzipSync(packed.bytes).equals(plain.bytes)).toBe(true);
    expect(packed.headers.etag).toBe(plain.headers.etag);
  });

  test.each(['identity', 'deflate', 'gzip;q=0', 'gzip;q=0.0, *', 'br'])(
    'Accept-Encoding: %s → as it is',
    async (value) => {
      const reply = await accepting(value);
      expect(reply.headers['content-encoding']).toBeUndefined();
      expect(JSON.parse(reply.bytes.toString()).id).toBe('a');
      expect(reply.headers.vary).toContain('Accept-Encoding');
    },
  );

  test('searches, histories, the capability statement', async () => {
    for (const path of ['/fhir/Patient', '/fhir/_history', '/fhir/metadata']) {
      const reply = await accepting('gzip', path);
      expect(JSON.parse(gunzipSync(reply.bytes).toString()).resourceType).toBeDefined();
    }
  });

  test('what is short stays as it is', async () => {
    expect((await accepting('gzip', '/fhir/Patient/nobody')).headers['content-encoding']).toBeUndefined();
  });
});

describe('URLs up to MAX_URL_BYTES are taken, longer ones get 414 with an OperationOutcome', () => {
  const search = (length: number) => `/fhir/Patient?_id=a,${'b'.repeat(length - '/fhir/Patient?_id=a,'.length)}`;

  test('64 KiB by default', async () => {
    const host = `http://127.0.0.1:${server.port}`.length;
    const reply = await server.ask('GET', search(65_536 - host));
    expect(reply.status).toBe(200);
    expect(JSON.parse(reply.bytes.toString()).total).toBe(1);
  });

  test.each([65_600, 120_000, 190_000, 250_000, 1_000_000, 3_000_000])('%s bytes → 414', async (length) => {
    const answer = await server.raw(`GET ${search(length)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 414 /);
    expect(answer).toContain('"resourceType":"OperationOutcome"');
    expect(answer).toContain('MAX_URL_BYTES');
    expect(answer).toMatch(/content-type: application\/fhir\+json/i);
  });

  test('headers that are too long are answered likewise, never with a bare 431', async () => {
    const answer = await server.raw(`GET /fhir/Patient HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(300_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 414 /);
    expect(answer).toContain('OperationOutcome');
    expect(answer).toMatch(/x-request-id: \S+/i);
  });

  test('what follows a request and is no HTTP does not take its answer', async () => {
    const body = JSON.stringify({ resourceType: 'Patient', id: 'piped' });
    const head = `PUT /fhir/Patient/piped HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json`;
    const answer = await server.raw(`${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}\0garbage\r\n\r\n`);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 201', 'HTTP/1.1 400']);
  });

  test('by configuration', async () => {
    const small = await testServer({ MAX_URL_BYTES: '2000' });
    expect((await small.get(`/Patient?_id=${'a'.repeat(1900)}`)).status).toBe(200);
    const reply = await small.get(`/Patient?_id=${'a'.repeat(2000)}`);
    expect(reply.status).toBe(414);
    expect(issueOf(reply)).toMatchObject({ code: 'too-long' });
    expect(issueOf(reply).diagnostics).toContain('_search');
    await small.close();
  });

  test('a search by POST has no such limit', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const reply = await server.ask('POST', '/fhir/Patient/_search', headers, `_id=a,${'b'.repeat(90_000)}`);
    expect(JSON.parse(reply.bytes.toString()).total).toBe(1);
  });
});

describe('what is not HTTP', () => {
  test.each([
    'nonsense\r\n\r\n',
    'GET /fhir/Patient HTTP/9.9\r\n\r\n',
    'GET /fhir/Pa tient HTTP/1.1\r\nHost: x\r\n\r\n',
  ])('%j → 400 with an OperationOutcome', async (text) => {
    const answer = await server.raw(text);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"resourceType":"OperationOutcome"');
  });

  test('a client that goes away while it sends harms nobody, and is no failure of the server', async () => {
    const refused = async () => {
      const metrics = (await server.ask('GET', '/metrics')).bytes.toString();
      expect(metrics).not.toMatch(/interaction="create",status="500"/);
      return Number(/interaction="create",status="400"} (\d+)/.exec(metrics)?.[1] ?? 0);
    };
    const before = await refused();
    await new Promise<void>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => {
        socket.write('POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n{"resourceType"', () => {
          socket.destroy();
          resolve();
        });
      });
    });
    await expect.poll(refused, { timeout: 20_000 }).toBe(before + 1);
    expect((await server.ask('GET', '/fhir/Patient/a')).status).toBe(200);
  });
});

test('a value with U+0000 finds nothing that a shorter one would: 400', async () => {
  for (const query of ['_id=a%00b', 'identifier=urn:a%00|v', 'name:exact=a%00', '_tag=x%00']) {
    const reply = await server.ask('GET', `/fhir/Patient?${query}`);
    expect([query, reply.status, outcomeOf(reply).code]).toEqual([query, 400, 'value']);
  }
  expect((await server.ask('GET', '/fhir/Patient/a%00')).status).toBe(404);
  expect((await server.ask('DELETE', '/fhir/Patient/a%00')).status).toBe(404);
});

describe('JSON', () => {
  let small: TestServer;
  beforeAll(async () => {
    small = await testServer();
  });
  afterAll(() => small.close());

  const nested = (depth: number) => {
    // The resource, `extension` and its items: two levels for each.
    let text = '{"url":"http://example.org/e","valueString":"x"}';
    for (let at = 3; at + 2 <= depth; at += 2) text = `{"url":"http://example.org/e","extension":[${text}]}`;
    return `{"resourceType":"Patient","extension":[${text}]}`;
  };

  test('nests at most 90 deep', async () => {
    expect((await small.send('POST', '/Patient', nested(89))).status).toBe(201);
    const reply = await small.send('POST', '/Patient', nested(91));
    expect(reply.status).toBe(400);
    expect(issueOf(reply).diagnostics).toMatch(/deep|nest/i);
  });

  const decimal = (text: string) =>
    small.send(
      'POST',
      '/Observation',
      `{"resourceType":"Observation","status":"final","code":{},"valueQuantity":{"value":${text}}}`.replace(
        '"code":{}',
        '"code":{"text":"x"}',
      ),
    );

  test('numbers have at most 400 characters and an exponent within ±400', async () => {
    for (const text of ['9'.repeat(400), `0.${'1'.repeat(398)}`, '1e400', '1e-400']) {
      const reply = await decimal(text);
      expect([text, reply.status]).toEqual([text, 201]);
      expect(reply.text).toContain(`"value":${text}}`);
    }
    for (const text of ['9'.repeat(401), '1e401', '1E-401', `1e${'9'.repeat(50)}`]) {
      const reply = await decimal(text);
      expect([text, reply.status]).toEqual([text, 400]);
      expect(issueOf(reply).severity).toBe('error');
    }
  });
});

/** Sends chunks for ever; gives the answer that comes meanwhile. */
function endless(port: number, head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(head);
      send();
    });
    const send = () => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', send);
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.on('close', () => resolve(answer));
    // The server may end the connection while we still send.
    socket.on('error', () => (answer === '' ? reject(new Error('no answer')) : resolve(answer)));
    socket.on('end', () => socket.destroy());
  });
}

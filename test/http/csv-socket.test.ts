/** CSV through a socket: files that are read and written as they come. https://hl7.org/fhir/R4/operations.html */
import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { csvFlags, file, patientRow, rowsIn } from './csv-files.ts';
import type { Json } from './server.ts';
import { type SocketServer, socketServer } from './socket.ts';

const rows = Array.from({ length: 900 }, (_, n) => patientRow(n, { address_line: 'x'.repeat(2000) }));

let server: SocketServer;
beforeAll(async () => {
  server = await socketServer({ ...csvFlags, MAX_BODY_BYTES: '100000' });
});
afterAll(() => server.stop());
afterEach(() => {
  vi.useRealTimers();
});

const importFile = (text: string) =>
  server.ask('POST', '/fhir/$csv-import?profile=Patient', { 'Content-Type': 'text/csv' }, text);

test('a file larger than MAX_BODY_BYTES is read as it comes', async () => {
  const reply = await importFile(file(...rows));
  expect(reply.status, reply.bytes.toString()).toBe(200);
  expect(JSON.parse(reply.bytes.toString()).parameter).toContainEqual({ name: 'created', valueInteger: rows.length });
});

describe('a file that breaks off after rows were stored is answered with the place', () => {
  // More than all buffers on the way hold.
  const large = file(...rows.map((row) => ({ ...row, city: 'y'.repeat(8000) })));
  const head = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n';
  const form = { 'Content-Type': 'multipart/form-data; boundary=x' };
  const packed = gzipSync(large);
  test.each([
    ['by another file of its form', `${head}${large}\r\n${head}x\r\n--x--\r\n`, form, 'several files'],
    ['since its form ends too early', `${head}${large}\r\n`, form, 'ends too early'],
    [
      'since its packing does',
      packed.subarray(0, packed.length - 20),
      { 'Content-Type': 'text/csv', 'Content-Encoding': 'gzip' },
      "can't be unpacked",
    ],
  ])('%s', async (_, body, headers, reason) => {
    const reply = await server.ask('POST', '/fhir/$csv-import?profile=Patient', headers, body);
    expect(reply.status, reply.bytes.toString()).toBe(200);
    const parameters: readonly Json[] = JSON.parse(reply.bytes.toString()).parameter;
    const counts = new Map(parameters.map(({ name, valueInteger }) => [name, valueInteger]));
    expect(counts.get('updated') + counts.get('unchanged')).toBeGreaterThan(100);
    expect(counts.get('faulty')).toBe(0);
    const told = parameters.findLast(({ name }) => name === 'fault')?.part.at(-1).valueString;
    expect(told).toContain(reason);
    expect(told).toContain('were not read');
  });
});

test('an export is sent as it is made', async () => {
  const reply = await server.ask('GET', '/fhir/$csv-export?profile=Patient');
  expect(reply.headers['transfer-encoding']).toBe('chunked');
  expect(rowsIn(reply.bytes.toString())).toHaveLength(rows.length);
});

test('a client that goes away leaves nothing behind that would keep the server from ending', async () => {
  const socket = connect(server.port, '127.0.0.1');
  socket.write('GET /fhir/$csv-export?profile=Patient HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'data');
  socket.destroy();
  expect((await server.ask('GET', '/fhir/Patient?_summary=count')).status).toBe(200);
});

test('a refused file leaves the connection of use', async () => {
  const reply = await importFile(`nothing\n${'x\n'.repeat(100_000)}`);
  expect(reply.status).toBe(400);
});

test('what comes after an early answer is read, and does not end the connection later', async () => {
  const socket = connect(server.port, '127.0.0.1').setEncoding('utf8');
  const head = 'POST /fhir/$csv-import?profile=Patient HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n';
  const get = 'GET /fhir/Patient?_summary=count HTTP/1.1\r\nHost: x\r\n\r\n';
  const next = async () => String((await once(socket, 'data'))[0]);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  socket.write(`${head}Content-Length: 20\r\n\r\nnothing\nrow\nrow\n`);
  expect(await next()).toContain('400 Bad Request');
  socket.write(`rest${get}`);
  expect(await next()).toContain('200 OK');
  vi.advanceTimersByTime(10_000);
  socket.write(get);
  expect(await next()).toContain('200 OK');
  socket.destroy();
});

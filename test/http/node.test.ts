/** What only a socket shows of requests. https://hl7.org/fhir/R4/http.html */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SocketServer, socketServer } from './socket.ts';

let server: SocketServer;
beforeAll(async () => {
  server = await socketServer();
  const sent = JSON.stringify({ resourceType: 'Patient', id: 'a', name: [{ family: 'Müller' }] });
  await server.ask('PUT', '/fhir/Patient/a', { 'Content-Type': 'application/fhir+json' }, sent);
  const long = JSON.stringify({ resourceType: 'Patient', id: 'long', name: [{ family: 'ü€😀'.repeat(10_000) }] });
  await server.ask('PUT', '/fhir/Patient/long', { 'Content-Type': 'application/fhir+json' }, long);
});
afterAll(() => server.stop());

const close = 'Host: x\r\nConnection: close\r\n\r\n';

test('a URL with scheme and host, as proxies send it, means its path', async () => {
  expect(await server.raw(`GET http://x/fhir/Patient/a HTTP/1.1\r\n${close}`)).toMatch(/^HTTP\/1\.1 200 /);
});

test('answers unknown paths with an outcome', async () => {
  for (const path of ['*', '/', '/healthy', 'http://x', '//fhir/Patient/a']) {
    const answer = await server.raw(`GET ${path} HTTP/1.1\r\n${close}`);
    expect(answer, path).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer, path).toContain('"resourceType":"OperationOutcome"');
  }
});

test.each([
  ['/', 404],
  ['/fhirs/Patient', 404],
  ['/fhir/../metrics', 404],
  ['*', 404],
  ['/health/live', 200],
  ['/metrics', 200],
])('GET %s is %i', async (path, status) => {
  expect(await server.raw(`GET ${path} HTTP/1.1\r\n${close}`)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
});

test.each(['a', 'long'])('bytes beyond ASCII arrive as they are stored: Patient/%s', async (id) => {
  const { bytes, headers } = await server.ask('GET', `/fhir/Patient/${id}`);
  expect(bytes.byteLength).toBe(Number(headers['content-length']));
  const stored = await server.composed.store.read('Patient', id);
  expect(bytes.equals(stored?.body ?? new Uint8Array())).toBe(true);
});

test('a URL with characters that are not escaped is 400 and says so', async () => {
  for (const path of ['/fhir/Patient?family=Müller', '/fhir/Patient/ä']) {
    const answer = await server.raw(`GET ${path} HTTP/1.1\r\n${close}`);
    expect([path, answer]).toEqual([path, expect.stringMatching(/^HTTP\/1\.1 400 .*%C3%BC/s)]);
  }
  expect(await server.raw(`GET /fhir/Patient?family=M%C3%BCller HTTP/1.1\r\n${close}`)).toContain('"total":1');
});

test('HEAD has the headers of GET and no body', async () => {
  const get = await server.ask('GET', '/fhir/Patient/a');
  const head = await server.ask('HEAD', '/fhir/Patient/a');
  expect(head.bytes.byteLength).toBe(0);
  const without = ({ headers: { date, 'x-request-id': id, ...rest } }: typeof get) => rest;
  expect(without(head)).toEqual(without(get));
});

test('several requests in one piece are answered in order', async () => {
  const get = (id: string) => `GET /fhir/Patient/${id}?_elements=id HTTP/1.1\r\nHost: x\r\n\r\n`;
  const answer = await server.raw(`${get('a')}${get('nobody')}GET /fhir/metadata?_elements=kind HTTP/1.1\r\n${close}`);
  expect([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '404', '200']);
});

test('a body that a GET brings along is ignored', async () => {
  const answer = await server.raw(
    `GET /fhir/Patient/a HTTP/1.1\r\nContent-Length: 5\r\nHost: x\r\n\r\nhelloGET /fhir/Patient/a HTTP/1.1\r\n${close}`,
  );
  expect([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '200']);
});

describe('an answer that did not wait for the body', () => {
  /** A connection that has sent these headers and got its answer. */
  function answered(head: string): Promise<{ readonly socket: Socket; readonly answer: string }> {
    return new Promise((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.write(head));
      socket.once('data', (data) => resolve({ socket, answer: data.toString() }));
      socket.once('error', reject);
    });
  }
  const head = 'POST /fhir/Nonsense HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n';

  test('leaves a connection that can be used again when the body is there', async () => {
    const { socket, answer } = await answered(head);
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    const next = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
    socket.write(`helloGET /fhir/Patient/a HTTP/1.1\r\n${close}`);
    expect(await next).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  test('ends the connection when the body does not come', async () => {
    const { socket, answer } = await answered(head);
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(socket.bytesWritten).toBe(head.length);
  });
});

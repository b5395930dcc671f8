/** Graceful shutdown finishes what is in flight. https://hl7.org/fhir/R4/http.html */
import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { socketServer } from './socket.ts';
import { lastingStore } from './stores.ts';

const head = (length: number) =>
  `POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\nContent-Length: ${length}\r\n\r\n`;

/** A request whose body is not whole yet: `finish` sends the rest and gives the answer. */
async function halfSent(port: number): Promise<() => Promise<string>> {
  const body = JSON.stringify({ resourceType: 'Patient', active: true });
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
  await new Promise<void>((resolve) => socket.write(head(body.length) + body.slice(0, 10), () => resolve()));
  return async () => {
    socket.write(body.slice(10));
    await ended;
    return answer;
  };
}

/** The status of a GET by a connection of its own, or the code of the error. */
function status(port: number, path: string, agent?: Agent): Promise<number | string> {
  return new Promise((resolve) => {
    const outgoing = request({ host: '127.0.0.1', port, path, agent: agent ?? false }, (reply) => {
      reply.resume();
      reply.on('end', () => resolve(reply.statusCode ?? 0));
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
    outgoing.end();
  });
}

describe('stop', () => {
  test('finishes what is in flight, takes nothing new, and what it answered is stored', async () => {
    const { url: STORE_URL } = lastingStore();
    const server = await socketServer({ STORE_URL });
    const finish = await halfSent(server.port);
    // The server has read the head of the request once it answers another that came later.
    expect(await status(server.port, '/health/live')).toBe(200);
    const stopped = server.stop();
    expect(await status(server.port, '/health/live')).toBe('ECONNREFUSED');
    const answer = await finish();
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    await stopped;
    const again = await socketServer({ STORE_URL });
    const [, location = ''] = /location: http:\/\/[^/]+(\S+)/i.exec(answer) ?? [];
    expect(await status(again.port, location)).toBe(200);
    await again.stop();
  });

  test('idle connections that are kept alive hold nothing up', async () => {
    const server = await socketServer();
    const agent = new Agent({ keepAlive: true });
    expect(await status(server.port, '/health/live', agent)).toBe(200);
    expect(await status(server.port, '/fhir/metadata', agent)).toBe(200);
    await server.stop();
    agent.destroy();
  });

  test('nor does a client that asks again and again on its connection', async () => {
    const server = await socketServer();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let asking = true;
    const client = async () => {
      while (asking) {
        const seen = await status(server.port, '/fhir/metadata', agent);
        if (seen !== 200) return seen;
      }
      return 'stopped by the test';
    };
    const seen = client();
    expect(await status(server.port, '/health/live')).toBe(200);
    await server.stop();
    expect(await seen).toMatch(/ECONNREFUSED|ECONNRESET/);
    asking = false;
    agent.destroy();
  });

  test('also a connection that never sends anything', async () => {
    const server = await socketServer();
    const socket = connect(server.port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.on('connect', () => resolve()));
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => {});
    await server.stop();
    socket.destroy();
    await closed;
  });

  test('twice is once', async () => {
    const server = await socketServer();
    await Promise.all([server.stop(), server.stop()]);
  });
});

/** A server in a process of its own, with what it has written so far. */
async function serving() {
  const preload = fileURLToPath(new URL('../typescript.mjs', import.meta.url));
  const script = fileURLToPath(new URL('../../src/cli/osteon.ts', import.meta.url));
  const flags = ['--PORT', '0', '--STORE_URL', lastingStore().url, '--LOG_LEVEL', 'info'];
  const environment = { ...process.env, BASE_URL: '' };
  const child = spawn(process.execPath, ['--import', preload, script, 'serve', ...flags], { env: environment });
  let out = '';
  const port = await new Promise<number>((resolve, reject) => {
    child.on('exit', () => reject(new Error(out)));
    child.stderr.on('data', (data) => {
      out += data;
    });
    child.stdout.on('data', (data) => {
      out += data;
      const [, found] = /serves FHIR R4 at http:\/\/127\.0\.0\.1:(\d+)\/fhir/.exec(out) ?? [];
      if (found !== undefined && out.includes('try ')) resolve(Number(found));
    });
  });
  const exited = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  return { child, port, exited, written: () => out };
}

describe('`osteon serve`', () => {
  test('ends also where nobody reads what it logs', async () => {
    const { child, port, exited } = await serving();
    child.stdout.destroy();
    child.stderr.destroy();
    expect(await status(port, '/health/live')).toBe(200);
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s finishes what is in flight and ends with 0', async (signal) => {
    const { child, port, exited, written } = await serving();
    const finish = await halfSent(port);
    expect(await status(port, '/health/live')).toBe(200);
    child.kill(signal);
    await expect.poll(() => status(port, '/health/live'), { timeout: 20_000 }).toBe('ECONNREFUSED');
    expect(await finish()).toMatch(/^HTTP\/1\.1 201 /);
    expect(await exited).toBe(0);
    expect(written()).toContain('"interaction":"create"');
    expect(written()).toContain('"msg":"stopped"');
  });
});

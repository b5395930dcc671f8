/** What an operator's tools ask for. https://hl7.org/fhir/R4/http.html */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfiguration } from '../../src/config.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { startServer } from '../../src/main.ts';
import { type SocketServer, socketServer } from './socket.ts';
import { freshStore } from './stores.ts';

let server: SocketServer;
beforeAll(async () => {
  server = await socketServer();
});
afterAll(() => server.stop());

async function freePort(): Promise<number> {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  other.close();
  await once(other, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Whether somebody listens there. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

const json = { 'Content-Type': 'application/fhir+json' };

describe('/health', () => {
  test('/health/live: the process answers', async () => {
    const reply = await server.ask('GET', '/health/live');
    expect([reply.status, reply.bytes.toString()]).toEqual([200, '{"status":"up"}']);
    expect(reply.headers['cache-control']).toBe('no-store');
  });

  test('a query changes nothing, a HEAD has the same headers and no body', async () => {
    const asked = await server.ask('GET', '/health/live?verbose');
    const head = await server.ask('HEAD', '/health/live');
    expect([asked.status, head.status, head.bytes.length]).toEqual([200, 200, 0]);
    expect(head.headers['content-length']).toBe(asked.headers['content-length']);
  });

  test.each([
    ['POST', '/health/live'],
    ['GET', '/health/else'],
    ['GET', '/health/live/'],
    ['GET', '/metricsx'],
  ])('%s %s is an unknown path', async (method, path) => {
    const reply = await server.ask(method, path);
    expect([reply.status, JSON.parse(reply.bytes.toString()).resourceType]).toEqual([404, 'OperationOutcome']);
  });

  test('/health/ready: store reachable, migrations done', async () => {
    const reply = await server.ask('GET', '/health/ready');
    expect([reply.status, reply.bytes.toString()]).toEqual([200, '{"status":"ready"}']);
  });

  test('/health/ready is answered once what is prepared at the start, as seeds are, is there', async () => {
    const port = await freePort();
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let prepared = false;
    const settings = { PORT: String(port), STORE_URL: freshStore().url, LOG_LEVEL: 'silent' };
    const starting = startServer(readConfiguration({}, settings), async () => {
      await released;
      prepared = true;
    });
    let replies = 0;
    const asking = (async () => {
      await expect.poll(() => accepts(port), { timeout: 20_000 }).toBe(true);
      const answer = fetch(`http://127.0.0.1:${port}/health/ready`).finally(() => replies++);
      expect(await accepts(port)).toBe(true);
      expect(replies).toBe(0);
      release();
      return [(await answer).status, prepared];
    })();
    const running = await starting;
    expect(await asking).toEqual([200, true]);
    await running.stop();
  });

  test('/health/ready is 503 when the store is closed; /health/live still 200, FHIR 503 with an outcome', async () => {
    const closing = await socketServer();
    await closing.composed.store.close();
    expect((await closing.ask('GET', '/health/ready')).status).toBe(503);
    expect((await closing.ask('GET', '/health/live')).status).toBe(200);
    const reply = await closing.ask('GET', '/fhir/Patient/a');
    expect([reply.status, reply.headers['retry-after']]).toEqual([503, '5']);
    expect(JSON.parse(reply.bytes.toString()).issue[0].code).toBe('transient');
    expect((await closing.ask('GET', '/metrics')).status).toBe(503);
    await closing.stop();
  });

  test('below /health there is nothing else', async () => {
    expect((await server.ask('GET', '/health')).status).toBe(404);
    expect((await server.ask('POST', '/health/live')).status).toBe(404);
  });
});

describe('/metrics for Prometheus', () => {
  let server: SocketServer;
  let text: string;
  afterAll(() => server.stop());
  beforeAll(async () => {
    server = await socketServer();
    const put = (id: string) =>
      server.ask('PUT', `/fhir/Patient/${id}`, json, `{"resourceType":"Patient","id":"${id}"}`);
    await put('a');
    await put('b');
    await server.ask('PUT', '/fhir/Device/a', json, '{"resourceType":"Device","id":"a"}');
    await server.ask('DELETE', '/fhir/Patient/b');
    await server.ask('GET', '/fhir/Patient/a');
    await server.ask('GET', '/fhir/Patient/a/_history/1');
    await server.ask('GET', '/fhir/Patient/nobody');
    await server.ask('GET', '/fhir/Patient');
    await server.ask('GET', '/fhir/Patient/_history');
    await server.ask('GET', '/fhir/Nonsense');
    await server.ask('POST', '/fhir', json, '{"resourceType":"Bundle","type":"batch"}');
    await server.ask('POST', '/fhir', json, '{"resourceType":"Bundle","type":"transaction"}');
    const reply = await server.ask('GET', '/metrics');
    expect(reply.headers['content-type']).toMatch(/^text\/plain/);
    text = reply.bytes.toString();
  });

  const sample = (name: string) =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1];

  test.each([
    ['update', '201', '3'],
    ['delete', '204', '1'],
    ['read', '200', '1'],
    ['read', '404', '1'],
    ['vread', '200', '1'],
    ['search-type', '200', '1'],
    ['history-type', '200', '1'],
    ['none', '404', '1'],
    ['batch', '200', '1'],
    ['transaction', '200', '1'],
  ])('requests by interaction and status: %s %s', (interaction, status, count) => {
    expect(sample(`osteon_requests_total{interaction="${interaction}",status="${status}"}`)).toBe(count);
  });

  test('latency histograms', () => {
    expect(sample('osteon_request_duration_seconds_count{interaction="read"}')).toBe('2');
    expect(sample('osteon_request_duration_seconds_bucket{le="+Inf",interaction="read"}')).toBe('2');
    expect(Number(sample('osteon_request_duration_seconds_sum{interaction="read"}'))).toBeGreaterThan(0);
  });

  test('store timings', () => {
    for (const operation of ['read', 'vread', 'history', 'search', 'commit']) {
      const count = Number(sample(`osteon_store_duration_seconds_count{operation="${operation}"}`));
      expect([operation, count > 0]).toEqual([operation, true]);
    }
  });

  test('event-loop delay', () => {
    expect(Number(sample('nodejs_eventloop_lag_seconds'))).toBeGreaterThanOrEqual(0);
    expect(Number(sample('nodejs_eventloop_lag_p99_seconds'))).toBeGreaterThanOrEqual(0);
  });

  test('resources by type, without deleted ones', async () => {
    expect(sample('osteon_resources{type="Patient"}')).toBe('1');
    expect(sample('osteon_resources{type="Device"}')).toBe('1');
    await server.ask('DELETE', '/fhir/Device/a');
    expect((await server.ask('GET', '/metrics')).bytes.toString()).not.toContain('osteon_resources{type="Device"}');
  });

  test('the newest head of each audit chain, and no former one', async () => {
    const metrics = createMetrics(async () => new Map());
    metrics.auditHead('one', 5, 'aa');
    metrics.auditHead('two', 7, 'bb');
    metrics.auditHead('one', 9, 'cc');
    const found = (await metrics.text()).split('\n').filter((line) => line.startsWith('osteon_audit_head_sequence{'));
    expect(found.sort()).toEqual([
      'osteon_audit_head_sequence{chain="one",hash="cc"} 9',
      'osteon_audit_head_sequence{chain="two",hash="bb"} 7',
    ]);
  });

  test('the memory of the process', () => {
    expect(Number(sample('process_resident_memory_bytes'))).toBeGreaterThan(10_000_000);
  });

  test('only names that the server knows become labels', async () => {
    await server.ask('PURGE', '/fhir/Patient');
    await server.ask('GET', '/fhir/Patient/a/$unheard-of');
    const after = (await server.ask('GET', '/metrics')).bytes.toString();
    expect(after).not.toContain('PURGE');
    expect(after).not.toContain('unheard-of');
  });
});

import { Agent, request } from 'node:http';
import { afterEach, expect, it, vi } from 'vitest';
import { type SocketServer, socketServer } from './socket.ts';

let server: SocketServer | undefined;

afterEach(async () => {
  vi.useRealTimers();
  await server?.stop();
});

/** Status of the answer, and the client's own port: another one is another connection. */
function post(agent: Agent, body: string): Promise<{ readonly status: number | undefined; readonly from: number }> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/fhir+json' };
    const path = '/fhir/Patient';
    const outgoing = request(
      { host: '127.0.0.1', port: server?.port, method: 'POST', path, headers, agent },
      (reply) => {
        const from = reply.socket.localPort ?? 0;
        reply.on('end', () => resolve({ status: reply.statusCode, from })).resume();
      },
    );
    outgoing.on('error', reject).end(body);
  });
}

it('A connection goes on being used after a resource that was refused', async () => {
  server = await socketServer();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const refused = await post(agent, '{"resourceType":"Patient","shoeSize":1}');
  const created = await post(agent, '{"resourceType":"Patient"}');
  // The time after which a body that doesn't end is cut off.
  await vi.advanceTimersByTimeAsync(2_000);
  const later = await post(agent, '{"resourceType":"Patient"}');
  agent.destroy();
  expect([refused.status, created.status, later.status]).toEqual([400, 201, 201]);
  expect(new Set([refused.from, created.from, later.from]).size).toBe(1);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { Connection, type Reply, requestBytes } from '../../bench/load/connection.ts';
import { Latencies } from '../../bench/load/latencies.ts';
import { runJob } from '../../bench/load/run.ts';
import { isMet } from '../../bench/report.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** A server that answers each request with these pieces, each in a write of its own. */
async function answering(pieces: readonly Buffer[]): Promise<number> {
  const answer = async (socket: Socket): Promise<void> => {
    for (const piece of pieces) {
      socket.write(piece);
      // Each piece in a packet of its own.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const made = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('data', () => void answer(socket));
    socket.on('error', () => undefined);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const address = made.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function ask(port: number, keep: boolean): Promise<readonly Reply[]> {
  return new Promise((resolve, reject) => {
    const replies: Reply[] = [];
    const next = (): void =>
      connection.send(requestBytes('GET', '/'), keep, (reply) => {
        replies.push(reply);
        if (replies.length < 3) return next();
        connection.close();
        resolve(replies);
      });
    const connection: Connection = new Connection(port, next, reject);
  });
}

/** The text cut at these places. */
function cut(text: string, places: readonly number[]): readonly Buffer[] {
  const bytes = Buffer.from(text);
  const at = [0, ...[...new Set(places.map((place) => place % bytes.length))].sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

describe('a connection of the load generator', () => {
  it('reads responses with a length, however they are cut', async () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 13\r\nETag: W/"1"\r\n\r\nhållo wörld';
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 4 }), async (places) => {
        const replies = await ask(await answering(cut(text, places)), true);
        server?.close();
        for (const { status, size, body } of replies)
          expect([status, size, body?.toString()]).toEqual([200, 13, 'hållo wörld']);
      }),
      { numRuns: 20 },
    );
  });

  it('reads chunked responses, however they are cut', async () => {
    const text = 'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n';
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 4 }), async (places) => {
        const replies = await ask(await answering(cut(text, places)), false);
        server?.close();
        // The body of a failure is kept, unasked.
        for (const { status, size, body } of replies)
          expect([status, size, body?.toString()]).toEqual([404, 12, 'hello, world']);
      }),
      { numRuns: 20 },
    );
  });

  it('keeps no body unless it is asked to', async () => {
    const [reply] = await ask(await answering([Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')]), false);
    expect([reply?.size, reply?.body]).toEqual([2, undefined]);
  });
});

describe('a job', () => {
  it('that is over before anything is answered waits for the first answer', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'osteon-load-'));
    const paths = join(folder, 'paths.ndjson');
    writeFileSync(paths, '"/slow"\n');
    const slow = createServer((socket) => {
      const answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      // Ten times as long as the job.
      socket.on('data', () => setTimeout(answer, 200));
      socket.on('error', () => undefined);
    });
    server = slow;
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    const address = slow.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const streams = [{ name: 'slow', connections: 1, traffic: { kind: 'get', paths } }] as const;
    const [result] = await runJob({ port, streams, warmUp: 0, seconds: 0.02 });
    rmSync(folder, { recursive: true });
    expect([result?.requests, result?.statuses]).toEqual([1, { 200: 1 }]);
    expect(result?.p50).toBeGreaterThan(100);
  });
});

describe('latencies', () => {
  it('give quantiles that are right within their buckets', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.002, max: 100_000, noNaN: true }), { minLength: 1 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (values, share) => {
          const latencies = new Latencies();
          for (const value of values) latencies.add(value);
          const exact = [...values].sort((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? 0;
          expect(latencies.quantile(share)).toBeGreaterThanOrEqual(exact * 0.999);
          expect(latencies.quantile(share)).toBeLessThanOrEqual(exact * 1.03);
          expect([latencies.max, latencies.count]).toEqual([Math.max(...values), values.length]);
        },
      ),
    );
  });
});

describe('a target', () => {
  const measured = { workload: 'x', value: 30, unit: 'requests/s', ceiling: { name: 'bare', value: 100 } } as const;

  it('is of the value or of its ratio to the ceiling', () => {
    expect(isMet(measured)).toBeUndefined();
    expect(isMet({ ...measured, target: { of: 'value', bound: 'least', value: 30 } })).toBe(true);
    expect(isMet({ ...measured, target: { of: 'value', bound: 'most', value: 29 } })).toBe(false);
    expect(isMet({ ...measured, target: { of: 'ratio', bound: 'least', value: 0.4 } })).toBe(false);
    expect(isMet({ ...measured, target: { of: 'ratio', bound: 'most', value: 0.3 } })).toBe(true);
  });
});

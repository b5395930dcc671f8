/** Servers under test: the real one and bare ones, each a process on the server's core. https://hl7.org/fhir/R4/http.html */
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection, type Reply, requestBytes } from './load/connection.ts';
import { exitOf, spawnNode } from './machine.ts';

/** `dist/bin/osteon.js`, beside this file in `dist/bench/`. */
export const command = fileURLToPath(new URL('../bin/osteon.js', import.meta.url));

export interface RunningServer {
  readonly port: number;
  readonly pid: number;
  /** SIGTERM; resolves when the process has ended. Throws when it doesn't end with 0. */
  readonly stop: () => Promise<void>;
  /** SIGKILL. */
  readonly kill: () => Promise<void>;
}

export interface ServerOptions {
  readonly storeUrl: string;
  readonly audit: 'all' | 'off';
  readonly profile?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** What is read as soon as the server lives; default: `/health/ready`. */
  readonly firstRead?: string;
}

/** Starts `osteon serve` and waits for its first answer; `startSeconds` is the time from the start of the process to it. */
export async function startServer(options: ServerOptions): Promise<RunningServer & { readonly startSeconds: number }> {
  const port = await freePort();
  const begun = performance.now();
  const child = spawnNode('server', command, ['serve'], {
    env: {
      HOST: '127.0.0.1',
      PORT: String(port),
      STORE_URL: options.storeUrl,
      AUDIT: options.audit,
      // As in the runs before there was any; the workload `validation` says what it costs.
      VALIDATION: 'off',
      ...options.env,
    },
    // The request log goes nowhere, but it is written.
    stdout: 'ignore',
    ...(options.profile === undefined ? {} : { execArgv: ['--cpu-prof', '--cpu-prof-dir', options.profile] }),
  });
  child.stderr?.pipe(process.stderr);
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the server ended with ${child.exitCode ?? child.signalCode}; try: node ${command} serve`);
    const reply = await once(port, '/health/live', 100).catch(() => undefined);
    if (reply?.status === 200) break;
    if (performance.now() - begun > 120_000) throw new Error('the server did not answer within two minutes');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const first = await once(port, options.firstRead ?? '/health/ready');
  if (first.status !== 200) throw new Error(`the server's first answer is ${first.status}`);
  return { ...running(child, port), startSeconds: (performance.now() - begun) / 1000 };
}

/** Starts a bare server of `bench/bare/`. */
export async function startBare(script: 'hono' | 'sockets', bodyBytes: number): Promise<RunningServer> {
  const path = fileURLToPath(new URL(`./bare/${script}.js`, import.meta.url));
  const child = spawnNode('server', path, [String(Math.round(bodyBytes))]);
  child.stderr?.pipe(process.stderr);
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout?.once('data', (text: Buffer) => resolve(Number(text.toString())));
    child.once('exit', () => reject(new Error(`the bare server ${script} ended`)));
  });
  return running(child, port);
}

/** Where a store of that name lies; for SQLite the file itself too. */
export function storePlace(
  pattern: string | undefined,
  folder: string,
  name: string,
): { readonly url: string; readonly file?: string } {
  if (pattern !== undefined) return { url: pattern.replaceAll('{name}', name) };
  const file = join(folder, `${name}.db`);
  return { url: `sqlite:${file}`, file };
}

/** One GET on a connection of its own. Rejects when it isn't answered within those milliseconds. */
export function once(port: number, path: string, patience = 60_000): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      connection.close();
      settle();
    };
    const connection: Connection = new Connection(
      port,
      () =>
        connection.send(requestBytes('GET', path, ['Accept: application/fhir+json']), true, (reply) =>
          end(() => resolve(reply)),
        ),
      (error) => end(() => reject(error)),
    );
    const timer = setTimeout(() => end(() => reject(new Error(`${path}: no answer`))), patience);
  });
}

/** A port that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

function running(child: ChildProcess, port: number): RunningServer {
  const end = async (signal: NodeJS.Signals): Promise<number | string> => {
    child.kill(signal);
    return exitOf(child);
  };
  return {
    port,
    pid: child.pid ?? 0,
    stop: async () => {
      const code = await end('SIGTERM');
      if (code !== 0 && code !== 'SIGTERM') throw new Error(`the server ended with ${code}`);
    },
    kill: async () => {
      await end('SIGKILL');
    },
  };
}

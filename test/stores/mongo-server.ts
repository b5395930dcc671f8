/** The MongoDB that tests run on: one that is there, or one that is started for them. https://hl7.org/fhir/R4/http.html */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { MongoClient } from 'mongodb';

/** A server that answers. */
export interface RunningMongo {
  /** Its connection string. */
  readonly url: string;
  /** Ends it, where it was started for the tests. */
  readonly stop: () => Promise<void>;
}

/** Where a server can be had. */
export interface MongoSource {
  /** For people: what it is. */
  readonly name: string;
  readonly start: () => Promise<RunningMongo>;
}

/**
 * The first of: the server of `MONGODB_URL`; a `mongod` on the PATH, as a replica set of one in a temporary folder; what
 * the command in `MONGODB_TEST_SERVER` starts, which prints a connection string and ends on SIGTERM. undefined: none.
 */
export function findMongo(environment: NodeJS.ProcessEnv = process.env): MongoSource | undefined {
  const { MONGODB_URL: url = '', MONGODB_TEST_SERVER: command = '', PATH: path = '' } = environment;
  if (url !== '') return { name: 'the server of MONGODB_URL', start: async () => ({ url, stop: async () => {} }) };
  const mongod = path
    .split(delimiter)
    .map((folder) => join(folder, 'mongod'))
    .find(isExecutable);
  if (mongod !== undefined) return { name: `${mongod}, a replica set of one`, start: () => startMongod(mongod) };
  if (command === '') return undefined;
  return { name: `the server that ${command} starts`, start: () => startCommand(command) };
}

/** Why there are no tests on MongoDB where there is no server. */
export const withoutMongo =
  'The tests on MongoDB did not run: MONGODB_URL is not set, no mongod is on the PATH, MONGODB_TEST_SERVER is not set.';

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What a server calls itself, e.g. `7.0.14`. Rejects where none answers within ten seconds. */
export async function versionOf(url: string): Promise<string> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 10_000 });
  try {
    const { version } = await client.db('admin').command({ buildInfo: 1 });
    return String(version);
  } finally {
    await client.close();
  }
}

async function startCommand(command: string): Promise<RunningMongo> {
  const child = spawn(command, { stdio: ['ignore', 'pipe', 'inherit'] });
  // It doesn't outlive a run that is broken off.
  process.once('exit', () => child.kill());
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code} before it printed where it listens`)));
    lines.once('line', resolve);
  });
  return { url, stop: () => end(child) };
}

async function startMongod(mongod: string): Promise<RunningMongo> {
  const folder = await mkdtemp(join(tmpdir(), 'osteon-mongod-'));
  const port = await freePort();
  const place = ['--bind_ip', '127.0.0.1', '--port', String(port), '--dbpath', folder];
  // Fail points are for tests.
  const options = ['--replSet', 'rs0', '--quiet', '--setParameter', 'enableTestCommands=1'];
  const child = spawn(mongod, [...place, ...options], { stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`mongod ended with ${code}`)));
  });
  // Its end after the tests is no failure.
  failed.catch(() => undefined);
  try {
    await Promise.race([failed, initiate(port)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `mongodb://127.0.0.1:${port}/?replicaSet=rs0`, stop };
}

/** Makes a lone server a replica set of one, and waits until it takes writes. */
async function initiate(port: number): Promise<void> {
  const host = `127.0.0.1:${port}`;
  const alone = new MongoClient(`mongodb://${host}/?directConnection=true`);
  try {
    await alone.db('admin').command({ replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host }] } });
  } finally {
    await alone.close();
  }
  const client = new MongoClient(`mongodb://${host}/?replicaSet=rs0`);
  try {
    // Selecting the primary waits until there is one.
    await client.db('admin').command({ ping: 1 }, { readPreference: 'primary' });
  } finally {
    await client.close();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
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

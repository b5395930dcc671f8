/** The built command line as a process of its own, and a server under load. `npm test` builds it first. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const osteon = fileURLToPath(new URL('../../dist/bin/osteon.js', import.meta.url));

// The test runner has a variable BASE_URL of its own.
const environment = { VALIDATION: 'off', PROFILES_WATCH: 'off', ...process.env, BASE_URL: '' };

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command to its end. */
export function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return begin(args, env).ended;
}

/** Begins a command. */
export function begin(
  args: readonly string[],
  env: Record<string, string> = {},
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  if (!existsSync(osteon)) throw new Error('dist/ is missing: npm run build');
  const child = spawn(process.execPath, [osteon, ...args], { env: { ...environment, ...env } });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const ended = new Promise<Ended>((resolve) => child.on('close', (status) => resolve({ status, out, err })));
  return { child, ended };
}

export interface Serving {
  readonly base: string;
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly printed: () => string;
  /** SIGTERM; gives the exit status. */
  readonly stop: () => Promise<number | null>;
}

/** Starts `osteon serve` on a free port and waits until it listens. */
export async function serve(store: string, args: readonly string[] = []): Promise<Serving> {
  const child = spawn(process.execPath, [osteon, 'serve', ...args], {
    env: { ...environment, PORT: '0', STORE_URL: store, LOG_LEVEL: 'warn' },
  });
  let out = '';
  const base = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      out += chunk;
      const found = /at (http\S+)/.exec(out)?.[1];
      if (found !== undefined && out.includes('try ')) resolve(found);
    });
    child.stderr.on('data', (chunk) => {
      out += chunk;
    });
    child.on('close', () => reject(new Error(out)));
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return {
    base,
    child,
    printed: () => out,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** A folder for a test, and what removes it. */
export async function temporaryFolder(): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'osteon-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export interface WriteLoad {
  /** The longest answer so far, in milliseconds. */
  readonly longest: () => number;
  readonly count: () => number;
  readonly stop: () => Promise<void>;
}

/** Creates patients one after another, in several lines, until it is stopped. Throws at the end if one failed. */
export function writeLoad(base: string, lines = 4): WriteLoad {
  let going = true;
  let longest = 0;
  let count = 0;
  const line = async () => {
    while (going) {
      const started = performance.now();
      const response = await fetch(`${base}/Patient`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/fhir+json', Prefer: 'return=minimal' },
        body: JSON.stringify({ resourceType: 'Patient', name: [{ family: `Load${count}` }] }),
      });
      if (response.status !== 201) throw new Error(`a write was answered ${response.status}`);
      longest = Math.max(longest, performance.now() - started);
      count += 1;
    }
  };
  const all = Promise.all(Array.from({ length: lines }, line));
  return {
    longest: () => longest,
    count: () => count,
    stop: async () => {
      going = false;
      await all;
    },
  };
}

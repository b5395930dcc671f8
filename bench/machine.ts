/** The machine: its facts, its cores, the memory of processes. (Nothing of FHIR: https://hl7.org/fhir/R4/http.html is what it runs.) */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** What a reader of results needs to know of the machine; no names, no paths. */
export interface MachineFacts {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly platform: string;
  readonly node: string;
  /** Whether server and load generator had a core each. */
  readonly pinned: boolean;
  /** Processes that wanted to run when the benchmark began: well above 0, others were at work and the numbers are low. */
  readonly loadBefore: number;
}

export type Core = 'server' | 'load';

const numbers: Readonly<Record<Core, string>> = { server: '0', load: '1' };

const canPin = ((): boolean => {
  if (process.platform !== 'linux' || availableParallelism() < 2) return false;
  try {
    execFileSync('taskset', ['-c', numbers.load, 'true'], { stdio: 'ignore' });
    execFileSync('taskset', ['-c', numbers.server, 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

export function machineFacts(): MachineFacts {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    pinned: canPin,
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

/** Puts this process on the load generator's core. */
export function pinThisProcess(): void {
  if (canPin) execFileSync('taskset', ['-acp', numbers.load, String(process.pid)], { stdio: 'ignore' });
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly ipc?: boolean;
  readonly execArgv?: readonly string[];
  /** Default: pipe. */
  readonly stdout?: 'ignore' | 'pipe';
}

/** Processes that were started and haven't ended: none outlives this one. */
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

/** Starts a Node script on a core (where there are cores to choose from). Its output can be read from its streams. */
export function spawnNode(
  core: Core,
  script: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  const node = [...(options.execArgv ?? []), script, ...args];
  const [command, rest] = canPin
    ? ['taskset', ['-c', numbers[core], process.execPath, ...node]]
    : [process.execPath, node];
  const child = spawn(command, rest, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', options.stdout ?? 'pipe', 'pipe', ...(options.ipc ? ['ipc' as const] : [])],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

function statusOf(pid: number, field: string): number | undefined {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return undefined;
  const kibibytes = new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(readFileSync(path, 'utf8'))?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** Bytes of memory that a process holds now (resident set); undefined where the system doesn't tell. */
export function memoryOf(pid: number): number | undefined {
  return statusOf(pid, 'VmRSS');
}

/** The most bytes it has held since it began or `forgetPeak` was called. */
export function peakMemoryOf(pid: number): number | undefined {
  return statusOf(pid, 'VmHWM');
}

/** Seconds of processor time that a process has used; undefined where the system doesn't tell. */
export function processorSecondsOf(pid: number): number | undefined {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  // After the name, which may hold anything: state is the first field, user and system time are the 12th and 13th.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Begins a new peak. */
export function forgetPeak(pid: number): void {
  if (existsSync(`/proc/${pid}/clear_refs`)) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Resolves with the exit code (or the signal's name) of a process. */
export function exitOf(child: ChildProcess): Promise<number | string> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  if (child.signalCode !== null) return Promise.resolve(child.signalCode);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
}

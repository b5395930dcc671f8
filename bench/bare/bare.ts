/** Runs the bare SQLite writer, or the bare MongoDB driver, in a process of its own on the server's core. https://hl7.org/fhir/R4/http.html#create */
import { fileURLToPath } from 'node:url';
import { storeKind } from '../../src/store/url.ts';
import { exitOf, spawnNode } from '../machine.ts';
import type { Ceiling } from '../report.ts';

export interface BareWrites {
  readonly resources: number;
  readonly rows: number;
  readonly seconds: number;
}

/** Writes the rows of resources of `source` into `target`, a file that is empty, absent, or a copy of a store. */
export async function writeBare(plan: {
  readonly source: string;
  readonly target: string;
  readonly limit: number;
  readonly newest: boolean;
  readonly group: number;
}): Promise<BareWrites> {
  const result: BareWrites = JSON.parse(await said('rows', plan));
  return result;
}

/** Milliseconds in which bare SQLite counts 100,000 rows of one index: the median of a file's most frequent codes, each counted once. */
export async function countBare(file: string): Promise<number> {
  const { p50 }: { readonly p50: number } = JSON.parse(await said('count', { file }));
  return p50;
}

/** What a script beside this one prints, which runs alone on the server's core. */
async function said(script: 'rows' | 'count' | 'driver', plan: unknown): Promise<string> {
  const path = fileURLToPath(new URL(`./${script}.js`, import.meta.url));
  const child = spawnNode('server', path, [JSON.stringify(plan)]);
  let text = '';
  child.stdout?.on('data', (part: Buffer) => {
    text += part.toString();
  });
  child.stderr?.pipe(process.stderr);
  const code = await exitOf(child);
  if (code !== 0) throw new Error(`bare/${script} ended with ${code}`);
  return text;
}

/**
 * What the bare driver does; `paths`: a file as `Paths` has them, `group`: resources a transaction, `writes`: those of a single
 * one, `path`: what is read first.
 */
export type DriverOperation =
  | { readonly kind: 'read'; readonly paths: string }
  | { readonly kind: 'search'; readonly paths: string }
  | { readonly kind: 'create' }
  | { readonly kind: 'cycle' }
  | { readonly kind: 'transactions'; readonly group: number }
  | { readonly kind: 'together'; readonly writes: number }
  | { readonly kind: 'start'; readonly path: string };

export interface DriverPlan {
  /** The database that the server has filled. */
  readonly url: string;
  readonly connections: number;
  /** Seconds of the same that aren't counted. */
  readonly warmUp: number;
  /** How long it goes on; transactions are made of the resources that are there, once, and a start is one. */
  readonly seconds: number;
  readonly operation: DriverOperation;
}

export interface DriverResult {
  /** Operations, of transactions resources, of cycles their six requests. */
  readonly perSecond: number;
  /** Milliseconds that half of the operations take at most; of transactions all of them together. */
  readonly p50: number;
  /** Microseconds of the process's processor time for each. */
  readonly processor: number;
  /** Whether it is a MongoDB with a storage engine; ratios on one for tests are shown, and not judged. */
  readonly judged: boolean;
}

/**
 * What the bare driver reaches with an operation on a store that is on MongoDB, to stand beside a measurement in this unit;
 * undefined for other stores.
 */
export async function driverCeiling(
  { connections, warmUp, seconds }: Pick<DriverPlan, 'connections' | 'warmUp' | 'seconds'>,
  url: string,
  operation: DriverOperation,
  unit: 'per second' | 'ms' | 's',
): Promise<Ceiling | undefined> {
  if (storeKind(url) !== 'mongodb') return undefined;
  const { perSecond, p50, ...rest } = await driverRate({ url, connections, warmUp, seconds, operation });
  const value = unit === 'per second' ? perSecond : unit === 'ms' ? p50 : p50 / 1000;
  return { name: 'bare driver', value, ...rest };
}

/** The rate that the bare driver reaches. */
async function driverRate(plan: DriverPlan): Promise<DriverResult> {
  const result: DriverResult = JSON.parse(await said('driver', plan));
  return result;
}

/** Runs the bare SQLite writer, or the bare MongoDB driver, in a process of its own on the server's core. https://hl7.org/fhir/R4/http.html#create */
import { fileURLToPath } from 'node:url';
import { exitOf, spawnNode } from '../machine.ts';

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
  const child = spawnNode('server', fileURLToPath(new URL('./rows.js', import.meta.url)), [JSON.stringify(plan)]);
  let text = '';
  child.stdout?.on('data', (part: Buffer) => {
    text += part.toString();
  });
  child.stderr?.pipe(process.stderr);
  const code = await exitOf(child);
  if (code !== 0) throw new Error(`the bare writer ended with ${code}`);
  const result: BareWrites = JSON.parse(text);
  return result;
}

/** What the bare driver does; `paths`: a file as `Paths` has them, `group`: resources a transaction. */
export type DriverOperation =
  | { readonly kind: 'read'; readonly paths: string }
  | { readonly kind: 'page'; readonly paths: string }
  | { readonly kind: 'create' }
  | { readonly kind: 'transactions'; readonly group: number };

export interface DriverPlan {
  /** The database that the server has filled. */
  readonly url: string;
  readonly connections: number;
  /** Seconds of the same that aren't counted. */
  readonly warmUp: number;
  /** How long it goes on; transactions are made of the resources that are there, once. */
  readonly seconds: number;
  readonly operation: DriverOperation;
}

export interface DriverResult {
  /** Operations, of transactions resources. */
  readonly perSecond: number;
  /** Microseconds of the process's processor time for each. */
  readonly processor: number;
  /** Whether it is a MongoDB with a storage engine; ratios on one for tests are shown, and not judged. */
  readonly judged: boolean;
}

/** The rate that the bare driver reaches. */
export async function driverRate(plan: DriverPlan): Promise<DriverResult> {
  const child = spawnNode('server', fileURLToPath(new URL('./driver.js', import.meta.url)), [JSON.stringify(plan)]);
  let text = '';
  child.stdout?.on('data', (part: Buffer) => {
    text += part.toString();
  });
  child.stderr?.pipe(process.stderr);
  const code = await exitOf(child);
  if (code !== 0) throw new Error(`the bare driver ended with ${code}`);
  const result: DriverResult = JSON.parse(text);
  return result;
}

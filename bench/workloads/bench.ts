/** What the workloads share: options, data, the loaded stores and the results. https://hl7.org/fhir/R4/http.html */
import { rmSync, statSync } from 'node:fs';
import type { BenchData } from '../data.ts';
import type { LoadGenerator } from '../load/load.ts';
import { forgetPeak, peakMemoryOf } from '../machine.ts';
import type { BenchOptions } from '../options.ts';
import type { Measurement } from '../report.ts';
import { storePlace } from '../server.ts';

export type Audit = 'all' | 'off';

export interface Place {
  /** STORE_URL */
  readonly url: string;
  /** The file, where it is SQLite. */
  readonly file?: string;
}

export interface Bench {
  readonly options: BenchOptions;
  readonly folder: string;
  readonly data: BenchData;
  readonly load: LoadGenerator;
  readonly measurements: Measurement[];
  /** Notes a measurement and prints it. */
  readonly add: (measurement: Measurement) => void;
  readonly say: (text: string) => void;
}

export function placeOf(bench: Bench, name: string): Place {
  return storePlace(bench.options.store, bench.folder, name);
}

/** Whether a workload was asked for. */
export function wants(bench: Bench, ...names: readonly string[]): boolean {
  const { only } = bench.options;
  return only.length === 0 ? true : names.some((name) => only.includes(name));
}

/** Bytes of a file; 0 where there is none. */
export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Bytes of a SQLite store with all its files; undefined for another store. */
export function bytesOf({ file }: Place): number | undefined {
  return file === undefined ? undefined : sizeOf(file) + sizeOf(`${file}-wal`) + sizeOf(`${file}-shm`);
}

export function removeStore({ file }: Place): void {
  if (file === undefined) return;
  for (const suffix of ['', '-wal', '-shm', '.lock', '-lock'])
    rmSync(`${file}${suffix}`, { force: true, recursive: true });
}

export interface Watched {
  /** Bytes; undefined where the system doesn't tell. */
  readonly peakMemory: number | undefined;
  /** The greatest size of the write-ahead log in bytes. */
  readonly wal: number;
}

/** Watches a process and its store's write-ahead log until the returned function is called. */
export function watch(pid: number, { file }: Pick<Place, 'file'>): () => Watched {
  forgetPeak(pid);
  let wal = 0;
  let peak: number | undefined;
  const look = (): void => {
    if (file !== undefined) wal = Math.max(wal, sizeOf(`${file}-wal`));
    // Kept while the process lives: afterwards the system has forgotten it.
    peak = peakMemoryOf(pid) ?? peak;
  };
  const timer = setInterval(look, 50);
  return () => {
    look();
    clearInterval(timer);
    return { peakMemory: peak, wal };
  };
}

/** The item in the middle by value. Throws RangeError where there is none. */
export function median<T>(items: readonly T[], value: (item: T) => number): T {
  const sorted = [...items].sort((a, b) => value(a) - value(b));
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new RangeError('no items');
  return middle;
}

/** How much `AUDIT=all` costs: the rate with it as a share of the rate without. */
export function addAuditCost(bench: Bench, workload: string): void {
  const of = (audit: Audit): Measurement | undefined =>
    bench.measurements.find((each) => each.workload === workload && each.audit === audit);
  const [all, off] = [of('all'), of('off')];
  if (all === undefined || off === undefined) return;
  bench.add({
    workload: `${workload}: all against off`,
    value: all.value / off.value,
    unit: 'ratio',
    // On MongoDB each record is a document more to wait for, and nothing is asked of the ratio.
    ...(bench.options.store === undefined ? { target: { of: 'value', bound: 'least', value: 0.85 } } : {}),
  });
}

/** Loading the data: by the command line, and as HTTP transactions. https://hl7.org/fhir/R4/http.html#transaction */

import { storeKind } from '../../src/store/url.ts';
import { driverCeiling, writeBare } from '../bare/bare.ts';
import { exitOf, processorSecondsOf, spawnNode } from '../machine.ts';
import type { Ceiling, Measurement, Target } from '../report.ts';
import { command, startServer } from '../server.ts';
import {
  type Audit,
  addAuditCost,
  type Bench,
  bytesOf,
  type Place,
  placeOf,
  removeStore,
  sizeOf,
  wants,
  watch,
} from './bench.ts';

const rateTarget: Target = { of: 'value', bound: 'least', value: 4000 };
/** What is asked for on MongoDB: two fifths of the bare driver. */
const mongoTarget: Target = { of: 'ratio', bound: 'least', value: 0.4 };
const memoryTarget: Target = { of: 'value', bound: 'most', value: 400 };
/** Bytes of write-ahead log; under load it is only asked to be bounded. */
const walTarget: Target = { of: 'value', bound: 'most', value: 64 };

/** VALIDATION: resources may be checked before they are stored. */
export type Level = 'off' | 'base' | 'profiles';

/** How an import ends that refused some resources; what it is measured by is that it looked at all. */
const refusedSome = 1;

/** Runs `osteon import` with files in turn into a store. Bundles are only refused where they are validated. */
export async function importByCommand(
  bench: Bench,
  place: Place,
  audit: Audit,
  files: readonly string[],
  level: Level = 'off',
): Promise<Omit<Measurement, 'workload'> & { readonly wal: number }> {
  const begun = performance.now();
  const child = spawnNode('server', command, ['import', ...files], {
    env: { STORE_URL: place.url, AUDIT: audit, VALIDATION: level },
    stdout: 'ignore',
    ...(bench.options.profile === undefined
      ? {}
      : { execArgv: ['--cpu-prof', '--cpu-prof-dir', bench.options.profile] }),
  });
  let complaint = '';
  child.stderr?.on('data', (text: Buffer) => {
    complaint = (complaint + text.toString()).slice(-2000);
  });
  const pid = child.pid ?? 0;
  const watched = watch(pid, place);
  let processor = 0;
  const timer = setInterval(() => {
    processor = processorSecondsOf(pid) ?? processor;
  }, 50);
  const code = await exitOf(child);
  clearInterval(timer);
  const { peakMemory, wal } = watched();
  if (code !== 0 && (level === 'off' || code !== refusedSome))
    throw new Error(`osteon import ended with ${code}: ${complaint}`);
  const seconds = (performance.now() - begun) / 1000;
  const resources = bench.data.resources * files.length;
  return {
    audit,
    value: resources / seconds,
    unit: 'resources/s',
    peakMemory,
    processor: (processor * 1e6) / resources,
    wal,
  };
}

/** Loads the data into a store for each setting of AUDIT, by the command line. The stores stay for the other workloads. */
export async function importCommand(bench: Bench): Promise<ReadonlyMap<Audit, Place>> {
  const places = new Map<Audit, Place>();
  for (const audit of bench.options.audits) {
    const place = placeOf(bench, `loaded-${audit}`);
    bench.say(`loading ${bench.data.resources} resources by command line, AUDIT=${audit}`);
    const { wal, ...imported } = await importByCommand(bench, place, audit, [bench.data.file]);
    places.set(audit, place);
    if (!wants(bench, 'import-command')) continue;
    const onMongo = storeKind(place.url) === 'mongodb';
    const ceiling =
      place.file === undefined ? await driverImport(bench, place.url) : await bareImport(bench, place.file);
    bench.add({
      workload: 'import by command line',
      ...imported,
      target: onMongo ? mongoTarget : rateTarget,
      ...(ceiling === undefined ? {} : { ceiling }),
    });
    addLimits(bench, 'import by command line', audit, imported.peakMemory, wal);
    const bytes = bytesOf(place);
    if (bytes !== undefined) {
      bench.add({
        workload: 'files for each stored version, after import',
        audit,
        value: bytes / bench.data.resources,
        unit: 'bytes',
        target: { of: 'value', bound: 'most', value: 3072 },
      });
    }
  }
  addAuditCost(bench, 'import by command line');
  return places;
}

/** Bare inserts of the same documents, in transactions as large as the Bundles. */
function driverImport({ data, options }: Bench, url: string): Promise<Ceiling | undefined> {
  const group = Math.max(1, Math.round(data.resources / data.bundles));
  return driverCeiling(options, url, { kind: 'transactions', group }, 'per second');
}

/** Bare inserts of the same rows, in groups as large as the Bundles. */
async function bareImport(bench: Bench, source: string): Promise<{ readonly name: string; readonly value: number }> {
  const target = placeOf(bench, 'bare-import');
  if (target.file === undefined) throw new Error('bare rows need SQLite');
  const group = Math.max(1, Math.round(bench.data.resources / bench.data.bundles));
  const { resources, seconds } = await writeBare({ source, target: target.file, limit: 200_000, newest: false, group });
  removeStore(target);
  return { name: 'bare SQLite, same rows', value: resources / seconds };
}

/** Loads the data as transactions over HTTP, four at a time, into stores that are removed afterwards. */
export async function importHttp(bench: Bench): Promise<void> {
  if (!wants(bench, 'import-http')) return;
  for (const audit of bench.options.audits) {
    const place = placeOf(bench, `http-${audit}`);
    const server = await startServer({ storeUrl: place.url, audit, profile: bench.options.profile });
    bench.say(`loading ${bench.data.resources} resources as HTTP transactions, AUDIT=${audit}`);
    const watched = watch(server.pid, place);
    const before = processorSecondsOf(server.pid);
    const result = await bench.load.one(
      server.port,
      { name: 'transactions', connections: 4, traffic: { kind: 'bundles', path: '/fhir', file: bench.data.file } },
      0,
    );
    const processor = (processorSecondsOf(server.pid) ?? 0) - (before ?? 0);
    const { peakMemory, wal } = watched();
    if (result.unexpected > 0) throw new Error(`${result.unexpected} transactions failed: ${result.example}`);
    const known = bench.measurements.find(
      (each) => each.workload === 'import by command line' && each.audit === audit,
    )?.ceiling;
    const ceiling = known ?? (await driverImport(bench, place.url));
    bench.add({
      workload: 'import as HTTP transactions',
      audit,
      value: bench.data.resources / result.seconds,
      unit: 'resources/s',
      p50: result.p50,
      p99: result.p99,
      max: result.max,
      peakMemory,
      processor: (processor * 1e6) / bench.data.resources,
      target: storeKind(place.url) === 'mongodb' ? mongoTarget : rateTarget,
      ...(ceiling === undefined ? {} : { ceiling }),
      note: 'times of a transaction',
    });
    addLimits(bench, 'import as HTTP transactions', audit, peakMemory, wal);
    if (place.file !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, 3000));
      bench.add({
        workload: 'log at rest after HTTP import',
        audit,
        value: sizeOf(`${place.file}-wal`) / 2 ** 20,
        unit: 'MB',
        target: walTarget,
      });
    }
    await server.stop();
    removeStore(place);
  }
  addAuditCost(bench, 'import as HTTP transactions');
}

function addLimits(bench: Bench, workload: string, audit: Audit, peakMemory: number | undefined, wal: number): void {
  if (peakMemory !== undefined)
    bench.add({
      workload: `${workload}: memory`,
      audit,
      value: peakMemory / 2 ** 20,
      unit: 'MB',
      target: memoryTarget,
    });
  if (wal > 0) bench.add({ workload: `${workload}: largest log`, audit, value: wal / 2 ** 20, unit: 'MB' });
}

/** A transaction of 25,000 entries while others read and write. https://hl7.org/fhir/R4/http.html#transaction */
import { driverCeiling } from '../bare/bare.ts';
import { memoryOf } from '../machine.ts';
import type { Target } from '../report.ts';
import { startServer } from '../server.ts';
import type { Paths } from '../values.ts';
import { type Audit, type Bench, type Place, sizeOf, wants, watch } from './bench.ts';

const most = (value: number): Target => ({ of: 'value', bound: 'most', value });

/** Sends it to a server of the loaded store, with 500 reads and 10 creates a second beside it. */
export async function largeTransaction(
  bench: Bench,
  places: ReadonlyMap<Audit, Place>,
  paths: ReadonlyMap<Audit, Paths>,
): Promise<void> {
  if (!wants(bench, 'large-transaction')) return;
  const { file, entries, bytes } = bench.data.large;
  for (const [audit, place] of places) {
    const of = paths.get(audit);
    if (of === undefined || entries === 0) continue;
    const server = await startServer({ storeUrl: place.url, audit, profile: bench.options.profile });
    // Warm, so that what is measured is the transaction's doing.
    await bench.load.one(
      server.port,
      { name: 'warm', connections: 8, traffic: { kind: 'get', paths: of.read } },
      0,
      bench.options.warmUp,
    );
    bench.say(`a transaction of ${entries} entries, ${(bytes / 1e6).toFixed(0)} MB, AUDIT=${audit}`);
    const watched = watch(server.pid, place);
    const [transaction, reads, writes] = await bench.load.run({
      port: server.port,
      warmUp: 0,
      streams: [
        { name: 'transaction', connections: 1, traffic: { kind: 'whole', path: '/fhir', file } },
        { name: 'reads', connections: 64, rate: 500, traffic: { kind: 'get', paths: of.read } },
        {
          name: 'creates',
          connections: 32,
          rate: 10,
          traffic: { kind: 'create', path: '/fhir/Observation', bodies: of.observations },
        },
      ],
    });
    const { peakMemory, wal } = watched();
    if (transaction === undefined || reads === undefined || writes === undefined)
      throw new Error('a stream is missing');
    if (transaction.unexpected > 0) throw new Error(`the large transaction failed: ${transaction.example}`);
    const unexpected = reads.unexpected + writes.unexpected;
    const operation = { kind: 'together', writes: entries } as const;
    const ceiling = await driverCeiling(bench.options, place.url, operation, 's');
    const name = `transaction of ${entries.toLocaleString('en-US')} entries`;
    bench.add({
      workload: name,
      audit,
      value: transaction.max / 1000,
      unit: 's',
      peakMemory,
      ...(ceiling === undefined ? {} : { ceiling }),
      note: `${(bytes / 1e6).toFixed(0)} MB${unexpected > 0 ? `, ${unexpected} UNEXPECTED answers beside it: ${reads.example ?? writes.example}` : ''}`,
    });
    if (peakMemory !== undefined)
      bench.add({ workload: `${name}: memory`, audit, value: peakMemory / 2 ** 20, unit: 'MB', target: most(800) });
    bench.add({
      workload: `${name}: p99 of reads`,
      audit,
      value: reads.p99,
      unit: 'ms',
      p50: reads.p50,
      p99: reads.p99,
      max: reads.max,
      target: most(50),
    });
    bench.add({ workload: `${name}: slowest read`, audit, value: reads.max, unit: 'ms', target: most(250) });
    bench.add({
      workload: `${name}: slowest other write`,
      audit,
      value: writes.max,
      unit: 'ms',
      p50: writes.p50,
      p99: writes.p99,
      target: most(3000),
    });
    if (place.file !== undefined)
      bench.add({ workload: `${name}: largest log`, audit, value: wal / 2 ** 20, unit: 'MB' });
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const afterwards = memoryOf(server.pid);
    if (afterwards !== undefined)
      bench.add({ workload: `${name}: memory 10 s later`, audit, value: afterwards / 2 ** 20, unit: 'MB' });
    if (place.file !== undefined)
      bench.add({
        workload: `${name}: log at rest`,
        audit,
        value: sizeOf(`${place.file}-wal`) / 2 ** 20,
        unit: 'MB',
        target: most(64),
      });
    await server.stop();
  }
}

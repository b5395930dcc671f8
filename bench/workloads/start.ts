/** Start with the data stored, and memory at rest. https://hl7.org/fhir/R4/http.html#read */
import { driverCeiling } from '../bare/bare.ts';
import { memoryOf } from '../machine.ts';
import { startServer } from '../server.ts';
import { type Audit, type Bench, median, type Place, wants } from './bench.ts';

/** From the start of the process to the first answered read of an existing resource. */
export async function startTime(bench: Bench, places: ReadonlyMap<Audit, Place>, firstRead: string): Promise<void> {
  if (!wants(bench, 'start')) return;
  const [audit] = bench.options.audits;
  const place = audit === undefined ? undefined : places.get(audit);
  if (audit === undefined || place === undefined) return;
  const starts: { readonly seconds: number; readonly idle: number | undefined }[] = [];
  for (let round = 0; round < bench.options.rounds; round += 1) {
    const server = await startServer({ storeUrl: place.url, audit, firstRead });
    await new Promise((resolve) => setTimeout(resolve, 5000));
    starts.push({ seconds: server.startSeconds, idle: memoryOf(server.pid) });
    await server.stop();
  }
  const { seconds } = median(starts, (each) => each.seconds);
  const { idle } = median(starts, (each) => each.idle ?? 0);
  const ceiling = await driverCeiling(bench.options, place.url, { kind: 'start', path: firstRead }, 's');
  bench.add({
    workload: 'start to first read',
    audit,
    value: seconds,
    unit: 's',
    ...(ceiling === undefined ? {} : { ceiling }),
    target: { of: 'value', bound: 'most', value: 1 },
  });
  if (idle !== undefined)
    bench.add({
      workload: 'idle memory',
      audit,
      value: idle / 2 ** 20,
      unit: 'MB',
      target: { of: 'value', bound: 'most', value: 150 },
    });
}

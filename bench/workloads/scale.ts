/** Searches at many times the data against searches at once the data. https://hl7.org/fhir/R4/search.html */
import { startServer } from '../server.ts';
import { type Paths, sampleValues } from '../values.ts';
import { type Audit, type Bench, type Place, placeOf, wants } from './bench.ts';
import { searchFamilies } from './families.ts';
import { importByCommand } from './imports.ts';
import { plans } from './plans.ts';

const searches = [
  ['read by id', 'read'],
  ['page by token', 'token'],
  ['page by reference', 'reference'],
  ['page by date (a month)', 'date'],
  ['page by date (since a day)', 'dateSince'],
] as const;

/** Loads the data again and again into one store, then compares the p50 of searches, one connection at a time. */
export async function scale(
  bench: Bench,
  places: ReadonlyMap<Audit, Place>,
  paths: ReadonlyMap<Audit, Paths>,
): Promise<void> {
  const times = bench.options.scale;
  const audit = bench.options.audits[0];
  const once = audit === undefined ? undefined : places.get(audit);
  const oncePaths = audit === undefined ? undefined : paths.get(audit);
  if (times <= 1 || !wants(bench, 'scale') || audit === undefined || once === undefined || oncePaths === undefined)
    return;
  const { scaled } = bench.options;
  const place = scaled === undefined ? placeOf(bench, 'scaled') : { url: scaled };
  for (let time = 1; scaled === undefined && time <= times; time += 1) {
    const { value, peakMemory } = await importByCommand(bench, place, audit, [bench.data.file]);
    bench.say(`loaded ${time} of ${times} times: ${Math.round(value)} resources/s`);
    if (time === times)
      bench.add({ workload: `import by command line, time ${times}`, audit, value, unit: 'resources/s', peakMemory });
  }
  const one = await startServer({ storeUrl: once.url, audit });
  const many = await startServer({ storeUrl: place.url, audit });
  bench.add({ workload: `start with ${times} times the data`, audit, value: many.startSeconds, unit: 's' });
  const manyPaths = await sampleValues(many.port, bench.folder, 'scaled');
  for (const [title, key] of searches) {
    const p50 = async (port: number, of: Paths): Promise<number> => {
      const plan = { name: key, connections: 1, traffic: { kind: 'get', paths: of[key] } } as const;
      return (await bench.load.one(port, plan, bench.options.warmUp, bench.options.seconds)).p50;
    };
    const before = await p50(one.port, oncePaths);
    const after = await p50(many.port, manyPaths);
    bench.add({
      workload: `${title} at ${times} times the data: p50`,
      audit,
      value: after,
      unit: 'ms',
      ceiling: { name: 'at once the data', value: before },
      target: { of: 'ratio', bound: 'most', value: 1.3 },
    });
  }
  await one.stop();
  await many.stop();
  await searchFamilies(bench, place, audit, `${times} times`);
  await plans(bench, place, audit, `${times} times`);
}

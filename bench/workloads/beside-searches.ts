/** Reads by id while the costliest searches run. https://hl7.org/fhir/R4/http.html#read */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from '../server.ts';
import type { Paths } from '../values.ts';
import { type Audit, type Bench, type Place, wants, watch } from './bench.ts';

/** Searches at any moment. */
const searches = 4;
/** Each is asked once in a run, so that nothing of it is known. */
const different = 2_000;
/** Texts that each name is compared with. */
const texts = 300;

/** Reads with 500 requests a second, begun on time, while four connections ask for one costly search after another. */
export async function readsBesideSearches(
  bench: Bench,
  places: ReadonlyMap<Audit, Place>,
  paths: ReadonlyMap<Audit, Paths>,
): Promise<void> {
  if (!wants(bench, 'reads-beside-searches')) return;
  const { profile, warmUp, seconds } = bench.options;
  const costly = join(bench.folder, 'costly.ndjson');
  writeFileSync(costly, Array.from({ length: different }, (_, n) => `${JSON.stringify(costlySearch(n))}\n`).join(''));
  for (const [audit, place] of places) {
    const of = paths.get(audit);
    if (of === undefined) continue;
    const server = await startServer({ storeUrl: place.url, audit, profile });
    try {
      const watched = watch(server.pid, place);
      const [searched, reads] = await bench.load.run({
        port: server.port,
        warmUp,
        seconds,
        streams: [
          { name: 'searches', connections: searches, traffic: { kind: 'get', paths: costly } },
          { name: 'reads', connections: 64, rate: 500, traffic: { kind: 'get', paths: of.read } },
        ],
      });
      if (searched === undefined || reads === undefined) throw new Error('a stream is missing');
      const statuses = Object.entries(searched.statuses).map(([status, count]) => `${count} with ${status}`);
      bench.add({
        workload: `reads beside ${searches} searches: p99`,
        audit,
        value: reads.p99,
        unit: 'ms',
        p50: reads.p50,
        p99: reads.p99,
        max: reads.max,
        peakMemory: watched().peakMemory,
        target: { of: 'value', bound: 'most', value: 50 },
        note: `searches: p50 ${Math.round(searched.p50)} ms, ${statuses.join(', ')}${reads.unexpected > 0 ? `; ${reads.unexpected} UNEXPECTED: ${reads.example}` : ''}`,
      });
    } finally {
      await server.stop();
    }
  }
}

/** All observations, sorted by the names of patients, each of which is compared with texts that none has and one that many have. */
function costlySearch(n: number): string {
  const sought = [...Array.from({ length: texts }, (_, place) => `nobody${n}x${place}`), 'a'].join();
  const sort = n % 2 === 0 ? 'subject:Patient.family' : '-subject:Patient.birthdate';
  return `/fhir/Observation?subject:Patient.name:contains=${sought}&_sort=${sort}&_total=accurate&_count=20`;
}

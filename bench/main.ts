/** `npm run bench`: loads data, runs workloads against the real server over HTTP, prints and writes what it measured. https://hl7.org/fhir/R4/http.html */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeKind } from '../src/store/url.ts';
import { prepareData } from './data.ts';
import { LoadGenerator } from './load/load.ts';
import { machineFacts, pinThisProcess } from './machine.ts';
import { type BenchOptions, readOptions, usage } from './options.ts';
import { type Measurement, markdown, type Results, table, writeResults } from './report.ts';
import { startServer } from './server.ts';
import { type Paths, sampleValues } from './values.ts';
import { type Audit, type Bench, bytesOf, type Place, wants } from './workloads/bench.ts';
import { readsBesideSearches } from './workloads/beside-searches.ts';
import { cohortStudy } from './workloads/cohort.ts';
import { searchFamilies } from './workloads/families.ts';
import { importCommand, importHttp } from './workloads/imports.ts';
import { largeTransaction } from './workloads/large.ts';
import { plans } from './workloads/plans.ts';
import { requests, requestWorkloads } from './workloads/requests.ts';
import { scale } from './workloads/scale.ts';
import { startTime } from './workloads/start.ts';
import { terminology } from './workloads/terminology.ts';
import { validation } from './workloads/validation.ts';

/** Runs everything that was asked for. */
async function run(options: BenchOptions, folder: string): Promise<Results> {
  const machine = machineFacts();
  pinThisProcess();
  const say = (text: string): void => console.error(`· ${text}`);
  say(
    `preparing data from ${existsSync(options.data) ? options.data : 'the generator, because the Synthea file is absent'}`,
  );
  const withLarge = options.only.includes('large-transaction');
  const data = await prepareData(options.data, options.bundles, folder, withLarge);
  const load = new LoadGenerator();
  const measurements: Measurement[] = [];
  const add = (measurement: Measurement): void => {
    measurements.push(measurement);
    console.error(table([measurement]).split('\n').at(-1));
  };
  const bench: Bench = { options, folder, data, load, measurements, add, say };
  const results = (): Results => ({
    date: new Date().toISOString(),
    machine,
    data: { name: data.name, resources: data.resources, bundles: data.bundles },
    run: {
      warmUp: options.warmUp,
      seconds: options.seconds,
      rounds: options.rounds,
      connections: options.connections,
      cached: options.cached,
      store:
        options.store === undefined ? 'SQLite' : storeKind(options.store) === 'mongodb' ? 'MongoDB' : options.store,
    },
    measurements,
  });
  try {
    if (options.scaled !== undefined && !wants(bench, 'scale')) {
      await onGiven(bench, options.scaled);
      return results();
    }
    const places = await importCommand(bench);
    await importHttp(bench);
    await validation(bench);
    await cohortStudy(bench);
    await terminology(bench);
    const paths = new Map<Audit, Paths>();
    // Sampling takes a while on a server for tests.
    if (wants(bench, ...sampled))
      for (const [audit, place] of places) paths.set(audit, await sample(place, audit, folder));
    const first = [...paths.values()][0];
    if (first !== undefined) await startTime(bench, places, first.oneRead);
    await requests(bench, places, paths);
    const [firstPlace] = places;
    if (firstPlace !== undefined) {
      await searchFamilies(bench, firstPlace[1], firstPlace[0], 'once');
      await plans(bench, firstPlace[1], firstPlace[0], 'once');
    }
    await readsBesideSearches(bench, places, paths);
    await largeTransaction(bench, places, paths);
    for (const [audit, place] of places) addFiles(bench, audit, place);
    await scale(bench, places, paths);
  } finally {
    await load.stop();
  }
  return results();
}

/** What only reads, on a store that is there already. */
async function onGiven(bench: Bench, url: string): Promise<void> {
  const [audit] = bench.options.audits;
  if (audit === undefined) return;
  await searchFamilies(bench, { url }, audit, 'given');
  await plans(bench, { url }, audit, 'given');
}

/** The workloads that ask for what was sampled. */
const sampled: readonly string[] = [
  'start',
  ...requestWorkloads,
  'families',
  'mix',
  'reads-beside-searches',
  'large-transaction',
  'scale',
];

async function sample(place: Place, audit: Audit, folder: string): Promise<Paths> {
  // What is looked for before anything is measured may take long on a server for tests.
  const server = await startServer({ storeUrl: place.url, audit, env: { SEARCH_BUDGET_MS: '60000' } });
  try {
    return await sampleValues(server.port, folder, audit);
  } finally {
    await server.stop();
  }
}

function addFiles({ add }: Bench, audit: Audit, place: Place): void {
  const bytes = bytesOf(place);
  if (bytes !== undefined) add({ workload: 'files after all workloads', audit, value: bytes / 2 ** 20, unit: 'MB' });
}

/** A name for the set of workloads, for the file of results. */
function setName({ only, bundles, scale: times, store }: BenchOptions): string {
  const parts = [only.length === 0 ? 'all' : only.join('-')];
  if (store !== undefined && storeKind(store) === 'mongodb') parts.unshift('mongodb');
  if (bundles !== undefined) parts.push(`${bundles}-bundles`);
  if (times > 1) parts.push(`scale-${times}`);
  return parts.join('-');
}

let options: BenchOptions | undefined;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
  process.exit(2);
}
if (options === undefined) {
  console.log(usage);
} else {
  const folder = mkdtempSync(join(tmpdir(), 'osteon-bench-'));
  try {
    const results = await run(options, folder);
    console.log(markdown(results));
    if (options.results !== undefined)
      for (const path of writeResults(options.results, setName(options), results)) console.log(`written: ${path}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

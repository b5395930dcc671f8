/** A research database: a cohort comes in as CSV, is counted, and goes out again. https://hl7.org/fhir/R4/operations.html */
import { cohort } from '../cohort.ts';
import { type RunningServer, startServer } from '../server.ts';
import { type Bench, median, placeOf, removeStore, type Watched, wants, watch } from './bench.ts';

const patients = 100_000;
const cases = 50_000;
/** What the targets speak of. */
const first = 10_000;
/** Rows of a file. */
const atOnce = 10_000;

interface Imported {
  readonly seconds: number;
  readonly resources: number;
}

/** 100,000 patients and 50,000 hip arthroplasties, validated by their profiles; a smaller cohort where fewer Bundles were asked for. */
export async function cohortStudy(bench: Bench): Promise<void> {
  if (!wants(bench, 'cohort')) return;
  const part = bench.options.bundles === undefined ? 1 : 10;
  const place = placeOf(bench, 'cohort');
  const { profile } = bench.options;
  const env = { VALIDATION: 'profiles', PROFILES: './profiles' };
  const server = await startServer({ storeUrl: place.url, audit: 'all', profile, env });
  try {
    const watched = watch(server.pid, place);
    await importAll(bench, server, 'Patient', cohort.patients, patients / part, first / part, 10, watched);
    await importAll(bench, server, 'hip-arthroplasty', cohort.cases, cases / part, first / part, 40, watched);
    const again = await importCsv(server, 'Patient', cohort.patients(0, first / part));
    bench.add({ workload: `$csv-import of ${first / part} patients, again`, value: again.seconds, unit: 's' });
    for (const [name, query] of questions) await ask(bench, server, name, query);
    await exported(bench, server);
  } finally {
    await server.stop();
    removeStore(place);
  }
}

const questions = [
  ['$stats of all patients', 'type=Patient'],
  ['$stats of all patients by gender', 'type=Patient&by=gender'],
  ['$stats of hip arthroplasties', 'profile=http://osteon.example/StructureDefinition/hip-arthroplasty'],
  ['$stats of hip arthroplasties by approach', 'type=Procedure&by=approach&field=bearing-surface,status'],
  ['$stats of scores after one of them', 'type=Observation&part-of:Procedure.approach=posterior&field=value-quantity'],
] as const;

/** Imports the first rows, which the target speaks of, and then all others, some at a time. */
async function importAll(
  { add, say }: Bench,
  server: RunningServer,
  profile: string,
  rows: (from: number, to: number) => string,
  all: number,
  few: number,
  target: number,
  watched: () => Watched,
): Promise<void> {
  const begun = await importCsv(server, profile, rows(0, few));
  add({
    workload: `$csv-import of ${few} rows of ${profile}`,
    value: begun.seconds,
    unit: 's',
    note: `${begun.resources} resources, ${Math.round(begun.resources / begun.seconds)} a second`,
    ...(few === first ? { target: { of: 'value' as const, bound: 'most' as const, value: target } } : {}),
  });
  say(`importing ${all} rows of ${profile}`);
  let { seconds, resources } = begun;
  for (let from = few; from < all; from += atOnce) {
    const imported = await importCsv(server, profile, rows(from, Math.min(all, from + atOnce)));
    seconds += imported.seconds;
    resources += imported.resources;
  }
  add({
    workload: `$csv-import of ${profile}, validated resources`,
    value: resources / seconds,
    unit: 'resources/s',
    peakMemory: watched().peakMemory,
    note: `${all} rows, ${resources} resources`,
    target: { of: 'value', bound: 'least', value: 2000 },
  });
}

async function importCsv({ port }: RunningServer, profile: string, body: string): Promise<Imported> {
  const begun = performance.now();
  const reply = await fetch(`http://127.0.0.1:${port}/fhir/$csv-import?profile=${profile}`, {
    method: 'POST',
    headers: { 'Content-Type': 'text/csv' },
    body,
  });
  const answer: unknown = await reply.json();
  const seconds = (performance.now() - begun) / 1000;
  const parameters = parametersIn(answer);
  const faulty = parameters.get('faulty');
  if (reply.status !== 200 || faulty !== 0) {
    throw new Error(`an import of ${profile} was answered ${reply.status}, ${faulty} rows are faulty`);
  }
  return { seconds, resources: parameters.get('resources') ?? 0 };
}

/** The integers of a Parameters resource. */
function parametersIn(answer: unknown): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  if (typeof answer !== 'object' || answer === null || !('parameter' in answer)) return found;
  for (const each of Array.isArray(answer.parameter) ? answer.parameter : []) {
    if (typeof each?.name === 'string' && typeof each.valueInteger === 'number')
      found.set(each.name, each.valueInteger);
  }
  return found;
}

/** The median of five, after one. */
async function ask({ add }: Bench, { port }: RunningServer, name: string, query: string): Promise<void> {
  const took: number[] = [];
  let total = 0;
  for (let n = 0; n < 6; n++) {
    const begun = performance.now();
    const reply = await fetch(`http://127.0.0.1:${port}/fhir/$stats?${query}`);
    const answer = parametersIn(await reply.json());
    if (reply.status !== 200) throw new Error(`${query} was answered ${reply.status}`);
    total = answer.get('total') ?? 0;
    if (n > 0) took.push(performance.now() - begun);
  }
  add({
    workload: name,
    value: median(took, (each) => each),
    unit: 'ms',
    max: Math.max(...took),
    note: `${total} matches`,
    target: { of: 'value', bound: 'most', value: 1000 },
  });
}

async function exported({ add }: Bench, { port, pid }: RunningServer): Promise<void> {
  const watched = watch(pid, {});
  const begun = performance.now();
  const reply = await fetch(`http://127.0.0.1:${port}/fhir/$csv-export?profile=hip-arthroplasty`);
  let bytes = 0;
  let lines = 0;
  for await (const chunk of reply.body ?? []) {
    bytes += chunk.byteLength;
    for (const byte of chunk) if (byte === 10) lines++;
  }
  const seconds = (performance.now() - begun) / 1000;
  if (reply.status !== 200) throw new Error(`the export was answered ${reply.status}`);
  add({
    workload: '$csv-export of hip arthroplasties',
    value: (lines - 1) / seconds,
    unit: 'rows/s',
    peakMemory: watched().peakMemory,
    note: `${lines - 1} rows, ${Math.round(bytes / 2 ** 20)} MB, ${seconds.toFixed(1)} s`,
  });
}

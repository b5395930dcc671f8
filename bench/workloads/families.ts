/** Every family of search: first pages, walks of 50 pages, and all of them mixed. https://hl7.org/fhir/R4/search.html */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { driverCeiling } from '../bare/bare.ts';
import { type Family, sampleFamilies } from '../families.ts';
import { processorSecondsOf } from '../machine.ts';
import type { Measurement } from '../report.ts';
import { once, type RunningServer, startServer } from '../server.ts';
import { type Audit, type Bench, type Place, wants } from './bench.ts';

export const familyWorkloads: readonly string[] = ['families', 'mix'];

const pageSize = 20;
const walkedPages = 50;

/** Measures the families on a store; `where` tells it apart in the table. */
export async function searchFamilies(bench: Bench, place: Place, audit: Audit, where: string): Promise<void> {
  if (!wants(bench, ...familyWorkloads)) return;
  const server = await startServer({ storeUrl: place.url, audit, profile: bench.options.profile });
  try {
    const families = await sampleFamilies(server.port);
    if (wants(bench, 'families'))
      for (const family of families) await measure(bench, server, place, family, audit, where);
    if (wants(bench, 'mix')) await mix(bench, server, place, families, audit, where);
  } finally {
    await server.stop();
  }
}

/** One connection: what a first page takes, then what the pages of a walk take. */
async function measure(
  bench: Bench,
  { port }: RunningServer,
  { url }: Place,
  { name, queries, selective }: Family,
  audit: Audit,
  where: string,
): Promise<void> {
  const paths = file(bench, `family-${where}-${name}`, queries.map(paged));
  const plan = { name, connections: 1, traffic: { kind: 'get', paths } } as const;
  const times = { warmUp: bench.options.warmUp / 10, seconds: bench.options.seconds / 10 };
  const first = await bench.load.one(port, plan, times.warmUp, times.seconds);
  const ceiling = await driverCeiling({ ...times, connections: 1 }, url, { kind: 'search', paths }, 'ms');
  const target: Pick<Measurement, 'target'> = selective ? { target: { of: 'value', bound: 'most', value: 5 } } : {};
  bench.add({
    workload: `${where}: ${name}, first page`,
    audit,
    value: first.p50,
    unit: 'ms',
    p50: first.p50,
    p99: first.p99,
    max: first.max,
    ...(ceiling === undefined ? {} : { ceiling }),
    ...target,
    note: `${Math.round(first.bytes)} bytes${first.unexpected > 0 ? `, ${first.unexpected} UNEXPECTED: ${first.example?.slice(0, 200)}` : ''}`,
  });
  const further = await walk(port, paged(queries[0] ?? ''));
  const sorted = [...further].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  if (further.length > 1)
    bench.add({
      workload: `${where}: ${name}, ${further.length} further pages`,
      audit,
      value: at(0.5),
      unit: 'ms',
      p50: at(0.5),
      p99: at(0.99),
      max: at(1),
    });
}

/** Milliseconds of each page after the first. */
async function walk(port: number, path: string): Promise<readonly number[]> {
  const times: number[] = [];
  for (let next: string | undefined = path; next !== undefined && times.length <= walkedPages; ) {
    const begun = performance.now();
    const reply = await once(port, next);
    times.push(performance.now() - begun);
    const bundle: { readonly link?: readonly { readonly relation: string; readonly url: string }[] } = JSON.parse(
      reply.body?.toString() ?? '{}',
    );
    const url: string | undefined = bundle.link?.find(({ relation }) => relation === 'next')?.url;
    next = url === undefined ? undefined : new URL(url).pathname + new URL(url).search;
  }
  return times.slice(1);
}

/** First pages of the mixed families, in equal parts, as fast as the server answers. */
async function mix(
  bench: Bench,
  { port, pid }: RunningServer,
  { url }: Place,
  families: readonly Family[],
  audit: Audit,
  where: string,
): Promise<void> {
  const parts = families.filter(({ mixed }) => mixed);
  const most = Math.max(...parts.map(({ queries }) => queries.length));
  const lines = parts.flatMap(({ queries }) =>
    Array.from({ length: most }, (_, n) => paged(queries[n % queries.length] ?? '')),
  );
  const paths = file(bench, `mix-${where}`, lines);
  const traffic = { kind: 'get', paths } as const;
  const { connections, warmUp, seconds } = bench.options;
  const plan = { name: 'mix', connections, traffic };
  await bench.load.one(port, plan, 0, warmUp);
  const before = processorSecondsOf(pid);
  const result = await bench.load.one(port, plan, 0, seconds);
  const after = processorSecondsOf(pid);
  const processor =
    before === undefined || after === undefined ? undefined : ((after - before) * 1e6) / result.requests;
  const ceiling = await driverCeiling(bench.options, url, { kind: 'search', paths }, 'per second');
  bench.add({
    workload: `${where}: mix of ${parts.length} families`,
    audit,
    value: result.perSecond,
    unit: 'requests/s',
    p50: result.p50,
    p99: result.p99,
    max: result.max,
    processor,
    ...(ceiling === undefined ? {} : { ceiling }),
    target: { of: 'value', bound: 'least', value: 3000 },
    note: `${Math.round(result.bytes)} bytes${result.unexpected > 0 ? `, ${result.unexpected} UNEXPECTED: ${result.example?.slice(0, 200)}` : ''}`,
  });
}

function paged(query: string): string {
  return `${query}&_count=${pageSize}`.replace(/^([^?]*)&/, '$1?');
}

function file({ folder }: Bench, name: string, lines: readonly string[]): string {
  const path = join(folder, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.ndjson`);
  writeFileSync(path, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
  return path;
}

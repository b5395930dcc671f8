/** Every family of search: first pages, walks of 50 pages, and all of them mixed. https://hl7.org/fhir/R4/search.html */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countBare, driverCeiling } from '../bare/bare.ts';
import { fileCache, storeFile } from '../cached.ts';
import { familiesOf } from '../families.ts';
import { type Answer, Asking, type Family, got, paged, type Query } from '../family.ts';
import type { StreamResult } from '../load/job.ts';
import { processorSecondsOf } from '../machine.ts';
import type { Ceiling, Measurement } from '../report.ts';
import { sampleOf, shuffled } from '../sample.ts';
import { once, type RunningServer, startBare, startServer } from '../server.ts';
import { type Audit, type Bench, type Place, wants } from './bench.ts';

export const familyWorkloads: readonly string[] = ['families', 'mix'];

const pageSize = 20;
const walkedPages = 50;
/** Matches of a search that counts as selective. */
const few = 1_000;
/** Samples of a row at least, though it may take longer than is asked for; no row takes longer than these seconds. */
const leastSamples = 50;
const longest = 30;
/** Searches of a family that are asked at least, however long they take, and seconds after which no others are. */
const leastSearches = 20;
const longFirst = 20;
/** Hits that a count is judged by. */
const hits = 100_000;

/** Measures the families on a store; `where` tells it apart in the table. */
export async function searchFamilies(bench: Bench, place: Place, audit: Audit, where: string): Promise<void> {
  if (!wants(bench, ...familyWorkloads)) return;
  const server = await startServer({ storeUrl: place.url, audit, profile: bench.options.profile });
  const asking = await Asking.open(server.port);
  const cache = fileCache(place.url, bench.options.cached);
  try {
    await cache();
    const families = familiesOf(await sampleOf(server.port));
    if (wants(bench, 'families')) await eachFamily(bench, server, place, asking, families, cache, audit, where);
    await cache();
    if (wants(bench, 'mix')) await mix(bench, server, place, families, audit, where);
  } finally {
    asking.close();
    await server.stop();
  }
}

async function eachFamily(
  bench: Bench,
  { port }: RunningServer,
  place: Place,
  asking: Asking,
  families: readonly Family[],
  cache: () => Promise<void>,
  audit: Audit,
  where: string,
): Promise<void> {
  const byWords = await wordsIndexed(port);
  if (!byWords) bench.say('families by words are left out: their index is still being made');
  for (const family of families) {
    if (family.byWords && !byWords) continue;
    await cache();
    for (const row of await measured(bench, place, asking, family))
      bench.add({ ...row, workload: `${where}: ${row.workload}`, audit });
  }
}

/** Waits a minute for the index of words. */
async function wordsIndexed(port: number): Promise<boolean> {
  const until = performance.now() + 60_000;
  while ((await once(port, '/fhir/CarePlan?_text=nobody&_count=1')).status === 503) {
    if (performance.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return true;
}

/** A search and its first answer. */
interface Asked {
  readonly query: Query;
  readonly first: Answer;
}

/** The rows of a family: its searches are asked once each, then again and again in a random order, by one connection. */
async function measured(bench: Bench, place: Place, asking: Asking, family: Family): Promise<readonly Measurement[]> {
  const asked: Asked[] = [];
  const begun = performance.now();
  for (const query of family.queries) {
    if (asked.length >= leastSearches && performance.now() - begun > 1000 * longFirst) break;
    const sized = paged(query, pageSize);
    asked.push({ query: sized, first: await asking.ask(sized) });
  }
  if (family.judged !== 'pages') return [await countRow(family, asked, place)];
  const isFew = ({ first: { matches = few + 1 } }: Asked): boolean => matches <= few;
  const selective = asked.filter(isFew);
  const others = asked.filter((each) => !isFew(each));
  const rows: Measurement[] = [];
  for (const [group, target] of [
    [selective, { of: 'value', bound: 'most', value: 5, p99: 50 }],
    [others, undefined],
  ] as const) {
    if (group.length === 0) continue;
    const name = `${family.name}, ${target === undefined ? `above ${few.toLocaleString('en-US')}` : 'selective'}`;
    const again = await askedAgain(asking, group, bench.options.seconds / 10);
    const page = rowOf(`${name}, first page`, [...group.map(({ first }) => first), ...again]);
    const cold = quantiles(group.map(({ first }) => first.milliseconds));
    const note = `${group.length} searches, ${again.length + group.length} answers; asked first: ${shown(cold.p50)} and ${shown(cold.p99)}${refusals(group)}`;
    const ceiling = await bareOf(bench, place, family, name, group);
    rows.push({
      ...page,
      note,
      ...(ceiling === undefined ? {} : { ceiling }),
      ...(target === undefined ? {} : { target }),
    });
    const walked = await walk(asking, group);
    if (walked.length > 0) rows.push(rowOf(`${name}, ${walked.length} further pages`, walked));
  }
  return rows;
}

/** What the bare driver takes for the same searches: written for it are those of the mix. */
async function bareOf(
  { folder, options }: Bench,
  { url }: Place,
  { mixed }: Family,
  name: string,
  group: readonly Asked[],
): Promise<Ceiling | undefined> {
  if (!mixed) return undefined;
  const paths = listed(
    folder,
    name,
    group.map(({ query }) => query.path),
  );
  const times = { connections: 1, warmUp: options.warmUp / 10, seconds: options.seconds / 10 };
  return driverCeiling(times, url, { kind: 'search', paths }, 'ms');
}

/** More answers for so many seconds, or until there are enough. */
async function askedAgain(asking: Asking, group: readonly Asked[], seconds: number): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  const begun = performance.now();
  const passed = (): number => (performance.now() - begun) / 1000;
  while (passed() < longest && (passed() < seconds || answers.length < leastSamples)) {
    const some = group[Math.floor(Math.random() * group.length)];
    if (some !== undefined) answers.push(await asking.ask(some.query));
  }
  return answers;
}

/** The pages after the first, of the search that finds most. */
async function walk(asking: Asking, group: readonly Asked[]): Promise<readonly Answer[]> {
  const matches = ({ first }: Asked): number => (first.status === 200 ? (first.matches ?? Number.MAX_VALUE) : -1);
  const [longestWalk] = group.toSorted((a, b) => matches(b) - matches(a));
  const answers: Answer[] = [];
  let next = longestWalk?.first.next;
  while (next !== undefined && answers.length < walkedPages) {
    const answer = await asking.ask({ path: next });
    answers.push(answer);
    next = answer.next;
  }
  return answers;
}

function rowOf(workload: string, answers: readonly Answer[]): Measurement {
  const { p50, p99, max } = quantiles(answers.map(({ milliseconds }) => milliseconds));
  return { workload, value: p50, unit: 'ms', p50, p99, max };
}

/** Counts, each asked once: what is found once is remembered. */
async function countRow({ name, judged }: Family, asked: readonly Asked[], { url }: Place): Promise<Measurement> {
  const counted = asked.filter(({ first }) => first.status === 200);
  const many = counted.filter(({ first: { matches = 0 } }) => matches >= hits);
  const each = judged === 'count' && many.length > 0 ? many : counted;
  const times = each.map(({ first: { milliseconds, matches = 0 } }) => {
    return judged === 'count' ? milliseconds / Math.max(1, matches / hits) : milliseconds;
  });
  const { p50, p99, max } = quantiles(times);
  const most = Math.max(0, ...each.map(({ first: { matches = 0 } }) => matches));
  const file = storeFile(url);
  const bare = judged === 'count' && file !== undefined ? await countBare(file) : undefined;
  const unit = judged === 'count' ? `, for each ${hits.toLocaleString('en-US')} hits` : '';
  return {
    workload: `${name}${unit}`,
    value: p50,
    unit: 'ms',
    p50,
    p99,
    max,
    ...(bare === undefined ? {} : { ceiling: { name: 'bare SQLite counts as many rows', value: bare } }),
    target: { of: 'value', bound: 'most', value: judged === 'count' ? 5 : 50 },
    note: `${each.length} counts, up to ${most.toLocaleString('en-US')}, each asked once${refusals(asked)}`,
  };
}

/** What else was answered than 200. */
function refusals(asked: readonly Asked[]): string {
  const refused = asked.filter(({ first }) => first.status !== 200);
  const costly = refused.filter(({ first }) => first.refusal.includes('too-costly'));
  const [other] = refused.filter((each) => !costly.includes(each));
  const text = costly.length === 0 ? '' : `; ${costly.length} REFUSED as too costly`;
  return other === undefined ? text : `${text}; ${other.first.status} UNEXPECTED: ${other.first.refusal}`;
}

function quantiles(times: readonly number[]): { readonly p50: number; readonly p99: number; readonly max: number } {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function shown(milliseconds: number): string {
  return `${Number(milliseconds.toPrecision(3))} ms`;
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
    Array.from({ length: most }, (_, n) => paged(queries[n % queries.length] ?? got(''), pageSize).path),
  );
  const paths = listed(bench.folder, `mix-${where}`, lines);
  const { connections, warmUp, seconds } = bench.options;
  const plan = { name: 'mix', connections, traffic: { kind: 'get', paths } } as const;
  await bench.load.one(port, plan, 0, warmUp);
  const { result, processor } = await watched(pid, () => bench.load.one(port, plan, 0, seconds));
  const ceiling =
    (await driverCeiling(bench.options, url, { kind: 'search', paths }, 'per second')) ?? (await bareHttp(bench));
  const workload = `${where}: mix of ${parts.length} families`;
  bench.add({
    ...mixRow(workload, result, processor),
    audit,
    ...(ceiling === undefined ? {} : { ceiling }),
    target: { of: 'value', bound: 'least', value: 3000 },
  });
  const others = listed(bench.folder, `mix-others-${where}`, await searchesBeside(port, lines));
  const once = { name: 'mix', connections, traffic: { kind: 'get', paths: others, once: true } } as const;
  const first = await watched(pid, () => bench.load.one(port, once, 0));
  const row = mixRow(`${workload}, of values not asked for before`, first.result, first.processor);
  bench.add({ ...row, audit, note: `${first.result.requests} searches, each once; ${row.note}` });
}

/** How many samples the searches come from that nobody asked before, and how many of a family each gives. */
const otherSamples = 5;
const mostOfFamily = 60;

/** Searches of the mixed families that aren't among those, in a random order: of other patients, days and names, hardly of other codes. */
async function searchesBeside(port: number, asked: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  for (let sample = 0; sample < otherSamples; sample += 1) {
    const parts = familiesOf(await sampleOf(port)).filter(({ mixed }) => mixed);
    for (const { queries } of parts)
      for (const query of queries.slice(0, mostOfFamily)) found.add(paged(query, pageSize).path);
  }
  for (const path of asked) found.delete(path);
  return shuffled([...found]);
}

/** What a measurement finds, and the server's processor time for each request in microseconds. */
async function watched(
  pid: number,
  measure: () => Promise<StreamResult>,
): Promise<{ readonly result: StreamResult; readonly processor: number | undefined }> {
  const before = processorSecondsOf(pid);
  const result = await measure();
  const after = processorSecondsOf(pid);
  const known = before !== undefined && after !== undefined;
  return { result, processor: known ? ((after - before) * 1e6) / result.requests : undefined };
}

function mixRow(
  workload: string,
  { perSecond, p50, p99, max, bytes, unexpected, example }: StreamResult,
  processor: number | undefined,
): Measurement & { readonly note: string } {
  const note = `${Math.round(bytes)} bytes${unexpected > 0 ? `, ${unexpected} UNEXPECTED: ${example?.slice(0, 200)}` : ''}`;
  return { workload, value: perSecond, unit: 'requests/s', p50, p99, max, processor, note };
}

/** What a bare server reaches in the same minute, since the machine's speed changes: with 1 KB, as in the design's numbers. */
async function bareHttp({ folder, load, options: { connections, warmUp, seconds } }: Bench): Promise<Ceiling> {
  const bare = await startBare('hono', 1024);
  try {
    const traffic = { kind: 'get', paths: listed(folder, 'bare-http', ['/fhir/Basic/bare']) } as const;
    const plan = { name: 'bare', connections, traffic };
    await load.one(bare.port, plan, 0, warmUp / 2);
    const { perSecond } = await load.one(bare.port, plan, 0, seconds);
    return { name: 'bare hono, 1 KB', value: perSecond };
  } finally {
    await bare.stop();
  }
}

function listed(folder: string, name: string, lines: readonly string[]): string {
  const path = join(folder, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.ndjson`);
  writeFileSync(path, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
  return path;
}

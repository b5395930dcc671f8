/** Reads, searches, creates and a mixture, as fast as the server answers. https://hl7.org/fhir/R4/http.html */
import { copyFileSync } from 'node:fs';
import { type DriverOperation, driverCeiling, writeBare } from '../bare/bare.ts';
import type { StreamResult, TrafficPlan } from '../load/job.ts';
import { processorSecondsOf } from '../machine.ts';
import type { Ceiling, Target } from '../report.ts';
import { type RunningServer, startBare, startServer } from '../server.ts';
import type { Paths } from '../values.ts';
import {
  type Audit,
  addAuditCost,
  type Bench,
  median,
  type Place,
  placeOf,
  removeStore,
  wants,
  watch,
} from './bench.ts';

interface Workload {
  readonly name: string;
  readonly title: string;
  readonly traffic: (paths: Paths) => TrafficPlan;
  readonly target: Target;
  /** The same with the bare driver, on MongoDB. */
  readonly bare: (paths: Paths) => DriverOperation;
  /** What is asked for there; absent: nothing. */
  readonly mongoTarget?: Target;
}

const least = (of: Target['of'], value: number): Target => ({ of, bound: 'least', value });

/** Half of the bare driver. */
const mongoTarget = least('ratio', 0.5);

const workloads: readonly Workload[] = [
  {
    name: 'read',
    title: 'read by id',
    traffic: (paths) => ({ kind: 'get', paths: paths.read }),
    target: least('ratio', 0.5),
    bare: (paths) => ({ kind: 'read', paths: paths.read }),
    mongoTarget,
  },
  {
    name: 'search-token',
    title: '20-entry page by token',
    traffic: (paths) => ({ kind: 'get', paths: paths.token }),
    target: least('value', 3000),
    bare: (paths) => ({ kind: 'search', paths: paths.token }),
    mongoTarget,
  },
  {
    name: 'search-reference',
    title: '20-entry page by reference',
    traffic: (paths) => ({ kind: 'get', paths: paths.reference }),
    target: least('value', 3000),
    bare: (paths) => ({ kind: 'search', paths: paths.reference }),
    mongoTarget,
  },
  {
    name: 'search-date',
    title: '20-entry page by date (a month)',
    traffic: (paths) => ({ kind: 'get', paths: paths.date }),
    target: least('value', 3000),
    bare: (paths) => ({ kind: 'search', paths: paths.date }),
    mongoTarget,
  },
  {
    name: 'search-date-since',
    title: '20-entry page by date (since a day)',
    traffic: (paths) => ({ kind: 'get', paths: paths.dateSince }),
    target: least('value', 3000),
    bare: (paths) => ({ kind: 'search', paths: paths.dateSince }),
    mongoTarget,
  },
  {
    name: 'create',
    title: 'create',
    traffic: (paths) => ({ kind: 'create', path: '/fhir/Observation', bodies: paths.observations }),
    target: least('ratio', 0.4),
    bare: () => ({ kind: 'create' }),
    mongoTarget,
  },
  {
    name: 'cycle',
    title: 'create, read, update, search, read, delete',
    traffic: (paths) => ({ kind: 'cycle', base: '/fhir', bodies: paths.patients }),
    target: least('value', 3000),
    bare: () => ({ kind: 'cycle' }),
  },
];

export const requestWorkloads: readonly string[] = workloads.map(({ name }) => name);

interface Round {
  readonly result: StreamResult;
  readonly processor: number | undefined;
  readonly peakMemory: number | undefined;
}

/** Runs each workload against a server for each setting of AUDIT and against its ceiling, in turn, so that all see the same machine. */
export async function requests(
  bench: Bench,
  places: ReadonlyMap<Audit, Place>,
  paths: ReadonlyMap<Audit, Paths>,
): Promise<void> {
  const wanted = workloads.filter(({ name }) => wants(bench, name));
  if (wanted.length === 0) return;
  const { options } = bench;
  const servers = new Map<Audit, RunningServer>();
  for (const [audit, place] of places)
    servers.set(audit, await startServer({ storeUrl: place.url, audit, profile: options.profile }));
  const bare = await startBare('hono', 1024);
  const sockets = await startBare('sockets', 1024);
  const anyPaths = [...paths.values()][0];
  if (anyPaths !== undefined) {
    const plain: TrafficPlan = { kind: 'get', paths: anyPaths.read };
    const own = await bench.load.one(
      sockets.port,
      { name: 'own', connections: options.connections, traffic: plain },
      1,
      Math.min(options.seconds, 10),
    );
    bench.add({
      workload: 'the load generator itself',
      value: own.perSecond,
      unit: 'requests/s',
      p50: own.p50,
      p99: own.p99,
      max: own.max,
    });
  }
  await sockets.stop();
  try {
    for (const workload of wanted) {
      const rounds = new Map<Audit | 'bare', Round[]>();
      const run = async (
        who: Audit | 'bare',
        server: RunningServer,
        seconds: number,
        counted: boolean,
      ): Promise<void> => {
        const of = paths.get(who === 'bare' ? (options.audits[0] ?? 'all') : who);
        if (of === undefined) return;
        const traffic = who === 'bare' ? ({ kind: 'get', paths: of.read } as const) : workload.traffic(of);
        const watched = watch(server.pid, {});
        const before = processorSecondsOf(server.pid);
        const result = await bench.load.one(
          server.port,
          { name: workload.name, connections: options.connections, traffic },
          0,
          seconds,
        );
        const after = processorSecondsOf(server.pid);
        const { peakMemory } = watched();
        if (result.unexpected > 0)
          bench.say(
            `${workload.name}, AUDIT=${who}: ${result.unexpected} unexpected answers, the first: ${result.example}`,
          );
        if (!counted) return;
        const processor =
          before === undefined || after === undefined ? undefined : ((after - before) * 1e6) / result.requests;
        const list = rounds.get(who) ?? [];
        list.push({ result, processor, peakMemory });
        rounds.set(who, list);
      };
      const contenders: readonly (readonly [Audit | 'bare', RunningServer])[] =
        workload.name === 'read' ? [['bare', bare], ...servers] : [...servers];
      for (const [who, server] of contenders) await run(who, server, options.warmUp, false);
      for (let round = 0; round < options.rounds; round += 1)
        for (const [who, server] of contenders) await run(who, server, options.seconds, true);
      for (const [who, list] of rounds) {
        const middle = median(list, ({ result }) => result.perSecond);
        const { result } = middle;
        const driver = who === 'bare' ? undefined : await driverOf(bench, workload, places.get(who), paths.get(who));
        const ceiling =
          driver ?? (who === 'bare' || workload.target.of === 'value' ? undefined : bareRate(bench, workload.name));
        const target = driver === undefined ? workload.target : workload.mongoTarget;
        bench.add({
          workload: who === 'bare' ? 'bare hono, 1 KB' : workload.title,
          ...(who === 'bare' ? {} : { audit: who, ...(target === undefined ? {} : { target }) }),
          value: result.perSecond,
          unit: 'requests/s',
          p50: result.p50,
          p99: result.p99,
          max: result.max,
          peakMemory: middle.peakMemory,
          processor: middle.processor,
          ...(ceiling === undefined ? {} : { ceiling }),
          note: `${Math.round(result.bytes)} bytes${result.unexpected > 0 ? `, ${result.unexpected} UNEXPECTED answers` : ''}`,
        });
      }
      addAuditCost(bench, workload.title);
    }
  } finally {
    await bare.stop();
    for (const server of servers.values()) await server.stop();
  }
  for (const [audit, place] of places) if (wants(bench, 'create')) await addCreateCeiling(bench, audit, place);
}

/** What the bare driver reaches with the same, where the store is on MongoDB. */
async function driverOf(
  { options }: Bench,
  { bare }: Workload,
  place: Place | undefined,
  paths: Paths | undefined,
): Promise<Ceiling | undefined> {
  if (place === undefined || paths === undefined) return undefined;
  return driverCeiling(options, place.url, bare(paths), 'per second');
}

function bareRate(bench: Bench, workload: string): Ceiling | undefined {
  if (workload !== 'read') return undefined;
  const bare = bench.measurements.find((each) => each.workload === 'bare hono, 1 KB');
  return bare === undefined ? undefined : { name: 'bare hono', value: bare.value };
}

/** Bare inserts of the rows of the resources that were created last, into a copy of the same store, as many a commit as there were connections. */
async function addCreateCeiling(bench: Bench, audit: Audit, place: Place): Promise<void> {
  const copy = placeOf(bench, 'bare-create');
  const index = bench.measurements.findIndex((each) => each.workload === 'create' && each.audit === audit);
  const measured = bench.measurements[index];
  if (place.file === undefined || copy.file === undefined || measured === undefined) return;
  copyFileSync(place.file, copy.file);
  const { resources, seconds } = await writeBare({
    source: place.file,
    target: copy.file,
    limit: 40_000,
    newest: true,
    group: bench.options.connections,
  });
  removeStore(copy);
  bench.measurements[index] = { ...measured, ceiling: { name: 'bare SQLite, same rows', value: resources / seconds } };
}

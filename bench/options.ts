/** The benchmark's command line. (Its workloads are interactions of https://hl7.org/fhir/R4/http.html.) */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Seconds, seconds, rounds. */
  readonly warmUp: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Where `{name}` stands, the name of a fresh store is put; undefined: SQLite files in a temporary folder. */
  readonly store: string | undefined;
  /** Names of workloads; empty: all but `scale`. */
  readonly only: readonly string[];
  /** NDJSON of transaction Bundles, may end in `.gz`. */
  readonly data: string;
  /** Use this many Bundles of the data only. */
  readonly bundles: number | undefined;
  /** Load the data this many times for the workload `scale`; 1: leave it out. */
  readonly scale: number;
  /** A store that was loaded so many times before, or is to be asked alone; undefined: it is loaded. */
  readonly scaled: string | undefined;
  /** Keep the file of a store of families and mix in the operating system's memory. */
  readonly cached: boolean;
  readonly connections: number;
  /** Folder for the server's processor profiles. */
  readonly profile: string | undefined;
  /** Folder for results; undefined: write none. */
  readonly results: string | undefined;
  /** AUDIT settings to compare. */
  readonly audits: readonly ('all' | 'off')[];
}

export const usage = `npm run bench -- [options]

  --quick              1 s of warm-up, 3 s, one round (instead of 10 s, 30 s, the median of three)
  --only <names>       workloads, separated by commas: import-command, import-http, validation, cohort, terminology, start,
                       read, search-token, search-reference, search-date, search-date-since, create, cycle, families, mix,
                       plans, reads-beside-searches, large-transaction, scale
  --data <path>        NDJSON of transaction Bundles (.gz too); default ../shared/data/synthea/smart-2019-617-bundles.ndjson.gz,
                       and generated data where that is absent
  --bundles <n>        only the first n Bundles of the data
  --scale <n>          also load the data n times and compare searches (16 takes half an hour)
  --scaled <url>       with --scale: a store that was loaded n times before; it is kept. With --only and without scale there:
                       families, mix and plans on that store alone, whatever it holds
  --cached             families and mix: read the store's file through before and in between, so that no search waits for
                       the disk
  --store <url>        store URL with {name} in it for each fresh store; default: SQLite files in a temporary folder;
                       mongodb: databases of the server of MONGODB_URL, osteon_bench_…, which stay
  --audit all|off      only one setting of AUDIT
  --connections <n>    connections of the load generator (32)
  --profile <folder>   write processor profiles of the server there
  --warm-up, --seconds, --rounds <n>
  --no-results         don't write bench/results/
`;

const synthea = `${process.env.OSTEON_TEST_DATA ?? '../shared/data'}/synthea/smart-2019-617-bundles.ndjson.gz`;

/** Reads the command line. Throws Error with a text for people; undefined: help was asked for. */
export function readOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      data: { type: 'string', default: synthea },
      bundles: { type: 'string' },
      scale: { type: 'string', default: '1' },
      scaled: { type: 'string' },
      cached: { type: 'boolean', default: false },
      store: { type: 'string' },
      audit: { type: 'string' },
      connections: { type: 'string', default: '32' },
      profile: { type: 'string' },
      'warm-up': { type: 'string' },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      'no-results': { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const number = (name: string, text: string): number => {
    const value = Number(text);
    if (!(value > 0)) throw new Error(`--${name} needs a number above 0, not ${text}`);
    return value;
  };
  const { audit } = values;
  if (audit !== undefined && audit !== 'all' && audit !== 'off') throw new Error('--audit is all or off');
  return {
    warmUp: number('warm-up', values['warm-up'] ?? (values.quick ? '1' : '10')),
    seconds: number('seconds', values.seconds ?? (values.quick ? '3' : '30')),
    rounds: number('rounds', values.rounds ?? (values.quick ? '1' : '3')),
    store: values.store === 'mongodb' ? databasePattern(process.env.MONGODB_URL ?? '') : values.store,
    only: values.only.split(',').filter(Boolean),
    data: values.data,
    bundles: values.bundles === undefined ? undefined : number('bundles', values.bundles),
    scale: number('scale', values.scale),
    scaled: values.scaled,
    cached: values.cached,
    connections: number('connections', values.connections),
    profile: values.profile,
    results: values['no-results'] ? undefined : 'bench/results',
    audits: audit === undefined ? ['all', 'off'] : [audit],
  };
}

/** A store URL for databases of a server. Throws Error where none is named. */
function databasePattern(url: string): string {
  const [, server, options = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(url) ?? [];
  if (server === undefined) throw new Error('--store mongodb needs MONGODB_URL: the connection string of a server');
  // Of each run's own: what another one stored would count.
  return `${server}/osteon_bench_${Date.now().toString(36)}_{name}${options}`;
}

/** Results: one measurement a row, as JSON and as a table. (Targets are those of the issue; https://hl7.org/fhir/R4/http.html) */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MachineFacts } from './machine.ts';

/** A ceiling measured in the same run, in the unit of the measurement. */
export interface Ceiling {
  readonly name: string;
  readonly value: number;
  /** Microseconds of its processor time for each. */
  readonly processor?: number;
  /** false: the ratio to it is shown, and not judged. */
  readonly judged?: boolean;
}

/** What the issue asks for: at least or at most this, as the value itself or as a ratio to the ceiling. */
export interface Target {
  readonly of: 'value' | 'ratio';
  readonly bound: 'least' | 'most';
  readonly value: number;
  /** Milliseconds that 99 of 100 may take at most, beside that. */
  readonly p99?: number;
}

export interface Measurement {
  readonly workload: string;
  readonly audit?: 'all' | 'off';
  readonly value: number;
  readonly unit: 'requests/s' | 'resources/s' | 'rows/s' | 's' | 'ms' | 'MB' | 'bytes' | 'rows' | 'ratio';
  /** Milliseconds. */
  readonly p50?: number;
  readonly p99?: number;
  readonly max?: number;
  /** Bytes the server held at most. */
  readonly peakMemory?: number | undefined;
  /** Microseconds of the server's processor time for each request or resource. */
  readonly processor?: number | undefined;
  readonly ceiling?: Ceiling;
  readonly target?: Target;
  /** Anything a reader should know: bytes of a page, answers with another status than expected. */
  readonly note?: string;
}

export interface Results {
  readonly date: string;
  readonly machine: MachineFacts;
  readonly data: { readonly name: string; readonly resources: number; readonly bundles: number };
  readonly run: {
    readonly warmUp: number;
    readonly seconds: number;
    readonly rounds: number;
    readonly connections: number;
    readonly cached: boolean;
    readonly store: string;
  };
  readonly measurements: readonly Measurement[];
}

/** Whether a measurement reaches its target; undefined: it has none. */
export function isMet({ target, value, p99, ceiling }: Measurement): boolean | undefined {
  if (target === undefined || ceiling?.judged === false) return undefined;
  if (target.p99 !== undefined && p99 !== undefined && p99 > target.p99) return false;
  if (target.of === 'ratio' && ceiling === undefined) return undefined;
  const measured = target.of === 'value' ? value : value / (ceiling?.value ?? 1);
  return target.bound === 'least' ? measured >= target.value : measured <= target.value;
}

const header = [
  'workload',
  'audit',
  'measured',
  'p50 ms',
  'p99 ms',
  'max ms',
  'peak MB',
  'µs CPU',
  'ceiling',
  'ratio',
  'target',
  '',
  'note',
];

/** The measurements as a Markdown table, padded so that it reads well on a terminal too. */
export function table(measurements: readonly Measurement[]): string {
  const rows = measurements.map((measurement) => {
    const { workload, audit, value, unit, p50, p99, max, peakMemory, processor, ceiling, target, note } = measurement;
    const met = isMet(measurement);
    return [
      workload,
      audit ?? '',
      `${number(value)} ${unit}`,
      p50 === undefined ? '' : number(p50),
      p99 === undefined ? '' : number(p99),
      max === undefined ? '' : number(max),
      peakMemory === undefined ? '' : number(peakMemory / 2 ** 20),
      processor === undefined ? '' : number(processor),
      ceiling === undefined ? '' : ceilingText(ceiling),
      ceiling === undefined ? '' : ratioText(value / ceiling.value, ceiling.processor, processor),
      target === undefined
        ? ''
        : `${target.of === 'ratio' ? 'ratio ' : ''}${target.bound === 'least' ? '≥' : '≤'} ${number(target.value)}${target.p99 === undefined ? '' : `, p99 ≤ ${number(target.p99)}`}`,
      met === undefined ? '' : met ? 'met' : 'MISSED',
      note ?? '',
    ];
  });
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}

function ceilingText({ name, value, processor }: Ceiling): string {
  return `${name}: ${number(value)}${processor === undefined ? '' : `, ${number(processor)} µs CPU`}`;
}

/** The ratio of rates, and where both processes' processor time is known that of those. */
function ratioText(rates: number, bare: number | undefined, server: number | undefined): string {
  const times = bare === undefined || server === undefined ? '' : `, by CPU ${(bare / server).toFixed(2)}`;
  return rates.toFixed(2) + times;
}

/** Three digits that mean something; whole numbers with separators from a thousand. */
function number(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

/** The results as Markdown. */
export function markdown({ date, machine, data, run, measurements }: Results): string {
  return `# Benchmark of ${date.slice(0, 10)}

${machine.cores} cores (${machine.processor}), ${machine.memoryGiB} GiB, ${machine.platform}, Node ${machine.node}; ${machine.pinned ? 'server and load generator on a core each' : 'cores shared'};
load before the run ${machine.loadBefore}. Data: ${data.name}, ${data.resources.toLocaleString('en-US')} resources in ${data.bundles} Bundles. Store: ${run.store}.
${run.warmUp} s of warm-up, ${run.seconds} s measured, ${run.rounds === 1 ? 'one round' : `the median of ${run.rounds}`}, ${run.connections} connections.${run.cached ? '\nBefore and between the families the store’s file was read through, so that the operating system had it in memory.' : ''}

${table(measurements)}
`;
}

/** Writes `<date>-<name>.json` and `.md` into the folder. Returns the paths. */
export function writeResults(folder: string, name: string, results: Results): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const base = join(folder, `${results.date.slice(0, 10)}-${name}`);
  writeFileSync(`${base}.json`, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(`${base}.md`, markdown(results));
  return [`${base}.json`, `${base}.md`];
}

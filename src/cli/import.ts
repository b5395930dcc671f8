/** `osteon import`: files and folders into the store, without a server. https://hl7.org/fhir/R4/nd-json.html */
import { closeSync, openSync, writeSync } from 'node:fs';
import { SingleBar } from 'cli-progress';
import { Command } from 'commander';
import type { Context } from '../interactions/context.ts';
import { baseUrlOf, compose } from '../main.ts';
import type { AuditRecord } from '../store/audit-record.ts';
import { commandLog } from './command-log.ts';
import { type Fault, Importer } from './import/importer.ts';
import { findSources, piecesOf, type Source, UnreadableFile } from './import/sources.ts';
import { addSettings, configurationOf } from './settings-options.ts';

export function importCommand(): Command {
  const command = new Command('import')
    .description('Store Bundles and resources of files: .json, .ndjson, each also .gz; folders with all in them.')
    .argument('<paths...>', 'files or folders')
    .option('--resume', 'leave out what an earlier import of the same files has stored')
    .option('--errors <file>', 'where faulty lines are listed, as NDJSON', 'import-errors.ndjson');
  return addSettings(command, [
    'STORE_URL',
    'TIMEZONE',
    'AUDIT',
    'BASE_URL',
    'HOST',
    'PORT',
    'REFERENTIAL_INTEGRITY',
    'PROFILES',
    'VALIDATION',
    'VALIDATION_BUDGET_MS',
  ]).action(importFiles);
}

async function importFiles(paths: readonly string[], options: Readonly<Record<string, unknown>>): Promise<void> {
  const configuration = { ...configurationOf(options), PROFILES_WATCH: 'off' as const };
  const sources = await findSources(paths);
  if (sources.length === 0) {
    console.error('Nothing to import: no .json or .ndjson files (or the same with .gz) at these paths.');
    process.exitCode = 1;
    return;
  }
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const composed = await compose(configuration, baseUrlOf(configuration, configuration.PORT), commandLog());
  const faults = new FaultFile(String(options.errors));
  const started = performance.now();
  const bar = progressBar(sources);
  // One record for each file stands for all that came from it.
  const context: Context = {
    ...composed.context,
    audit: { record: () => undefined, append: () => undefined, settle: async () => undefined },
  };
  const importer = new Importer(context, options.resume === true, (fault) => faults.add(fault));
  const importFile = async (source: Source) => {
    let line = 0;
    try {
      for await (const piece of piecesOf(source, (bytes) => bar.read(bytes))) {
        line = piece.line;
        await importer.add(source, piece);
        bar.show(importer.counts.resources);
        if (stopped) break;
      }
    } catch (error) {
      // The other files can still be read.
      if (!(error instanceof UnreadableFile)) throw error;
      faults.add(unreadable(source, line + 1, error));
      return 400;
    }
    return 200;
  };
  try {
    for (const source of sources) {
      const status = await importFile(source);
      await importer.finish();
      noteFile(composed.context, source, status);
      if (stopped) break;
    }
  } finally {
    // After a failure, which is thrown already, the store still has to be closed for the process to end.
    await importer.finish().catch(() => undefined);
    bar.stop();
    faults.close();
    await composed.close();
  }
  const seconds = (performance.now() - started) / 1000;
  const { resources, skipped } = importer.counts;
  console.log(`${resources} resources in ${seconds.toFixed(1)} s, ${Math.round(resources / seconds)} a second.`);
  if (skipped > 0) console.log(`${skipped} lines were stored already and left out.`);
  if (stopped) console.log('Stopped; --resume goes on from here.');
  if (faults.count > 0) {
    console.error(`${faults.count} could not be stored; ${faults.path} lists them with line numbers and reasons.`);
    process.exitCode = 1;
  }
}

function unreadable({ path }: Source, line: number, { message }: UnreadableFile): Fault {
  const diagnostics = `The file can't be read from this line on: ${message}.`;
  return { file: path, line, status: 400, issues: [{ severity: 'error', code: 'structure', diagnostics }] };
}

function noteFile(context: Context, source: Source, status: number): void {
  const record: AuditRecord | undefined = context.audit.record({
    call: {
      interaction: 'batch',
      method: 'POST',
      parameters: [],
      query: `file=${encodeURIComponent(source.path)}`,
      prefer: { return: undefined, handling: undefined },
      origin: { agent: 'command line', address: '', requestId: 'import' },
    },
    status,
    type: '',
    id: '',
    patient: '',
  });
  if (record !== undefined) context.audit.append(record);
}

/** The faulty lines, in a file that is made with the first of them. */
class FaultFile {
  readonly path: string;
  #file: number | undefined;
  #count = 0;

  constructor(path: string) {
    this.path = path;
  }

  get count(): number {
    return this.#count;
  }

  add(fault: Fault): void {
    this.#count += 1;
    this.#file ??= openSync(this.path, 'w');
    writeSync(this.#file, `${JSON.stringify(fault)}\n`);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}

/** Bytes read of all files, with the rate in resources and the remaining time. */
function progressBar(sources: readonly Source[]) {
  const total = sources.reduce((sum, { size }) => sum + size, 0);
  const format = '{bar} {percentage}%  {resources} resources  {rate}/s  {eta_formatted} left';
  const bar = new SingleBar({ format, barsize: 30, hideCursor: true, clearOnComplete: true, noTTYOutput: false });
  const started = performance.now();
  let done = 0;
  bar.start(total, 0, { resources: 0, rate: 0 });
  return {
    read: (bytes: number) => {
      done += bytes;
    },
    show: (resources: number) => {
      const rate = Math.round(resources / Math.max(0.001, (performance.now() - started) / 1000));
      bar.update(Math.min(done, total), { resources, rate });
    },
    stop: () => bar.stop(),
  };
}

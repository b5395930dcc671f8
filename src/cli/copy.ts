/** `osteon copy`: a store into another one, also of another kind. https://hl7.org/fhir/R4/http.html#history */
import { Command } from 'commander';
import { ConfigurationError } from '../config.ts';
import { baseUrlOf, compose } from '../main.ts';
import type { CopySource } from '../store/copy-source.ts';
import { storeKind } from '../store/url.ts';
import { commandLog } from './command-log.ts';
import { differences, type Sum, sumsOf } from './copy/compare.ts';
import { copyStore, type Progress } from './copy/copier.ts';
import { openSource } from './copy/open-source.ts';
import { addSettings, configurationOf } from './settings-options.ts';

export function copyCommand(): Command {
  const command = new Command('copy')
    .description(
      'Copy a store into an empty one, or go on with such a copy: all versions and AuditEvents, compared by count and hash.',
    )
    .requiredOption('--from <url>', 'STORE_URL of the store that is copied; a server may run on it')
    .requiredOption('--to <url>', 'STORE_URL of the copy; nobody else may write to it');
  return addSettings(command, ['TIMEZONE', 'BASE_URL', 'HOST', 'PORT', 'PROFILES', 'REFERENTIAL_INTEGRITY']).action(
    copy,
  );
}

async function copy(options: Readonly<Record<string, unknown>>): Promise<void> {
  const configuration = { ...configurationOf(options), STORE_URL: urlOf('--to', options.to) };
  const source = await openSource(urlOf('--from', options.from));
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  try {
    const composed = await compose(
      { ...configuration, PROFILES_WATCH: 'off' },
      baseUrlOf(configuration, configuration.PORT),
      commandLog(),
    );
    const started = performance.now();
    let progress: Progress;
    try {
      progress = await copyStore(source, composed.context, { stopped: () => stopped, onProgress: show });
    } finally {
      await composed.close();
    }
    if (process.stderr.isTTY) process.stderr.write('\n');
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${progress.versions} versions and ${progress.events} AuditEvents are copied, in ${seconds} s.`);
    if (stopped) {
      console.log('Stopped; the same command goes on from here.');
      process.exitCode = 1;
      return;
    }
    await compare(source, configuration.STORE_URL, progress);
  } finally {
    await source.close();
  }
}

function show({ versions, events }: Progress): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${versions} versions, ${events} AuditEvents`);
}

/** Reads both stores as a whole. Status 1 where they differ. */
async function compare(source: CopySource, url: string, { change, audit }: Progress): Promise<void> {
  const copied = await openSource(url);
  try {
    const before = await sumsOf(source, change, audit);
    const after = await sumsOf(copied, await copied.last(), await copied.audit.last());
    for (const [name, sum] of before) console.log(`${name}: ${textOf(sum)}`);
    const found = differences(before, after);
    for (const { name, source: one, copy: other } of found)
      console.error(`DIFFERENT ${name}: ${textOf(one)}, and in the copy ${textOf(other)}`);
    if (found.length > 0) process.exitCode = 1;
    else console.log(`${copied.name} is a copy of ${source.name}.`);
  } finally {
    await copied.close();
  }
}

const textOf = ({ resources, versions, hash }: Sum) =>
  `${resources} resources, ${versions} versions, ${hash.slice(0, 16)}`;

function urlOf(flag: string, value: unknown): string {
  if (typeof value === 'string' && storeKind(value) !== undefined) return value;
  throw new ConfigurationError(`${flag} must be a STORE_URL: sqlite:FILE, mongodb://… or mongodb+srv://….`);
}

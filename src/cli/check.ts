/** `osteon check`: whether the indexes say what the resources say. https://hl7.org/fhir/R4/search.html */
import { Command } from 'commander';
import type { Configuration } from '../config.ts';
import { entriesOfEarlier, reextraction } from '../main.ts';
import type { Finding, Progress } from '../store/finding.ts';
import type { ParameterDefinition, Reextract } from '../store/parameter-index.ts';
import { checkStore } from '../store/sqlite/check.ts';
import { takeLock } from '../store/sqlite/lock.ts';
import { openDatabase } from '../store/sqlite/open.ts';
import { parameterRows } from '../store/sqlite/parameters.ts';
import { openForReading, pathOf } from '../store/sqlite/path.ts';
import { getSetting } from '../store/sqlite/settings.ts';
import { storeKind } from '../store/url.ts';
import { addSettings, configurationOf } from './settings-options.ts';

export function checkCommand(): Command {
  const command = new Command('check')
    .description('Compare indexes with resources, also beside a running server. Status 1: something is wrong.')
    .option('--repair', 'rewrite what is wrong; on SQLite the server must not run');
  return addSettings(command, ['STORE_URL']).action(check);
}

async function check(options: Readonly<Record<string, unknown>>): Promise<void> {
  const configuration = configurationOf(options);
  const repair = options.repair === true;
  const checking =
    storeKind(configuration.STORE_URL) === 'mongodb'
      ? checkMongo(configuration, repair)
      : checkSqlite(configuration, repair);
  let found = 0;
  let repaired = 0;
  let checked = 0;
  for await (const each of checking) {
    if (each.kind === 'progress') {
      checked = each.done;
      if (process.stderr.isTTY) process.stderr.write(`\r${each.done} of ${each.total}`);
      continue;
    }
    found += 1;
    if (each.repaired) repaired += 1;
    console.error(each.text + (each.repaired ? ' Repaired.' : ''));
  }
  if (process.stderr.isTTY) process.stderr.write('\r');
  const summary = found === 0 ? 'nothing is wrong' : `${found} findings, ${repaired} repaired`;
  console.log(`${checked} resources checked: ${summary}.`);
  if (found > repaired) process.exitCode = 1;
}

async function* checkSqlite(configuration: Configuration, repair: boolean): AsyncGenerator<Finding | Progress> {
  const path = pathOf(configuration.STORE_URL);
  // Opened for reading first: it says where there is no store, or one of another release.
  const reading = openForReading(path);
  const lock = repair ? takeLock(path) : undefined;
  const db = repair ? openDatabase(path) : reading;
  try {
    const [timezone, extraction] = [getSetting(reading, 'timezone'), getSetting(reading, 'extraction')];
    const rows = parameterRows(reading).filter(({ status }) => status === 'current');
    const reextract = reextractOf(configuration, timezone, extraction, rows);
    yield* checkStore(db, reextract, { repair, isEarlier: entriesOfEarlier(configuration) });
  } finally {
    // The writing connection last: it takes the log into the file.
    if (db !== reading) reading.close();
    db.close();
    lock?.release();
  }
}

async function* checkMongo(configuration: Configuration, repair: boolean): AsyncGenerator<Finding | Progress> {
  const { openForCheck } = await import('../store/mongo/check.ts');
  const { timezone, extraction, rows, check: findings, close } = await openForCheck(configuration.STORE_URL);
  try {
    const current = rows.filter(({ status }) => status === 'current');
    const reextract = reextractOf(configuration, timezone, extraction, current);
    yield* findings(reextract, entriesOfEarlier(configuration), { repair });
  } finally {
    await close();
  }
}

/** Entries are compared as they were made, whatever this command's environment says. */
function reextractOf(
  configuration: Configuration,
  timezone: unknown,
  extraction: unknown,
  current: readonly ParameterDefinition[],
): Reextract {
  return reextraction(
    configuration,
    typeof timezone === 'string' ? timezone : configuration.TIMEZONE,
    typeof extraction === 'string' ? extraction : undefined,
    current,
  );
}

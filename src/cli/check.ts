/** `osteon check`: whether the indexes say what the resources say. https://hl7.org/fhir/R4/search.html */
import { Command } from 'commander';
import { reextraction } from '../main.ts';
import { checkStore } from '../store/sqlite/check.ts';
import { takeLock } from '../store/sqlite/lock.ts';
import { openDatabase } from '../store/sqlite/open.ts';
import { parameterRows } from '../store/sqlite/parameters.ts';
import { openForReading, pathOf } from '../store/sqlite/path.ts';
import { getSetting } from '../store/sqlite/settings.ts';
import { addSettings, configurationOf } from './settings-options.ts';

export function checkCommand(): Command {
  const command = new Command('check')
    .description('Compare indexes with resources, also beside a running server. Status 1: something is wrong.')
    .option('--repair', 'rewrite what is wrong; the server must not run');
  return addSettings(command, ['STORE_URL']).action(check);
}

function check(options: Readonly<Record<string, unknown>>): void {
  const configuration = configurationOf(options);
  const path = pathOf(configuration.STORE_URL);
  const repair = options.repair === true;
  // Opened for reading first: it says where there is no store, or one of another release.
  const reading = openForReading(path);
  const lock = repair ? takeLock(path) : undefined;
  const db = repair ? openDatabase(path) : reading;
  let found = 0;
  let repaired = 0;
  let checked = 0;
  try {
    // Entries are compared as they were made, whatever this command's environment says.
    const timezone = getSetting(reading, 'timezone');
    const extraction = getSetting(reading, 'extraction');
    const reextract = reextraction(
      configuration,
      typeof timezone === 'string' ? timezone : configuration.TIMEZONE,
      typeof extraction === 'string' ? extraction : undefined,
      parameterRows(reading).filter(({ status }) => status === 'current'),
    );
    for (const each of checkStore(db, reextract, { repair })) {
      if (each.kind === 'progress') {
        checked = each.done;
        if (process.stderr.isTTY) process.stderr.write(`\r${each.done} of ${each.total}`);
        continue;
      }
      found += 1;
      if (each.repaired) repaired += 1;
      console.error(each.text + (each.repaired ? ' Repaired.' : ''));
    }
  } finally {
    // The writing connection last: it takes the log into the file.
    if (db !== reading) reading.close();
    db.close();
    lock?.release();
  }
  if (process.stderr.isTTY) process.stderr.write('\r');
  const summary = found === 0 ? 'nothing is wrong' : `${found} findings, ${repaired} repaired`;
  console.log(`${checked} resources checked: ${summary}.`);
  if (found > repaired) process.exitCode = 1;
}

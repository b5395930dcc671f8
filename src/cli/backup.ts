/** `osteon backup` and `osteon restore`: copies of the whole store. https://hl7.org/fhir/R4/http.html */
import { statSync } from 'node:fs';
import { Command } from 'commander';
import { StoreUnavailable } from '../store/errors.ts';
import { backupStore, restoreStore } from '../store/sqlite/backup.ts';
import { pathOf } from '../store/sqlite/path.ts';
import { storeKind } from '../store/url.ts';
import { addSettings, configurationOf } from './settings-options.ts';

export function backupCommand(): Command {
  const command = new Command('backup')
    .description('Write a consistent copy of an embedded store to a new file, also while the server runs.')
    .argument('<file>', 'the copy; it must not exist');
  return addSettings(command, ['STORE_URL']).action(backup);
}

export function restoreCommand(): Command {
  const command = new Command('restore')
    .description('Check a backup and make it the store. The server must not run.')
    .argument('<file>', 'the backup')
    .option('--replace', 'replace the store that is there; it stays beside as FILE.replaced');
  return addSettings(command, ['STORE_URL']).action(restore);
}

async function backup(file: string, options: Readonly<Record<string, unknown>>): Promise<void> {
  const started = performance.now();
  await backupStore(fileOf(options), file);
  const seconds = (performance.now() - started) / 1000;
  const megabytes = statSync(file).size / 1_000_000;
  console.log(`${file}: ${megabytes.toFixed(1)} MB in ${seconds.toFixed(1)} s.`);
}

function restore(file: string, options: Readonly<Record<string, unknown>>): void {
  const path = fileOf(options);
  restoreStore(file, path, { replace: options.replace === true });
  console.log(`${path} is now what ${file} holds.`);
}

/** Where the embedded store lies. Throws StoreUnavailable for another store, which has tools of its own. */
function fileOf(options: Readonly<Record<string, unknown>>): string {
  const { STORE_URL: url } = configurationOf(options);
  if (storeKind(url) !== 'mongodb') return pathOf(url);
  throw new StoreUnavailable(
    'A store on MongoDB is backed up and restored with mongodump and mongorestore, or with snapshots: docs/deploy-mongodb.md.',
  );
}

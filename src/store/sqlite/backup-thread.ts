/**
 * The thread of a backup: `VACUUM INTO` copies one snapshot, however much is written meanwhile.
 * https://hl7.org/fhir/R4/http.html#general
 */
import { workerData } from 'node:worker_threads';
import type { BackupStart } from './backup.ts';
import { openDatabase } from './open.ts';

const { path, target }: BackupStart = workerData;
const db = openDatabase(path, { readOnly: true });
try {
  db.prepare('VACUUM INTO ?').run(target);
} finally {
  db.close();
}

/** Reads a whole embedded store, also beside the process that writes to it. https://hl7.org/fhir/R4/http.html#history */
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { ChangedVersion, CopySource } from '../copy-source.ts';
import { StoreUnavailable } from '../errors.ts';
import { createAuditLog } from './audit-log.ts';
import type { Database } from './open.ts';
import { methods } from './pack.ts';
import { openForReading, pathOf } from './path.ts';
import { getSetting } from './settings.ts';
import { allConcepts, countedOf } from './terminology.ts';
import { TerminologyReads } from './terminology-read.ts';

/** Versions that are read at once. */
const some = 500;

type VersionRow = [
  vid: number,
  type: string,
  id: string,
  number: number,
  updated: number,
  method: number,
  body: Uint8Array | null,
];

/**
 * Opens a store's file for a copy.
 * @throws StoreUnavailable as `openForReading` does.
 */
export function openSqliteSource(url: string): CopySource {
  const path = pathOf(url);
  const db = openForReading(path);
  const secret = getSetting(db, 'secret');
  if (!(secret instanceof Uint8Array)) throw new StoreUnavailable('The store has lost its secret: restore a backup.');
  const reads = new TerminologyReads(db);
  const last = db.prepare<[number | null]>('SELECT max(vid) FROM version');
  return {
    name: `sqlite ${path}`,
    identity: createHash('sha256').update(secret).digest('hex'),
    last: async () => last.get()?.[0] ?? 0,
    versions: (after, upTo) => versions(db, after, upTo),
    audit: createAuditLog(db, () => Promise.reject(new StoreUnavailable('The store is open for reading.'))),
    terminology: {
      systems: async () => reads.systems().map(countedOf),
      all: (system) => allConcepts(reads, system),
    },
    close: async () => db.close(),
  };
}

async function* versions(db: Database, after: number, upTo: number): AsyncGenerator<readonly ChangedVersion[]> {
  const select = db.prepare<VersionRow>(`
    SELECT v.vid, t.name, e.id, v.number, v.updated, v.method, v.body FROM version AS v
      CROSS JOIN entity AS e ON e.rid = v.rid CROSS JOIN type AS t ON t.num = e.type
      WHERE v.vid > ? AND v.vid <= ? ORDER BY v.vid LIMIT ${some}`);
  for (let place = after; ; ) {
    const rows = select.all(place, upTo);
    if (rows.length === 0) return;
    yield rows.map(([change, type, id, versionId, lastUpdated, method, body]) => ({
      change,
      type,
      id,
      versionId,
      lastUpdated,
      method: methods[method] ?? 'PUT',
      body: body ?? undefined,
    }));
    place = rows.at(-1)?.[0] ?? upTo;
    // The process may have a server to answer too.
    await turn();
  }
}

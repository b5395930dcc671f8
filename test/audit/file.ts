/** A file's audit tables alone, with a writer and a reader. https://hl7.org/fhir/R4/auditevent.html */
import type { AuditLog, AuditQuery, StoredAuditRecord } from '../../src/store/audit-log.ts';
import type { AuditRecord } from '../../src/store/audit-record.ts';
import { type AppenderOptions, AuditAppender } from '../../src/store/sqlite/audit-append.ts';
import { createAuditLog } from '../../src/store/sqlite/audit-log.ts';
import { auditSchema } from '../../src/store/sqlite/audit-schema.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';

export interface AuditFile {
  readonly db: Database;
  readonly log: AuditLog;
  /** Appends in a transaction of its own. */
  readonly append: (records: readonly AuditRecord[]) => void;
  /** As after a crash or a restart: a new process, that knows only what is on disk. */
  readonly reopen: (options?: Partial<AppenderOptions>) => void;
  readonly appender: () => AuditAppender;
}

export function auditFile(options: Partial<AppenderOptions> = {}): AuditFile {
  const db = openDatabase(':memory:');
  db.exec(auditSchema);
  let processes = 0;
  const appenderOf = (given: Partial<AppenderOptions>) =>
    new AuditAppender(db, { clock: () => 1_700_000_000_000, process: `p${++processes}`, ...options, ...given });
  let appender = appenderOf({});
  const within = (act: () => void) => {
    db.exec('BEGIN IMMEDIATE');
    act();
    db.exec('COMMIT');
  };
  return {
    db,
    log: createAuditLog(db, async (parts) => within(() => appender.appendParts(parts))),
    append: (records) => within(() => appender.append(records)),
    reopen: (given = {}) => {
      appender = appenderOf(given);
    },
    appender: () => appender,
  };
}

/** Everything that a query finds. */
export async function all(
  log: AuditLog,
  query: AuditQuery = {},
  order: 'ascending' | 'descending' = 'ascending',
  after?: number,
  upTo?: number,
): Promise<readonly StoredAuditRecord[]> {
  const found: StoredAuditRecord[] = [];
  for await (const some of log.find(query, order, after, upTo)) found.push(...some);
  return found;
}

/** A record, with what matters to the test. */
export function record(n: number, given: Partial<AuditRecord> = {}): AuditRecord {
  const recorded = given.recorded ?? 1_700_000_000_000 + n;
  const time = recorded.toString(16).padStart(12, '0');
  return {
    id: `${time.slice(0, 8)}-${time.slice(8)}-7abc-8def-${n.toString(16).padStart(12, '0')}`,
    recorded,
    subtype: 'read',
    action: 'R',
    outcome: '0',
    status: 200,
    agent: 'anonymous',
    address: '127.0.0.1',
    requestId: `req-${n.toString(36)}`,
    type: 'Patient',
    entity: `e${n % 50}`,
    patient: `e${n % 50}`,
    query: '',
    ...given,
  };
}

export function recordsFrom(first: number, count: number, given: Partial<AuditRecord> = {}): readonly AuditRecord[] {
  return Array.from({ length: count }, (_, n) => record(first + n, given));
}

/** Assembles the engine of a writing connection. https://hl7.org/fhir/R4/http.html#transaction */
import { type AppenderOptions, AuditAppender } from './audit-append.ts';
import { Engine } from './engine.ts';
import type { Database } from './open.ts';
import { Searcher } from './search.ts';

/** How a writer opens its file. `cache`: mebibytes. `timeout`: nobody else writes, and a checkpoint can come later. */
export const writerOpening = { cache: 48, timeout: 250 } as const;

/** Milliseconds that a condition may take while all other writes wait. */
const conditionBudget = 2_000;

export interface WriterEngineOptions {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Milliseconds. */
  readonly cursorLifetime: number;
  /** Milliseconds after which audit records are removed; absent: never. */
  readonly auditRetention?: number;
  /** Hears of what went wrong and was passed over. */
  readonly report?: ((text: string) => void) | undefined;
  /** Hears of the newest hash of the audit chain. */
  readonly onAuditHead?: (process: string, sequence: number, hash: string) => void;
}

/** The engine with what conditions and audit records need on the same connection. */
export function writerEngine(db: Database, options: WriterEngineOptions): Engine {
  const appender: AppenderOptions = {
    clock: options.clock,
    ...(options.onAuditHead === undefined ? {} : { onHead: options.onAuditHead }),
    ...(options.auditRetention === undefined ? {} : { retention: options.auditRetention }),
  };
  const searcher = new Searcher(db, options);
  return new Engine(db, {
    ...options,
    matches: (type, criterion, limit) => searcher.matches(type, criterion, limit, conditionBudget),
    audit: new AuditAppender(db, appender),
  });
}

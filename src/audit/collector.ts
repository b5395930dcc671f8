/** Collects the records that reads leave, and hands them to the store. https://hl7.org/fhir/R4/auditevent.html */
import type { AuditLog } from '../store/audit-log.ts';
import type { AuditRecord } from '../store/audit-record.ts';
import { countingIds } from './ids.ts';
import { type AuditMode, auditRecord, type Interacted, isAudited } from './record.ts';

export interface CollectorOptions {
  readonly mode: AuditMode;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Hears of records that could not be stored; they are lost. */
  readonly report: (error: unknown) => void;
  /** Calls `act` once after so many milliseconds, unless what it returned is called before. */
  readonly timer?: (act: () => void, milliseconds: number) => () => void;
  /** A new logical id for an instant. */
  readonly newId?: (instant: number) => string;
}

/** Milliseconds that a record waits at most. */
const longest = 900;
/** So many records don't wait: packing them takes about a millisecond. */
const most = 1024;

function systemTimer(act: () => void, milliseconds: number): () => void {
  const timer = setTimeout(act, milliseconds);
  // What is collected is written by `close`; a timer must not hold the process up.
  timer.unref();
  return () => clearTimeout(timer);
}

/** Where interactions leave their records. */
export class AuditCollector {
  readonly #log: AuditLog;
  readonly #options: CollectorOptions;
  readonly #timer: (act: () => void, milliseconds: number) => () => void;
  readonly #newId: (instant: number) => string;
  readonly #appending = new Set<Promise<void>>();
  #collected: AuditRecord[] = [];
  #cancel: (() => void) | undefined;

  constructor(log: AuditLog, options: CollectorOptions) {
    this.#log = log;
    this.#options = options;
    this.#timer = options.timer ?? systemTimer;
    this.#newId = options.newId ?? countingIds();
  }

  /** Makes a record, or undefined where `AUDIT` leaves it out. */
  readonly record = (interacted: Interacted): AuditRecord | undefined => {
    if (!isAudited(this.#options.mode, interacted.call)) return undefined;
    const recorded = this.#options.clock();
    return auditRecord(interacted, this.#newId(recorded), recorded);
  };

  /** Takes a record that no commit carries; it is on disk within a second. */
  readonly append = (record: AuditRecord): void => {
    this.#collected.push(record);
    if (this.#collected.length >= most) this.#flush();
    else this.#cancel ??= this.#timer(() => this.#flush(), longest);
  };

  /** Resolves when everything that was collected is on disk, or was reported. */
  async settle(): Promise<void> {
    this.#flush();
    await Promise.all(this.#appending);
  }

  /** The same at the end. */
  async close(): Promise<void> {
    await this.settle();
  }

  #flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#collected.length === 0) return;
    const records = this.#collected;
    this.#collected = [];
    const appending = this.#log
      .append(records)
      .catch(this.#options.report)
      .finally(() => this.#appending.delete(appending));
    this.#appending.add(appending);
  }
}

/** A collector for an audit log. */
export function auditSink(log: AuditLog, options: CollectorOptions): AuditCollector {
  return new AuditCollector(log, options);
}

/** Messages between the main thread and the writer's, and errors as plain data. https://hl7.org/fhir/R4/http.html#transaction */
import {
  Conflict,
  CursorExpired,
  IntegrityViolation,
  NotReady,
  PreconditionFailed,
  StoreUnavailable,
  TooCostly,
} from '../errors.ts';
import type { ResourceKey } from '../write.ts';
import type { PackedWrites } from './pack.ts';
import type { Task } from './tasks.ts';

/** What the writer's thread is started with. */
export interface WriterStart {
  readonly path: string;
  /** Milliseconds. */
  readonly cursorLifetime: number;
  /** Whether the clock is the system's; otherwise each message brings the time. */
  readonly systemClock: boolean;
  /** Milliseconds after which audit records are removed; absent: never. */
  readonly auditRetention?: number;
}

export interface NumberedTask {
  readonly id: number;
  readonly task: Task;
}

export type WriterMessage =
  | { readonly kind: 'tasks'; readonly now: number; readonly tasks: readonly NumberedTask[] }
  /** A part of a large commit; the task of that id follows, with what is not in parts. */
  | {
      readonly kind: 'part';
      readonly id: number;
      readonly writes: readonly PackedWrites[];
      readonly audit: readonly Uint8Array[];
    }
  /** The commit of those parts will not come. */
  | { readonly kind: 'drop'; readonly id: number }
  | { readonly kind: 'close' };

export interface NumberedResult {
  readonly id: number;
  /** As in `TaskResult`; absent where the task failed. */
  readonly written?: Float64Array<ArrayBuffer>;
  readonly error?: WireError;
}

export type WriterAnswer =
  | { readonly kind: 'ready' }
  /** The newest hash (hexadecimal) of the audit chain of this opening of the store. */
  | { readonly kind: 'head'; readonly process: string; readonly sequence: number; readonly hash: string }
  /** What went wrong and was passed over. */
  | { readonly kind: 'report'; readonly text: string }
  | { readonly kind: 'results'; readonly results: readonly NumberedResult[]; readonly milliseconds: number };

export type WireError =
  | {
      readonly name: 'PreconditionFailed';
      readonly write: number;
      readonly rule: 'ifMatch' | 'ifNoneMatch';
      readonly current: number | undefined;
    }
  | { readonly name: 'Conflict'; readonly of: Conflict['of']; readonly index: number }
  | {
      readonly name: 'IntegrityViolation';
      readonly rule: 'missing' | 'referenced';
      readonly key: ResourceKey;
      readonly referrers: readonly ResourceKey[];
    }
  | { readonly name: 'StoreUnavailable'; readonly message: string }
  | { readonly name: 'TooCostly'; readonly hint: string }
  | { readonly name: 'NotReady'; readonly message: string; readonly retryAfter: number }
  | { readonly name: 'CursorExpired' }
  | { readonly name: 'Error'; readonly message: string };

export function toWire(error: unknown): WireError {
  if (error instanceof PreconditionFailed) {
    return { name: 'PreconditionFailed', write: error.write, rule: error.rule, current: error.current };
  }
  if (error instanceof Conflict) return { name: 'Conflict', of: error.of, index: error.index };
  if (error instanceof IntegrityViolation) {
    return { name: 'IntegrityViolation', rule: error.rule, key: error.key, referrers: error.referrers };
  }
  if (error instanceof StoreUnavailable) return { name: 'StoreUnavailable', message: error.message };
  if (error instanceof TooCostly) return { name: 'TooCostly', hint: error.hint };
  if (error instanceof NotReady) return { name: 'NotReady', message: error.message, retryAfter: error.retryAfter };
  if (error instanceof CursorExpired) return { name: 'CursorExpired' };
  return { name: 'Error', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function fromWire(error: WireError): Error {
  switch (error.name) {
    case 'PreconditionFailed':
      return new PreconditionFailed(error.write, error.rule, error.current);
    case 'Conflict':
      return new Conflict(error.of, error.index);
    case 'IntegrityViolation':
      return new IntegrityViolation(error.rule, error.key, error.referrers);
    case 'StoreUnavailable':
      return new StoreUnavailable(error.message);
    case 'NotReady':
      return new NotReady(error.message, error.retryAfter);
    case 'CursorExpired':
      return new CursorExpired();
    case 'TooCostly':
      return new TooCostly(error.hint);
    case 'Error':
      return new Error(error.message);
  }
}

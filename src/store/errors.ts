/** The typed failures of a store; interactions turn them into OperationOutcomes. https://hl7.org/fhir/R4/http.html#concurrency */
import type { ResourceKey } from './write.ts';

/** `If-Match` or `If-None-Match` does not hold: 412. */
export class PreconditionFailed extends Error {
  /** Index of the write in the commit. */
  readonly write: number;
  readonly rule: 'ifMatch' | 'ifNoneMatch';
  /** The current version, undefined where there is none. */
  readonly current: number | undefined;

  constructor(write: number, rule: 'ifMatch' | 'ifNoneMatch', current: number | undefined) {
    super(`precondition ${rule} of write ${write} does not hold`);
    this.name = 'PreconditionFailed';
    this.write = write;
    this.rule = rule;
    this.current = current;
  }
}

/** What a commit was planned on has changed: plan again, a bounded number of times. */
export class Conflict extends Error {
  /** Index of the condition, or of the write whose `computedFrom` is outdated. */
  readonly index: number;
  /** `parameters`: the entries were extracted for other search parameters than those of now. */
  readonly of: 'condition' | 'write' | 'parameters';

  constructor(of: Conflict['of'], index: number) {
    super(`${of} ${index} was planned on an outdated state`);
    this.name = 'Conflict';
    this.of = of;
    this.index = index;
  }
}

/** A reference to nothing (`missing`), or from up to ten others to what would be deleted (`referrers`). */
export class IntegrityViolation extends Error {
  readonly key: ResourceKey;
  readonly rule: 'missing' | 'referenced';
  readonly referrers: readonly ResourceKey[];

  constructor(rule: 'missing' | 'referenced', key: ResourceKey, referrers: readonly ResourceKey[]) {
    super(`referential integrity: ${rule}`);
    this.name = 'IntegrityViolation';
    this.rule = rule;
    this.key = key;
    this.referrers = referrers;
  }
}

/** A search that would exceed its time budget. */
export class TooCostly extends Error {
  /** What to add to the query, for a person. */
  readonly hint: string;

  constructor(hint: string) {
    super(`too costly: ${hint}`);
    this.name = 'TooCostly';
    this.hint = hint;
  }
}

/** A page of a walk that is older than the store keeps superseded versions for: 410. */
export class CursorExpired extends Error {
  constructor() {
    super('the walk is older than the store keeps superseded versions for');
    this.name = 'CursorExpired';
  }
}

/** The store is closing, or held by another process: 503, or the end of a command. */
export class StoreUnavailable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StoreUnavailable';
  }
}

/** What this kind of store, as it is set up, can't do: 501. */
export class Unsupported extends Error {
  /** @param message for the client: what can't be done, why, and what to do instead. */
  constructor(message: string) {
    super(message);
    this.name = 'Unsupported';
  }
}

/** An index that a search needs is still being made: 503. */
export class NotReady extends Error {
  /** Seconds after which it is worth asking again. */
  readonly retryAfter: number;

  /** @param message for the client: what isn't ready, and how far it is. */
  constructor(message: string, retryAfter: number) {
    super(message);
    this.name = 'NotReady';
    this.retryAfter = retryAfter;
  }
}

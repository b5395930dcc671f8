/** Runs what belongs together in one transaction of MongoDB, again where that may help. https://hl7.org/fhir/R4/http.html#transaction */
import { setTimeout as wait } from 'node:timers/promises';
import { type ClientSession, type MongoClient, MongoError, ReadConcern } from 'mongodb';
import { StoreUnavailable } from '../errors.ts';

/** What a transaction was planned on has changed before it could write. */
export class Outdated extends Error {
  constructor() {
    super('what the commit was planned on has changed');
    this.name = 'Outdated';
  }
}

/** One try of a transaction. */
export interface Attempt {
  /** Everything that it reads and writes, in the session. */
  readonly body: (session: ClientSession) => Promise<void>;
  /** Whether the transaction took effect, where MongoDB can't say; undefined where doing it again is no harm. */
  readonly tookEffect: (() => Promise<boolean>) | undefined;
}

/** What came of a try: `unknown` where MongoDB couldn't say. */
export type Outcome = 'done' | 'failed' | 'unknown';

/** A planned try, with its result if it is done. Without an attempt there is nothing to do. */
export interface Try<T> {
  readonly attempt: Attempt | undefined;
  readonly result: T;
  readonly over: (outcome: Outcome) => Promise<void>;
}

/** Milliseconds for which a commit is tried again. */
const patience = 30_000;
/** Milliseconds before the second try; doubled up to the longest, less a random part. */
const shortest = 2;
const longest = 200;

const duplicateKey = 11000;
/** WriteConflict; LockTimeout; NoSuchTransaction. */
const passing: ReadonlySet<unknown> = new Set([112, 24, 251]);

/**
 * Tries until a transaction is committed. `plan` makes each try anew.
 * @throws what a try throws that isn't passing; StoreUnavailable when others are in the way for too long.
 */
export async function inTransaction<T>(client: MongoClient, plan: () => Promise<Try<T>>): Promise<T> {
  const limit = Date.now() + patience;
  for (let pause = shortest; ; pause = Math.min(pause * 2, longest)) {
    const { attempt, result, over } = await plan();
    if (attempt === undefined) return result;
    let outcome: Outcome = 'failed';
    try {
      await once(client, attempt, limit);
      outcome = 'done';
      return result;
    } catch (error) {
      if (hasLabel(error, 'UnknownTransactionCommitResult')) outcome = 'unknown';
      if (!isPassing(error)) throw error;
      if (Date.now() > limit) throw new StoreUnavailable(`A commit met others for too long: ${nameOf(error)}.`);
    } finally {
      await over(outcome);
    }
    await wait(pause * (0.5 + Math.random() / 2));
  }
}

async function once(client: MongoClient, { body, tookEffect }: Attempt, limit: number): Promise<void> {
  const session = client.startSession();
  try {
    session.startTransaction({
      readConcern: new ReadConcern('snapshot'),
      writeConcern: { w: 'majority', journal: true },
    });
    try {
      await body(session);
    } catch (error) {
      await session.abortTransaction().catch(() => undefined);
      throw error;
    }
    await commitOf(session, tookEffect, limit);
  } finally {
    await session.endSession();
  }
}

/** Commits, and asks again as long as it isn't known what came of it. */
async function commitOf(session: ClientSession, tookEffect: Attempt['tookEffect'], limit: number): Promise<void> {
  for (let pause = shortest; ; pause = Math.min(pause * 2, longest)) {
    try {
      await session.commitTransaction();
      return;
    } catch (error) {
      if (hasLabel(error, 'UnknownTransactionCommitResult')) {
        if (Date.now() > limit) throw error;
        await wait(pause);
        continue;
      }
      // A server that has forgotten the transaction may have committed it before: the driver has asked twice.
      if (tookEffect !== undefined && (await tookEffect())) return;
      throw error;
    }
  }
}

/** Whether the same may go well if it is tried again. */
function isPassing(error: unknown): boolean {
  if (error instanceof Outdated) return true;
  if (!(error instanceof MongoError)) return false;
  return hasLabel(error, 'TransientTransactionError') || passing.has(error.code) || error.code === duplicateKey;
}

function hasLabel(error: unknown, label: string): boolean {
  return error instanceof MongoError && error.hasErrorLabel(label);
}

function nameOf(error: unknown): string {
  return error instanceof MongoError ? `${error.name} ${error.code ?? ''}`.trim() : String(error);
}

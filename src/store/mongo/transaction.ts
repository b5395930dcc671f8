/** Runs what belongs together in one transaction of MongoDB, again where that may help. https://hl7.org/fhir/R4/http.html#transaction */
import { setTimeout as wait } from 'node:timers/promises';
import {
  type ClientSession,
  MongoBulkWriteError,
  type MongoClient,
  MongoError,
  MongoNetworkError,
  ReadConcern,
  type TransactionOptions,
} from 'mongodb';
import { StoreUnavailable } from '../errors.ts';
import { awayCodes } from './open.ts';

/** What a transaction was planned on has changed before it could write. */
export class Outdated extends Error {
  constructor() {
    super('what the commit was planned on has changed');
    this.name = 'Outdated';
  }
}

/** MongoDB could not say for too long what came of a commit: it may have taken effect. */
class UnknownOutcome extends StoreUnavailable {}

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

/** Milliseconds for which a commit is tried again, and is asked after where its outcome is unknown. */
const patience = 30_000;
/** A large one takes longer than that, so that it is tried as often as this in any case. */
const leastTries = 3;
/** Milliseconds before the second try; doubled up to the longest, less a random part. */
const shortest = 2;
const longest = 200;

/** Each transaction sees one state, and is there for good when it is acknowledged. */
const wholly: TransactionOptions = {
  readConcern: new ReadConcern('snapshot'),
  writeConcern: { w: 'majority', journal: true },
};

const duplicateKey = 11000;
/** WriteConflict, LockTimeout, NoSuchTransaction; and that there is no primary just now. */
const passing: ReadonlySet<unknown> = new Set([112, 24, 251, ...awayCodes]);

/**
 * Tries until a transaction is committed. `plan` makes each try anew.
 * @throws what a try throws that isn't passing; StoreUnavailable when others are in the way for too long.
 */
export async function inTransaction<T>(client: MongoClient, plan: () => Promise<Try<T>>): Promise<T> {
  const limit = Date.now() + patience;
  for (let pause = shortest, tries = 1; ; pause = Math.min(pause * 2, longest), tries += 1) {
    try {
      return await oneTry(client, await plan());
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (tries >= leastTries && Date.now() > limit)
        throw new StoreUnavailable(`A commit met others for too long: ${nameOf(error)}.`);
    }
    await wait(pause * (0.5 + Math.random() / 2));
  }
}

/**
 * Reads one state of the store with several commands: those of one transaction, which is tried again where what is in the
 * way is passing.
 * @throws what `read` throws that isn't passing; the error that is, when it stays for too long.
 */
export async function ofOneState<T>(client: MongoClient, read: (session: ClientSession) => Promise<T>): Promise<T> {
  const limit = Date.now() + patience;
  for (let pause = shortest; ; pause = Math.min(pause * 2, longest)) {
    const session = client.startSession();
    try {
      session.startTransaction(wholly);
      const result = await read(session);
      // What was read stays so: a majority has it now.
      await session.commitTransaction();
      return result;
    } catch (error) {
      if (session.inTransaction()) await session.abortTransaction().catch(() => undefined);
      if (!isPassing(error) || Date.now() > limit) throw error;
    } finally {
      await session.endSession();
    }
    await wait(pause * (0.5 + Math.random() / 2));
  }
}

async function oneTry<T>(client: MongoClient, { attempt, result, over }: Try<T>): Promise<T> {
  if (attempt === undefined) return result;
  let outcome: Outcome = 'failed';
  try {
    await once(client, attempt);
    outcome = 'done';
    return result;
  } catch (error) {
    if (error instanceof UnknownOutcome) outcome = 'unknown';
    throw error;
  } finally {
    await over(outcome);
  }
}

async function once(client: MongoClient, { body, tookEffect }: Attempt): Promise<void> {
  const session = client.startSession();
  try {
    session.startTransaction(wholly);
    try {
      await body(session);
    } catch (error) {
      await session.abortTransaction().catch(() => undefined);
      throw error;
    }
    await commitOf(session, tookEffect);
  } finally {
    await session.endSession();
  }
}

/** Commits, and asks again as long as it isn't known what came of it. */
async function commitOf(session: ClientSession, tookEffect: Attempt['tookEffect']): Promise<void> {
  // What came before may have taken longer than that.
  const limit = Date.now() + patience;
  for (let pause = shortest; ; pause = Math.min(pause * 2, longest)) {
    try {
      await session.commitTransaction();
      return;
    } catch (error) {
      if (hasLabel(error, 'UnknownTransactionCommitResult')) {
        if (Date.now() > limit)
          throw new UnknownOutcome(`Nobody knows whether a commit took effect: ${nameOf(error)}.`);
        await wait(pause);
        continue;
      }
      // A server that has forgotten the transaction may have committed it before: the driver has asked twice.
      if (tookEffect !== undefined && (await surely(tookEffect, limit))) return;
      throw error;
    }
  }
}

/** The answer of a question that reads alone; asked again as long as it can't be answered. @throws UnknownOutcome */
async function surely(ask: () => Promise<boolean>, limit: number): Promise<boolean> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > limit) throw new UnknownOutcome(`Nobody knows whether a commit took effect: ${nameOf(error)}.`);
      await wait(longest);
    }
  }
}

/** Whether the same may go well if it is tried again. */
function isPassing(error: unknown): boolean {
  if (error instanceof Outdated) return true;
  if (!(error instanceof MongoError)) return false;
  if (error instanceof MongoNetworkError || isOfConnection(error)) return true;
  return hasLabel(error, 'TransientTransactionError') || passing.has(error.code) || error.code === duplicateKey;
}

/** Of a bulk write the driver tells a lost connection by another class, now and then without its labels. */
function isOfConnection(error: MongoError): boolean {
  return error instanceof MongoBulkWriteError && error.code === undefined && [error.writeErrors].flat().length === 0;
}

function hasLabel(error: unknown, label: string): boolean {
  return error instanceof MongoError && error.hasErrorLabel(label);
}

function nameOf(error: unknown): string {
  return error instanceof MongoError ? `${error.name} ${error.code ?? ''}`.trim() : String(error);
}

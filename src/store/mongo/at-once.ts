/**
 * Reads that one answer has whole, by commands: a cursor of the driver takes about as long as all the rest of such a read.
 * https://hl7.org/fhir/R4/http.html#search
 */
import {
  type ClientSession,
  type Db,
  type Document,
  Long,
  MongoNetworkError,
  MongoServerError,
  type Sort,
} from 'mongodb';
import type { Filter } from './filter.ts';

/** What every read may say. */
export interface AtOnceOptions {
  /** Milliseconds that the server may take. */
  readonly maxTimeMS?: number;
  /** The transaction to read in. */
  readonly session?: ClientSession;
}

/** What is read of a collection. */
export interface Wanted {
  readonly filter: Filter;
  readonly projection: Filter;
  readonly sort?: Sort | undefined;
  readonly limit: number;
}

/** MaxTimeMSExpired. */
const outOfTime = 50;

/** What the answer to a command with a cursor has; `T` is what the projection leaves of the documents. */
interface Batch<T> {
  readonly firstBatch: readonly T[];
  /** 0 where there is no more: the driver gives small ones as numbers. */
  readonly id: unknown;
}

/**
 * The documents that pass, no more than the limit.
 * @param again called where the first answer isn't or hasn't all of them: others may write while the rest comes.
 * @throws MongoError
 */
export function findAtOnce<T extends Document>(
  db: Db,
  collection: string,
  { filter, projection, sort, limit }: Wanted,
  options: AtOnceOptions = {},
  again: () => void = () => undefined,
): Promise<readonly T[]> {
  const sorted = sort === undefined ? {} : { sort };
  // One more than the limit, so that the server doesn't wait for another question.
  const command = { find: collection, filter, projection, ...sorted, limit, batchSize: limit + 1 };
  return read<T>(db, collection, command, options, () => {
    again();
    return db
      .collection<Document>(collection)
      .find<T>(filter, { ...options, projection, ...sorted, limit })
      .toArray();
  });
}

/** How many documents pass, counted no further than a limit, if one is given. @throws MongoError */
export async function countAtOnce(
  db: Db,
  collection: string,
  filter: Filter,
  limit: number,
  options: AtOnceOptions = {},
): Promise<number> {
  const pipeline = [
    { $match: filter },
    ...(Number.isFinite(limit) ? [{ $limit: limit }] : []),
    { $group: { _id: 1, n: { $sum: 1 } } },
  ];
  const command = { aggregate: collection, pipeline, cursor: {} };
  const [counted] = await read<{ readonly n: number }>(db, collection, command, options, () =>
    db.collection(collection).aggregate<{ readonly n: number }>(pipeline, options).toArray(),
  );
  return counted?.n ?? 0;
}

/** The first answer; by the driver's own means where it isn't all, or where asking again may help. */
async function read<T>(
  db: Db,
  collection: string,
  command: Document,
  { maxTimeMS, session }: AtOnceOptions,
  otherwise: () => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const limited = maxTimeMS === undefined ? {} : { maxTimeMS };
  // A transaction has said its own at its beginning.
  const concern = session === undefined && db.readConcern !== undefined ? { readConcern: db.readConcern.toJSON() } : {};
  let batch: Batch<T>;
  try {
    const reply = await db.command({ ...command, ...limited, ...concern }, session === undefined ? {} : { session });
    batch = reply.cursor;
  } catch (error) {
    if (session !== undefined || !mayHelpAgain(error)) throw error;
    return otherwise();
  }
  if (String(batch.id) === '0') return batch.firstBatch;
  // More than a message holds. What a transaction leaves open ends with it.
  if (session === undefined) {
    const rest = { killCursors: collection, cursors: [Long.fromString(String(batch.id))] };
    await db.command(rest).catch(() => undefined);
  }
  return otherwise();
}

function mayHelpAgain(error: unknown): boolean {
  return error instanceof MongoNetworkError || (error instanceof MongoServerError && !isOutOfTime(error));
}

/** Whether it is MongoDB's that a command took longer than its `maxTimeMS`. */
export function isOutOfTime(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === outOfTime;
}

/** The `maxTimeMS` of a command that is to end at a time by the clock of `performance`; 1 where that is over, since 0 is no limit. */
export function millisecondsUntil(deadline: number): number {
  return Math.max(1, Math.ceil(Math.min(deadline - performance.now(), 2 ** 31 - 1)));
}

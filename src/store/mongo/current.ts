/** Reads what belongs together, in one state of the store. https://hl7.org/fhir/R4/http.html#concurrency */
import type { ClientSession } from 'mongodb';
import { resourceTypeOf } from '../../search/contained.ts';
import { millisecondsUntil } from './at-once.ts';
import type { Snapshot } from './clock.ts';
import type { SearchContext } from './context.ts';
import { transactionBudget } from './read-transactions.ts';
import { asTooCostly } from './state.ts';

/** How a page, or what is current, is read. */
export interface Look {
  /** Milliseconds that it may take. */
  readonly budget: number;
  /** What there was before it began. */
  readonly before: Snapshot;
  /** The transaction to read in. */
  readonly session?: ClientSession;
  /** First numbers of this process's commits that begin while it is read in a transaction, which shows none of them for sure. */
  readonly meanwhile?: readonly number[];
  /** Whether to end with `HasToLook` where other resources are to be looked at. */
  readonly single?: boolean;
}

/** What was to be read at once can't be. */
export class HasToLook extends Error {}

/**
 * Reads what is found by looking at other resources. These are to be of one state with it, and where other processes write,
 * numbers don't tell of all that comes meanwhile: a clock may be behind, or a commit on its way for long. So where the server
 * has transactions, it is read in one; without other processes as it comes, for the reader to see whether anything was written.
 * @param type one that is searched.
 * @param read may be called several times.
 * @throws what `read` throws, but for `HasToLook`.
 */
export async function readTogether<T>(
  { connection, transactions, snapshots, types }: SearchContext,
  type: string | undefined,
  budget: number,
  read: (look: Look) => Promise<T>,
): Promise<T> {
  const before = await snapshots.begin([]);
  if (snapshots.alone || !connection.transactions) return read({ budget, before });
  const end = performance.now() + budget;
  try {
    return await read({ budget, before, single: true });
  } catch (error) {
    if (!(error instanceof HasToLook)) throw error;
  }
  return transactions.run(end, async (session) => {
    const heard = snapshots.hear();
    try {
      const begun = await snapshots.begin([]);
      // From now on its state stands: types that are listed later have all that it shows.
      const options = { session, maxTimeMS: millisecondsUntil(end) };
      if (type !== undefined) await types.newest([resourceTypeOf(type)], options);
      const left = Math.min(end - performance.now(), transactionBudget);
      return await read({ budget: left, before: begun, session, meanwhile: heard.begun });
    } catch (error) {
      throw asTooCostly(error);
    } finally {
      heard.end();
    }
  });
}

/** Connects to MongoDB, and learns what it can. https://hl7.org/fhir/R4/http.html#transaction */
import {
  type Db,
  MongoClient,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  ReadConcern,
} from 'mongodb';
import { StoreUnavailable } from '../errors.ts';
import { Absence } from './absence.ts';

export interface Connection {
  readonly client: MongoClient;
  readonly db: Db;
  /** For people: hosts and database, never a password. */
  readonly name: string;
  /** Whether it has multi-document transactions: it is a replica set or a sharded cluster. */
  readonly transactions: boolean;
  readonly sharded: boolean;
  readonly absence: Absence;
}

const usualDatabase = 'osteon';
/** Milliseconds to look for a server that answers, unless the URL says otherwise. */
const selection = 10_000;

/**
 * Connects, and asks what kind of server it is.
 * @param url `mongodb://` or `mongodb+srv://`; the database is its path, `osteon` where it has none.
 * @throws StoreUnavailable when the URL is none, or no server answers.
 */
export async function connect(url: string): Promise<Connection> {
  let client: MongoClient;
  try {
    client = new MongoClient(url, {
      ...(/[?&]appName=/i.test(url) ? {} : { appName: 'osteon' }),
      ignoreUndefined: true,
      ...(/[?&]serverSelectionTimeoutMS=/i.test(url) ? {} : { serverSelectionTimeoutMS: selection }),
    });
  } catch (error) {
    throw new StoreUnavailable(`STORE_URL is no MongoDB connection string: ${textOf(error)}`);
  }
  const absence = new Absence();
  client.on('topologyDescriptionChanged', ({ newDescription }) => absence.hear(newDescription.servers.values()));
  const { hosts, dbName, srvHost } = client.options;
  const where = srvHost ?? hosts.map(String).join(',');
  const database = dbName === 'test' && !namesDatabase(url) ? usualDatabase : dbName;
  const name = `mongodb ${where}/${database}`;
  try {
    await client.connect();
    const hello = await client.db('admin').command({ hello: 1 });
    const sharded = hello.msg === 'isdbgrid';
    const transactions = sharded || typeof hello.setName === 'string';
    const db = client.db(database, {
      writeConcern: transactions ? { w: 'majority', journal: true } : { w: 1, journal: true },
      // What a majority has is never taken back, and has all that was acknowledged.
      ...(transactions ? { readConcern: new ReadConcern('majority') } : {}),
    });
    return { client, db, name, transactions, sharded, absence };
  } catch (error) {
    await client.close();
    if (!(error instanceof MongoError)) throw error;
    throw new StoreUnavailable(`${name} can't be opened as a store: ${textOf(error)}`);
  }
}

/**
 * That the server is not, or no longer, the primary, is shutting down, or can't reach another one.
 * https://github.com/mongodb/specifications/blob/master/source/retryable-reads/retryable-reads.md
 */
export const awayCodes: ReadonlySet<unknown> = new Set([
  6, 7, 89, 91, 133, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436,
]);

/** Whether the error says that no server could be reached in time, or none that is the primary. */
export function isUnreachable(error: unknown): error is Error {
  if (error instanceof MongoServerSelectionError || error instanceof MongoNetworkError || isClosed(error)) return true;
  return error instanceof MongoServerError && awayCodes.has(error.code);
}

/** What a call that failed throws: StoreUnavailable where `isUnreachable`, otherwise the error itself. */
export function asUnavailable(error: unknown): unknown {
  return isUnreachable(error) ? new StoreUnavailable(`MongoDB can't be reached: ${error.message}`) : error;
}

function isClosed(error: unknown): boolean {
  return (
    error instanceof MongoError &&
    [
      'MongoNotConnectedError',
      'MongoClientClosedError',
      'MongoTopologyClosedError',
      'MongoExpiredSessionError',
      'PoolClosedError',
      'MongoPoolClosedError',
    ].includes(error.name)
  );
}

function namesDatabase(url: string): boolean {
  return /^[a-z+]+:\/\/[^/]+\/[^?]/i.test(url);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

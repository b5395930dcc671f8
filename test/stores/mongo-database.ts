/** Databases of a test file's own on the MongoDB of the test run. https://hl7.org/fhir/R4/http.html */
import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { afterAll, inject } from 'vitest';

/** The connection string of another database of the same server. */
export function databaseUrl(url: string, database: string): string {
  const [, server = '', options = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(url) ?? [];
  if (server === '') throw new Error('the server of the tests has no connection string');
  return `${server}/${database}${options}`;
}

/** The name of the database in a connection string of `databases`. */
export function databaseName(url: string): string {
  // Several hosts are no URL to the platform's parser.
  return /^[^:]+:\/\/[^/]+\/([^?]*)/.exec(url)?.[1] ?? '';
}

export interface Databases {
  /** The connection string of a database that nobody has used; the same name gives the same one. */
  readonly url: (name?: string) => string;
  /** A client to look at what is stored, and to set fail points. */
  readonly client: () => MongoClient;
  /** Removes a database before the end, so that a server in memory needn't hold it. */
  readonly drop: (url: string) => Promise<void>;
}

/** To be called while tests are collected: the databases go when the file's tests are done. */
export function databases(): Databases {
  const opened = openDatabases();
  afterAll(opened.end);
  return opened;
}

/** Databases that go when they are ended. */
export function openDatabases(): Databases & { readonly end: () => Promise<void> } {
  const prefix = `osteon_test_${randomBytes(6).toString('hex')}`;
  const server = inject('mongodb');
  const made = new Set<string>();
  let unnamed = 0;
  let client: MongoClient | undefined;
  const open = () => {
    client ??= new MongoClient(server);
    return client;
  };
  const drop = async (url: string) => {
    await open().db(databaseName(url)).dropDatabase();
    made.delete(url);
  };
  return {
    url: (name) => {
      unnamed += 1;
      const url = databaseUrl(server, `${prefix}_${name ?? unnamed}`);
      made.add(url);
      return url;
    },
    client: open,
    drop,
    end: async () => {
      for (const url of made) await drop(url);
      await client?.close();
    },
  };
}

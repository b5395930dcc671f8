/** What tests of writes share: bundles, servers on files, and what is stored. */
import type { Configuration } from '../../src/config.ts';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';
import { lastingStore, onMongo } from './stores.ts';

export type Flags = Partial<Record<keyof Configuration, string>>;

/** A server on a store in a file, whose writer runs in a thread; `close` removes the file. */
export async function fileServer(flags: Flags = {}): Promise<TestServer> {
  const { url, remove } = lastingStore();
  const server = await testServer({ STORE_URL: url, ...flags });
  const close = async () => {
    await server.close();
    await remove();
  };
  return { ...server, close };
}

/** The ways in which a store can be kept, for what has to hold under simultaneous requests. */
export const stores: readonly (readonly [name: string, start: (flags?: Flags) => Promise<TestServer>])[] = onMongo
  ? [['on MongoDB', testServer]]
  : [
      ['in memory', testServer],
      ['in a file', fileServer],
    ];

/** A Bundle for the base. */
export function bundle(type: string, ...entry: readonly Json[]): Json {
  return entry.length === 0 ? { resourceType: 'Bundle', type } : { resourceType: 'Bundle', type, entry };
}

/** An entry; `request` adds to its request (ifMatch, ifNoneExist, …). */
export function entry(method: string, url: string, resource?: Json, request: Json = {}, fullUrl?: string): Json {
  return {
    ...(fullUrl === undefined ? {} : { fullUrl }),
    ...(resource === undefined ? {} : { resource }),
    request: { method, url, ...request },
  };
}

export const system = 'http://example.org/ids';

/** A Patient with an identifier of `system`. */
export function patient(identifier: string, more: Json = {}): Json {
  return { resourceType: 'Patient', identifier: [{ system, value: identifier }], ...more };
}

let made = 0;

/** A value that no other test of the run uses. */
export function unique(prefix = 'v'): string {
  made += 1;
  return `${prefix}-${process.pid}-${made}`;
}

/** The id in an answer's `Location`, `Content-Location` or in an entry's `location`. */
export function idOf(from: Reply | Json): string {
  const text: string =
    from.headers?.get('location') ?? from.headers?.get('content-location') ?? from.response?.location ?? '';
  return /([^/]+)\/_history\//.exec(text)?.[1] ?? '';
}

/** The logical ids that a search finds, sorted. */
export async function found(server: TestServer, query: string): Promise<readonly string[]> {
  const { body } = await server.get(`/${query}`);
  return ((body.entry ?? []) as Json[]).map((each) => each.resource.id as string).sort();
}

/** Versions in the history of the whole system, newest first: `Type/id/_history/n`. */
export async function versions(server: TestServer): Promise<readonly string[]> {
  const { body } = await server.get('/_history?_count=1000');
  return ((body.entry ?? []) as Json[]).map((each) => `${each.fullUrl.split('/fhir/')[1]} ${each.response.etag}`);
}

/** The only issue of an outcome, or all of them in one text where there are several. */
export function issueOf({ body }: Pick<Reply, 'body'>): Json {
  const issues: Json[] = body?.issue ?? [];
  return issues.length === 1 ? issues[0] : { diagnostics: `${issues.length} issues: ${JSON.stringify(issues)}` };
}

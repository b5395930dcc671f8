/** What the tests of searches over HTTP share: loading resources, reading pages and following their links. */
import { expect } from 'vitest';
import { base, type Json, type Reply, type TestServer } from './server.ts';

/** Stores the resources, each under its id. */
export async function load(server: TestServer, resources: readonly Json[]): Promise<void> {
  const entry = resources.map((resource) => ({
    resource,
    request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
  }));
  const reply = await server.send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry });
  expect(reply.status, reply.text).toBe(200);
}

/** The entries of a page with this search mode. */
export function entriesOf(reply: Reply, mode: 'match' | 'include' | 'outcome' = 'match'): readonly Json[] {
  expect(reply.status, reply.text).toBe(200);
  expect(reply.body.type).toBe('searchset');
  return (reply.body.entry ?? []).filter((entry: Json) => entry.search.mode === mode);
}

/** The logical ids of a page's matches, in its order. */
export function idsOf(reply: Reply): readonly string[] {
  return entriesOf(reply).map((entry) => entry.resource.id);
}

/** `Type/id` of the included resources, sorted. */
export function includedOf(reply: Reply): readonly string[] {
  return entriesOf(reply, 'include')
    .map(({ resource }) => `${resource.resourceType}/${resource.id}`)
    .sort();
}

/** The ids that a search finds, sorted. */
export async function find(server: TestServer, path: string, headers?: Record<string, string>): Promise<string> {
  return [...idsOf(await server.get(path, headers))].sort().join(' ');
}

/** The URL of a link, undefined where the page has none. */
export function link(reply: Reply, relation: string): string | undefined {
  return reply.body.link.find((each: Json) => each.relation === relation)?.url;
}

/** The parameters of a page's `self`, decoded, in order. */
export function selfOf(reply: Reply): readonly string[] {
  const self = link(reply, 'self') ?? '';
  return [...new URL(self).searchParams].map(([name, value]) => `${name}=${value}`);
}

/** All pages from one on, by its `next` links. */
export async function pagesFrom(server: TestServer, first: Reply): Promise<readonly Reply[]> {
  const pages = [first];
  for (let url = link(first, 'next'); url !== undefined; ) {
    const page = await server.get(url);
    expect(page.status, page.text).toBe(200);
    pages.push(page);
    expect(pages.length, 'a walk that never ends').toBeLessThan(1000);
    url = link(page, 'next');
  }
  return pages;
}

/** The ids of a whole walk in its order. */
export async function walk(server: TestServer, path: string): Promise<readonly string[]> {
  const pages = await pagesFrom(server, await server.get(path));
  return pages.flatMap(idsOf);
}

/** Posts a form to `_search`. */
export function search(
  server: TestServer,
  path: string,
  form: Record<string, string> | readonly (readonly [string, string])[] | string,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const text = typeof form === 'string' ? form : new URLSearchParams(form as Record<string, string>).toString();
  return server.send('POST', path, text, { 'Content-Type': 'application/x-www-form-urlencoded', ...headers });
}

/** The one issue of a refusal with this status. */
export function refusal(reply: Reply, status = 400): Json {
  expect(reply.status, reply.text).toBe(status);
  expect(reply.body.resourceType).toBe('OperationOutcome');
  expect(reply.headers.get('content-type')).toMatch(/^application\/fhir\+json/);
  expect(reply.body.issue).toHaveLength(1);
  return reply.body.issue[0];
}

/** What a refusal says. */
export async function refused(server: TestServer, path: string, headers?: Record<string, string>): Promise<string> {
  return refusal(await server.get(path, headers)).diagnostics;
}

export function patient(id: string, more: Json = {}): Json {
  return { resourceType: 'Patient', id, ...more };
}

export function observation(id: string, more: Json = {}): Json {
  return { resourceType: 'Observation', id, status: 'final', code: { text: 'x' }, ...more };
}

export { base, type Json, type Reply, type TestServer };

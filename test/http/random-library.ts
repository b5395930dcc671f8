/** A server filled with random resources, and what it holds as extraction sees it. https://hl7.org/fhir/R4/search.html */
import { expect } from 'vitest';
import { parseJson } from '../../src/fhir/json.ts';
import { isResource } from '../../src/fhir/resource.ts';
import type { Indexed } from '../../src/search/match.ts';
import { ids, type RandomResource, types } from './random-resources.ts';
import type { TestServer } from './server.ts';

/** Puts the resources; every third of those that were there before is deleted. */
export async function putAll(server: TestServer, resources: readonly RandomResource[]): Promise<void> {
  for (const [n, type] of types.entries()) await server.send('DELETE', `/${type}/${ids[n % 3]}`);
  const entry = resources.map(
    ({ type, id, text }) => `{"resource":${text},"request":{"method":"PUT","url":"${type}/${id}"}}`,
  );
  const bundle = `{"resourceType":"Bundle","type":"transaction","entry":[${entry.join()}]}`;
  const reply = await server.send('POST', '', bundle);
  expect(reply.status, reply.text).toBe(200);
}

/** All current resources, as extraction sees them. */
export async function library({ context }: TestServer): Promise<readonly Indexed[]> {
  const found: Indexed[] = [];
  for (const type of types) {
    for (const id of ids) {
      const version = await context.store.read(type, id);
      if (version?.body === undefined) continue;
      const { indexed } = parseJson(version.body);
      if (!isResource(indexed)) throw new Error('what is stored is a resource');
      found.push({ type, id, lastUpdated: version.lastUpdated, entries: context.extract(indexed) });
    }
  }
  return found;
}

export const urlOf = (type: string, parameters: readonly (readonly [string, string])[]) =>
  `/${type}?${parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;

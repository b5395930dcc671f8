/** Each example of docs/search.md does what its row says. https://hl7.org/fhir/R4/search.html */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal } from './searching.ts';
import { type TestServer, testServer } from './server.ts';

/** The last cell of a row of a table that is an example, and whether the row says "not yet". */
const examples = readFileSync('docs/search.md', 'utf8')
  .split('\n')
  .flatMap((line) => {
    const query = /\| `([^`]*\?[^`]*)` \|$/.exec(line)?.[1];
    return query === undefined ? [] : [{ query: query.replaceAll('\\|', '|'), supported: !/\| not yet/.test(line) }];
  });

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

describe('docs/search.md', () => {
  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(50);
  });

  it.each(examples)('$query is supported: $supported', async ({ query, supported }) => {
    const reply = await server.get(query.startsWith('?') ? query : `/${query}`);
    if (supported) expect(reply.status, reply.text).toBe(200);
    else expect(refusal(reply).code).toBe('not-supported');
  });
});

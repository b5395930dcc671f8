/** The commands of the documentation work on a server as it is started. https://hl7.org/fhir/R4/http.html */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSeeds } from '../../src/cli/seeds.ts';
import { type TestServer, testServer } from './server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ VALIDATION: 'profiles', PROFILES: 'profiles' });
  expect(await loadSeeds(server.context)).toBeGreaterThan(0);
});
afterAll(() => server.close());

interface Command {
  readonly method: string;
  /** Below the base. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

/** The curl commands in the code of a page. */
function commandsOf(file: string): readonly Command[] {
  const page = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    linesOf(block)
      .filter((words) => words[0] === 'curl')
      .map(commandOf),
  );
}

/** Commands as their words: quotes as in a shell, of which the pages use little. */
function linesOf(block: string): readonly (readonly string[])[] {
  const lines: string[][] = [[]];
  for (const [, escaped, single, double, plain, end] of block.matchAll(
    /(\\\n)|'([^']*)'|"((?:\\.|[^"])*)"|([^\s'"\\]+)|(\n)/g,
  )) {
    if (escaped !== undefined) continue;
    if (end !== undefined) lines.push([]);
    else lines.at(-1)?.push(single ?? double?.replace(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return lines;
}

function commandOf(words: readonly string[]): Command {
  const headers: Record<string, string> = {};
  let method: string | undefined;
  let path = '';
  let body: string | undefined;
  for (let index = 1; index < words.length; index += 1) {
    const word = words[index] ?? '';
    const next = words[index + 1] ?? '';
    if (word === '-i') continue;
    if (word === '-X') method = next;
    else if (word === '-d') body = next;
    else if (word === '-H') headers[next.slice(0, next.indexOf(':'))] = next.slice(next.indexOf(':') + 1).trim();
    else {
      path = word.replace(/^(\$base|http:\/\/127\.0\.0\.1:8080\/fhir)/, '');
      continue;
    }
    index += 1;
  }
  return { method: method ?? (body === undefined ? 'GET' : 'POST'), path, headers, body };
}

describe.each([
  ['README.md', 17],
  ['docs/interactions/create.md', 1],
  ['docs/interactions/update.md', 2],
  ['docs/interactions/patch.md', 1],
  ['docs/interactions/conditional.md', 3],
  ['docs/interactions/transaction.md', 1],
  ['docs/interactions/history.md', 2],
  ['docs/interactions/capabilities.md', 2],
  ['docs/operations/csv-template.md', 2],
  ['docs/operations/meta.md', 3],
  ['docs/operations/stats.md', 3],
  ['docs/operations/validate.md', 3],
  ['docs/operations/versions.md', 1],
])('%s', (file, count) => {
  const commands = commandsOf(file);

  test('has commands', () => {
    expect(commands.length).toBeGreaterThanOrEqual(count);
  });

  test.each(commands.map((each) => [`${each.method} ${each.path}`, each] as const))('%s', async (_name, each) => {
    const { method, path, body, headers } = each;
    const reply = await server.send(method, path, body, headers);
    expect(reply.status, reply.text).toBeLessThan(300);
  });
});

/** Searches by words while search parameters are indexed, and after. https://hl7.org/fhir/R4/search.html#content */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { ReindexJobs } from '../../src/jobs/reindex-jobs.ts';
import type { Log } from '../../src/log.ts';
import { checkText } from '../../src/store/sqlite/check-text.ts';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import { idsOf, load } from './searching.ts';
import { indexed, type Json, silent, type TestServer, testServer } from './server.ts';

const directory = mkdtempSync(join(tmpdir(), 'osteon-text-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const eye = 'http://example.org/eye';
const parameter: Json = {
  resourceType: 'SearchParameter',
  id: 'eye',
  url: 'http://example.org/SearchParameter/eye',
  name: 'Eye',
  status: 'active',
  description: 'Colour of the eyes',
  code: 'eye',
  base: ['Patient'],
  type: 'string',
  expression: `Patient.extension.where(url = '${eye}').value.ofType(string)`,
};
const count = 1_200;
const words = ['bone', 'liver', 'knee'] as const;

/** A patient whose narrative and eyes are a word. */
const person = (n: number, word: string): Json => ({
  resourceType: 'Patient',
  id: `p${n}`,
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${word}</div>` },
  extension: [{ url: eye, valueString: `colour ${word}` }],
});

/** What each patient says. */
type Library = Map<number, string>;

async function write(server: TestServer, library: Library, changes: ReadonlyMap<number, string>): Promise<void> {
  await load(
    server,
    [...changes].map(([n, word]) => person(n, word)),
  );
  for (const [n, word] of changes) library.set(n, word);
}

/** Compares the searches of each word with what was written. */
async function compare(server: TestServer, library: Library, more = ''): Promise<void> {
  for (const word of words) {
    const expected = [...library].flatMap(([n, said]) => (said === word ? [`p${n}`] : [])).sort();
    for (const path of [`_text=${word}`, `_content=${word}`, `_content="colour ${word}"`]) {
      const page = await server.get(`/Patient?${path}${more}&_count=1000&_total=accurate`);
      expect([...idsOf(page)].sort(), path).toEqual(expected.slice(0, 1000));
      expect(page.body.total, path).toBe(expected.length);
    }
  }
}

function jobs({ context }: TestServer): ReindexJobs {
  const { reindexing } = context;
  if (!(reindexing instanceof ReindexJobs)) throw new Error('another implementation');
  return reindexing;
}

/** Writes and compares, turn by turn, while a job goes on. @returns how often. */
async function meanwhile(server: TestServer, library: Library, job: Promise<void>): Promise<number> {
  let going = true;
  const ended = job.finally(() => {
    going = false;
  });
  let rounds = 0;
  for (; going && rounds < 20; rounds++) {
    const n = (rounds * 37) % count;
    await write(
      server,
      library,
      new Map([
        [n, words[rounds % 3] ?? 'bone'],
        [n + 1, words[(rounds + 1) % 3] ?? 'bone'],
      ]),
    );
    await compare(server, library);
    await turn();
  }
  await ended;
  return rounds;
}

test('are right while a parameter is filled, while everything is indexed anew, and after', async () => {
  const path = join(directory, 'osteon.db');
  const failures: string[] = [];
  const log: Log = { ...silent, error: (_fields, message) => failures.push(message) };
  const server = await testServer({ STORE_URL: `sqlite:${path}`, AUDIT: 'off' }, log);
  const library: Library = new Map();
  await write(server, library, new Map(Array.from({ length: count }, (_, n) => [n, words[n % 3] ?? 'bone'])));
  await compare(server, library);

  expect((await server.send('PUT', '/SearchParameter/eye', parameter)).status).toBe(201);
  const both = await server.get('/Patient?_content=bone&eye=colour');
  expect([both.status, both.body.issue[0].code]).toEqual([503, 'transient']);
  expect(failures, 'waiting for an index is no failure').toEqual([]);
  expect(await meanwhile(server, library, indexed(server))).toBeGreaterThan(0);
  await compare(server, library);
  await compare(server, library, '&eye=colour');

  expect((await server.send('POST', '/$reindex')).status).toBe(202);
  expect(await meanwhile(server, library, jobs(server).settled())).toBeGreaterThan(0);
  await compare(server, library, '&eye=colour');
  expect((await server.send('POST', '/Patient/p1/$reindex')).status).toBe(200);
  await compare(server, library, '&eye=colour');

  // A changed definition is filled beside the old one, which answers until then.
  const changed = { ...parameter, type: 'token' };
  expect((await server.send('PUT', '/SearchParameter/eye', changed)).status).toBe(200);
  expect(await meanwhile(server, library, indexed(server))).toBeGreaterThan(0);
  await compare(server, library, '&eye:missing=false');
  expect((await server.send('DELETE', '/SearchParameter/eye')).status).toBe(204);
  await indexed(server);
  await compare(server, library);
  await server.close();

  const db = openDatabase(path);
  const wrong = checkText(db, false);
  db.close();
  expect(wrong).toBeUndefined();
}, 120_000);

/** `$reindex`: index entries made anew, at once or as a job. https://hl7.org/fhir/R4/async.html */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ReindexJobs } from '../../src/jobs/reindex-jobs.ts';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import { base, type Json, type TestServer, testServer } from './server.ts';

const directory = mkdtempSync(join(tmpdir(), 'osteon-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const path = join(directory, 'reindex.db');
const flags = { STORE_URL: `sqlite:${path}` };

function jobs({ context }: TestServer): ReindexJobs {
  const { reindexing } = context;
  if (!(reindexing instanceof ReindexJobs)) throw new Error('another implementation');
  return reindexing;
}

async function load(server: TestServer, count: number): Promise<void> {
  const entry = Array.from({ length: count }, (_, n) => ({
    resource: { resourceType: 'Patient', id: `p${n}`, name: [{ family: `Family ${n}` }] },
    request: { method: 'PUT', url: `Patient/p${n}` },
  }));
  const bundle = { resourceType: 'Bundle', type: 'transaction', entry };
  expect((await server.send('POST', '/', bundle)).status).toBe(200);
}

/** What a store would be after somebody had touched its file. */
function damage(sql: string): void {
  const db = openDatabase(path);
  db.exec(sql);
  db.close();
}

const valueIn = ({ parameter }: Json, name: string): Json => {
  const found = parameter.find((each: Json) => each.name === name) ?? {};
  return found.valueBoolean ?? found.valueInteger ?? found.valueReference?.reference ?? found.valueInstant;
};

test('a resource is indexed anew at once, a type and everything as jobs that tell their progress and survive a restart', async () => {
  const first = await testServer(flags);
  await load(first, 900);
  expect((await first.send('POST', '/Patient/p0/$reindex')).body.parameter).toEqual([
    { name: 'resource', valueReference: { reference: 'Patient/p0' } },
    { name: 'changed', valueBoolean: false },
  ]);
  expect((await first.send('POST', '/Patient/none/$reindex')).status).toBe(404);
  expect((await first.get('/Patient/p0/$reindex')).status).toBe(405);
  await first.close();

  damage(
    `DELETE FROM string; UPDATE version SET body = CAST('{' AS BLOB) WHERE rid = (SELECT rid FROM entity WHERE id = 'p5')`,
  );
  const second = await testServer(flags);
  const family = (server: TestServer, n: number) => server.get(`/Patient?family:exact=Family ${n}&_summary=count`);
  expect((await family(second, 0)).body.total).toBe(0);
  const one = await second.send('POST', '/Patient/p0/$reindex');
  expect([one.status, valueIn(one.body, 'changed')]).toEqual([200, true]);
  expect((await family(second, 0)).body.total).toBe(1);

  const begun = await second.send('POST', '/Patient/$reindex');
  expect(begun.status).toBe(202);
  expect(begun.headers.get('x-progress')).toBe('0 of 900 resources');
  const status = begun.headers.get('content-location') ?? '';
  expect(status.startsWith(`${base}/$reindex-status?job=`)).toBe(true);
  const asked = await second.get(status);
  expect(asked.status).toBe(202);
  expect(asked.headers.get('x-progress')).toMatch(/^\d+ of 900 resources$/);
  expect(Number(asked.headers.get('retry-after'))).toBeGreaterThan(0);
  // Writes go on.
  expect((await second.send('PUT', '/Patient/p1', { resourceType: 'Patient', id: 'p1' })).status).toBe(200);
  await second.close();

  const third = await testServer(flags);
  expect((await third.get(status)).status).toBe(202);
  await jobs(third).settled();
  const done = await third.get(status);
  expect(done.status).toBe(200);
  expect(valueIn(done.body, 'failed')).toBe(1);
  expect(valueIn(done.body, 'failure')).toBe('Patient/p5');
  expect(valueIn(done.body, 'resources')).toBeGreaterThanOrEqual(899);
  expect(valueIn(done.body, 'changed')).toBeGreaterThan(800);
  expect(valueIn(done.body, 'ended') >= valueIn(done.body, 'started')).toBe(true);
  expect((await family(third, 899)).body.total).toBe(1);

  // Whoever asks for what is waiting already is told of that.
  const asking = Array.from({ length: 20 }, () => third.send('POST', '/Patient/$reindex'));
  const places = (await Promise.all(asking)).map(({ headers }) => headers.get('content-location'));
  expect(new Set(places).size).toBeLessThanOrEqual(2);
  const inBatch = await third.send('POST', '/', {
    resourceType: 'Bundle',
    type: 'batch',
    entry: [{ request: { method: 'POST', url: 'Patient/$reindex' } }],
  });
  expect(JSON.stringify(inBatch.body)).toContain('$reindex-status?job=');

  const everything = await third.send('POST', '/$reindex');
  expect(everything.status).toBe(202);
  await jobs(third).settled();
  const again = await third.get(everything.headers.get('content-location') ?? '');
  expect([again.status, valueIn(again.body, 'changed')]).toEqual([200, 0]);
  expect((await third.get('/$reindex-status?job=nobody')).status).toBe(404);
  expect((await third.get('/$reindex-status')).status).toBe(400);
  await third.close();
});

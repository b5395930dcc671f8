/** Writes that lose race after race. https://hl7.org/fhir/R4/http.html#concurrency */
import { afterEach, expect, it } from 'vitest';
import { attemptsBeside, commitPlan, type Plan } from '../../src/interactions/commit.ts';
import type { Delete } from '../../src/store/write.ts';
import { commit, put } from '../contract/subject.ts';
import { load, patient } from '../http/searching.ts';
import { type TestServer, testServer } from '../http/server.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A deletion that answers what came of it. */
function deletion(precondition: Delete['precondition']): Plan<string> {
  const write: Delete = { kind: 'delete', type: 'Patient', id: 'a', ...(precondition && { precondition }) };
  return { writes: [write], conditions: [], noted: [], answer: ([written]) => written?.outcome ?? '' };
}

it('a write that others always come before writes alone in the end, and they after it', async () => {
  const server = await testServer();
  servers.push(server);
  const { context } = server;
  await load(server, [patient('a', { birthDate: '2000' })]);
  let round = 0;
  let late: Promise<string> | undefined;
  const outcome = await commitPlan(context, async () => {
    round += 1;
    const current = await context.store.read('Patient', 'a');
    const plan = deletion({ computedFrom: current?.versionId ?? 0 });
    if (round <= attemptsBeside) {
      await load(server, [patient('a', { birthDate: String(2000 + round) })]);
    } else if (late === undefined) {
      // One that is as far as its commit, which it would get to before this one.
      await new Promise<void>((resolve) => {
        late = commitPlan({ ...context, onPlanned: resolve }, async () => deletion(undefined));
      });
    }
    return plan;
  });
  expect(outcome).toBe('deleted');
  expect(round).toBe(attemptsBeside + 1);
  expect(await late).toBe('unchanged');
  expect((await server.get('/Patient/a/_history')).body.total).toBe(attemptsBeside + 2);
});

it('what loses alone, to another process, holds up nobody any more', async () => {
  const server = await testServer();
  servers.push(server);
  const { context } = server;
  await load(server, [patient('a', { birthDate: '2000' })]);
  const other = (round: number) => commit(context.store, [put('Patient', 'a', { language: `x-${round}` })]);
  let round = 0;
  const outcome = await commitPlan(context, async () => {
    round += 1;
    const current = await context.store.read('Patient', 'a');
    if (round <= attemptsBeside + 1) await other(round);
    else await load(server, [patient('b', {})]);
    return deletion({ computedFrom: current?.versionId ?? 0 });
  });
  expect([outcome, round]).toEqual(['deleted', attemptsBeside + 2]);
  expect((await server.get('/Patient/b')).status).toBe(200);
});

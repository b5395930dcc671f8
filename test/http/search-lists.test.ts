/** `_list`. https://hl7.org/fhir/R4/search.html#list */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { find, idsOf, link, load, observation, patient } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;

const list = (id: string, ...references: readonly string[]): Json => ({
  resourceType: 'List',
  id,
  status: 'current',
  mode: 'working',
  ...(references.length > 0 && { entry: references.map((reference) => ({ item: { reference } })) }),
});

beforeAll(async () => {
  // A search of all types is one for each: a server for tests may need seconds for them.
  server = await testServer({ SEARCH_BUDGET_MS: '60000' });
  await load(server, [
    ...['a', 'b', 'c', 'd'].map((id) => patient(id)),
    observation('o'),
    list('1', 'Patient/a', 'Patient/b', 'Observation/o', 'Patient/nobody', 'http://example.org/fhir/Patient/d'),
    list('2', 'Patient/b', 'Patient/c'),
    list('none'),
  ]);
});
afterAll(() => server.close());

it.each([
  ['/Patient?_list=1', 'a b'],
  ['/Patient?_list=List/1', 'a b'],
  ['/Patient?_list=1,2', 'a b c'],
  ['/Patient?_list=1&_list=2', 'b'],
  ['/Patient?_list=1&_id=a,c', 'a'],
  ['/Observation?_list=1', 'o'],
  ['/Encounter?_list=1', ''],
  ['/Patient?_list=none', ''],
  ['/Patient?_list=nobody', ''],
  ['/?_list=1&_type=Patient,Observation', 'a b o'],
  ['/?_list=1', 'a b o'],
])('%s finds %s', async (path, ids) => {
  expect(await find(server, path)).toBe(ids);
});

it('a walk shows the list as it was, the next search as it is', async () => {
  await load(server, [list('changing', 'Patient/a', 'Patient/b', 'Patient/c')]);
  const first = await server.get('/Patient?_list=changing&_count=1&_sort=_id');
  await load(server, [list('changing', 'Patient/d')]);
  const second = await server.get(link(first, 'next') ?? '');
  const third = await server.get(link(second, 'next') ?? '');
  expect([first, second, third].map(idsOf)).toEqual([['a'], ['b'], ['c']]);
  expect(await find(server, '/Patient?_list=changing')).toBe('d');
  await server.send('DELETE', '/List/changing');
  expect(await find(server, '/Patient?_list=changing')).toBe('');
});

it('may be a condition', async () => {
  const reply = await server.send('PUT', '/Patient?_list=2&_id=c', { resourceType: 'Patient', id: 'c', active: true });
  expect(reply.status).toBe(200);
  expect(reply.body.active).toBe(true);
});

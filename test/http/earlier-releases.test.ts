/** Stores that an earlier release indexed. https://hl7.org/fhir/R4/search.html */
import { MongoClient } from 'mongodb';
import { afterEach, expect, it, vi } from 'vitest';
import { checkCommand } from '../../src/cli/check.ts';
import { extractionVersion } from '../../src/extraction.ts';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { createRegistry } from '../../src/search/registry.ts';
import type { ParametersDocument } from '../../src/store/mongo/meta.ts';
import { MongoParameterIndex } from '../../src/store/mongo/parameter-index.ts';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import { SqliteParameterIndex } from '../../src/store/sqlite/parameter-index.ts';
import { idsOf, load, patient } from './searching.ts';
import { indexed, type TestServer, testServer } from './server.ts';
import { lastingStore, onMongo } from './stores.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) await server.close();
});

async function started(url: string): Promise<TestServer> {
  const server = await testServer({ STORE_URL: url, REFERENTIAL_INTEGRITY: 'full' });
  servers.push(server);
  return server;
}

async function stop(server: TestServer): Promise<void> {
  servers.splice(servers.indexOf(server), 1);
  await server.close();
}

/** R4's `family` as the second version of extraction recorded it. */
const second = 'TylAQJQekQ1b';

/** What that release had of Patient/cruz: a word sorts, and one is there that is none for this release. */
async function asOfSecond(url: string): Promise<void> {
  if (!onMongo) {
    const database = openDatabase(url.slice('sqlite:'.length));
    const marked = database.prepare("UPDATE parameter SET definition = ? WHERE code = 'family'").run(second);
    expect(marked.changes).toBe(2);
    const added = database
      .prepare(`INSERT INTO string (param, norm, exact, rid) SELECT p.num, 'earlier', '', e.rid FROM type AS t
        JOIN parameter AS p ON p.type = t.num AND p.code = 'family' JOIN entity AS e ON e.type = t.num AND e.id = 'cruz'
        WHERE t.name = 'Patient'`)
      .run();
    expect(added.changes).toBe(1);
    database.close();
    return;
  }
  const client = new MongoClient(url);
  const family = { 'rows.$[each].definition': second };
  const meta = client.db().collection<{ _id: string }>('osteon_meta');
  const marked = await meta.updateOne(
    { _id: 'parameters' },
    { $set: family },
    { arrayFilters: [{ 'each.code': 'family' }] },
  );
  expect(marked.modifiedCount).toBe(1);
  const added = await client
    .db()
    .collection<{ _id: string; index: { family: unknown[] } }>('Patient')
    .updateOne(
      { _id: 'cruz' },
      { $push: { 'index.family': { n: 'earlier', e: null } }, $set: { 'sort.family.low': 'cruz' } },
    );
  expect(added.modifiedCount).toBe(1);
  await client.close();
}

/** Holds up the filling of indexes from the start of a server on. */
function heldFromTheStart(): () => void {
  const index = onMongo ? MongoParameterIndex.prototype : SqliteParameterIndex.prototype;
  const advance = vi.spyOn(index, 'advance').mockResolvedValue(0);
  return () => advance.mockRestore();
}

const filling = ({ context }: TestServer): readonly string[] =>
  context.store.parameters
    .states()
    .flatMap(({ state, type, code }) => (state === 'filling' ? [`${type}.${code}`] : []));

it('are indexed anew where entries are others now, while those of then go on answering', async () => {
  const { url } = lastingStore();
  const first = await started(url);
  await load(first, [
    patient('cruz', { name: [{ family: 'De La Cruz' }] }),
    patient('dabel', { name: [{ family: 'Dabel' }] }),
    patient('diaz', { name: [{ family: 'Diaz' }] }),
    patient('gone', {}),
  ]);
  const nextOf = async (server: TestServer): Promise<string> => {
    const { body } = await server.get('/Patient?_sort=family&_count=1');
    return body.link.find(({ relation }: { relation: string }) => relation === 'next').url;
  };
  const before = await nextOf(first);
  await stop(first);
  await asOfSecond(url);

  const release = heldFromTheStart();
  const server = await started(url);
  expect(filling(server)).toContain('Patient.family');
  expect(new Set(filling(server).map((name) => name.split('.')[1]))).toEqual(new Set(['family']));
  expect(idsOf(await server.get('/Patient?family=earlier'))).toEqual(['cruz']);
  expect(idsOf(await server.get('/Patient?family=cruz'))).toEqual(['cruz']);
  await load(server, [patient('late', { name: [{ family: 'Van Later' }] })]);
  expect(idsOf(await server.get('/Patient?family=later'))).toEqual(['late']);
  // What refers to it is known: the index of references is as it was.
  expect((await server.send('DELETE', '/Patient/gone')).status).toBe(204);
  const next = await nextOf(server);
  expect((await server.get(next)).status).toBe(200);
  expect((await server.get(before)).status).toBe(410);

  release();
  await indexed(server);
  expect(filling(server)).toEqual([]);
  expect(idsOf(await server.get('/Patient?family=earlier'))).toEqual([]);
  expect(idsOf(await server.get('/Patient?family=cruz'))).toEqual(['cruz']);
  expect(idsOf(await server.get('/Patient?family=later'))).toEqual(['late']);
  expect(idsOf(await server.get('/Patient?_sort=family'))).toEqual(['dabel', 'cruz', 'diaz', 'late']);
  // Its order was another.
  expect((await server.get(next)).status).toBe(410);
  await stop(server);

  expect(filling(await started(url))).toEqual([]);
});

/** Makes the index of a parameter of the store's own one that the second version of extraction filled. */
async function markOfSecond(url: string, code: string): Promise<void> {
  if (!onMongo) {
    const database = openDatabase(url.slice('sqlite:'.length));
    const marked = database
      .prepare(`UPDATE parameter SET definition = 'second',
        source = replace(replace(source, '"version":3', '"version":2'), definition, 'second') WHERE code = ?`)
      .run(code);
    expect(marked.changes).toBe(1);
    database.close();
    return;
  }
  const client = new MongoClient(url);
  const meta = client.db().collection<ParametersDocument>('osteon_meta');
  const row = (await meta.findOne({ _id: 'parameters' }))?.rows.find((each) => each.code === code);
  const source = row?.source?.replace('"version":3', '"version":2').replace(row.definition, 'second');
  const marked = await meta.updateOne(
    { _id: 'parameters' },
    { $set: { 'rows.$[each].definition': 'second', 'rows.$[each].source': source } },
    { arrayFilters: [{ 'each.code': code }] },
  );
  expect(marked.modifiedCount).toBe(1);
  await client.close();
}

it('whose own parameters are indexed anew go on with no walk by these from before', async () => {
  const { url } = lastingStore();
  const first = await started(url);
  const defined = await first.send('POST', '/SearchParameter', {
    resourceType: 'SearchParameter',
    url: 'http://example.org/SearchParameter/surname',
    name: 'Surname',
    status: 'active',
    description: 'A family name.',
    code: 'surname',
    base: ['Patient'],
    type: 'string',
    expression: 'Patient.name.family',
  });
  expect(defined.status, defined.text).toBe(201);
  await indexed(first);
  await load(first, [
    patient('cruz', { name: [{ family: 'De La Cruz' }] }),
    patient('dabel', { name: [{ family: 'Dabel' }] }),
  ]);
  const { body } = await first.get('/Patient?_sort=surname&_count=1');
  const next = body.link.find(({ relation }: { relation: string }) => relation === 'next').url;
  expect((await first.get(next)).status).toBe(200);
  await stop(first);
  await markOfSecond(url, 'surname');

  heldFromTheStart();
  const server = await started(url);
  expect(filling(server)).toEqual(['Patient.surname']);
  expect(idsOf(await server.get('/Patient?surname=cruz'))).toEqual(['cruz']);
  expect((await server.get(next)).status).toBe(410);
});

/** Another entry of the store's own parameter than this release makes. */
async function otherwise(url: string): Promise<void> {
  if (!onMongo) {
    const database = openDatabase(url.slice('sqlite:'.length));
    const changed = database
      .prepare("UPDATE string SET norm = 'earlier' WHERE param = (SELECT num FROM parameter WHERE code = 'joined')")
      .run();
    expect(changed.changes).toBe(1);
    database.close();
    return;
  }
  const client = new MongoClient(url);
  const changed = await client
    .db()
    .collection<{ _id: string }>('Patient')
    .updateOne({ _id: 'cruz' }, { $set: { 'index.joined.0.n': 'earlier', 'sort.joined.low': 'earlier' } });
  expect(changed.modifiedCount).toBe(1);
  await client.close();
}

it('have nothing wrong for `osteon check`, before and while they are indexed anew', async () => {
  const { url } = lastingStore();
  const first = await started(url);
  const defined = await first.send('POST', '/SearchParameter', {
    resourceType: 'SearchParameter',
    url: 'http://example.org/SearchParameter/joined',
    name: 'Joined',
    status: 'active',
    description: 'A family name without its spaces.',
    code: 'joined',
    base: ['Patient'],
    type: 'string',
    expression: "Patient.name.family.replace(' ', '')",
  });
  expect(defined.status, defined.text).toBe(201);
  await indexed(first);
  await load(first, [patient('cruz', { name: [{ family: 'De La Cruz' }] })]);
  await stop(first);
  await otherwise(url);
  // The test runner has a variable of that name.
  vi.stubEnv('BASE_URL', '');
  const checked = async () => {
    const told = vi.spyOn(console, 'log').mockReturnValue();
    vi.spyOn(console, 'error').mockReturnValue();
    await checkCommand().parseAsync(['--store-url', url], { from: 'user' });
    const status = process.exitCode;
    process.exitCode = undefined;
    return [status, told.mock.lastCall?.[0]];
  };
  expect(await checked()).toEqual([1, '2 resources checked: 1 findings, 0 repaired.']);
  await markOfSecond(url, 'joined');
  expect(await checked()).toEqual([undefined, '2 resources checked: nothing is wrong.']);
  heldFromTheStart();
  const server = await started(url);
  expect(filling(server)).toEqual(['Patient.joined']);
  await stop(server);
  expect(await checked()).toEqual([undefined, '2 resources checked: nothing is wrong.']);
});

it('have other entries now of names and addresses, of languages, and of expressions with functions that do otherwise', () => {
  const definitions = loadDefinitions();
  const registry = createRegistry(definitions);
  const words = new Set<string>();
  for (const type of definitions.resourceTypes) {
    for (const { kind, url, values, expression } of registry.of(type)) {
      const ofNames = values.types.some((each) => each === 'HumanName' || each === 'Address');
      if (kind === 'string' && (ofNames || /\.name\.(?:family|given)\b/.test(expression))) words.add(url);
    }
  }
  expect(words.size).toBeGreaterThan(10);
  const languages = definitions.searchParameters.filter(({ base, code }) => {
    return base.some((type) => registry.get(type, code)?.values.system === 'urn:ietf:bcp:47');
  });
  expect(languages.map(({ url }) => url)).toEqual([
    'http://hl7.org/fhir/SearchParameter/CodeSystem-language',
    'http://hl7.org/fhir/SearchParameter/DocumentReference-language',
  ]);
  const changed = definitions.searchParameters.filter((each) => extractionVersion(each, true) === 3);
  expect(changed.map(({ url }) => url).sort()).toEqual([...words, ...languages.map(({ url }) => url)].sort());
  const own = (type: 'string' | 'token', expression: string) =>
    extractionVersion({ type, expression, components: [] }, false);
  expect(own('string', 'Patient.children().family')).toBe(3);
  expect(own('token', "Patient.identifier.value.replace('a', 'b')")).toBe(3);
  expect(own('token', 'Patient.descendants().language')).toBe(3);
  expect(own('token', 'CarePlan.replaces.display')).toBe(2);
});

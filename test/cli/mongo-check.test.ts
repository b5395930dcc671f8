/** `osteon check` on MongoDB: what was done to documents shows, and is put right. https://hl7.org/fhir/R4/search.html */
import type { Document } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfiguration } from '../../src/config.ts';
import { entriesOfEarlier, reextraction } from '../../src/main.ts';
import { openForCheck } from '../../src/store/mongo/check.ts';
import { indexed, type TestServer, testServer } from '../http/server.ts';
import { bundle, entry, found, patient } from '../http/writing.ts';
import { databaseName, databases } from '../stores/mongo-database.ts';

const own = databases();
const url = own.url();
let server: TestServer;

beforeAll(async () => {
  server = await testServer({ STORE_URL: url });
  const put = (id: string, more: object = {}) => entry('PUT', `Patient/${id}`, { ...patient(id), id, ...more });
  const first = await server.send(
    'POST',
    '',
    bundle('transaction', ...['a', 'b', 'c', 'd'].map((id) => put(id, { name: [{ family: 'De Berg' }] }))),
  );
  expect(first.status, first.text).toBe(200);
  await server.send('PUT', '/Patient/a', { ...patient('a2'), id: 'a' });
  await server.send('PUT', '/Patient/a', { ...patient('a3'), id: 'a' });
  await server.send('DELETE', '/Patient/d');
  const decimals =
    '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x y"},"contained":[{"resourceType":"Patient","id":"p","birthDate":"1970"}],"subject":{"reference":"#p"},"valueQuantity":{"value":1.000000000000000000000000001}}';
  expect((await server.send('PUT', '/Observation/o', decimals)).status).toBe(201);
  await server.send('POST', '/SearchParameter', {
    resourceType: 'SearchParameter',
    url: 'http://example.org/nick',
    name: 'nick',
    status: 'active',
    description: 'Nickname',
    code: 'nick',
    base: ['Patient'],
    type: 'string',
    expression: 'Patient.name.text',
  });
  await indexed(server);
});
afterAll(() => server.close());

/** What a check finds, each with whether it was repaired. */
async function check(repair = false): Promise<readonly string[]> {
  const { timezone, extraction, rows, check: findings, close } = await openForCheck(url);
  const current = rows.filter(({ status }) => status === 'current');
  const reextract = reextraction(readConfiguration({}), String(timezone), String(extraction), current);
  const texts: string[] = [];
  for await (const each of findings(reextract, entriesOfEarlier(readConfiguration({})), { repair })) {
    if (each.kind === 'finding') texts.push(each.text + (each.repaired ? ' Repaired.' : ''));
  }
  await close();
  return texts;
}

function collection(name: string) {
  return own.client().db(databaseName(url)).collection<{ readonly _id: string } & Document>(name);
}

test('finds nothing wrong in what the server wrote, beside it', async () => {
  expect(await check()).toEqual([]);
});

test('leaves alone what an earlier release made, which this one will make otherwise', async () => {
  const ofSecond = async (definition: string) => {
    const rows = collection('osteon_meta');
    const before = await rows.findOne({ _id: 'parameters' });
    const family = before?.rows.find(({ type, code }: Document) => type === 'Patient' && code === 'family');
    const filters = { arrayFilters: [{ 'each.type': 'Patient', 'each.code': 'family' }] };
    await rows.updateOne({ _id: 'parameters' }, { $set: { 'rows.$[each].definition': definition } }, filters);
    return String(family?.definition);
  };
  const sorted = await collection('Patient').findOne({ _id: 'b' });
  const definition = await ofSecond('TylAQJQekQ1b');
  await collection('Patient').updateOne({ _id: 'b' }, { $set: { 'sort.family': { low: 'word', high: 'word' } } });
  try {
    expect(await check()).toEqual([]);
    await ofSecond(definition);
    expect(await check()).toEqual([expect.stringMatching(/sort/)]);
    // What is put right is found by it as before.
    await ofSecond('TylAQJQekQ1b');
    await collection('Patient').updateOne({ _id: 'b' }, { $unset: { 'index.identifier': '' } });
    expect(await check(true)).toEqual([expect.stringMatching(/its index is .*Repaired/)]);
    expect((await collection('Patient').findOne({ _id: 'b' }))?.index).toEqual(sorted?.index);
  } finally {
    await ofSecond(definition);
    await collection('Patient').updateOne({ _id: 'b' }, { $set: { sort: sorted?.sort } });
  }
});

describe('finds, and puts right,', () => {
  test.each([
    ['an entry that is not there', { $unset: { 'index.identifier': '' } }, /Patient\/b: its index is not/],
    ['what searches for missing ask', { $set: { present: [] } }, /present/],
    ['a sort key', { $set: { 'sort.family': { low: 'z', high: 'z' } } }, /sort/],
    ['a resource that was edited', { $set: { 'resource.active': false } }, /resource/],
    ['words', { $set: { words: { content: ['other'] } } }, /words/],
  ])('%s', async (_, update, text) => {
    await collection('Patient').updateOne({ _id: 'b' }, update);
    expect(await check()).toEqual([expect.stringMatching(text)]);
    expect(await check(true)).toEqual([expect.stringMatching(/Repaired/)]);
    expect(await check()).toEqual([]);
    expect(await found(server, 'Patient?identifier=b')).toEqual(['b']);
  });

  test('what is contained', async () => {
    await collection('Observation').updateOne({ _id: 'o' }, { $set: { contained: [] } });
    expect(await check(true)).toEqual([expect.stringMatching(/contained .*Repaired/)]);
    expect(await check()).toEqual([]);
  });
});

test('a version that is missing, and bytes of another one, are not put right', async () => {
  const history = own.client().db(databaseName(url)).collection('Patient_history');
  const version = await history.findOne({ '_id.id': 'a', '_id.version': 1 });
  await history.deleteOne({ '_id.id': 'a', '_id.version': 1 });
  expect(await check(true)).toEqual([expect.stringMatching(/Patient\/a: its versions are not 1, 2/)]);
  if (version !== null) await history.insertOne(version);
  const other = await collection('Patient').findOne({ _id: 'c' });
  const before = await collection('Patient').findOne({ _id: 'b' });
  await collection('Patient').updateOne({ _id: 'b' }, { $set: { version: 2 } });
  expect(await check(true)).toEqual([
    expect.stringMatching(/versions are not/),
    expect.stringMatching(/another version/),
  ]);
  await collection('Patient').updateOne({ _id: 'b' }, { $set: { version: before?.version } });
  expect(other).not.toBeNull();
  expect(await check()).toEqual([]);
});

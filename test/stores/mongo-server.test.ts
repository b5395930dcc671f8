/** The databases that tests on MongoDB get. https://hl7.org/fhir/R4/http.html */
import { expect, test } from 'vitest';
import { databaseName, databases, databaseUrl } from './mongo-database.ts';

const own = databases();

test('each test has a database of its own on a server that takes transactions', async () => {
  const [one, other] = [own.url(), own.url()];
  expect(databaseName(one)).not.toBe(databaseName(other));
  expect(own.url('named')).toBe(own.url('named'));
  const client = own.client();
  const things = client.db(databaseName(one)).collection<{ _id: number }>('things');
  await client.withSession((session) => session.withTransaction(() => things.insertOne({ _id: 1 }, { session })));
  expect(await things.countDocuments()).toBe(1);
  expect(await client.db(databaseName(other)).collection('things').countDocuments()).toBe(0);
  await own.drop(one);
  expect(await things.countDocuments()).toBe(0);
});

test.each([
  ['mongodb://a:1,b:2/?replicaSet=rs0', 'mongodb://a:1,b:2/x?replicaSet=rs0'],
  ['mongodb://a:1', 'mongodb://a:1/x'],
  ['mongodb+srv://u:p%40@a/other?w=1', 'mongodb+srv://u:p%40@a/x?w=1'],
])('%s becomes %s', (url, expected) => {
  expect(databaseUrl(url, 'x')).toBe(expected);
  expect(databaseName(expected)).toBe('x');
});

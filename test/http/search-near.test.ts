/** Searches of Locations by their distance. https://hl7.org/fhir/R4/location.html#positional */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { find, load, refused, walk } from './searching.ts';
import { type TestServer, testServer } from './server.ts';

let server: TestServer;
const location = (id: string, latitude?: number, longitude?: number) => ({
  resourceType: 'Location',
  id,
  ...(latitude !== undefined && { position: { latitude, longitude } }),
});

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    location('munich', 48.137, 11.575),
    location('augsburg', 48.371, 10.898),
    location('berlin', 52.52, 13.405),
    location('fiji', -17.8, 179.9),
    location('samoa', -17.8, -179.9),
    location('pole', 90, 0),
    location('nowhere'),
  ]);
});
afterAll(() => server.close());

const near = (value: string) => find(server, `/Location?near=${encodeURIComponent(value)}`);

it('finds what is within the distance', async () => {
  expect(await near('48.137|11.575|10|km')).toBe('munich');
  expect(await near('48.137|11.575|57')).toBe('augsburg munich');
  expect(await near('48.137|11.575|56|km')).toBe('munich');
  expect(await near('48.137|11.575|600')).toBe('augsburg berlin munich');
  expect(await near('48.137|11.575|30000')).toBe('augsburg berlin fiji munich pole samoa');
  expect(await near('48.137|11.575|0')).toBe('munich');
});

it('takes lengths of UCUM, and 50 km where there is none', async () => {
  expect(await near('48.137|11.575|57000|m')).toBe('augsburg munich');
  expect(await near('48.137|11.575|36|[mi_i]')).toBe('augsburg munich');
  expect(await near('48.137|11.575|36|[mi_us]')).toBe('augsburg munich');
  expect(await near('48.137|11.575')).toBe('munich');
  expect(await near('48.3|11.2')).toBe('augsburg munich');
});

it('goes over the date line and the poles', async () => {
  expect(await near('-17.8|180|25')).toBe('fiji samoa');
  expect(await near('89.9|170|25')).toBe('pole');
});

it('combines, gives pages and has :missing', async () => {
  expect(await near('48.137|11.575|1,52.52|13.405|1')).toBe('berlin munich');
  expect(await find(server, '/Location?near=48.137|11.575|600&_id=berlin,pole')).toBe('berlin');
  expect(await walk(server, '/Location?near=48.137|11.575|600&_count=1')).toHaveLength(3);
  expect(await find(server, '/Location?near:missing=true')).toBe('nowhere');
});

it('refuses what is no place, distance or length', async () => {
  for (const value of [
    '48',
    '48|',
    '91|0',
    '0|181',
    'a|b',
    '1|2|x',
    '1|2|-1',
    '1|2|3|kg',
    '1|2|3|miles',
    '1|2|3|km|4',
    '1|2|1e400',
    `1|2|${'9'.repeat(390)}e400|Ym10.m-9`,
  ]) {
    expect(await refused(server, `/Location?near=${value}`)).toMatch(/near/);
  }
  expect(await refused(server, '/Location?_sort=near')).toMatch(/_sort/);
});

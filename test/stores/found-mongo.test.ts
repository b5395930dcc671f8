/** Which MongoDB the tests run on, where there are several or none. https://hl7.org/fhir/R4/http.html */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findMongo } from './mongo-server.ts';

let folder: string;
let mongod: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'osteon-path-'));
  mongod = join(folder, 'mongod');
  writeFileSync(mongod, '#!/bin/sh\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const url = 'mongodb://db.example/?replicaSet=rs0';
const environment = () => ({
  PATH: ['/nowhere', folder].join(delimiter),
  MONGODB_URL: url,
  MONGODB_TEST_SERVER: '/opt/compatible/start',
});

test('the server that is named comes first, then a mongod that can be run, then what a command starts', async () => {
  chmodSync(mongod, 0o755);
  const named = findMongo(environment());
  expect(named?.name).toBe('the server of MONGODB_URL');
  expect((await named?.start())?.url).toBe(url);
  expect(findMongo({ ...environment(), MONGODB_URL: '' })?.name).toBe(`${mongod}, a replica set of one`);
  chmodSync(mongod, 0o644);
  expect(findMongo({ ...environment(), MONGODB_URL: '' })?.name).toBe('the server that /opt/compatible/start starts');
});

test('without any of them there is none', () => {
  chmodSync(mongod, 0o644);
  expect(findMongo({ PATH: folder })).toBeUndefined();
  expect(findMongo({})).toBeUndefined();
});

/** Files of `PROFILES` count without a restart. https://hl7.org/fhir/R4/profiling.html */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Log } from '../../src/log.ts';
import { indexed, type Json, type TestServer, testServer } from './server.ts';

let directory: string;
let server: TestServer;
const logged: string[] = [];
const nothing = () => {};
const log: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: (fields, text) => logged.push(`${text} ${JSON.stringify(fields)}`),
  request: nothing,
  flush: nothing,
};

async function start(flags: Parameters<typeof testServer>[0] = {}): Promise<void> {
  server = await testServer({ PROFILES: directory, PROFILES_WATCH: 'on', VALIDATION: 'profiles', ...flags }, log);
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'osteon-profiles-'));
  logged.length = 0;
  await start();
});
afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

const parameter = (code: string): Json => ({
  resourceType: 'SearchParameter',
  url: `http://example.org/SearchParameter/${code}`,
  name: code,
  status: 'active',
  description: code,
  code,
  base: ['Patient'],
  type: 'string',
  expression: `Patient.extension.where(url = 'http://example.org/${code}').value.ofType(string)`,
});

const profileUrl = 'http://example.org/StructureDefinition/named-patient';
const profile: Json = {
  resourceType: 'StructureDefinition',
  url: profileUrl,
  name: 'NamedPatient',
  status: 'active',
  kind: 'resource',
  abstract: false,
  type: 'Patient',
  baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient',
  derivation: 'constraint',
  differential: { element: [{ id: 'Patient.name', path: 'Patient.name', min: 1 }] },
};

const path = (name: string) => join(directory, name);
const write = (name: string, resource: unknown) =>
  writeFileSync(path(name), typeof resource === 'string' ? resource : JSON.stringify(resource));

/** The codes of Patient's parameters that the capability statement has of these files. */
async function declared(): Promise<readonly string[]> {
  const { body } = await server.get('/metadata');
  const patient = body.rest[0].resource.find(({ type }: Json) => type === 'Patient');
  return patient.searchParam
    .filter(({ definition }: Json) => definition.startsWith('http://example.org'))
    .map(({ name }: Json) => name);
}

/** Asks until it holds: the files are watched by the system. */
const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 50 });

test('a search parameter that is dropped in, changed and removed', async () => {
  const patient = {
    resourceType: 'Patient',
    id: 'a',
    extension: [{ url: 'http://example.org/eye', valueString: 'blue' }],
  };
  expect((await server.send('PUT', '/Patient/a', patient)).status).toBe(201);
  write('eye.json', parameter('eye'));
  await eventually(async () => expect(await declared()).toEqual(['eye']));
  await indexed(server);
  expect((await server.get('/Patient?eye=blue')).body.total).toBe(1);

  write('eye.json', { ...parameter('eye'), code: 'iris' });
  await eventually(async () => expect(await declared()).toEqual(['iris']));
  await indexed(server);
  expect((await server.get('/Patient?iris=blue')).body.total).toBe(1);
  expect((await server.get('/Patient?eye=blue')).status).toBe(400);

  rmSync(path('eye.json'));
  await eventually(async () => expect(await declared()).toEqual([]));
  expect((await server.get('/Patient?iris=blue')).status).toBe(400);
});

test('what is in a new directory counts', async () => {
  mkdirSync(path('more'));
  write('more/eye.json', parameter('eye'));
  await eventually(async () => expect(await declared()).toEqual(['eye']));
  write('more/hair.json', parameter('hair'));
  await eventually(async () => expect([...(await declared())].sort()).toEqual(['eye', 'hair']));
});

test('the directory may come later, go, and come back', async () => {
  rmSync(directory, { recursive: true });
  await server.close();
  await start();
  expect(await declared()).toEqual([]);
  mkdirSync(directory);
  write('eye.json', parameter('eye'));
  await eventually(async () => expect(await declared()).toEqual(['eye']));
  rmSync(directory, { recursive: true });
  await eventually(async () => expect(await declared()).toEqual([]));
  mkdirSync(directory);
  write('hair.json', parameter('hair'));
  await eventually(async () => expect(await declared()).toEqual(['hair']));
  write('eye.json', parameter('eye'));
  await eventually(async () => expect([...(await declared())].sort()).toEqual(['eye', 'hair']));
});

test('a broken package is logged, and the rest counts', async () => {
  write('package.tgz', 'no package');
  write('eye.json', parameter('eye'));
  await eventually(async () => expect(await declared()).toEqual(['eye']));
  expect(logged.join()).toContain('package.tgz');
});

test('a broken file is logged, and all stays as it was until it is mended', async () => {
  write('eye.json', parameter('eye'));
  await eventually(async () => expect(await declared()).toEqual(['eye']));
  write('hair.json', '{"resourceType":"SearchParameter"');
  await eventually(async () => expect(logged.join()).toContain('hair.json'));
  expect(await declared()).toEqual(['eye']);
  write('hair.json', parameter('hair'));
  await eventually(async () => expect([...(await declared())].sort()).toEqual(['eye', 'hair']));
});

test('a parameter that is stored too goes on when its file is removed', async () => {
  write('eye.json', parameter('eye'));
  await eventually(async () => expect(await declared()).toEqual(['eye']));
  const stored = { ...parameter('eye'), id: 'eye' };
  expect((await server.send('PUT', '/SearchParameter/eye', stored)).status).toBeLessThan(300);
  write('hair.json', parameter('hair'));
  rmSync(path('eye.json'));
  await eventually(async () => expect([...(await declared())].sort()).toEqual(['eye', 'hair']));
  rmSync(path('hair.json'));
  await eventually(async () => expect(await declared()).toEqual(['eye']));
});

test('a profile that is dropped in, changed and removed', async () => {
  const status = async () =>
    (await server.send('POST', '/Patient', { resourceType: 'Patient', meta: { profile: [profileUrl] } })).status;
  const supported = async () =>
    (await server.get('/metadata')).body.rest[0].resource.find(({ type }: Json) => type === 'Patient').supportedProfile;
  expect(await status()).toBe(201);
  write('named.json', profile);
  await eventually(async () => expect(await status()).toBe(422));
  expect(await supported()).toEqual([profileUrl]);
  write('named.json', { ...profile, differential: { element: [{ id: 'Patient.name', path: 'Patient.name' }] } });
  await eventually(async () => expect(await status()).toBe(201));
  write('named.json', profile);
  await eventually(async () => expect(await status()).toBe(422));
  rmSync(path('named.json'));
  await eventually(async () => expect(await status()).toBe(201));
  expect(await supported()).toBeUndefined();
});

/** SearchParameter resources: contained resources, and what is kept beside tokens. https://hl7.org/fhir/R4/searchparameter.html */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { SearchParameterKeeper } from '../../src/jobs/search-parameters.ts';
import { checkStore } from '../../src/store/sqlite/check.ts';
import { openForReading } from '../../src/store/sqlite/path.ts';
import { heldIndexing, indexed, type Json, type TestServer, testServer } from './server.ts';

const directory = mkdtempSync(join(tmpdir(), 'osteon-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let server: TestServer;
let path: string;
let count = 0;
beforeEach(async () => {
  path = join(directory, `${++count}.db`);
  server = await testServer({ STORE_URL: `sqlite:${path}` });
});
afterEach(() => server.close());

const eye = 'http://example.org/eye';
const ofText = `Patient.extension.where(url = '${eye}').value.ofType(string)`;
const ofConcept = `Patient.extension.where(url = '${eye}').value.ofType(CodeableConcept)`;
const define = (type: string, expression: string) =>
  server.send('PUT', '/SearchParameter/eye', {
    resourceType: 'SearchParameter',
    id: 'eye',
    url: 'http://example.org/SearchParameter/eye',
    name: 'Eye',
    status: 'active',
    description: 'Colour of the eyes',
    code: 'eye',
    base: ['Patient'],
    type,
    expression,
  });
const person = (id: string, colour: string): Json => ({
  resourceType: 'Patient',
  id,
  extension: [
    { url: eye, valueString: colour },
    { url: eye, valueCodeableConcept: { coding: [{ system: 'urn:eyes', code: colour }], text: `Eyes of ${colour}` } },
  ],
});
const seen = (id: string, colour: string): Json => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'Eyes' },
  contained: [person('p', colour)],
  subject: { reference: '#p' },
});

const store = (resource: Json) => server.send('PUT', `/${resource.resourceType}/${resource.id}`, resource);

async function found(query: string): Promise<readonly string[]> {
  const { status, body } = await server.get(`/${query}`);
  expect([query, status, status === 200 ? '' : body.issue[0].diagnostics]).toEqual([query, 200, '']);
  return (body.entry ?? []).map(({ resource }: Json) => resource.id).sort();
}

/** What `osteon check` would find. */
function findings(): readonly unknown[] {
  const keeper = server.context.searchParameters;
  if (!(keeper instanceof SearchParameterKeeper)) throw new Error('another implementation');
  const db = openForReading(path);
  try {
    return [...checkStore(db, keeper.reextract)].filter(({ kind }) => kind === 'finding');
  } finally {
    db.close();
  }
}

test('contained resources are found by it, those stored before and after, and as they are changed', async () => {
  for (const resource of [person('a', 'blue'), seen('o', 'blue'), seen('q', 'green')]) await store(resource);
  await store(seen('q', 'brown'));
  await define('string', ofText);
  await store(seen('r', 'blue'));
  await indexed(server);
  await store(seen('s', 'blue'));
  expect(await found('Patient?eye=blue')).toEqual(['a']);
  expect(await found('Observation?subject:Patient.eye=blue')).toEqual(['o', 'r', 's']);
  expect(await found('Observation?subject:Patient.eye=green')).toEqual([]);
  expect(await found('Observation?subject:Patient.eye=brown')).toEqual(['q']);
  expect(findings()).toEqual([]);
  await server.send('DELETE', '/SearchParameter/eye');
  await indexed(server);
  expect((await server.get('/Observation?subject:Patient.eye=blue')).status).toBe(400);
  expect(findings()).toEqual([]);
});

test('contained resources are found where there are no others of the type', async () => {
  await store(seen('o', 'blue'));
  await define('token', ofConcept);
  await indexed(server);
  expect(await found('Observation?subject:Patient.eye=blue')).toEqual(['o']);
  expect(await found('Observation?subject:Patient.eye:text=eyes')).toEqual(['o']);
  expect(findings()).toEqual([]);
});

test('a token has its texts, also when it was a string, and has none when it is one again', async () => {
  await define('string', ofText);
  for (const resource of [person('a', 'blue'), person('b', 'brown'), seen('o', 'blue')]) await store(resource);
  await indexed(server);
  const release = heldIndexing(server);
  await define('token', ofConcept);
  await store(person('c', 'blue'));
  expect(await found('Patient?eye:contains=lu')).toEqual(['a', 'c']);
  release();
  await indexed(server);
  await store(person('d', 'blue'));
  expect(await found('Patient?eye=urn:eyes|blue')).toEqual(['a', 'c', 'd']);
  expect(await found('Patient?eye:text=eyes of blue')).toEqual(['a', 'c', 'd']);
  expect(await found('Observation?subject:Patient.eye:text=eyes of blue')).toEqual(['o']);
  expect(findings()).toEqual([]);
  const releaseAgain = heldIndexing(server);
  await define('string', ofText);
  await store(person('e', 'blue'));
  expect(await found('Patient?eye:text=eyes of blue')).toEqual(['a', 'c', 'd', 'e']);
  releaseAgain();
  await indexed(server);
  await store(person('f', 'blue'));
  expect(await found('Patient?eye:contains=lu')).toEqual(['a', 'c', 'd', 'e', 'f']);
  expect(findings()).toEqual([]);
});

test('$reindex leaves one AuditEvent, and contained resources as they are', async () => {
  await store(seen('o', 'blue'));
  await store(seen('q', 'green'));
  const one = await server.send('POST', '/Observation/o/$reindex');
  expect(one.body.parameter).toContainEqual({ name: 'changed', valueBoolean: false });
  expect((await server.send('POST', '/Observation/$reindex')).status).toBe(202);
  const { body } = await server.get('/AuditEvent?_count=100');
  const ofOperation = ({ resource }: Json) =>
    resource.entity?.some(({ query = '' }: Json) => Buffer.from(query, 'base64').toString().startsWith('$reindex'));
  const events = (body.entry ?? []).filter(ofOperation);
  expect(events.map(({ resource }: Json) => resource.outcome)).toEqual(['0', '0']);
  expect(findings()).toEqual([]);
});

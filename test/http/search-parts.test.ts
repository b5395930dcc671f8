/** `_summary` and `_elements` of searches. https://hl7.org/fhir/R4/search.html#summary */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entriesOf, includedOf, link, load, observation, patient, refused } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;
const subsetted = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };

const resources = async (path: string): Promise<readonly Json[]> =>
  entriesOf(await server.get(path)).map(({ resource }) => resource);

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    patient('a', {
      meta: { tag: [{ system: 'urn:t', code: 'x' }] },
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Ann</div>' },
      name: [{ family: 'Ann' }],
      gender: 'female',
      contact: [{ name: { family: 'Mother' } }],
    }),
  ]);
  const text =
    '{"resourceType":"Observation","id":"o","text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">x</div>"},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},"valueQuantity":{"value":1.00,"unit":"mg"},"note":[{"text":"n"}]}';
  expect((await server.send('PUT', '/Observation/o', text)).status).toBe(201);
});
afterAll(() => server.close());

describe('_summary', () => {
  it('true keeps the summary elements', async () => {
    const [found] = await resources('/Patient?_summary=true');
    expect(Object.keys(found)).toEqual(['resourceType', 'id', 'meta', 'name', 'gender']);
    expect(found.meta.tag).toEqual([{ system: 'urn:t', code: 'x' }, subsetted]);
    expect(found.meta.versionId).toBe('1');
  });

  it('text keeps the text, id, meta and mandatory elements', async () => {
    const [found] = await resources('/Observation?_summary=text');
    expect(Object.keys(found).sort()).toEqual(['code', 'id', 'meta', 'resourceType', 'status', 'text']);
    expect(found.meta.tag).toEqual([subsetted]);
  });

  it('data leaves out the text', async () => {
    const [found] = await resources('/Patient?_summary=data');
    expect(Object.keys(found)).toEqual(['resourceType', 'id', 'meta', 'name', 'gender', 'contact']);
  });

  it('false is the whole', async () => {
    const [found] = await resources('/Patient?_summary=false');
    expect(found.meta.tag).toEqual([{ system: 'urn:t', code: 'x' }]);
    expect(found.text).toBeDefined();
  });

  it('count gives the total alone', async () => {
    const page = await server.get('/Patient?_summary=count&gender=female');
    expect(page.body.total).toBe(1);
    expect(page.body.entry).toBeUndefined();
    expect(page.body.link.map((each: Json) => each.relation)).toEqual(['self']);
  });

  it('=text with an include is 400', async () => {
    expect(await refused(server, '/Observation?_summary=text&_include=Observation:subject')).toMatch(/_summary=text/);
    expect(await refused(server, '/Patient?_summary=text&_revinclude=Observation:subject')).toMatch(/_summary=text/);
  });

  it('cuts included resources too', async () => {
    const page = await server.get('/Observation?_summary=true&_include=Observation:subject');
    expect(includedOf(page)).toEqual(['Patient/a']);
    expect(entriesOf(page, 'include')[0].resource.contact).toBeUndefined();
  });

  it('keeps the text of decimals', async () => {
    expect((await server.get('/Observation?_summary=true')).text).toContain('"value":1.00');
  });
});

describe('_elements', () => {
  it('keeps these, id, meta and mandatory top-level elements, tagged SUBSETTED', async () => {
    const [found] = await resources('/Observation?_elements=value,note');
    expect(Object.keys(found)).toEqual(['resourceType', 'id', 'meta', 'status', 'code', 'valueQuantity', 'note']);
    expect(found.meta.tag).toEqual([subsetted]);
    expect((await server.get('/Observation?_elements=value')).text).toContain('"value":1.00');
  });

  it('=Type.element works, and leaves other types whole', async () => {
    const page = await server.get('/Observation?_elements=Observation.status&_include=Observation:subject');
    expect(Object.keys(entriesOf(page)[0].resource)).toEqual(['resourceType', 'id', 'meta', 'status', 'code']);
    expect(entriesOf(page, 'include')[0].resource.gender).toBe('female');
    const both = await server.get('/Observation?_elements=status,Patient.name&_include=Observation:subject');
    expect(Object.keys(entriesOf(both, 'include')[0].resource)).toEqual(['resourceType', 'id', 'meta', 'name']);
  });

  it('holds for every page', async () => {
    await load(server, [observation('z', { note: [{ text: 'n' }] })]);
    const page = await server.get('/Observation?_elements=status&_count=1');
    const next = await server.get(link(page, 'next') ?? '');
    expect(entriesOf(next)[0].resource.meta.tag).toEqual([subsetted]);
    expect(entriesOf(next)[0].resource.note).toBeUndefined();
  });

  it('of an unknown element is 400 with the nearest', async () => {
    expect(await refused(server, '/Patient?_elements=names')).toMatch(/name/);
    expect(await refused(server, '/Patient?_elements=Patiant.name')).toMatch(/Patiant/);
  });
});

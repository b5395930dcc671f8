/** `osteon copy`: a store becomes another one, with all its versions. https://hl7.org/fhir/R4/http.html#history */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { differences, ownEvents, sumsOf } from '../../src/cli/copy/compare.ts';
import { type CopyOptions, copyStore, type Progress } from '../../src/cli/copy/copier.ts';
import { openSource } from '../../src/cli/copy/open-source.ts';
import type { LoadedSystem } from '../../src/store/terminology.ts';
import { indexed, type TestServer, testServer } from '../http/server.ts';
import { fileStore, lastingStore } from '../http/stores.ts';
import { bundle, entry, found, idOf, patient, versions } from '../http/writing.ts';

const eyeColour = {
  resourceType: 'SearchParameter',
  id: 'eye',
  url: 'http://example.org/eye',
  name: 'eye',
  status: 'active',
  description: 'Colour of the eyes',
  code: 'eye',
  base: ['Patient'],
  type: 'string',
  expression: "Patient.extension.where(url = 'http://example.org/eye').value",
};

const joints: LoadedSystem = {
  url: 'urn:joints',
  version: '1',
  title: 'Joints',
  caseSensitive: true,
  properties: [{ code: 'side', type: 'code' }],
};

/** Versions of all methods, in single requests and transactions. */
async function fill(server: TestServer): Promise<void> {
  const sent = (resource: object) => ({
    ...resource,
    extension: [{ url: 'http://example.org/eye', valueString: 'blue' }],
  });
  const id = idOf(await server.send('POST', '/Patient', patient('first')));
  await server.send('PUT', `/Patient/${id}`, sent({ ...patient('first', { active: true }), id }));
  await server.send('PATCH', `/Patient/${id}`, [{ op: 'replace', path: '/active', value: false }], {
    'Content-Type': 'application/json-patch+json',
  });
  // The exact text is kept, decimals too.
  await server.send(
    'PUT',
    '/Observation/o',
    '{"resourceType":"Observation", "id":"o","meta":{"tag":[{"code":"t"}]},\n"status":"final","code":{"text":"é\\u00e9"},"valueQuantity":{"value":1.00}}',
  );
  await server.send('PUT', '/SearchParameter/eye', eyeColour);
  await indexed(server);
  const many = Array.from({ length: 40 }, (_, n) =>
    entry('PUT', `Patient/p${n}`, sent({ ...patient(`many ${n}`), id: `p${n}` })),
  );
  expect((await server.send('POST', '', bundle('transaction', ...many))).status).toBe(200);
  await server.send('DELETE', '/Patient/p7');
  await server.send('PUT', '/Patient/p8', { ...patient('changed'), id: 'p8' });
  await server.send('DELETE', '/Patient/p8');
  await server.send('PUT', '/Patient/p8', { ...patient('again'), id: 'p8' });
  await server.get('/Patient?identifier=many');
  await server.context.store.terminology.load(joints, async function* () {
    yield [{ code: 'a', display: 'Arthrosis', parents: [] }];
    yield [{ code: 'b', display: 'Gonarthrosis', parents: ['a'], properties: [['side', 'left']], inactive: true }];
  });
}

/** Copies from one `STORE_URL` into a server's store. */
async function copy(from: string, to: TestServer, options: CopyOptions = {}): Promise<Progress> {
  const source = await openSource(from);
  try {
    return await copyStore(source, to.context, options);
  } finally {
    await source.close();
  }
}

/** Where two stores differ, AuditEvents apart: the tests' own requests leave some. */
async function compared(one: string, other: string): Promise<readonly string[]> {
  const stores = await Promise.all([openSource(one), openSource(other)]);
  const sums = await Promise.all(stores.map(async (store) => sumsOf(store, await store.last(), 0)));
  await Promise.all(stores.map((store) => store.close()));
  const [first = new Map(), second = new Map()] = sums;
  expect(first.size).toBeGreaterThan(2);
  return differences(first, second).map(({ name }) => name);
}

describe('copy', { timeout: 300_000 }, () => {
  const from = fileStore().url;
  let source: TestServer;
  let before: readonly string[];

  beforeAll(async () => {
    source = await testServer({ STORE_URL: from });
    await fill(source);
    before = await versions(source);
    await source.context.audit.settle();
  });
  afterAll(() => source.close());

  test('brings every version, byte by byte, and what finds it, beside the server of the source', async () => {
    const to = lastingStore().url;
    const target = await testServer({ STORE_URL: to, AUDIT: 'off' });
    await copy(from, target);
    await indexed(target);
    expect(await versions(target)).toEqual(before);
    for (const path of ['/Observation/o', '/Patient/p8/_history/1', '/Patient/p8'])
      expect((await target.get(path)).text).toBe((await source.get(path)).text);
    expect((await target.get('/Patient/p7')).status).toBe(410);
    expect(await found(target, 'Patient?eye=blue&identifier=many 5')).toEqual(['p5']);
    expect(await found(target, 'Patient?identifier=changed')).toEqual([]);
    await target.close();
    expect(await compared(from, to)).toEqual([]);
    // And back.
    const third = lastingStore().url;
    const back = await testServer({ STORE_URL: third, AUDIT: 'off' });
    await copy(to, back);
    await back.close();
    expect(await compared(from, third)).toEqual([]);
  });

  test('brings the AuditEvents, each once', async () => {
    const to = lastingStore().url;
    const target = await testServer({ STORE_URL: to, AUDIT: 'off' });
    expect((await copy(from, target)).events).toBeGreaterThan(10);
    await source.get('/Patient?identifier=another');
    await source.context.audit.settle();
    const { events, audit } = await copy(from, target);
    await target.close();
    const [one, other] = await Promise.all([openSource(from), openSource(to)]);
    const [first, second] = [await sumsOf(one, 0, audit), await sumsOf(other, 0, await other.audit.last())];
    expect(second.get(ownEvents)?.versions).toBe(events);
    expect(second.get(ownEvents)).toEqual(first.get(ownEvents));
    await Promise.all([one.close(), other.close()]);
  });

  test('goes on where it was stopped, and with what came since', async () => {
    const to = lastingStore().url;
    let commits = 0;
    const first = await testServer({ STORE_URL: to, AUDIT: 'off' });
    const stopped = await copy(from, first, {
      onProgress: () => {
        commits += 1;
      },
      stopped: () => commits === 3,
    });
    await first.close();
    expect(stopped.versions).toBeLessThan(before.length);
    expect(await compared(from, to)).not.toEqual([]);
    const second = await testServer({ STORE_URL: to, AUDIT: 'off' });
    expect((await copy(from, second)).versions).toBe((await versions(source)).length);
    await source.send('PUT', '/Patient/late', { ...patient('late'), id: 'late' });
    await copy(from, second);
    expect(await found(second, 'Patient?identifier=late')).toEqual(['late']);
    await second.close();
    expect(await compared(from, to)).toEqual([]);
  });

  test('goes on with code systems that were loaded anew with as many concepts, and without those that were removed', async () => {
    const to = lastingStore().url;
    const target = await testServer({ STORE_URL: to, AUDIT: 'off' });
    const { terminology } = source.context.store;
    const bones = { ...joints, url: 'urn:bones' };
    const named = async (system: LoadedSystem, display: string) => {
      await terminology.load(system, async function* () {
        yield [{ code: 'a', display, parents: [] }];
      });
    };
    const displays = async () => {
      const there = await target.context.store.terminology.systems();
      const concepts = there.map((system) => target.context.store.terminology.concepts(system, ['a']));
      return (await Promise.all(concepts)).flat().map(({ display }) => display);
    };
    await named(bones, 'Femur');
    await copy(from, target);
    expect(await displays()).toEqual(['Femur', 'Arthrosis']);
    await named(bones, 'Tibia');
    const load = vi.spyOn(target.context.store.terminology, 'load');
    await copy(from, target);
    expect(await displays()).toEqual(['Tibia', 'Arthrosis']);
    expect(load.mock.calls.map(([{ url }]) => url)).toEqual(['urn:bones']);
    await terminology.remove('urn:bones', '1');
    await copy(from, target);
    expect(await displays()).toEqual(['Arthrosis']);
    await target.close();
    expect(await compared(from, to)).toEqual([]);
  });

  test('refuses a store that has something else, and itself', async () => {
    const target = await testServer({ AUDIT: 'off' });
    await target.send('PUT', '/Patient/other', { ...patient('other'), id: 'other' });
    await expect(copy(from, target)).rejects.toThrow(/must be empty/);
    await expect(copy(from, source)).rejects.toThrow(/into itself/);
    await target.close();
  });

  test('ends where someone else writes to the copy', async () => {
    const target = await testServer({ STORE_URL: lastingStore().url, AUDIT: 'off' });
    await copy(from, target);
    await source.send('PUT', '/Patient/twice', { ...patient('one'), id: 'twice' });
    await target.send('PUT', '/Patient/twice', { ...patient('other'), id: 'twice' });
    await expect(copy(from, target)).rejects.toThrow(/Patient\/twice, version 1/);
    await target.close();
  });
});

test('a difference of one version shows', async () => {
  const [one, other] = [fileStore().url, lastingStore().url];
  for (const [url, family] of [
    [one, 'a'],
    [other, 'b'],
  ] as const) {
    const server = await testServer({ STORE_URL: url });
    for (const type of ['Basic', 'Group']) await server.send('PUT', `/${type}/x`, { resourceType: type, id: 'x' });
    await server.send('PUT', '/Patient/x', { resourceType: 'Patient', id: 'x', name: [{ family }] });
    await server.close();
  }
  expect(await compared(one, other)).toContain('Patient');
});

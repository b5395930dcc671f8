/** Importing when it is the store that fails. https://hl7.org/fhir/R4/http.html#transaction */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fault, Importer } from '../../src/cli/import/importer.ts';
import type { Context } from '../../src/interactions/context.ts';
import { type TestServer, testServer } from '../http/server.ts';
import { fileServer } from '../http/writing.ts';

let server: TestServer;
let broken: Context;
beforeEach(async () => {
  server = await testServer();
  const { store } = server.context;
  broken = { ...server.context, store: Object.create(store) as typeof store };
  broken.store.kept = () => Promise.reject(new Error('the disk is gone'));
});
afterEach(() => server.close());

const piece = { bytes: Buffer.from('{"resourceType":"Patient"}'), line: 1 };
const source = { path: 'x.ndjson', size: 26, lines: true };

it('rejects with what went wrong, and blames no piece', async () => {
  const faults: unknown[] = [];
  const importer = new Importer(broken, true, (fault) => faults.push(fault));
  await expect(importer.add(source, piece)).rejects.toThrow('the disk is gone');
  await expect(importer.finish()).rejects.toThrow('the disk is gone');
  expect(faults).toEqual([]);
  expect(importer.counts).toEqual({ resources: 0, faults: 0, skipped: 0 });
});

describe('a resource that validation refuses', () => {
  const text = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' };
  const faulty = { resourceType: 'Observation', text, code: { text: 'x' } };
  const sound = { ...faulty, status: 'final' };
  const entry = (resource: object) => ({ resource, request: { method: 'POST', url: 'Observation' } });
  const bundle = (type: string) => ({ resourceType: 'Bundle', type, entry: [entry(sound), entry(faulty)] });
  const missing = { code: 'required', details: { coding: [{ code: 'cardinality' }] } };

  /** What an import of these lines comes to. */
  async function imported(validation: 'off' | 'base', ...lines: readonly object[]) {
    const { context } = server;
    const faults: Fault[] = [];
    const settings = { ...context.settings, validation };
    const importer = new Importer({ ...context, settings }, false, (fault) => faults.push(fault));
    for (const [index, line] of lines.entries())
      await importer.add(source, { bytes: Buffer.from(JSON.stringify(line)), line: index + 1 });
    const counts = await importer.finish();
    return { counts, faults: faults.toSorted((a, b) => a.line - b.line) };
  }

  it('is reported with its line and issues, and left out', async () => {
    const { counts, faults } = await imported('base', sound, faulty, sound);
    expect(counts).toMatchObject({ resources: 2, faults: 1 });
    expect(faults).toMatchObject([{ file: 'x.ndjson', line: 2, status: 422, issues: [missing] }]);
    expect(faults[0]?.issues[0]?.expression).toEqual(['Observation.status']);
  });

  it('keeps the other entries of a batch from nothing, and those of a transaction from being stored', async () => {
    const { counts, faults } = await imported('base', bundle('batch'), bundle('collection'), bundle('transaction'));
    expect(counts).toMatchObject({ resources: 2, faults: 3 });
    expect(faults.map(({ line, entry: at, status }) => [line, at, status])).toEqual([
      [1, 1, 422],
      [2, 1, 422],
      [3, undefined, 422],
    ]);
    for (const { issues } of faults) expect(issues).toMatchObject([missing]);
    expect(faults[2]?.issues[0]?.expression).toEqual(['Bundle.entry[1].resource.status']);
  });

  it('is stored without validation', async () => {
    const { counts } = await imported('off', faulty, bundle('transaction'));
    expect(counts).toMatchObject({ resources: 3, faults: 0 });
  });
});

it('checks what follows a definition with it', async () => {
  const file = await fileServer({ VALIDATION: 'profiles' });
  try {
    const definition = (name: string, base: string, path: string) => ({
      resourceType: 'StructureDefinition',
      url: `http://example.org/${name}`,
      name: 'Named',
      status: 'active',
      kind: 'resource',
      abstract: false,
      type: 'Patient',
      baseDefinition: base,
      derivation: 'constraint',
      differential: { element: [{ id: path, path, min: 1 }] },
    });
    const patient = (name: string, more: object = {}) => ({
      resourceType: 'Patient',
      meta: { profile: [`http://example.org/${name}`] },
      ...more,
    });
    const named = { name: [{ family: 'Holm' }] };
    const resource = definition('inner', 'http://example.org/derived', 'Patient.birthDate');
    const entry = [{ resource, request: { method: 'POST', url: 'StructureDefinition' } }];
    const lines = [
      definition('base', 'http://hl7.org/fhir/StructureDefinition/Patient', 'Patient.name'),
      definition('derived', 'http://example.org/base', 'Patient.gender'),
      patient('derived', { gender: 'female' }),
      patient('derived', { gender: 'female', ...named }),
      { resourceType: 'Bundle', type: 'transaction', entry },
      patient('inner', { gender: 'female', ...named }),
    ];
    const faults: Fault[] = [];
    const importer = new Importer(file.context, false, (fault) => faults.push(fault));
    for (const [index, line] of lines.entries())
      await importer.add(source, { bytes: Buffer.from(JSON.stringify(line)), line: index + 1 });
    await importer.finish();
    const errors = faults.map(({ line, issues }) => [
      line,
      issues.filter(({ severity }) => severity === 'error').flatMap(({ expression = [] }) => expression),
    ]);
    expect(errors).toEqual([
      [3, ['Patient.name']],
      [6, ['Patient.birthDate']],
    ]);
  } finally {
    await file.close();
  }
});

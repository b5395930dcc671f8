/** Importing when it is the store that fails. https://hl7.org/fhir/R4/http.html#transaction */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Importer } from '../../src/cli/import/importer.ts';
import type { Context } from '../../src/interactions/context.ts';
import { type TestServer, testServer } from '../http/server.ts';

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

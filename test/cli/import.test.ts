import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Json } from '../http/server.ts';
import { run, serve, temporaryFolder } from './process.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let store: string;
const at = (name: string) => join(folder.path, name);
const importing = (...args: string[]) =>
  run(['import', ...args, '--errors', at('errors.ndjson')], { STORE_URL: store });
const total = async (path: string) => {
  const server = await serve(store);
  const response = await fetch(`${server.base}/${path}`);
  const body: Json = await response.json();
  await server.stop();
  return body.total;
};
const patient = (id: string) => JSON.stringify({ resourceType: 'Patient', id });
const bundle = (...families: string[]) =>
  JSON.stringify({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: families.map((family) => ({
      resource: { resourceType: 'Patient', name: [{ family }] },
      request: { method: 'POST', url: 'Patient' },
    })),
  });

beforeEach(async () => {
  folder = await temporaryFolder();
  store = `sqlite:${at('osteon.db')}`;
});
afterEach(() => folder.remove());

describe('osteon import', { timeout: 120_000 }, () => {
  it('stores Bundles, NDJSON and packed files of a folder', async () => {
    await writeFile(at('a.json'), bundle('Ash', 'Birch'));
    await writeFile(at('b.ndjson'), `${patient('one')}\n\n${patient('two')}\n`);
    await writeFile(at('c.ndjson.gz'), gzipSync(`${bundle('Cedar')}\n${patient('three')}`));
    const { status, out, err } = await importing(folder.path);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toContain('6 resources');
    expect(await total('Patient?_summary=count')).toBe(6);
  });

  it('lists faulty lines with their numbers in a file, without their contents, and goes on', async () => {
    const lines = [patient('one'), '{"resourceType":"Patient","secret":"x"}', 'no json', patient('four')];
    await writeFile(at('mixed.ndjson'), lines.join('\n'));
    const { status, out, err } = await importing(at('mixed.ndjson'));
    expect(status).toBe(1);
    expect(out).toContain('2 resources');
    expect(err).toContain('2 could not be stored');
    const text = await readFile(at('errors.ndjson'), 'utf8');
    const faults = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(faults.map(({ line, status }) => [line, status]).sort()).toEqual([
      [2, 400],
      [3, 400],
    ]);
    expect(faults[0].issues[0].diagnostics).toEqual(expect.any(String));
    expect(text).not.toContain('no json');
  });

  it('--resume leaves out what an earlier import of the same file stored', async () => {
    await writeFile(at('b.ndjson'), `${bundle('Ash')}\n${bundle('Birch')}\n`);
    expect((await importing(at('b.ndjson'))).status).toBe(0);
    const again = await importing(at('b.ndjson'), '--resume');
    expect(again.out).toContain('2 lines were stored already');
    expect(await total('Patient?_summary=count')).toBe(2);
  });

  it('resolves what refers to an earlier line that is still in work', async () => {
    const practitioner = {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        {
          resource: { resourceType: 'Practitioner', identifier: [{ system: 'urn:x', value: '1' }] },
          request: { method: 'POST', url: 'Practitioner', ifNoneExist: 'identifier=urn:x|1' },
        },
      ],
    };
    const encounter = {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        {
          resource: {
            resourceType: 'Patient',
            generalPractitioner: [{ reference: 'Practitioner?identifier=urn:x|1' }],
          },
          request: { method: 'POST', url: 'Patient' },
        },
      ],
    };
    await writeFile(
      at('x.ndjson'),
      [practitioner, encounter, encounter].map((each) => JSON.stringify(each)).join('\n'),
    );
    const { status, err } = await importing(at('x.ndjson'));
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(existsSync(at('errors.ndjson'))).toBe(false);
    expect(await total('Patient?_summary=count&general-practitioner:missing=false')).toBe(2);
  });

  it('leaves one AuditEvent for each file', async () => {
    await writeFile(at('b.ndjson'), `${bundle('Ash')}\n${bundle('Birch')}\n`);
    await importing(at('b.ndjson'));
    expect(await total('AuditEvent?_summary=count')).toBe(1);
  });

  it('is checked as it was indexed, whatever the environment of the check says', async () => {
    const url = 'https://clinic.example/fhir';
    const patient = { resourceType: 'Patient', id: 'p', generalPractitioner: [{ reference: `${url}/Practitioner/1` }] };
    const practitioner = { resourceType: 'Practitioner', id: '1' };
    await writeFile(at('x.ndjson'), [practitioner, patient].map((each) => JSON.stringify(each)).join('\n'));
    const env = { STORE_URL: store, BASE_URL: url, REFERENTIAL_INTEGRITY: 'full', TIMEZONE: 'Asia/Tokyo' };
    expect(await run(['import', at('x.ndjson')], env)).toMatchObject({ status: 0 });
    expect(await run(['check'], { STORE_URL: store })).toMatchObject({ status: 0, err: '' });
    const other = { STORE_URL: store, BASE_URL: 'https://other.example/fhir' };
    expect(await run(['check'], other)).toMatchObject({ status: 0, err: '' });
  });

  it('says where there is nothing to import', async () => {
    const { status, err } = await importing(at('missing'));
    expect(status).toBe(1);
    expect(err).toContain('missing');
    expect(err).not.toMatch(/^\s+at /m);
  });
});

describe('osteon', { timeout: 60_000 }, () => {
  it.each(['serve', 'import', 'backup', 'restore', 'check', 'audit'])('%s has --help', async (command) => {
    const { status, out } = await run([command, '--help']);
    expect(status).toBe(0);
    expect(out).toContain(`osteon ${command}`);
  });

  it('names the variable that can not be used', async () => {
    const { status, err } = await run(['serve'], { PORT: 'eighty', STORE_URL: store });
    expect(status).toBe(1);
    expect(err).toContain('PORT');
  });
});

import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import type { Json } from '../http/server.ts';
import { begin, run, serve, temporaryFolder } from './process.ts';

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

describe('osteon import', { timeout: 300_000 }, () => {
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

  it('leaves out what --validation refuses, and tells the line, the element and the rule', async () => {
    const lines = [
      patient('one'),
      JSON.stringify({ resourceType: 'Observation', code: { text: 'x' } }),
      patient('two'),
    ];
    await writeFile(at('mixed.ndjson'), lines.join('\n'));
    const { status, out } = await importing(at('mixed.ndjson'), '--validation', 'base');
    expect(status).toBe(1);
    expect(out).toContain('2 resources');
    const fault: Json = JSON.parse(await readFile(at('errors.ndjson'), 'utf8'));
    expect(fault).toMatchObject({ line: 2, status: 422 });
    expect(fault.issues).toContainEqual(
      expect.objectContaining({ severity: 'error', code: 'required', expression: ['Observation.status'] }),
    );
    expect(await importing(at('mixed.ndjson'), '--resume', '--validation', 'off')).toMatchObject({ status: 0 });
    expect(await total('Observation?_summary=count')).toBe(1);
  });

  it('lists a packed file that ends too early, keeps what came before, and goes on with the next', async () => {
    const lines = Array.from({ length: 300 }, () => {
      const data = randomBytes(9000).toString('base64');
      return JSON.stringify({ resourceType: 'Binary', contentType: 'text/plain', data });
    });
    const packed = gzipSync(lines.join('\n'));
    await writeFile(at('a.ndjson.gz'), packed.subarray(0, packed.length / 2));
    await writeFile(at('b.json'), 'cut off');
    await writeFile(at('c.ndjson'), patient('last'));
    const { status, out, err } = await importing(at('a.ndjson.gz'), at('b.json'), at('c.ndjson'));
    expect(status).toBe(1);
    expect(err).toContain('2 could not be stored');
    expect(err).not.toMatch(/^\s+at /m);
    const [first = '', second = ''] = (await readFile(at('errors.ndjson'), 'utf8')).trim().split('\n');
    const stored = Number(/(\d+) resources/.exec(out)?.[1]);
    expect(stored).toBeGreaterThan(1);
    expect(JSON.parse(first)).toMatchObject({ file: at('a.ndjson.gz'), line: stored, status: 400 });
    expect(JSON.parse(second)).toMatchObject({ file: at('b.json'), line: 1, status: 400 });
    expect(await total('Patient?_id=last&_summary=count')).toBe(1);
    expect(await total('AuditEvent?outcome=4&_summary=count')).toBe(1);
  });

  it('stops on SIGTERM with what it stored, and --resume stores the rest', async () => {
    const count = 10_000;
    const lines = Array.from({ length: count }, () => bundle('Ash'));
    await writeFile(at('long.ndjson'), lines.join('\n'));
    const { child, ended } = begin(['import', at('long.ndjson')], { STORE_URL: store });
    const written = () => (existsSync(at('osteon.db-wal')) ? statSync(at('osteon.db-wal')).size : 0);
    await expect.poll(written, { timeout: 100_000 }).toBeGreaterThan(3_000_000);
    child.kill('SIGTERM');
    const stopped = await ended;
    expect(stopped.status).toBe(0);
    expect(stopped.out).toContain('Stopped; --resume goes on from here.');
    const before = Number(/(\d+) resources/.exec(stopped.out)?.[1]);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(count);
    const again = await importing(at('long.ndjson'), '--resume');
    expect(again).toMatchObject({ status: 0, err: '' });
    expect(await total('Patient?_summary=count&_total=accurate')).toBe(count);
  });

  it('says where the list of faulty lines can not be written', async () => {
    await writeFile(at('x.ndjson'), 'no json');
    const args = ['import', at('x.ndjson'), '--errors', at('missing/errors.ndjson')];
    const { status, err } = await run(args, { STORE_URL: store });
    expect(status).toBe(1);
    expect(err).toContain('missing/errors.ndjson');
    expect(err).not.toMatch(/^\s+at /m);
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

describe('osteon check', { timeout: 60_000 }, () => {
  it('says what is wrong, and --repair puts it right and leaves no log behind', async () => {
    const resource = { resourceType: 'Patient', id: 'p', identifier: [{ value: 'a' }], name: [{ family: 'Ash' }] };
    await writeFile(at('p.ndjson'), JSON.stringify(resource));
    await importing(at('p.ndjson'));
    const db = openDatabase(at('osteon.db'));
    db.exec('DELETE FROM identifier');
    db.close();
    const found = await run(['check'], { STORE_URL: store });
    expect(found.status).toBe(1);
    expect(found.err).toContain('Patient/p: its index lacks 1 rows of identifier');
    expect(found.err).not.toContain('Repaired');
    const repaired = await run(['check', '--repair'], { STORE_URL: store });
    expect(repaired.status).toBe(0);
    expect(repaired.err).toContain('Repaired.');
    expect(existsSync(at('osteon.db-wal'))).toBe(false);
    expect(await run(['check'], { STORE_URL: store })).toMatchObject({ status: 0, err: '' });
    expect(await total('Patient?identifier=a&_summary=count')).toBe(1);
  });

  it('of something else is refused without a stack', async () => {
    await writeFile(at('osteon.db'), 'no database'.repeat(1000));
    for (const command of [['check'], ['check', '--repair'], ['audit', 'verify'], ['backup', at('b')], ['serve']]) {
      const { status, err } = await run(command, { STORE_URL: store, PORT: '0' });
      expect(status).toBe(1);
      expect(err).toContain('osteon.db can');
      expect(err).not.toMatch(/^\s+at /m);
    }
  });
});

describe('osteon', { timeout: 60_000 }, () => {
  it.each(['serve', 'import', 'backup', 'restore', 'check', 'audit'])('%s has --help', async (command) => {
    const { status, out } = await run([command, '--help']);
    expect(status).toBe(0);
    expect(out).toContain(`osteon ${command}`);
  });

  it.each([
    ['import', ['import', 'nowhere']],
    ['terminology load', ['terminology', 'load', 'nowhere']],
    ['profile new', ['profile', 'new', 'some-case', '--columns', 'nowhere']],
    ['restore', ['restore', 'nowhere']],
  ])('%s says that there is no such file', async (_, args) => {
    const { status, err } = await run(args, { STORE_URL: store });
    expect(err).toMatch(/^There is no file .*nowhere\.$/m);
    expect(status).toBe(1);
  });

  it('names the variable that can not be used', async () => {
    const { status, err } = await run(['serve'], { PORT: 'eighty', STORE_URL: store });
    expect(status).toBe(1);
    expect(err).toContain('PORT');
  });
});

/** The command line on MongoDB, beside a server under a write load. https://hl7.org/fhir/R4/http.html */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../http/server.ts';
import { databases } from '../stores/mongo-database.ts';
import { run, type Serving, serve, temporaryFolder, type WriteLoad, writeLoad } from './process.ts';

const own = databases();

// Each test starts several processes beside the load.
describe('beside a running server under a write load', { timeout: 180_000 }, () => {
  const store = own.url();
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: Serving;
  let load: WriteLoad;

  beforeAll(async () => {
    folder = await temporaryFolder();
    server = await serve(store, ['--seed']);
    load = writeLoad(server.base, 2);
  });
  afterAll(async () => {
    await load.stop();
    expect(load.count()).toBeGreaterThan(0);
    expect(await server.stop()).toBe(0);
    await folder.remove();
  });

  const total = async (path: string): Promise<number> => {
    const { total: found }: Json = await (await fetch(`${server.base}${path}_summary=count&_total=accurate`)).json();
    return found;
  };

  it('import stores what the server then finds', async () => {
    const file = join(folder.path, 'patients.ndjson');
    const lines = Array.from({ length: 30 }, (_, n) => ({ resourceType: 'Patient', id: `i${n}`, gender: 'other' }));
    writeFileSync(file, lines.map((line) => JSON.stringify(line)).join('\n'));
    const imported = await run(['import', file, '--errors', join(folder.path, 'errors')], { STORE_URL: store });
    expect(imported).toMatchObject({ status: 0, err: '' });
    expect(await total('/Patient?gender=other&')).toBe(30);
    const again = await run(['import', '--resume', file], { STORE_URL: store });
    expect(again.out).toContain('30 lines were stored already');
  });

  it('a second server serves the same, and leaves the seeds alone', async () => {
    const other = await serve(store, ['--seed']);
    expect(other.printed()).toContain('left alone');
    const response = await fetch(`${other.base}/Patient/i1`);
    expect(response.status).toBe(200);
    expect(await other.stop()).toBe(0);
  });

  it('check finds nothing wrong, audit verify all as it was written', async () => {
    for (const args of [['check'], ['audit', 'verify']]) {
      const { status, out, err } = await run(args, { STORE_URL: store });
      expect(status, out + err).toBe(0);
      expect(out).toMatch(/nothing is wrong|All as written/);
    }
  });

  it('audit verify takes heads that were shown, and misses one that is in no chain', async () => {
    const { out } = await run(['audit', 'verify'], { STORE_URL: store });
    const [, head = ''] = /^head (\S+)$/m.exec(out) ?? [];
    const [chain, sequence, hash = ''] = head.split(':');
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(await run(['audit', 'verify', '--head', head, hash], { STORE_URL: store })).toMatchObject({ status: 0 });
    const other = `${chain}:${sequence}:${'0'.repeat(64)}`;
    expect((await run(['audit', 'verify', '--head', other], { STORE_URL: store })).err).toContain('is in no chain');
  });

  it('copy makes a file of it, which a server serves', async () => {
    const copy = `sqlite:${join(folder.path, 'copy.db')}`;
    const { status, out, err } = await run(['copy', '--from', store, '--to', copy]);
    expect(status, out + err).toBe(0);
    expect(out).toContain(`sqlite ${join(folder.path, 'copy.db')} is a copy of mongodb`);
    expect(await run(['check'], { STORE_URL: copy })).toMatchObject({ status: 0 });
    const served = await serve(copy);
    expect((await fetch(`${served.base}/Patient/i1`)).status).toBe(200);
    expect(await served.stop()).toBe(0);
  });

  it.each([['backup'], ['restore']])('%s says what to use instead', async (command) => {
    const { status, err } = await run([command, join(folder.path, 'file')], { STORE_URL: store });
    expect(err).toContain('mongodump');
    expect(status).toBe(1);
  });
});

describe('a server that can not be reached, or a URL that is none,', () => {
  it.each([
    ['nobody listens', 'mongodb://me:Zx9Qq7@127.0.0.1:9/x?serverSelectionTimeoutMS=50'],
    ['an option is none', 'mongodb://me:Zx9Qq7@127.0.0.1:9/x?readPreference=Zx9&serverSelectionTimeoutMS=50'],
    ['a password is not escaped', 'mongodb://me:Zx9@Qq7@127.0.0.1:9/x?serverSelectionTimeoutMS=50'],
  ])('ends a command with a message without the password: %s', async (_, url) => {
    for (const args of [
      ['serve', '--port', '0'],
      ['check'],
      ['audit', 'verify'],
      ['copy', '--from', url, '--to', 'sqlite::memory:'],
    ]) {
      const { status, out, err } = await run(args, { STORE_URL: url });
      expect(status).toBe(1);
      expect(out + err).not.toMatch(/Zx9.?Qq7|Qq7/);
      expect(err).not.toMatch(/^\s+at /m);
      expect(err.trim()).not.toBe('');
    }
  });
});

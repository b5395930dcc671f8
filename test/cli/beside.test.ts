import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../http/server.ts';
import { run, type Serving, serve, temporaryFolder, type WriteLoad, writeLoad } from './process.ts';

// Each test starts several processes beside the load.
describe('beside a running server under a write load', { timeout: 180_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: Serving;
  let load: WriteLoad;
  let store: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    store = `sqlite:${join(folder.path, 'osteon.db')}`;
    server = await serve(store, ['--seed']);
    load = writeLoad(server.base);
  });
  afterAll(async () => {
    await load.stop();
    expect(load.count()).toBeGreaterThan(0);
    expect(await server.stop()).toBe(0);
    await folder.remove();
  });

  it('backup finishes, no write waits above a second, and the copy restores to a whole store', async () => {
    const copy = join(folder.path, 'copy.db');
    const before = load.count();
    const backup = await run(['backup', copy], { STORE_URL: store });
    expect(backup).toMatchObject({ status: 0, err: '' });
    expect(load.longest()).toBeLessThan(1000);
    const restored = `sqlite:${join(folder.path, 'restored.db')}`;
    expect(await run(['restore', copy], { STORE_URL: restored })).toMatchObject({ status: 0 });
    expect(await run(['check'], { STORE_URL: restored })).toMatchObject({ status: 0 });
    expect(await run(['audit', 'verify'], { STORE_URL: restored })).toMatchObject({ status: 0 });
    const again = await serve(restored);
    const response = await fetch(`${again.base}/Patient?_summary=count&_total=accurate`);
    const { total }: Json = await response.json();
    expect(total).toBeGreaterThanOrEqual(40 + before);
    expect(await again.stop()).toBe(0);
  });

  it('audit verify finds everything as it was written', async () => {
    const { status, out } = await run(['audit', 'verify'], { STORE_URL: store });
    expect(out).toContain('All as written');
    expect(status).toBe(0);
  });

  it('audit verify takes heads that were shown, and misses one that is in no chain', async () => {
    const { out } = await run(['audit', 'verify'], { STORE_URL: store });
    const [, head = ''] = /^head (\S+)$/m.exec(out) ?? [];
    const [chain = '', sequence = '', hash = ''] = head.split(':');
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(await run(['audit', 'verify', '--head', head, hash], { STORE_URL: store })).toMatchObject({ status: 0 });
    const other = `${chain}:${sequence}:${'0'.repeat(64)}`;
    const faulty = await run(['audit', 'verify', '--head', other], { STORE_URL: store });
    expect(faulty.status).toBe(1);
    expect(faulty.err).toContain(` of chain ${chain}: The head ${'0'.repeat(64)} that was shown is in no chain`);
    const alone = await run(['audit', 'verify', '--head', '0'.repeat(64)], { STORE_URL: store });
    expect(alone.err).toMatch(/^FAULTY from event \d+: The head 0{64} that was shown is in no chain/m);
  });

  it('check finds nothing wrong', async () => {
    const { status, out } = await run(['check'], { STORE_URL: store });
    expect(out).toContain('nothing is wrong');
    expect(status).toBe(0);
  });

  it.each([
    ['import', ['import', 'seeds']],
    ['check --repair', ['check', '--repair']],
    ['a second serve', ['serve', '--port', '0']],
  ])('%s ends at once with a message that names the holder', async (_, args) => {
    const { status, err } = await run(args, { STORE_URL: store });
    expect(err).toContain(`process ${server.child.pid}`);
    expect(err).toContain('serve');
    expect(err).not.toMatch(/^\s+at /m);
    expect(status).toBe(1);
  });

  it('restore ends at once with a message that names the holder', async () => {
    const copy = join(folder.path, 'other.db');
    expect((await run(['backup', copy], { STORE_URL: store })).status).toBe(0);
    const { status, err } = await run(['restore', copy, '--replace'], { STORE_URL: store });
    expect(err).toContain(`process ${server.child.pid}`);
    expect(status).toBe(1);
  });
});

/** pino JSON logs, one line a request. https://hl7.org/fhir/R4/security.html#general */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Log } from '../../src/log.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import { bundle, entry } from './writing.ts';

const lines: Json[] = [];
const add = (level: string) => (fields: object, message: string) => {
  lines.push({ level, message, ...fields });
};
const log: Log = {
  debug: add('debug'),
  info: add('info'),
  warn: add('warn'),
  error: add('error'),
  request: (line) => add('info')(line, 'request'),
  flush: () => {},
};

let server: TestServer;
beforeAll(async () => {
  server = await testServer({}, log);
});
afterAll(() => server.close());
beforeEach(() => {
  lines.length = 0;
});

const requests = () => lines.filter(({ message }) => message === 'request');

describe('one line a request: request id, interaction, type, status, duration, bytes', () => {
  test('of a read', async () => {
    await server.send('PUT', '/Patient/a', { resourceType: 'Patient', id: 'a' });
    lines.length = 0;
    const { text } = await server.get('/Patient/a', { 'X-Request-Id': 'mine' });
    expect(requests()).toEqual([
      {
        level: 'info',
        message: 'request',
        requestId: 'mine',
        interaction: 'read',
        type: 'Patient',
        status: 200,
        seconds: expect.any(Number),
        bytes: Buffer.byteLength(text),
      },
    ]);
  });

  test.each([
    ['GET', '/Patient/a/_history/1', 'vread', 'Patient', 200],
    ['GET', '/Patient/nobody', 'read', 'Patient', 404],
    ['GET', '/Patient/_history', 'history-type', 'Patient', 200],
    ['GET', '/Patient/a/_history', 'history-instance', 'Patient', 200],
    ['GET', '/_history', 'history-system', undefined, 200],
    ['GET', '/Patient?_id=a', 'search-type', 'Patient', 200],
    ['GET', '/Patient?unheard=of', 'search-type', 'Patient', 400],
    ['GET', '/?_type=Patient', 'search-system', undefined, 200],
    ['GET', '/metadata', 'capabilities', undefined, 200],
    ['GET', '/$versions', 'operation', undefined, 200],
    ['POST', '/Patient', 'create', 'Patient', 415],
    ['DELETE', '/Patient/nobody', 'delete', 'Patient', 204],
    ['GET', '/Nonsense', 'none', undefined, 404],
    ['PURGE', '/Patient', 'none', undefined, 405],
    ['OPTIONS', '/Patient', 'none', undefined, 204],
    ['GET', '/Patient/a?_format=xml', 'read', 'Patient', 406],
  ])('%s %s', async (method, path, interaction, type, status) => {
    await server.send(method, path);
    expect(requests()).toMatchObject([{ interaction, status }]);
    expect(requests()[0].type).toBe(type);
  });

  test('a bundle is one line; batch and transaction are told apart', async () => {
    await server.send('POST', '', bundle('batch', entry('GET', 'Patient/a'), entry('GET', 'Patient/b')));
    await server.send('POST', '', bundle('transaction', entry('GET', 'Patient/nobody/_history')));
    expect(requests().map(({ interaction }) => interaction)).toEqual(['batch', 'transaction']);
  });
});

describe('logs never contain resource contents', () => {
  const secret = 'Rumpelstilzchen';

  test('whatever is asked, and however it fails', async () => {
    const resource = (more: Json = {}) => ({ resourceType: 'Patient', name: [{ family: secret }], ...more });
    const fhir = { 'Content-Type': 'application/fhir+json' };
    await server.send('POST', '/Patient', resource());
    await server.send('PUT', `/Patient/${secret}`, resource({ id: secret }));
    await server.send('PUT', '/Patient/x', resource({ id: 'x', [secret]: secret }));
    await server.send('POST', '/Patient', `{"resourceType":"Patient","birthDate":"${secret}"}`, fhir);
    await server.send('POST', '/Patient', `{"resourceType":"${secret}"}`, fhir);
    await server.send('POST', '/Patient', `{${secret}`, fhir);
    await server.send('POST', `/${secret}`, resource());
    await server.send('PATCH', `/Patient/${secret}`, [{ op: 'test', path: '/name/0/family', value: 'y' }], {
      'Content-Type': 'application/json-patch+json',
    });
    await server.get(`/Patient?name=${secret}`);
    await server.get(`/Patient?${secret}=1`);
    await server.get(`/Patient/${secret}`);
    await server.get(`/Patient/${secret}/$${secret}`);
    await server.get('/Patient', { 'X-Request-Id': `${secret} ${secret}`, Prefer: secret, Accept: secret });
    await server.send('POST', '', bundle('transaction', entry('POST', 'Patient', resource({ birthDate: secret }))));
    await server.send('POST', '', bundle('batch', entry('POST', 'Patient', resource()), entry(secret, secret)));
    await server.send('POST', '/Binary', secret, { 'Content-Type': 'text/plain' });
    expect(requests().length).toBe(16);
    expect(JSON.stringify(lines)).not.toContain(secret);
  });

  test('nor does a failure of the server’s own: 500 tells nothing of the inside, the log has the places', async () => {
    const { store } = server.context;
    const broken = { ...server.context, store: Object.create(store) as typeof store };
    broken.store.read = () => Promise.reject(new TypeError(`cannot read ${secret}`));
    const { perform } = await import('../../src/interactions/perform.ts');
    const call = {
      interaction: 'read',
      type: 'Patient',
      id: 'a',
      method: 'GET',
      parameters: [],
      query: '',
      prefer: { return: undefined, handling: undefined },
      origin: { agent: 'test', address: '', requestId: 'r' },
    } as const;
    await expect(perform(broken, call)).rejects.toMatchObject({ status: 500, issues: [{ code: 'exception' }] });
    expect(lines).toMatchObject([{ level: 'error', message: 'failure', requestId: 'r', error: 'TypeError' }]);
    expect(lines[0].stack[0]).toContain('logs.test.ts');
    expect(JSON.stringify(lines)).not.toContain(secret);
  });
});

describe('the log itself', () => {
  const script = `
    import { createLog } from ${JSON.stringify(new URL('../../src/log.ts', import.meta.url).href)};
    const log = createLog(process.argv[1]);
    log.debug({ a: 1 }, 'one'); log.info({ b: 2 }, 'two'); log.error({ c: 3 }, 'three');
    log.request({ requestId: 'r', interaction: 'read', type: 'Patient', status: 200, seconds: 0.0012345, bytes: 6 });
    log.request({ requestId: 's', interaction: 'none', type: undefined, status: 404, seconds: 1, bytes: 0 });
    log.flush();`;
  const preload = fileURLToPath(new URL('../typescript.mjs', import.meta.url));

  const run = (level: string): Promise<readonly Json[]> =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, ['--import', preload, '--input-type=module', '-e', script, level]);
      let out = '';
      let faults = '';
      child.stdout.on('data', (data) => {
        out += data;
      });
      child.stderr.on('data', (data) => {
        faults += data;
      });
      child.on('error', reject);
      child.on('close', (code) => {
        if (code !== 0) reject(new Error(faults));
        const written = out.split('\n').filter((line) => line !== '');
        resolve(written.map((line) => JSON.parse(line)));
      });
    });

  test('is JSON lines with level, time and message, from LOG_LEVEL on', async () => {
    expect(await run('info')).toEqual([
      { level: 30, time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), b: 2, msg: 'two' },
      { level: 50, time: expect.any(String), c: 3, msg: 'three' },
      {
        level: 30,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        requestId: 'r',
        interaction: 'read',
        type: 'Patient',
        status: 200,
        ms: 1.235,
        bytes: 6,
        msg: 'request',
      },
      {
        level: 30,
        time: expect.any(String),
        requestId: 's',
        interaction: 'none',
        status: 404,
        ms: 1000,
        bytes: 0,
        msg: 'request',
      },
    ]);
    expect((await run('debug')).map(({ msg }) => msg)).toEqual(['one', 'two', 'three', 'request', 'request']);
    expect((await run('warn')).map(({ msg }) => msg)).toEqual(['three']);
    expect(await run('silent')).toEqual([]);
  });
});

test('an answer that streams leaves its line when it was sent, with its bytes', async () => {
  const streaming = await testServer({ PROFILES: 'profiles' }, log);
  lines.length = 0;
  const { text } = await streaming.get('/$csv-export?profile=Patient');
  expect(text).toContain('mrn');
  const [line, ...more] = requests();
  expect(more).toEqual([]);
  expect(line).toMatchObject({ interaction: 'operation', status: 200, bytes: Buffer.byteLength(text) });
  await streaming.close();
});

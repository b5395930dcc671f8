/** Settings, their flags and their faults. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { configurationOf, withSettingNames } from '../src/cli/settings-options.ts';
import { ConfigurationError, list, milliseconds, readConfiguration, settings } from '../src/config.ts';
import { compose } from '../src/main.ts';
import { shownUrl } from '../src/store/url.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

describe('the README', () => {
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| (?:`([^`]*)`)? *\| (.+) \|$/gm)];
  const documented = new Map(rows.map(([, name = '', value = '']) => [name, value]));

  test('documents each setting, and no other', () => {
    expect([...documented.keys()].sort()).toEqual(Object.keys(settings).sort());
  });

  test.each(Object.entries(settings))('names the default of %s', (name, { default: value }) => {
    const shown = documented.get(name);
    expect(shown).toBe(name === 'BASE_URL' ? 'http://HOST:PORT/fhir' : value);
  });
});

test('without anything, the defaults hold', () => {
  expect(readConfiguration({})).toEqual({
    HOST: '127.0.0.1',
    PORT: 8080,
    BASE_URL: '',
    STORE_URL: 'sqlite:./data/osteon.db',
    PROFILES: './profiles',
    PROFILES_WATCH: 'on',
    VALIDATION: 'profiles',
    VALIDATION_BUDGET_MS: 1000,
    LOG_LEVEL: 'info',
    MAX_BODY_BYTES: 100 * 1024 * 1024,
    MAX_URL_BYTES: 64 * 1024,
    TIMEZONE: 'UTC',
    AUDIT: 'all',
    AUDIT_RETENTION: 'off',
    DEFAULT_COUNT: 50,
    MAX_COUNT: 1000,
    MAX_INCLUDES: 10_000,
    CURSOR_LIFETIME: '24h',
    SEARCH_BUDGET_MS: 5000,
    IGNORED_PARAMETERS: '',
    CONDITIONAL_DELETE: 'single',
    CONDITIONAL_DELETE_MAX: 1000,
    REFERENTIAL_INTEGRITY: 'off',
    CORS_ORIGINS: '',
    TRUST_PROXY: false,
  });
});

test('an empty variable is as if it were not set', () => {
  expect(readConfiguration({ PORT: '', HOST: '', AUDIT: '' })).toEqual(readConfiguration({}));
});

test('flags beat the environment', () => {
  expect(readConfiguration({ PORT: '1', HOST: 'a' }, { PORT: '2' })).toMatchObject({ PORT: 2, HOST: 'a' });
});

describe('each setting takes its values', () => {
  test.each([
    ['HOST', '0.0.0.0', '0.0.0.0'],
    ['HOST', '::1', '::1'],
    ['PORT', '0', 0],
    ['PORT', '65535', 65_535],
    ['BASE_URL', 'https://ehr.example.org/r4', 'https://ehr.example.org/r4'],
    ['STORE_URL', 'sqlite::memory:', 'sqlite::memory:'],
    ['STORE_URL', 'sqlite:/var/lib/osteon.db', 'sqlite:/var/lib/osteon.db'],
    ['STORE_URL', 'mongodb://a:27017,b/osteon?replicaSet=rs0', 'mongodb://a:27017,b/osteon?replicaSet=rs0'],
    ['STORE_URL', 'mongodb+srv://me:secret@cluster.example.org', 'mongodb+srv://me:secret@cluster.example.org'],
    ['LOG_LEVEL', 'silent', 'silent'],
    ['MAX_BODY_BYTES', '1024', 1024],
    ['MAX_URL_BYTES', '2048', 2048],
    ['TIMEZONE', 'Europe/Berlin', 'Europe/Berlin'],
    ['AUDIT', 'writes', 'writes'],
    ['AUDIT', 'off', 'off'],
    ['AUDIT_RETENTION', '365d', '365d'],
    ['DEFAULT_COUNT', '10', 10],
    ['MAX_COUNT', '10000', 10_000],
    ['MAX_INCLUDES', '1', 1],
    ['CURSOR_LIFETIME', '30m', '30m'],
    ['SEARCH_BUDGET_MS', '100', 100],
    ['IGNORED_PARAMETERS', '_, apikey', '_, apikey'],
    ['CONDITIONAL_DELETE', 'multiple', 'multiple'],
    ['CONDITIONAL_DELETE_MAX', '5', 5],
    ['REFERENTIAL_INTEGRITY', 'full', 'full'],
    ['CORS_ORIGINS', '*', '*'],
    ['CORS_ORIGINS', 'https://a.example, http://localhost:3000', 'https://a.example, http://localhost:3000'],
    ['CORS_ORIGINS', 'capacitor://localhost', 'capacitor://localhost'],
    ['TRUST_PROXY', 'true', true],
  ])('%s=%s', (name, value, expected) => {
    expect(readConfiguration({ [name]: value })).toMatchObject({ [name]: expected });
  });
});

describe('a value that can’t be used ends the start with a message that names the variable', () => {
  test.each([
    ['PORT', 'http'],
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['BASE_URL', 'ehr.example.org'],
    ['BASE_URL', 'ftp://ehr.example.org'],
    ['BASE_URL', 'https://ehr.example.org/fhir?x'],
    ['STORE_URL', 'postgres://localhost'],
    ['STORE_URL', 'sqlite:'],
    ['STORE_URL', 'mongodb://'],
    ['STORE_URL', 'mongodb:localhost'],
    ['STORE_URL', './data/osteon.db'],
    ['LOG_LEVEL', 'loud'],
    ['MAX_BODY_BYTES', '0'],
    ['MAX_BODY_BYTES', '100MB'],
    ['MAX_BODY_BYTES', '99999999999'],
    ['MAX_URL_BYTES', '10'],
    ['AUDIT', 'on'],
    ['AUDIT_RETENTION', '365'],
    ['AUDIT_RETENTION', '0d'],
    ['DEFAULT_COUNT', '0'],
    ['DEFAULT_COUNT', '1001'],
    ['MAX_COUNT', '100000'],
    ['MAX_INCLUDES', '0'],
    ['CURSOR_LIFETIME', 'forever'],
    ['CURSOR_LIFETIME', '1.5h'],
    ['SEARCH_BUDGET_MS', '0'],
    ['CONDITIONAL_DELETE', 'many'],
    ['CONDITIONAL_DELETE_MAX', '-5'],
    ['REFERENTIAL_INTEGRITY', 'on'],
    ['CORS_ORIGINS', 'a.example'],
    ['CORS_ORIGINS', 'https://a.example/'],
    ['CORS_ORIGINS', 'https://a.example https://b.example'],
    ['CORS_ORIGINS', '*, https://a.example'],
    ['TRUST_PROXY', 'yes'],
    ['TRUST_PROXY', '2'],
  ])('%s=%s', (name, value) => {
    const read = () => readConfiguration({ [name]: value });
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(new RegExp(`^${name} `));
  });

  test('all of them at once', () => {
    expect(() => readConfiguration({ PORT: 'x', AUDIT: 'y' })).toThrow(/^PORT .*\nAUDIT .*\(all, writes, off\)/);
  });

  test('a store’s URL is not repeated: it may hold a password', () => {
    expect(() => readConfiguration({ STORE_URL: 'mongo://me:secret@host' })).toThrow(/^STORE_URL (?!.*secret)/);
  });

  test('TIMEZONE that no one knows', async () => {
    const log = { debug() {}, info() {}, warn() {}, error() {}, request() {}, flush() {} };
    const configuration = readConfiguration({ STORE_URL: 'sqlite::memory:', TIMEZONE: 'Europe/Atlantis' });
    await expect(compose(configuration, 'http://localhost/fhir', log)).rejects.toThrow(/^TIMEZONE /);
  });

  test('MAX_COUNT below the default DEFAULT_COUNT lowers that', () => {
    expect(readConfiguration({ MAX_COUNT: '10' })).toMatchObject({ MAX_COUNT: 10, DEFAULT_COUNT: 10 });
    expect(() => readConfiguration({ MAX_COUNT: '10', DEFAULT_COUNT: '11' })).toThrow(/^DEFAULT_COUNT .*MAX_COUNT/);
  });

  test('a flag that nobody knows', () => {
    expect(() => readConfiguration({}, { PROT: '80' })).toThrow(/^PROT .*PORT/);
  });
});

describe('flags of the same names', () => {
  test('are written --PORT or --port, with = or without', () => {
    expect(withSettingNames(['serve', '--PORT', '1', '--MAX_BODY_BYTES=2', '--base-url', 'x'])).toEqual([
      'serve',
      '--port',
      '1',
      '--max-body-bytes=2',
      '--base-url',
      'x',
    ]);
  });

  test('each setting has one', () => {
    const camel = (name: string) => name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    // The test's runner has a variable of this name.
    vi.stubEnv('BASE_URL', '');
    const given = { [camel('MAX_BODY_BYTES')]: '2048', [camel('AUDIT')]: 'off', other: true };
    expect(configurationOf(given)).toMatchObject({ MAX_BODY_BYTES: 2048, AUDIT: 'off' });
    vi.unstubAllEnvs();
  });

  const command = (...args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> =>
    new Promise((resolve) => {
      const preload = fileURLToPath(new URL('./typescript.mjs', import.meta.url));
      const script = fileURLToPath(new URL('../src/cli/osteon.ts', import.meta.url));
      execFile(process.execPath, ['--import', preload, script, ...args], (error, out, faults) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, out: out + faults });
      });
    });

  test('`serve` ends with status 1 and names the variable, without a stack', async () => {
    const { code, out } = await command('serve', '--PORT', 'http');
    expect(code).toBe(1);
    expect(out).toMatch(/^PORT must be integer/m);
    expect(out).not.toMatch(/^\s+at /m);
  });

  test('`serve --help` lists every setting', async () => {
    const { code, out } = await command('serve', '--help');
    expect(code).toBe(0);
    for (const name of Object.keys(settings)) expect(out).toContain(`--${name.toLowerCase().replaceAll('_', '-')} `);
  });

  test('a flag that nobody knows ends the start', async () => {
    const { code, out } = await command('serve', '--prot', '80');
    expect(code).toBe(1);
    expect(out).toContain('--prot');
  });
});

describe('a store’s URL is shown', () => {
  test.each([
    ['sqlite:./data/osteon.db', './data/osteon.db'],
    ['mongodb://a:27017,b/osteon?replicaSet=rs0', 'a:27017,b/osteon'],
    ['mongodb://me:secret@a/osteon', 'a/osteon'],
    ['mongodb://me:sec@ret/x@a/osteon?tlsCertificateKeyFilePassword=secret', 'a/osteon'],
    ['mongodb+srv://me:secret@cluster.example.org/?authSource=admin', 'cluster.example.org/'],
  ])('without what may be secret: %s', (url, shown) => {
    expect(shownUrl(url)).toMatch(new RegExp(`^[a-z+]+:(//)?${shown.replaceAll('.', '\\.')}$`));
    expect(shownUrl(url)).not.toMatch(/sec|ret/);
  });
});

test('durations and lists', () => {
  expect(['1s', '2m', '3h', '4d'].map(milliseconds)).toEqual([1000, 120_000, 10_800_000, 345_600_000]);
  expect(list(' a, b ,,c')).toEqual(['a', 'b', 'c']);
  expect(list('')).toEqual([]);
});

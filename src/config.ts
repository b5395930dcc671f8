/** The configuration: environment variables, and flags of the same names, checked at the start. https://hl7.org/fhir/R4/http.html */
import type { ErrorObject, JSONSchemaType } from 'ajv';
import { checkOf } from './config-check.ts';

/** Each setting by its variable's name. */
export interface Configuration {
  readonly HOST: string;
  readonly PORT: number;
  readonly BASE_URL: string;
  readonly STORE_URL: string;
  readonly PROFILES: string;
  readonly PROFILES_WATCH: 'on' | 'off';
  readonly VALIDATION: 'off' | 'base' | 'profiles';
  readonly VALIDATION_BUDGET_MS: number;
  readonly LOG_LEVEL: string;
  readonly MAX_BODY_BYTES: number;
  readonly MAX_URL_BYTES: number;
  readonly TIMEZONE: string;
  readonly AUDIT: 'all' | 'writes' | 'off';
  readonly AUDIT_RETENTION: string;
  readonly DEFAULT_COUNT: number;
  readonly MAX_COUNT: number;
  readonly MAX_INCLUDES: number;
  readonly CURSOR_LIFETIME: string;
  readonly SEARCH_BUDGET_MS: number;
  readonly IGNORED_PARAMETERS: string;
  readonly CONDITIONAL_DELETE: 'single' | 'multiple';
  readonly CONDITIONAL_DELETE_MAX: number;
  readonly REFERENTIAL_INTEGRITY: 'off' | 'write' | 'full';
  readonly CORS_ORIGINS: string;
  readonly TRUST_PROXY: boolean;
}

/** What the README and `--help` say of each; `default` is written as in the environment. */
export const settings: {
  readonly [K in keyof Configuration]: { readonly default: string; readonly about: string };
} = {
  HOST: { default: '127.0.0.1', about: 'Address to listen on. Another one than this machine’s own prints a warning.' },
  PORT: { default: '8080', about: 'Port to listen on; 0 takes a free one.' },
  BASE_URL: { default: '', about: 'Base of all links. Default: http://HOST:PORT/fhir.' },
  STORE_URL: {
    default: 'sqlite:./data/osteon.db',
    about: 'sqlite:FILE, sqlite::memory: (gone at the end), mongodb://HOST/DATABASE or mongodb+srv://…',
  },
  PROFILES: {
    default: './profiles',
    about: 'Directory of FHIR packages (.tgz) and JSON files with definitions, read at the start.',
  },
  PROFILES_WATCH: {
    default: 'on',
    about: 'on, or off: whether what changes in PROFILES counts without a restart. Off where NODE_ENV is production.',
  },
  VALIDATION: {
    default: 'profiles',
    about: 'What is written is checked against: profiles (R4 and those in meta.profile), base (R4 alone) or off.',
  },
  VALIDATION_BUDGET_MS: { default: '1000', about: 'Milliseconds that validating one resource may take.' },
  LOG_LEVEL: { default: 'info', about: 'fatal, error, warn, info, debug, trace or silent.' },
  MAX_BODY_BYTES: { default: '104857600', about: 'Largest request body, counted after unpacking.' },
  MAX_URL_BYTES: { default: '65536', about: 'Longest URL.' },
  TIMEZONE: { default: 'UTC', about: 'Zone of times that have none (IANA name). The store remembers it.' },
  AUDIT: { default: 'all', about: 'Which interactions leave AuditEvents: all, writes or off.' },
  AUDIT_RETENTION: { default: 'off', about: 'How long the server’s AuditEvents are kept: off, or e.g. 365d.' },
  DEFAULT_COUNT: { default: '50', about: 'Entries of a page without _count.' },
  MAX_COUNT: { default: '1000', about: 'Most entries of a page; a larger _count is lowered to it.' },
  MAX_INCLUDES: { default: '10000', about: 'Most included resources of a page.' },
  CURSOR_LIFETIME: { default: '24h', about: 'How long page links hold, e.g. 30m, 24h, 7d.' },
  SEARCH_BUDGET_MS: { default: '5000', about: 'Milliseconds that a search may take.' },
  IGNORED_PARAMETERS: { default: '', about: 'Comma list of parameters that count as known and are ignored.' },
  CONDITIONAL_DELETE: { default: 'single', about: 'single, or multiple: a conditional delete deletes all matches.' },
  CONDITIONAL_DELETE_MAX: { default: '1000', about: 'Most matches that a conditional delete deletes at once.' },
  REFERENTIAL_INTEGRITY: { default: 'off', about: 'off, write (references must resolve) or full (and stay so).' },
  CORS_ORIGINS: { default: '', about: 'Comma list of origins that browsers may call from, or *.' },
  TRUST_PROXY: { default: 'false', about: 'Whether X-Forwarded-For, -Proto and -Host of a proxy count.' },
};

/** What a browser sends as `Origin`: no path, no final slash. */
const origin = '[a-z][a-z0-9+.-]*://[^/,\\s]+';
const duration = '^[1-9][0-9]*(s|m|h|d)$';

/** What the settings may be. An empty one counts as none, so that no text needs a least length. */
export const schema: JSONSchemaType<Configuration> = {
  type: 'object',
  required: Object.keys(settings) as (keyof Configuration)[],
  properties: {
    HOST: { type: 'string' },
    PORT: { type: 'integer', minimum: 0, maximum: 65535 },
    BASE_URL: { type: 'string', pattern: '^$|^https?://[^?#]+$' },
    STORE_URL: { type: 'string', pattern: '^(sqlite:|mongodb(\\+srv)?://).+' },
    PROFILES: { type: 'string' },
    PROFILES_WATCH: { type: 'string', enum: ['on', 'off'] },
    VALIDATION: { type: 'string', enum: ['off', 'base', 'profiles'] },
    VALIDATION_BUDGET_MS: { type: 'integer', minimum: 1 },
    LOG_LEVEL: { type: 'string', enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] },
    MAX_BODY_BYTES: { type: 'integer', minimum: 1024, maximum: 2 ** 31 - 1 },
    MAX_URL_BYTES: { type: 'integer', minimum: 1024, maximum: 1048576 },
    TIMEZONE: { type: 'string' },
    AUDIT: { type: 'string', enum: ['all', 'writes', 'off'] },
    AUDIT_RETENTION: { type: 'string', pattern: `^off$|${duration}` },
    DEFAULT_COUNT: { type: 'integer', minimum: 1 },
    MAX_COUNT: { type: 'integer', minimum: 1, maximum: 10000 },
    MAX_INCLUDES: { type: 'integer', minimum: 1 },
    CURSOR_LIFETIME: { type: 'string', pattern: duration },
    SEARCH_BUDGET_MS: { type: 'integer', minimum: 1 },
    IGNORED_PARAMETERS: { type: 'string' },
    CONDITIONAL_DELETE: { type: 'string', enum: ['single', 'multiple'] },
    CONDITIONAL_DELETE_MAX: { type: 'integer', minimum: 1, maximum: 100000 },
    REFERENTIAL_INTEGRITY: { type: 'string', enum: ['off', 'write', 'full'] },
    CORS_ORIGINS: { type: 'string', pattern: `^\\s*(\\*|${origin}(\\s*,\\s*${origin})*)?\\s*$` },
    TRUST_PROXY: { type: 'boolean' },
  },
};

/** A setting that can't be used; the message names its variable. */
export class ConfigurationError extends Error {}

/**
 * The configuration of an environment, flags first: `{ PORT: '8081' }` beats `process.env.PORT`.
 * Throws ConfigurationError naming the variable, what it may be, and, for a flag nobody knows, that flag.
 */
export function readConfiguration(
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, string>> = {},
): Configuration {
  const names = Object.keys(settings) as (keyof Configuration)[];
  const unknown = Object.keys(flags).find((flag) => !Object.hasOwn(settings, flag));
  if (unknown !== undefined) throw new ConfigurationError(`${unknown} is no setting; there are: ${names.join(', ')}.`);
  const values = Object.fromEntries(
    names.map((name) => {
      const given = flags[name] ?? environment[name];
      return [name, given === undefined || given === '' ? defaultOf(name, environment) : given];
    }),
  );
  const validate = checkOf(schema);
  if (!validate(values)) {
    throw new ConfigurationError((validate.errors ?? []).map((error) => sentence(error, values)).join('\n'));
  }
  const chosen = flags.DEFAULT_COUNT ?? environment.DEFAULT_COUNT ?? '';
  if (values.DEFAULT_COUNT <= values.MAX_COUNT) return values;
  if (chosen === '') return { ...values, DEFAULT_COUNT: values.MAX_COUNT };
  throw new ConfigurationError('DEFAULT_COUNT must not be greater than MAX_COUNT.');
}

function defaultOf(name: keyof Configuration, environment: Readonly<Record<string, string | undefined>>): string {
  // What is in use isn't changed by copying a file half.
  if (name === 'PROFILES_WATCH' && environment.NODE_ENV === 'production') return 'off';
  return settings[name].default;
}

function sentence(error: ErrorObject, values: Readonly<Record<string, unknown>>): string {
  const name = error.instancePath.slice(1);
  const about = Object.entries(settings).find(([each]) => each === name)?.[1].about ?? '';
  const allowed = error.keyword === 'enum' ? ` (${(error.params.allowedValues as readonly string[]).join(', ')})` : '';
  const found = name.endsWith('_URL') ? '' : ` It is ${JSON.stringify(values[name])}.`;
  return `${name} ${error.message}${allowed}.${found} ${about}`;
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration such as `24h`. */
export function milliseconds(text: string): number {
  return Number(text.slice(0, -1)) * (units[text.slice(-1)] ?? 0);
}

/** The entries of a comma list, trimmed, without empty ones. */
export function list(text: string): readonly string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

/** A whole server on a store of its own, without a socket. */
import { vi } from 'vitest';
import { createApp } from '../../src/app.ts';
import { type Configuration, readConfiguration } from '../../src/config.ts';
import type { Context } from '../../src/interactions/context.ts';
import { SearchParameterKeeper } from '../../src/jobs/search-parameters.ts';
import type { Log } from '../../src/log.ts';
import { compose } from '../../src/main.ts';
import { freshStore } from './stores.ts';

/**
 * What most tests do without: definitions of files, and resources that keep all of R4's rules. Budgets are a clock's, which
 * a busy machine stands still beside: only tests of budgets have small ones.
 */
export const plain = {
  VALIDATION: 'off',
  PROFILES: 'test/no-profiles',
  PROFILES_WATCH: 'off',
  VALIDATION_BUDGET_MS: '60000',
  SEARCH_BUDGET_MS: '60000',
} as const;

export const base = 'http://localhost:8080/fhir';

const nothing = () => {};
export const silent: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  request: nothing,
  flush: nothing,
};

/** A JSON answer as tests look at it. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads answers of any shape
export type Json = any;

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined where it is empty or not JSON. */
  readonly body: Json;
}

export interface TestServer {
  readonly context: Context;
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Reply>;
  readonly send: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>;
  readonly close: () => Promise<void>;
}

/**
 * Starts a server with these settings, on a fresh store unless they name one. Bodies that are strings or bytes are sent as they are, others as FHIR JSON.
 * `log`: where its lines go; nowhere by default.
 */
export async function testServer(
  flags: Partial<Record<keyof Configuration, string>> = {},
  log: Log = silent,
): Promise<TestServer> {
  const fresh = flags.STORE_URL === undefined ? freshStore() : undefined;
  const store = fresh === undefined ? {} : { STORE_URL: fresh.url };
  const configuration = readConfiguration({}, { ...plain, ...store, ...flags });
  const composed = await compose(configuration, base, log);
  let requests = 0;
  const app = createApp({
    context: composed.context,
    log,
    metrics: composed.metrics,
    maxBodyBytes: configuration.MAX_BODY_BYTES,
    maxUrlBytes: configuration.MAX_URL_BYTES,
    corsOrigins: configuration.CORS_ORIGINS === '' ? [] : configuration.CORS_ORIGINS.split(','),
    trustProxy: configuration.TRUST_PROXY,
    forwardedBase: configuration.TRUST_PROXY,
    newRequestId: () => {
      requests += 1;
      return `test-${requests}`;
    },
  });
  const send: TestServer['send'] = async (method, path, body, headers = {}) => {
    const url = path.startsWith('http') ? path : `${base}${path}`;
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const sent = body === undefined ? undefined : raw ? (body as string) : JSON.stringify(body);
    const type: Record<string, string> = body === undefined ? {} : { 'Content-Type': 'application/fhir+json' };
    const init: RequestInit = { method, headers: { ...type, ...headers } };
    const response = await app.request(url, sent === undefined ? init : { ...init, body: sent });
    const text = await response.text();
    return replyOf(response, text);
  };
  return {
    context: composed.context,
    get: (path, headers) => send('GET', path, undefined, headers),
    send,
    close: async () => {
      await composed.close();
      await fresh?.remove();
    },
  };
}

/**
 * Holds up the filling of indexes, so that what is asked meanwhile doesn't race with it. Gives what lets it go on.
 */
export function heldIndexing({ context }: TestServer): () => void {
  const advance = vi.spyOn(context.store.parameters, 'advance').mockResolvedValue(0);
  return () => advance.mockRestore();
}

/** Resolves when all search parameters are indexed. */
export function indexed({ context }: TestServer): Promise<void> {
  const { searchParameters } = context;
  if (!(searchParameters instanceof SearchParameterKeeper)) throw new Error('another implementation');
  return searchParameters.settled();
}

function replyOf({ status, headers }: Response, text: string): Reply {
  let body: { readonly value: Json } | undefined;
  return {
    status,
    headers,
    text,
    // Some tests get hundreds of megabytes and compare text alone.
    get body() {
      body ??= { value: parsed(text) };
      return body.value;
    },
  };
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

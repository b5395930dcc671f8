/** Reads the configuration, opens one store, listens: the only file that names a store. https://hl7.org/fhir/R4/http.html */
import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { v7 as uuid } from 'uuid';
import { auditSink } from './audit/collector.ts';
import { type Configuration, ConfigurationError, list, milliseconds } from './config.ts';
import {
  type Extraction,
  extractionOf,
  extractionVersion,
  extractorOf,
  extractStored,
  oldestReadable,
  parameterDefinitions,
} from './extraction.ts';
import { type Definitions, loadDefinitions } from './fhir/definitions/definitions.ts';
import { isTimezone } from './fhir/period.ts';
import { drainable } from './http/drain.ts';
import { basePath, type Edge } from './http/edge.ts';
import { createMetrics, type Metrics } from './http/metrics.ts';
import { listener } from './http/node.ts';
import { answerUnreadable } from './http/overflow.ts';
import { Conformance } from './interactions/conformance.ts';
import type { Context, Settings } from './interactions/context.ts';
import { DefinitionsSource } from './interactions/definitions-source.ts';
import { DefinitionVersions } from './jobs/definition-versions.ts';
import { DirectoryWatch } from './jobs/directory-watch.ts';
import { ReindexJobs } from './jobs/reindex-jobs.ts';
import { currentRegistry, SearchParameterKeeper } from './jobs/search-parameters.ts';
import { createLog, type Log } from './log.ts';
import { operations } from './operations/registry.ts';
import { Profiles } from './profiles.ts';
import { StoreUnavailable } from './store/errors.ts';
import type { ParameterDefinition } from './store/parameter-index.ts';
import type { Store } from './store/port.ts';
import type { SqliteOptions } from './store/sqlite/store.ts';
import { storeKind } from './store/url.ts';
import type { Entries } from './store/write.ts';
import { software } from './version.ts';

/** Everything that interactions need, over an open store. */
export interface Composed {
  readonly context: Context;
  readonly store: Store;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Writes out what is collected, then closes the store. */
  readonly close: () => Promise<void>;
}

/**
 * Opens the store of a configuration and puts the rooms together.
 * Throws ConfigurationError, and StoreUnavailable where another process holds the store.
 */
export async function compose(configuration: Configuration, baseUrl: string, log: Log): Promise<Composed> {
  if (!isTimezone(configuration.TIMEZONE)) {
    throw new ConfigurationError(
      `TIMEZONE must be an IANA name such as Europe/Berlin. It is ${configuration.TIMEZONE}.`,
    );
  }
  const definitions = loadDefinitions();
  const settings = settingsOf(configuration, baseUrl);
  const { timezone, cursorLifetime } = settings;
  const extraction = extractionOf(configuration, baseUrl);
  const report = (text: string, error?: unknown) =>
    log.error(error === undefined ? {} : { cause: causeOf(error) }, text);
  const profiles = await profilesOf(configuration, definitions, log);
  const { wanted: fixed, versions } = parameterDefinitions(configuration, definitions);
  const searchParameters = new SearchParameterKeeper({
    definitions,
    profiles: profiles.parameters,
    fixed,
    versions,
    oldestReadable,
    extractionVersion: (definition) => extractionVersion(definition, false),
    extractorOf: (registry) => extractorOf(extraction, timezone, definitions, registry),
    clock: Date.now,
    cursorLifetime,
    report,
  });
  const { registry, extract } = searchParameters;
  const timings: Pick<Metrics, 'store' | 'auditHead'> = { store: () => undefined, auditHead: () => undefined };
  const store = await openStore(configuration.STORE_URL, log, {
    cursorLifetime,
    timezone,
    extraction: JSON.stringify(extraction),
    parameters: (stored) => searchParameters.opening(stored),
    ...(configuration.AUDIT_RETENTION === 'off' ? {} : { auditRetention: milliseconds(configuration.AUDIT_RETENTION) }),
    onAuditHead: (chain, sequence, hash) => {
      log.info({ chain, sequence, hash }, 'audit head');
      timings.auditHead(chain, sequence, hash);
    },
    report,
    onTiming: (operation, took) => timings.store(operation, took / 1000),
  });
  await searchParameters.attach(store);
  const reindexing = new ReindexJobs({
    store,
    extract: searchParameters.reextract,
    clock: Date.now,
    newId: () => uuid(),
    report,
  });
  await reindexing.resume();
  const metrics = createMetrics(() => store.counts());
  Object.assign(timings, { store: metrics.store, auditHead: metrics.auditHead });
  const sink = auditSink(store.audit, {
    mode: configuration.AUDIT,
    clock: Date.now,
    report: (error) => log.error({ cause: causeOf(error) }, 'AuditEvents of reads could not be stored'),
  });
  const conformance = new Conformance(store, definitions, new DefinitionsSource(() => context));
  const context: Context = {
    store,
    definitions,
    registry,
    extract,
    searchParameters,
    reindexing,
    operations,
    filed: profiles,
    conformance,
    settings,
    clock: Date.now,
    newId: () => uuid(),
    audit: sink,
    report: (error, requestId) => {
      // A stack names places in the program; messages of libraries may quote data, so only its frames are logged.
      const frames =
        error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
      log.error({ requestId, error: nameOf(error), cause: causeOf(error), stack: frames }, 'failure');
    },
  };
  const reload = async () => {
    try {
      await profiles.reload(searchParameters.redefine);
      conformance.renew();
      log.info({}, 'profiles were read anew');
    } catch (error) {
      // The messages name files and elements of definitions, not of patients' data.
      log.error({ fault: error instanceof Error ? error.message : nameOf(error) }, 'profiles stay as they were');
    }
  };
  const onFault = (error: unknown) =>
    log.error({ fault: error instanceof Error ? error.message : nameOf(error) }, 'not all of PROFILES can be watched');
  const watched = configuration.PROFILES_WATCH === 'on';
  const watch = watched ? new DirectoryWatch(configuration.PROFILES, { onChange: reload, onFault }) : undefined;
  const close = async () => {
    await watch?.close();
    await reindexing.close();
    await searchParameters.close();
    await sink.close();
    await store.close();
  };
  return { context, store, metrics, log, close };
}

/** Opens the store that a URL names. The other one is not even loaded. */
async function openStore(url: string, log: Log, options: SqliteOptions): Promise<Store> {
  if (storeKind(url) === 'mongodb') {
    const { openMongoStore } = await import('./store/mongo/store.ts');
    const indexes = {
      onMissing: (collection: string, name: string, instead: readonly string[]) =>
        instead.length === 0
          ? log.warn({ collection, name }, 'an index is missing: it is made anew')
          : log.warn(
              { collection, name, instead },
              'an index is not what it should be: it is made anew, then the old one goes',
            ),
      onFault: (error: unknown) => log.error({ cause: causeOf(error) }, 'an index can not be made for now'),
    };
    const onNumber = (lost: number, taken: number) =>
      log.warn(
        { lost, taken },
        'it stood still for so long that another process has its number: it goes on with another',
      );
    return openMongoStore(url, { ...options, indexes, onNumber });
  }
  const { openSqliteStore } = await import('./store/sqlite/store.ts');
  return openSqliteStore(url, options);
}

/**
 * What indexes stored resources anew, for commands that look after a store.
 * `recorded`: what the store recorded of the extraction; undefined: nothing, and the configuration counts.
 * `current`: the parameters that its index has.
 */
export function reextraction(
  configuration: Configuration,
  timezone: string,
  recorded: string | undefined,
  current: readonly ParameterDefinition[],
): (bytes: Uint8Array) => Entries {
  const definitions = loadDefinitions();
  const configured = extractionOf(configuration, baseUrlOf(configuration, configuration.PORT));
  const extraction: Extraction = recorded === undefined ? configured : JSON.parse(recorded);
  const extract = extractorOf(extraction, timezone, definitions, currentRegistry(definitions, current));
  return (bytes) => extractStored(extract, bytes);
}

/** Whether what a store has of a parameter was made by an earlier version of extraction, whose entries go on answering. */
export function entriesOfEarlier(configuration: Configuration): (parameter: ParameterDefinition) => boolean {
  const definitions = loadDefinitions();
  const { versions } = parameterDefinitions(configuration, definitions);
  const known = new DefinitionVersions(definitions.searchParameters, versions);
  return (parameter) => known.isOfEarlier(parameter, (definition) => extractionVersion(definition, false));
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : typeof error);

/** What a failure of the store's own says; other texts may quote data. */
function causeOf(error: unknown): string {
  return error instanceof StoreUnavailable ? error.message : nameOf(error);
}

/** The base of links: as configured, or where the server listens. */
export function baseUrlOf({ BASE_URL, HOST }: Configuration, port: number): string {
  const host = HOST.includes(':') ? `[${HOST}]` : HOST;
  return BASE_URL === '' ? `http://${host}:${port}${basePath}` : BASE_URL.replace(/\/+$/, '');
}

function settingsOf(configuration: Configuration, baseUrl: string): Settings {
  return {
    baseUrl,
    timezone: configuration.TIMEZONE,
    defaultCount: configuration.DEFAULT_COUNT,
    maxCount: configuration.MAX_COUNT,
    totalBound: 10_000,
    searchBudget: configuration.SEARCH_BUDGET_MS,
    includeCap: configuration.MAX_INCLUDES,
    ignoredParameters: list(configuration.IGNORED_PARAMETERS),
    conditionalDelete: configuration.CONDITIONAL_DELETE,
    conditionalDeleteMaximum: configuration.CONDITIONAL_DELETE_MAX,
    referentialIntegrity: configuration.REFERENTIAL_INTEGRITY,
    validation: configuration.VALIDATION,
    validationBudget: configuration.VALIDATION_BUDGET_MS,
    cursorLifetime: milliseconds(configuration.CURSOR_LIFETIME),
    cors: list(configuration.CORS_ORIGINS).length > 0,
    software,
  };
}

/** The definitions in `PROFILES`. Throws ConfigurationError for one that can't be used. */
async function profilesOf({ PROFILES }: Configuration, definitions: Definitions, log: Log): Promise<Profiles> {
  const report = (fault: string) => log.error({ fault }, 'definitions of a package are left out');
  try {
    return await Profiles.read({ directory: PROFILES, definitions, report });
  } catch (error) {
    throw new ConfigurationError(`PROFILES: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A server that listens. */
export interface RunningServer {
  readonly baseUrl: string;
  readonly port: number;
  readonly composed: Composed;
  /** Stops listening, finishes what is in flight, closes the store. */
  readonly stop: () => Promise<void>;
}

/**
 * Opens the store and listens. Requests that come before the store is open, and what `prepare` does is done, wait.
 * Throws what `compose` throws, and what listening throws.
 */
export async function startServer(
  configuration: Configuration,
  prepare: (context: Context) => Promise<void> = async () => {},
): Promise<RunningServer> {
  const log = createLog(configuration.LOG_LEVEL);
  const server = createServer({
    // Above the limit, so that longer URLs reach the routes and get an OperationOutcome.
    maxHeaderSize: configuration.MAX_URL_BYTES * 2 + 65_536,
    requestTimeout: 0,
    keepAliveTimeout: 65_000,
  });
  const newRequestId = requestIds();
  answerUnreadable(server, newRequestId);
  const drain = drainable(server);
  // Links need the port, and a port of 0 is known only once it is taken.
  const opened = openable<RequestListener>();
  const waiting: RequestListener = (request, response) => {
    opened.promise.then(
      (answering) => answering(request, response),
      () => response.destroy(),
    );
  };
  server.on('request', waiting);
  const port = await listen(server, configuration.HOST, configuration.PORT);
  try {
    const baseUrl = baseUrlOf(configuration, port);
    const composed = await compose(configuration, baseUrl, log);
    try {
      await prepare(composed.context);
    } catch (error) {
      await composed.close();
      throw error;
    }
    const edge = edgeOf(configuration, composed, newRequestId);
    const answering = listener(edge);
    server.off('request', waiting);
    server.on('request', answering);
    opened.resolve(answering);
    return { baseUrl, port, composed, stop: () => stop(drain, composed) };
  } catch (error) {
    opened.reject(error);
    server.close();
    server.closeAllConnections();
    throw error;
  }
}

/** A promise that is settled from outside. */
function openable<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  // Nobody may be waiting when it fails.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** Ids for requests that bring none: random for each start, then counted. */
function requestIds(): () => string {
  const prefix = randomBytes(6).toString('base64url');
  let requests = 0;
  return () => {
    requests += 1;
    return `${prefix}-${requests.toString(36)}`;
  };
}

function edgeOf(configuration: Configuration, composed: Composed, newRequestId: () => string): Edge {
  return {
    context: composed.context,
    log: composed.log,
    metrics: composed.metrics,
    maxBodyBytes: configuration.MAX_BODY_BYTES,
    maxUrlBytes: configuration.MAX_URL_BYTES,
    corsOrigins: list(configuration.CORS_ORIGINS),
    trustProxy: configuration.TRUST_PROXY,
    forwardedBase: configuration.TRUST_PROXY && configuration.BASE_URL === '',
    newRequestId,
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

async function stop(drain: () => Promise<void>, composed: Composed): Promise<void> {
  await drain();
  await composed.close();
  composed.log.info({}, 'stopped');
  composed.log.flush();
}

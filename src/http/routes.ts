/** From an HTTP request to an interaction and back. https://hl7.org/fhir/R4/http.html */
import type { Context as HonoContext } from 'hono';
import { parseMediaType } from '../fhir/media-type.ts';
import { failure, OutcomeError } from '../fhir/outcome.ts';
import type { Call, Context, Prefer, QueryParameters } from '../interactions/context.ts';
import { allowOf, parseQuery, type Target, targetOf } from '../interactions/path.ts';
import { outcomeError, perform } from '../interactions/perform.ts';
import type { Log } from '../log.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { type IncomingRequest, incomingOf } from './incoming.ts';
import type { Metrics } from './metrics.ts';
import { acceptsGzip, type Format, formatOf, parsePrefer } from './negotiate.ts';
import { readBody } from './read-body.ts';
import { type Appearance, failureReply, type Reply, replyOf } from './respond.ts';

/** The path under which FHIR is served. */
export const basePath = '/fhir';

/** What the HTTP edge needs. */
export interface Edge {
  readonly context: Context;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly maxBodyBytes: number;
  readonly maxUrlBytes: number;
  readonly corsOrigins: readonly string[];
  readonly trustProxy: boolean;
  /** Links follow X-Forwarded-Proto and -Host; only where the proxy is trusted and no BASE_URL is set. */
  readonly forwardedBase: boolean;
  readonly newRequestId: () => string;
}

const noPreference: Prefer = { return: undefined, handling: undefined };

/** Answers one request below `/fhir`. */
export async function respond(edge: Edge, honoContext: HonoContext): Promise<Response> {
  const started = performance.now();
  const incoming = incomingOf(honoContext.req.raw, honoContext.env);
  const requestId = requestIdOf(incoming.header('x-request-id')) ?? edge.newRequestId();
  const context = forwarded(edge, incoming);
  let look: Appearance = {
    method: incoming.method,
    pretty: false,
    gzip: acceptsGzip(incoming.header('accept-encoding')),
    prefer: noPreference,
    baseUrl: context.settings.baseUrl,
    headers: {
      'X-Request-Id': requestId,
      ...(edge.corsOrigins.length === 0 ? {} : corsHeaders(edge.corsOrigins, incoming.header('origin'))),
    },
  };
  let target: Target | undefined;
  let reply: Reply;
  try {
    if (incoming.url.length > edge.maxUrlBytes) throw tooLong(edge.maxUrlBytes);
    const { segments, query } = splitUrl(incoming.url);
    if (incoming.method === 'OPTIONS') {
      reply = optionsReply(edge, incoming, look, segments);
    } else {
      target = targetOf(context, incoming.method, segments);
      const prefer = parsePrefer(incoming.header('prefer'));
      const { call, format } = await callOf(edge, incoming, target, segments, query, prefer, requestId);
      look = { ...look, pretty: format.pretty, prefer: shownPreference(prefer, call) };
      reply = await replyOf(await perform(context, call), look);
    }
  } catch (error) {
    const outcome = outcomeError(error);
    if (outcome.status >= 500 && !(error instanceof OutcomeError)) context.report(error, requestId);
    reply = await failureReply(outcome, look);
  }
  const seconds = (performance.now() - started) / 1000;
  const interaction = target?.interaction ?? 'none';
  edge.metrics.request(interaction, reply.status, seconds);
  edge.log.info(
    {
      requestId,
      interaction,
      type: target?.type,
      status: reply.status,
      ms: Math.round(seconds * 1e6) / 1000,
      bytes: reply.body?.byteLength ?? 0,
    },
    'request',
  );
  return new Response(reply.body as Uint8Array<ArrayBuffer> | null, { status: reply.status, headers: reply.headers });
}

/** A client's request id, if it is harmless enough to be logged and sent back. */
function requestIdOf(header: string | undefined): string | undefined {
  return header !== undefined && /^[\w.:/+=-]{1,128}$/.test(header) ? header : undefined;
}

function tooLong(limit: number): OutcomeError {
  return failure(414, 'too-long', `The URL is longer than ${limit} bytes (MAX_URL_BYTES). Search by POST to _search.`);
}

function splitUrl(url: string): { readonly segments: readonly string[]; readonly query: string } {
  // `url` is absolute; the path begins at the third slash.
  const start = url.indexOf('/', url.indexOf('//') + 2);
  const path = start === -1 ? '/' : url.slice(start);
  const mark = path.indexOf('?');
  const hash = path.indexOf('#');
  const end = mark === -1 ? (hash === -1 ? path.length : hash) : mark;
  const raw = path.slice(basePath.length, end).split('/');
  const segments: string[] = [];
  for (const segment of raw) {
    if (segment === '') continue;
    segments.push(segment.includes('%') ? decoded(segment) : segment);
  }
  return { segments, query: mark === -1 ? '' : path.slice(mark + 1) };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw failure(400, 'value', 'The path has a broken % escape.');
  }
}

/** `Prefer` of a request as far as its interaction follows it. */
function shownPreference(prefer: Prefer, { interaction }: Call): Prefer {
  const searches = interaction.startsWith('search') || interaction.startsWith('history');
  return { return: prefer.return, handling: searches ? prefer.handling : undefined };
}

function optionsReply(edge: Edge, incoming: IncomingRequest, look: Appearance, segments: readonly string[]): Reply {
  const allow = allowOf(edge.context, segments);
  const preflight = incoming.header('access-control-request-method') !== undefined;
  const allowed = look.headers['Access-Control-Allow-Origin'] !== undefined;
  const cors = preflight && allowed ? preflightHeaders(allow, incoming.header('access-control-request-headers')) : {};
  return { status: 204, headers: { ...look.headers, Allow: allow, ...cors }, body: null };
}

async function callOf(
  edge: Edge,
  incoming: IncomingRequest,
  target: Target,
  segments: readonly string[],
  query: string,
  prefer: Prefer,
  requestId: string,
): Promise<{ readonly call: Call; readonly format: Format }> {
  const { method } = incoming;
  let parameters: QueryParameters = parseQuery(query);
  let spelled = query;
  const contentType = incoming.header('content-type') ?? '';
  const accept = incoming.header('accept');
  const binary = target.type === 'Binary' && (target.interaction === 'read' || target.interaction === 'vread');
  let format = formatOf(accept, parameters, binary);
  let body: Call['body'];
  if (method === 'POST' || method === 'PUT' || method === 'PATCH') {
    const bytes = await readBody(
      incoming.chunks(),
      lengthOf(incoming.header('content-length')),
      incoming.header('content-encoding'),
      edge.maxBodyBytes,
    );
    if (segments.at(-1) === '_search') {
      const form = formOf(bytes, contentType);
      parameters = [...parameters, ...parseQuery(form)];
      spelled = [query, form].filter((each) => each !== '').join('&');
      format = formatOf(accept, parameters, binary);
    } else {
      body = { bytes, contentType };
    }
  }
  const call: Call = {
    ...target,
    method,
    parameters,
    query: spelled,
    prefer,
    origin: { agent: 'anonymous', address: addressOf(edge, incoming), requestId },
    ...(body === undefined ? {} : { body }),
    ...given('ifMatch', incoming.header('if-match')),
    ...given('ifNoneMatch', incoming.header('if-none-match')),
    ...given('ifModifiedSince', incoming.header('if-modified-since')),
    ...given('ifNoneExist', incoming.header('if-none-exist')),
    ...given('securityContext', incoming.header('x-security-context')),
    ...(binary ? { raw: !format.fhir, ...given('range', incoming.header('range')) } : {}),
  };
  return { call, format };
}

function given<N extends string>(name: N, value: string | undefined): { readonly [K in N]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [K in N]: string });
}

function lengthOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

function formOf(bytes: Uint8Array, contentType: string): string {
  if (bytes.byteLength === 0) return '';
  if (parseMediaType(contentType).essence !== 'application/x-www-form-urlencoded') {
    throw failure(415, 'not-supported', 'A search by POST sends its parameters as application/x-www-form-urlencoded.');
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function addressOf(edge: Edge, incoming: IncomingRequest): string {
  const forwardedFor = edge.trustProxy ? incoming.header('x-forwarded-for') : undefined;
  return forwardedFor?.split(',')[0]?.trim() ?? incoming.address;
}

const contexts = new WeakMap<Context, Map<string, Context>>();

/** The context with the base that a trusted proxy names; a few bases are kept, since they do not change. */
function forwarded(edge: Edge, incoming: IncomingRequest): Context {
  const { context } = edge;
  const host = edge.forwardedBase ? incoming.header('x-forwarded-host') : undefined;
  if (host === undefined || !/^[\w.:[\]-]{1,255}$/.test(host)) return context;
  const protocol = incoming.header('x-forwarded-proto') === 'https' ? 'https' : 'http';
  const baseUrl = `${protocol}://${host}${basePath}`;
  const known = contexts.get(context) ?? new Map<string, Context>();
  contexts.set(context, known);
  let found = known.get(baseUrl);
  if (found === undefined) {
    found = { ...context, settings: { ...context.settings, baseUrl } };
    if (known.size < 100) known.set(baseUrl, found);
  }
  return found;
}

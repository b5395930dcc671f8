/** From an HTTP request to an interaction and back. https://hl7.org/fhir/R4/http.html */
import type { Context as HonoContext } from 'hono';
import { parseMediaType } from '../fhir/media-type.ts';
import { failure, OutcomeError } from '../fhir/outcome.ts';
import type { Call, Context, Interaction, Prefer, QueryParameters } from '../interactions/context.ts';
import { allowOf, parseQuery, type Target, targetOf } from '../interactions/path.ts';
import { outcomeError, perform } from '../interactions/perform.ts';
import type { Log } from '../log.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { type IncomingRequest, incomingOf } from './incoming.ts';
import type { Metrics } from './metrics.ts';
import { acceptsGzip, type Format, formatOf, noPreference, parsePrefer } from './negotiate.ts';
import { readBody } from './read-body.ts';
import { type Appearance, failureReply, type Reply, replyOf, varying } from './respond.ts';

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

/** Answers one request below `/fhir`. */
export async function respond(edge: Edge, honoContext: HonoContext): Promise<Response> {
  const started = performance.now();
  const incoming = incomingOf(honoContext.req.raw, honoContext.env);
  const requestId = requestIdOf(incoming.header('x-request-id')) ?? edge.newRequestId();
  const headers: Record<string, string> = { 'X-Request-Id': requestId };
  if (edge.corsOrigins.length > 0) Object.assign(headers, corsHeaders(edge.corsOrigins, incoming.header('origin')));
  const context = edge.trustProxy ? forwarded(edge, incoming) : edge.context;
  let look: Appearance = {
    method: incoming.method,
    pretty: false,
    gzip: acceptsGzip(incoming.header('accept-encoding')),
    prefer: noPreference,
    baseUrl: context.settings.baseUrl,
    headers,
  };
  let target: Target | undefined;
  let interaction: Interaction | 'none' = 'none';
  let reply: Reply;
  try {
    if (incoming.url.length > edge.maxUrlBytes) throw tooLong(edge.maxUrlBytes);
    const { segments, query } = pathOf(incoming);
    if (incoming.method === 'OPTIONS') {
      reply = optionsReply(edge, incoming, look, segments);
    } else {
      target = targetOf(context, incoming.method, segments);
      interaction = target.interaction;
      // The URL of a Binary gives the resource or its content.
      if (isBinaryRead(target)) headers.Vary = varying(headers.Vary, 'Accept');
      const prefer = parsePrefer(incoming.header('prefer'));
      const { call, format } = await callOf(edge, incoming, target, segments, query, prefer, requestId);
      look = { ...look, pretty: format.pretty, prefer: followed(prefer, call) };
      const answer = await perform(context, call, () => {
        interaction = 'transaction';
      });
      reply = await replyOf(answer, look);
    }
  } catch (error) {
    const outcome = outcomeError(error);
    if (outcome.status >= 500 && !(error instanceof OutcomeError)) context.report(error, requestId);
    reply = await failureReply(outcome, look);
  }
  const seconds = (performance.now() - started) / 1000;
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

/** The path and the query of a request. A page link posted is a search by POST: what else would it create? */
function pathOf({ method, url }: IncomingRequest): { readonly segments: readonly string[]; readonly query: string } {
  const { segments, query } = splitUrl(url);
  const linked = method === 'POST' && segments.length < 2 && /(?:^|&)_cursor=/.test(query);
  return { segments: linked && segments[0] !== '_search' ? [...segments, '_search'] : segments, query };
}

function splitUrl(url: string): { readonly segments: readonly string[]; readonly query: string } {
  // `url` is absolute; the path begins at the third slash.
  const start = url.indexOf('/', url.indexOf('//') + 2);
  const path = start === -1 ? '/' : url.slice(start);
  const mark = path.indexOf('?');
  const hash = path.indexOf('#');
  const end = mark === -1 ? (hash === -1 ? path.length : hash) : mark;
  if (!path.startsWith(basePath) || (end > basePath.length && path[basePath.length] !== '/')) {
    throw failure(404, 'not-found', `FHIR is served below ${basePath}.`);
  }
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

/** Which interactions follow which preference. The entries of a bundle follow `return`. */
const followReturn: ReadonlySet<Interaction> = new Set(['create', 'update', 'patch', 'delete', 'batch']);
const followHandling: ReadonlySet<Interaction> = new Set([
  'read',
  'vread',
  'search-type',
  'search-system',
  'history-instance',
  'history-type',
  'history-system',
]);

/** `Prefer` of a request as far as its interaction follows it. */
function followed(prefer: Prefer, { interaction }: Call): Prefer {
  if (prefer === noPreference) return prefer;
  // A deletion leaves nothing to represent.
  const returns = followReturn.has(interaction) && !(interaction === 'delete' && prefer.return === 'representation');
  return {
    return: returns ? prefer.return : undefined,
    handling: followHandling.has(interaction) ? prefer.handling : undefined,
  };
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
  const binary = isBinaryRead(target);
  const form = segments.at(-1) === '_search';
  // The form of a search may have `_format`.
  let format = form ? undefined : formatOf(accept, parameters, binary);
  let body: Call['body'];
  if (method === 'POST' || method === 'PUT' || method === 'PATCH') {
    const bytes = await readBody(
      incoming.chunks(),
      lengthOf(incoming.header('content-length')),
      incoming.header('content-encoding'),
      edge.maxBodyBytes,
    );
    if (form) {
      const text = formOf(bytes, contentType);
      parameters = [...parameters, ...parseQuery(text)];
      spelled = [query, text].filter((each) => each !== '').join('&');
    } else {
      body = { bytes, contentType };
    }
  }
  format ??= formatOf(accept, parameters, binary);
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
    ...(binary ? { raw: !format.fhir, ...given('range', rangeOf(incoming)) } : {}),
  };
  return { call, format };
}

function isBinaryRead({ type, interaction }: Target): boolean {
  return type === 'Binary' && (interaction === 'read' || interaction === 'vread');
}

/** `Range` of a GET. Our ETags are weak, so an `If-Range` never holds. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5 */
function rangeOf(incoming: IncomingRequest): string | undefined {
  return incoming.method === 'GET' && incoming.header('if-range') === undefined ? incoming.header('range') : undefined;
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
  return (edge.trustProxy ? firstOf(incoming.header('x-forwarded-for')) : undefined) ?? incoming.address;
}

const contexts = new WeakMap<Context, Map<string, Context>>();

/** The context with the base that a trusted proxy names; a few bases are kept, since they do not change. */
function forwarded(edge: Edge, incoming: IncomingRequest): Context {
  const { context } = edge;
  if (!edge.forwardedBase) return context;
  const named = firstOf(incoming.header('x-forwarded-host'));
  const proto = firstOf(incoming.header('x-forwarded-proto'));
  // Many proxies pass `Host` on and say only which protocol the client used.
  const host = named ?? (proto === undefined ? undefined : incoming.header('host'));
  if (host === undefined || !/^[\w.:[\]-]{1,255}$/.test(host)) return context;
  const baseUrl = `${proto === 'https' ? 'https' : 'http'}://${host}${basePath}`;
  const known = contexts.get(context) ?? new Map<string, Context>();
  contexts.set(context, known);
  let found = known.get(baseUrl);
  if (found === undefined) {
    found = { ...context, settings: { ...context.settings, baseUrl } };
    if (known.size < 100) known.set(baseUrl, found);
  }
  return found;
}

/** Of several proxies in a row, what the first one saw. */
const firstOf = (header: string | undefined) => header?.split(',')[0]?.trim();

/** From an HTTP request to an interaction and back. https://hl7.org/fhir/R4/http.html */
import { failure, OutcomeError } from '../fhir/outcome.ts';
import type { Call, Interaction, Prefer } from '../interactions/context.ts';
import { note } from '../interactions/note.ts';
import { outcomeError } from '../interactions/outcome-error.ts';
import { allowOf, type Target, targetOf } from '../interactions/path.ts';
import { perform } from '../interactions/perform.ts';
import { callOf, isBinaryRead, refusedCall } from './call.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { counted } from './counted.ts';
import { basePath, type Edge } from './edge.ts';
import { forwarded } from './forwarded.ts';
import type { IncomingRequest } from './incoming.ts';
import { acceptsGzip, noPreference, parsePrefer } from './negotiate.ts';
import { type Appearance, failureReply, headersOf, type Reply, replyOf, varying } from './respond.ts';

/** The answer to one request below `/fhir`, counted and logged: one that streams when it has been sent. Never rejects. */
export async function answerRequest(edge: Edge, incoming: IncomingRequest): Promise<Reply> {
  const started = performance.now();
  const requestId = requestIdOf(incoming.header('x-request-id')) ?? edge.newRequestId();
  const common: Record<string, string> = {};
  if (edge.corsOrigins.length > 0) Object.assign(common, corsHeaders(edge.corsOrigins, incoming.header('origin')));
  const context = edge.trustProxy ? forwarded(edge, incoming) : edge.context;
  const look = {
    method: incoming.method,
    pretty: false,
    gzip: acceptsGzip(incoming.header('accept-encoding')),
    prefer: noPreference,
    baseUrl: context.settings.baseUrl,
    requestId,
    common,
  };
  let target: Target | undefined;
  let spelled = '';
  let isPerformed = false;
  let interaction: Interaction | 'none' = 'none';
  let reply: Reply;
  try {
    if (incoming.url.length > edge.maxUrlBytes) throw tooLong(edge.maxUrlBytes);
    const { segments, query } = pathOf(incoming);
    spelled = query;
    if (incoming.method === 'OPTIONS') {
      reply = optionsReply(edge, incoming, look, segments);
    } else {
      target = targetOf(context, incoming.method, segments);
      interaction = target.interaction;
      if (isBinaryRead(target)) common.Vary = varying(common.Vary, 'Accept');
      const prefer = parsePrefer(incoming.header('prefer'));
      const { call, format } = await callOf(edge, incoming, target, segments, query, prefer, requestId);
      look.pretty = format.pretty;
      look.prefer = followed(prefer, call);
      isPerformed = true;
      const answer = await perform(context, call, () => {
        interaction = 'transaction';
      });
      reply = await replyOf(answer, look);
    }
  } catch (error) {
    const outcome = outcomeError(error);
    if (outcome.status >= 500 && !(error instanceof OutcomeError)) context.report(error, requestId);
    // What is performed leaves its own AuditEvent.
    if (target !== undefined && !isPerformed)
      note(context, refusedCall(edge, incoming, target, spelled, requestId), outcome.status);
    reply = await failureReply(outcome, look);
  }
  const { status, stream } = reply;
  const ended = (bytes: number) => {
    const seconds = (performance.now() - started) / 1000;
    edge.metrics.request(interaction, status, seconds);
    edge.log.request({ requestId, interaction, type: target?.type, status, seconds, bytes });
  };
  if (stream !== undefined) return { ...reply, stream: counted(stream, ended) };
  ended(reply.body?.byteLength ?? 0);
  return reply;
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
  // Of the system, a type, or a compartment.
  const searched = segments.length < 2 || (segments.length === 3 && !/^[$_]/.test(segments[2] ?? ''));
  const linked = method === 'POST' && searched && /(?:^|&)_cursor=/.test(query);
  return { segments: linked && segments[0] !== '_search' ? [...segments, '_search'] : segments, query };
}

function splitUrl(path: string): { readonly segments: readonly string[]; readonly query: string } {
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
  const headers = headersOf(look);
  const allowed = headers['Access-Control-Allow-Origin'] !== undefined;
  const cors = preflight && allowed ? preflightHeaders(allow, incoming.header('access-control-request-headers')) : {};
  headers.Allow = allow;
  return { status: 204, headers: Object.assign(headers, cors), body: null };
}

/** Answers and failures as HTTP responses. https://hl7.org/fhir/R4/http.html#ops */
import { promisify } from 'node:util';
import { constants, gzip, gzipSync } from 'node:zlib';
import { etag } from '../fhir/etag.ts';
import { httpDate } from '../fhir/instant.ts';
import { fhirJsonType } from '../fhir/media-type.ts';
import { type OutcomeError, operationOutcome } from '../fhir/outcome.ts';
import { pretty } from '../fhir/pretty.ts';
import type { Answer, Prefer } from '../interactions/context.ts';

/** Bodies below this many bytes are not worth packing. */
const smallestPacked = 1024;
/** Bodies up to this many bytes are packed sooner than another thread is woken for them. */
const largestAtOnce = 16 * 1024;

const packing = { level: constants.Z_BEST_SPEED };
const packLater = promisify(gzip);
const encoder = new TextEncoder();

/** How a response is to look. */
export interface Appearance {
  readonly method: string;
  readonly pretty: boolean;
  readonly gzip: boolean;
  /** What of `Prefer` the interaction follows. */
  readonly prefer: Prefer;
  readonly baseUrl: string;
  readonly requestId: string;
  /** Headers that a response of any kind carries besides: CORS, Vary. */
  readonly common: Readonly<Record<string, string>>;
}

/**
 * The headers that every response of a request carries, for others to be added. They are not a spread copy: an object
 * that gains properties after a spread gets a hidden class of its own, and everything that touches it becomes slow.
 */
export function headersOf({ requestId, common }: Appearance): Record<string, string> {
  const headers: Record<string, string> = { 'X-Request-Id': requestId };
  Object.assign(headers, common);
  return headers;
}

export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array | null;
  /** The body where it is made while it is sent; `body` is null then. */
  readonly stream?: AsyncIterable<Uint8Array>;
}

/** The response to an interaction that succeeded. */
export async function replyOf(answer: Answer, look: Appearance): Promise<Reply> {
  const headers = headersOf(look);
  const { version, location } = answer;
  if (version !== undefined) {
    headers.ETag = etag(version.versionId);
    headers['Last-Modified'] = httpDate(version.lastUpdated);
    // With Last-Modified alone, a cache may guess how long the version stays the current one.
    headers['Cache-Control'] = 'no-cache';
  }
  if (location !== undefined) {
    headers[answer.status === 201 || look.method === 'POST' ? 'Location' : 'Content-Location'] =
      `${look.baseUrl}/${location}`;
  }
  const applied = appliedPreferences(look);
  if (applied !== undefined) headers['Preference-Applied'] = applied;
  if (answer.headers !== undefined) Object.assign(headers, answer.headers);
  if (answer.stream !== undefined) {
    headers['Content-Type'] = answer.contentType ?? fhirJsonType;
    const reply = { status: answer.status, headers, body: null };
    return look.method === 'HEAD' ? reply : { ...reply, stream: answer.stream };
  }
  if (answer.body === undefined) return { status: answer.status, headers, body: null };
  if (answer.contentType !== undefined) {
    // Raw content stays as it is: most of it is packed already, and ranges are of these bytes.
    headers['Content-Type'] = answer.contentType;
    headers['Content-Length'] = String(answer.body.byteLength);
    return { status: answer.status, headers, body: look.method === 'HEAD' ? null : answer.body };
  }
  headers['Content-Type'] = fhirJsonType;
  return finish(answer.status, headers, look.pretty ? pretty(answer.body) : answer.body, look);
}

/** The response to an interaction that failed. */
export function failureReply(error: OutcomeError, look: Appearance): Promise<Reply> {
  const headers = headersOf(look);
  Object.assign(headers, error.headers);
  headers['Content-Type'] = fhirJsonType;
  const body = encoder.encode(JSON.stringify(operationOutcome(error.issues)));
  return finish(error.status, headers, look.pretty ? pretty(body) : body, look);
}

async function finish(
  status: number,
  headers: Record<string, string>,
  body: Uint8Array,
  look: Appearance,
): Promise<Reply> {
  let sent = body;
  if (body.byteLength >= smallestPacked) {
    headers.Vary = varying(headers.Vary, 'Accept-Encoding');
    if (look.gzip) {
      sent = body.byteLength <= largestAtOnce ? gzipSync(body, packing) : await packLater(body, packing);
      headers['Content-Encoding'] = 'gzip';
    }
  }
  headers['Content-Length'] = String(sent.byteLength);
  return { status, headers, body: look.method === 'HEAD' ? null : sent };
}

/** `Vary` with another name of a header. */
export function varying(vary: string | undefined, name: string): string {
  return vary === undefined ? name : `${vary}, ${name}`;
}

/** `Preference-Applied`, undefined where nothing was. */
function appliedPreferences({ prefer }: Appearance): string | undefined {
  if (prefer.return === undefined) return prefer.handling === undefined ? undefined : `handling=${prefer.handling}`;
  return prefer.handling === undefined
    ? `return=${prefer.return}`
    : `return=${prefer.return}, handling=${prefer.handling}`;
}

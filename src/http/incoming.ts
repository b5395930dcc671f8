/** A request as the edge reads it: Node's own, or a web Request. https://hl7.org/fhir/R4/http.html */
import type { IncomingMessage } from 'node:http';
import { failure } from '../fhir/outcome.ts';

export interface IncomingRequest {
  readonly method: string;
  /** Path and query as they were sent, beginning with a slash. */
  readonly url: string;
  /** The network address of the client, '' where unknown. */
  readonly address: string;
  /** A header by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  /** Of the body. The iterator throws 400 where the client goes away before its end. */
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

/** A request to `app.request()`. */
export function fromWeb(request: Request): IncomingRequest {
  return {
    method: request.method,
    url: pathAndQuery(request.url),
    address: '',
    header: (name) => request.headers.get(name) ?? undefined,
    chunks: () => webChunks(request),
  };
}

/** A request of Node's server, whose headers are parsed already. */
export function fromNode(message: IncomingMessage): IncomingRequest {
  const { headers, method = 'GET', url = '/' } = message;
  return {
    method,
    url: url.startsWith('/') ? url : pathAndQuery(url),
    address: message.socket.remoteAddress ?? '',
    header: (name) => {
      const value = headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    chunks: () => nodeChunks(message),
  };
}

async function* nodeChunks(message: IncomingMessage): AsyncIterable<Uint8Array> {
  try {
    // What is left of a body that was refused is read to its end elsewhere, so that the client sees the answer.
    yield* message.iterator({ destroyOnReturn: false });
  } catch (error) {
    if (message.complete) throw error;
    throw failure(400, 'incomplete', 'The connection ended before the whole body was there.');
  }
}

/** Of an absolute URL, which proxies send: what follows its third slash. */
function pathAndQuery(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2);
  return start === -1 ? '/' : url.slice(start);
}

async function* webChunks(request: Request): AsyncIterable<Uint8Array> {
  const reader = request.body?.getReader();
  if (reader === undefined) return;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

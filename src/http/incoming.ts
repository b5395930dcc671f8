/** A request as the edge reads it: Node's own where there is one, a web Request otherwise. https://hl7.org/fhir/R4/http.html */
import type { IncomingMessage } from 'node:http';

export interface IncomingRequest {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  /** The network address of the client, '' where unknown. */
  readonly address: string;
  /** A header by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

/** `env` is what the Node server gives with each request; tests that call `app.request()` have none. */
export function incomingOf(request: Request, env: unknown): IncomingRequest {
  const message = messageOf(env);
  if (message === undefined) {
    return {
      method: request.method,
      url: request.url,
      address: '',
      header: (name) => request.headers.get(name) ?? undefined,
      chunks: () => webChunks(request),
    };
  }
  // Node has parsed the headers already; a web Headers object would parse them again.
  const { headers } = message;
  return {
    method: message.method ?? 'GET',
    url: request.url,
    address: message.socket.remoteAddress ?? '',
    header: (name) => {
      const value = headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    chunks: () => message,
  };
}

function messageOf(env: unknown): IncomingMessage | undefined {
  if (typeof env !== 'object' || env === null || !('incoming' in env)) return undefined;
  return env.incoming as IncomingMessage;
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

/** What operators' tools ask for: whether the server lives and is ready, and its numbers. https://hl7.org/fhir/R4/http.html */
import type { Edge } from './edge.ts';
import type { IncomingRequest } from './incoming.ts';
import type { Reply } from './respond.ts';

const encoder = new TextEncoder();

/** The answer to a GET of `/health/live`, `/health/ready` or `/metrics`; undefined for all else, which is FHIR's. Never rejects. */
export async function operatorReply(edge: Edge, { method, url }: IncomingRequest): Promise<Reply | undefined> {
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  const mark = url.indexOf('?');
  switch (mark === -1 ? url : url.slice(0, mark)) {
    case '/health/live':
      return plain(method, 200, 'application/json', '{"status":"up"}');
    case '/health/ready':
      try {
        await edge.context.store.ready();
        return plain(method, 200, 'application/json', '{"status":"ready"}');
      } catch {
        return plain(method, 503, 'application/json', '{"status":"unavailable"}');
      }
    case '/metrics':
      try {
        return plain(method, 200, edge.metrics.contentType, await edge.metrics.text());
      } catch (error) {
        edge.context.report(error, 'metrics');
        return plain(method, 503, 'text/plain', 'The store is not available.\n');
      }
    default:
      return undefined;
  }
}

function plain(method: string, status: number, contentType: string, text: string): Reply {
  const body = encoder.encode(text);
  const headers = {
    'Content-Type': contentType,
    'Content-Length': String(body.byteLength),
    'Cache-Control': 'no-store',
  };
  return { status, headers, body: method === 'HEAD' ? null : body };
}

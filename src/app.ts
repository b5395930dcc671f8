/** The whole server without a socket, so that tests call `app.request()`. https://hl7.org/fhir/R4/http.html */
import { type Context, Hono } from 'hono';
import type { Edge } from './http/edge.ts';
import { fromWeb } from './http/incoming.ts';
import { answerRequest } from './http/routes.ts';

/** Health below `/health`, Prometheus' `/metrics`, and FHIR; what lies elsewhere is answered like FHIR's failures. */
export function createApp(edge: Edge): Hono {
  const app = new Hono();
  app.get('/health/live', (context) => plain(context, 200, 'application/json', '{"status":"up"}'));
  app.get('/health/ready', async (context) => {
    try {
      await edge.context.store.ready();
      return plain(context, 200, 'application/json', '{"status":"ready"}');
    } catch {
      return plain(context, 503, 'application/json', '{"status":"unavailable"}');
    }
  });
  app.get('/metrics', async (context) => {
    try {
      return plain(context, 200, edge.metrics.contentType, await edge.metrics.text());
    } catch (error) {
      edge.context.report(error, 'metrics');
      return plain(context, 503, 'text/plain', 'The store is not available.\n');
    }
  });
  app.all('*', async (context) => {
    const { status, headers, body, stream } = await answerRequest(edge, fromWeb(context.req.raw));
    if (stream !== undefined) return new Response(webStream(stream), { status, headers });
    return new Response(body as Uint8Array<ArrayBuffer> | null, { status, headers });
  });
  return app;
}

/** A stream that makes the next piece when it is asked for, and ends the making where nobody reads on. */
function webStream(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => {
      await iterator.return?.();
    },
  });
}

function plain(context: Context, status: 200 | 503, contentType: string, text: string): Response {
  const headers = { 'Content-Type': contentType, 'Content-Length': String(Buffer.byteLength(text)) };
  return context.body(text, status, { ...headers, 'Cache-Control': 'no-store' });
}

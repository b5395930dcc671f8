/** The whole server without a socket, so that tests call `app.request()`. https://hl7.org/fhir/R4/http.html */
import { Hono } from 'hono';
import type { Edge } from './http/edge.ts';
import { fromWeb } from './http/incoming.ts';
import { operatorReply } from './http/operator.ts';
import { answerRequest } from './http/routes.ts';

/** All that the server answers, over web objects. */
export function createApp(edge: Edge): Hono {
  const app = new Hono();
  app.all('*', async (context) => {
    const incoming = fromWeb(context.req.raw);
    const { status, headers, body, stream } =
      (await operatorReply(edge, incoming)) ?? (await answerRequest(edge, incoming));
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

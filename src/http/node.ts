/**
 * FHIR requests of Node's HTTP server, answered without web objects between: those took more of a read than reading it.
 * https://hl7.org/fhir/R4/http.html
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { basePath, type Edge } from './edge.ts';
import { fromNode, type IncomingRequest } from './incoming.ts';
import { operatorReply } from './operator.ts';
import type { Reply } from './respond.ts';
import { answerRequest } from './routes.ts';

/** Bodies up to this many bytes go out in one piece with the headers. */
const onePiece = 16_384;

/** Milliseconds for which a client may go on sending what its answer didn't wait for. */
const longestLeftOver = 500;

/** Answers everything: FHIR's requests, those of operators' tools, and unknown paths by failures like FHIR's. */
export function listener(edge: Edge): RequestListener {
  return (request, response) => {
    const incoming = fromNode(request);
    const replied = incoming.url.startsWith(basePath) ? answerRequest(edge, incoming) : answerOther(edge, incoming);
    replied
      .then((reply) =>
        reply.stream === undefined ? send(request, response, reply) : sendStream(edge, response, reply, reply.stream),
      )
      .catch((error: unknown) => {
        // Whatever fails in an interaction has become a reply; this is the edge's own.
        edge.context.report(error, '');
        response.destroy();
      });
  };
}

async function answerOther(edge: Edge, incoming: IncomingRequest): Promise<Reply> {
  return (await operatorReply(edge, incoming)) ?? answerRequest(edge, incoming);
}

function send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: Reply): void {
  if (!request.complete) response.once('finish', () => endOfBody(request));
  response.writeHead(status, headers);
  if (body === null) response.end();
  else if (body.byteLength > onePiece) response.end(body);
  else {
    // Each byte a character: Node joins texts, so that headers and body are one write.
    response.write(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1'), 'latin1');
    // It goes out by itself, not gathered with the empty text that ends it, which takes longer (bench/findings.md).
    response.socket?.uncork();
    response.end();
  }
}

/** Sends what is made meanwhile, as fast as the client takes it. A client that goes away ends the making. */
async function sendStream(
  edge: Edge,
  response: ServerResponse,
  { status, headers }: Reply,
  stream: AsyncIterable<Uint8Array>,
): Promise<void> {
  response.writeHead(status, headers);
  try {
    await pipeline(Readable.from(stream, { objectMode: false }), response);
  } catch (error) {
    // The status has been sent: only a connection that breaks off tells the client.
    if (!isGone(error)) edge.context.report(error, headers['X-Request-Id'] ?? '');
    response.destroy();
  }
}

/** Whether the client went away. */
function isGone(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return error.code === 'ERR_STREAM_PREMATURE_CLOSE' || error.code === 'ECONNRESET' || error.code === 'EPIPE';
}

/**
 * Reads the rest of a body that nobody asked for, so that the client sees its answer and the connection can be used
 * again; one that doesn't end is cut off.
 */
function endOfBody(request: IncomingMessage): void {
  if (request.complete) return;
  const { socket } = request;
  const timer = setTimeout(() => {
    // By now the connection may have another request.
    if (!request.complete) socket.destroySoon();
  }, longestLeftOver);
  request.once('close', () => clearTimeout(timer));
  // A body of which something was read Node doesn't read on by itself.
  request.resume();
}

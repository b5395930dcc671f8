/** Answers requests that Node's parser refuses, as OperationOutcomes. https://hl7.org/fhir/R4/http.html#2.21.0.4 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { fhirJsonType } from '../fhir/media-type.ts';
import { type IssueType, operationOutcome } from '../fhir/outcome.ts';

interface Fault {
  readonly status: string;
  readonly code: IssueType;
  readonly diagnostics: string;
}

const malformed: Fault = {
  status: '400 Bad Request',
  code: 'structure',
  diagnostics: 'The request is not valid HTTP.',
};

const faults: Readonly<Record<string, Fault>> = {
  HPE_HEADER_OVERFLOW: {
    status: '414 URI Too Long',
    code: 'too-long',
    diagnostics: 'The URL or the headers are too long (MAX_URL_BYTES). Search by POST to _search.',
  },
  HPE_INVALID_URL: {
    status: '400 Bad Request',
    code: 'value',
    diagnostics: 'The URL has characters that must be escaped, e.g. ü as %C3%BC.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    code: 'timeout',
    diagnostics: 'The request did not arrive in time.',
  },
};

/** Milliseconds that a client has to take the answer. */
const patience = 2_000;

/** Answers on a server's connections whose requests can't be parsed, and ends them. `newRequestId`: the answer's. */
export function answerUnreadable(server: Server, newRequestId: () => string): void {
  const latest = new WeakMap<Duplex, { readonly request: IncomingMessage; readonly response: ServerResponse }>();
  server.on('request', (request, response) => latest.set(request.socket, { request, response }));
  server.on('clientError', (error: Error & { readonly code?: string }, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    // What is still coming is read and dropped: closed over it, the connection would be reset and the answer lost.
    socket.removeAllListeners('data');
    socket.on('data', () => {});
    socket.resume();
    const refuse = () => {
      setTimeout(() => socket.destroy(), patience).unref();
      if (socket.writable) socket.end(refusal(error.code, newRequestId()));
    };
    // A whole request that came before gets its own answer first.
    const before = latest.get(socket);
    if (before?.request.complete === true && !before.response.closed) before.response.once('close', refuse);
    else refuse();
  });
}

function refusal(errorCode: string | undefined, requestId: string): string {
  const { status, code, diagnostics } = faults[errorCode ?? ''] ?? malformed;
  const body = JSON.stringify(operationOutcome([{ severity: 'error', code, diagnostics }]));
  const headers = [
    `HTTP/1.1 ${status}`,
    `Content-Type: ${fhirJsonType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    // The client's own one may stand in what could not be parsed.
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ];
  return `${headers.join('\r\n')}\r\n\r\n${body}`;
}

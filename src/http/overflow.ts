/** Answers requests that Node's parser refuses, as OperationOutcomes. https://hl7.org/fhir/R4/http.html#2.21.0.4 */
import type { Duplex } from 'node:stream';
import { fhirJsonType } from '../fhir/media-type.ts';
import { type IssueType, operationOutcome } from '../fhir/outcome.ts';

/** Writes the answer to a connection whose request could not be parsed, and ends it. */
export function overflowResponse(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const overflow = error.code === 'HPE_HEADER_OVERFLOW';
  const status = overflow ? '414 URI Too Long' : '400 Bad Request';
  const code: IssueType = overflow ? 'too-long' : 'structure';
  const diagnostics = overflow
    ? 'The URL or the headers are too long (MAX_URL_BYTES). Search by POST to _search.'
    : 'The request is not valid HTTP.';
  const body = JSON.stringify(operationOutcome([{ severity: 'error', code, diagnostics }]));
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: ${fhirJsonType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

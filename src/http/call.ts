/** The call that a request makes. https://hl7.org/fhir/R4/http.html */
import { isUtf8 } from 'node:buffer';
import { parseMediaType } from '../fhir/media-type.ts';
import { failure } from '../fhir/outcome.ts';
import type { Call, Prefer, QueryParameters } from '../interactions/context.ts';
import type { Target } from '../interactions/path.ts';
import { parseQueryString } from '../search/parse/parameter.ts';
import type { Edge } from './edge.ts';
import { addressOf } from './forwarded.ts';
import type { IncomingRequest } from './incoming.ts';
import { type Format, formatOf, noPreference } from './negotiate.ts';
import { readBody, unpacked } from './read-body.ts';

/** The call, and the format of its answer. Throws what reading the body and negotiating throw. */
export async function callOf(
  edge: Edge,
  incoming: IncomingRequest,
  target: Target,
  segments: readonly string[],
  query: string,
  prefer: Prefer,
  requestId: string,
): Promise<{ readonly call: Call; readonly format: Format }> {
  const { method } = incoming;
  let parameters: QueryParameters = parseQueryString(query);
  let spelled = query;
  const contentType = incoming.header('content-type') ?? '';
  const accept = incoming.header('accept');
  const binary = isBinaryRead(target);
  const form = segments.at(-1) === '_search';
  const named = target.interaction === 'operation' ? target.operation : undefined;
  const operation = named === undefined ? undefined : edge.context.operations.find(({ name }) => name === named);
  const media = operation?.media;
  // The form of a search may have `_format`.
  let format = form ? undefined : formatOf(accept, parameters, binary, media);
  let body: Call['body'];
  let stream: Call['stream'];
  if (operation?.streams === true && method === 'POST') {
    stream = { chunks: unpacked(incoming.chunks(), incoming.header('content-encoding')), contentType };
  } else if (method === 'POST' || method === 'PUT' || method === 'PATCH') {
    const bytes = await readBody(
      incoming.chunks(),
      lengthOf(incoming.header('content-length')),
      incoming.header('content-encoding'),
      edge.maxBodyBytes,
    );
    if (form) {
      const text = formOf(bytes, contentType);
      parameters = [...parameters, ...parseQueryString(text)];
      spelled = [query, text].filter((each) => each !== '').join('&');
    } else {
      body = { bytes, contentType };
    }
  }
  format ??= formatOf(accept, parameters, binary, media);
  const { interaction, type, id, versionId, compartment } = target;
  // One literal with all properties, and all calls have one shape: what is added to a spread object gets another each time.
  const call: Call = {
    interaction,
    type,
    id,
    versionId,
    operation: target.operation,
    compartment,
    method,
    parameters,
    query: spelled,
    body,
    stream,
    media: media === undefined ? undefined : format.media,
    ifMatch: incoming.header('if-match'),
    ifNoneMatch: incoming.header('if-none-match'),
    ifModifiedSince: incoming.header('if-modified-since'),
    ifNoneExist: criteriaOf(incoming.header('if-none-exist')),
    securityContext: incoming.header('x-security-context'),
    raw: binary ? !format.fhir : undefined,
    range: binary ? rangeOf(incoming) : undefined,
    prefer,
    origin: originOf(edge, incoming, requestId),
  };
  return { call, format };
}

/** The call of a request that was refused before its headers and body made one: what its AuditEvent tells. */
export function refusedCall(
  edge: Edge,
  incoming: IncomingRequest,
  { interaction, type, id, operation }: Target,
  query: string,
  requestId: string,
): Call {
  const origin = originOf(edge, incoming, requestId);
  const { method } = incoming;
  return { interaction, type, id, operation, method, parameters: [], query, prefer: noPreference, origin };
}

function originOf(edge: Edge, incoming: IncomingRequest, requestId: string): Call['origin'] {
  return { agent: 'anonymous', address: addressOf(edge, incoming), requestId };
}

/** Whether the URL is that of a Binary: it gives the resource or its content. */
export function isBinaryRead({ type, interaction }: Target): boolean {
  return type === 'Binary' && (interaction === 'read' || interaction === 'vread');
}

/** The part of a Binary's content that is asked for. */
function rangeOf(incoming: IncomingRequest): string | undefined {
  // Our ETags are weak, so an If-Range never holds. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
  const whole = incoming.method !== 'GET' || incoming.header('if-range') !== undefined;
  return whole ? undefined : incoming.header('range');
}

/**
 * `If-None-Exist` as it was meant: Node gives a header's bytes as Latin-1, but who doesn't escape sends UTF-8. Read wrongly,
 * criteria would match nothing, and each create would make another resource. Throws 400 for other bytes.
 */
function criteriaOf(header: string | undefined): string | undefined {
  if (header === undefined || /^[ -~]*$/.test(header)) return header;
  const bytes = Buffer.from(header, 'latin1');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw failure(400, 'value', 'If-None-Exist must be ASCII with % escapes, or UTF-8.');
}

function lengthOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

function formOf(bytes: Uint8Array, contentType: string): string {
  if (bytes.byteLength === 0) return '';
  if (parseMediaType(contentType).essence !== 'application/x-www-form-urlencoded') {
    throw failure(415, 'not-supported', 'A search by POST sends its parameters as application/x-www-form-urlencoded.');
  }
  const form = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isUtf8(form)) throw failure(400, 'value', 'The form is not valid UTF-8.');
  return form.toString('utf8');
}

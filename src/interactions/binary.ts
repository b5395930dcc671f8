/** Binary as it is: raw content in and out. https://hl7.org/fhir/R4/binary.html#rest */
import { failure } from '../fhir/outcome.ts';
import { parseReference } from '../fhir/reference.ts';
import { isObject, type JsonValue } from '../fhir/resource.ts';
import type { Version } from '../store/port.ts';
import type { Answer, Call } from './context.ts';

const encoder = new TextEncoder();

/** What a browser may show in place: nothing that can run a script, so no SVG among the images. */
const shown = /^(image\/(?!svg)[^/]+|application\/pdf|text\/plain)$/;

/** https://www.rfc-editor.org/rfc/rfc9110#section-5.5 */
const headerText = /^[ -~\u0080-\u00ff]+$/;

/**
 * A Binary resource of raw content, as JSON. `id`: for an update, the id of the URL.
 * Throws 400 for a missing media type and for a security context that is no reference.
 */
export function binaryResource(call: Call, contentType: string, content: Uint8Array): Uint8Array {
  if (contentType.trim() === '') throw failure(400, 'required', 'A Binary needs a Content-Type.', 'Binary.contentType');
  const { id, securityContext } = call;
  if (securityContext !== undefined && parseReference(securityContext, '').kind === 'other') {
    const text = 'X-Security-Context must be a reference such as Patient/1 or a URL.';
    throw failure(400, 'value', text, 'Binary.securityContext');
  }
  const start = JSON.stringify({
    resourceType: 'Binary',
    ...(id === undefined ? {} : { id }),
    contentType,
    ...(securityContext === undefined ? {} : { securityContext: { reference: securityContext } }),
  });
  if (content.byteLength === 0) return encoder.encode(start);
  const data = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('base64');
  return encoder.encode(`${start.slice(0, -1)},"data":"${data}"}`);
}

/** The raw content of a stored Binary; `Range` gives 206, or 416 where it can't be satisfied. */
export function binaryAnswer(call: Call, version: Version, body: Uint8Array): Answer {
  const { contentType: declared, data, securityContext } = parseBinary(body);
  // In a resource it may be any code, also one that no header can carry.
  const contentType = headerText.test(declared) ? declared : 'application/octet-stream';
  const content = Buffer.from(data, 'base64');
  const { versionId, lastUpdated, type, id } = version;
  const essence = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const headers: Record<string, string> = {
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': 'sandbox',
    'Accept-Ranges': 'bytes',
    ...(shown.test(essence) ? {} : { 'Content-Disposition': 'attachment' }),
    ...(securityContext === undefined ? {} : { 'X-Security-Context': uriOf(securityContext) }),
  };
  const about = { type, id };
  const whole: Answer = {
    status: 200,
    version: { versionId, lastUpdated },
    body: content,
    contentType,
    about,
    headers,
  };
  const range = call.range === undefined ? undefined : parseRange(call.range, content.byteLength);
  if (range === undefined) return whole;
  if (range === 'unsatisfiable') {
    const unsatisfied = { ...headers, 'Content-Range': `bytes */${content.byteLength}` };
    return { status: 416, about, headers: unsatisfied, body: new Uint8Array(0), contentType };
  }
  const { start, end } = range;
  const partial = { ...headers, 'Content-Range': `bytes ${start}-${end - 1}/${content.byteLength}` };
  return { ...whole, status: 206, body: content.subarray(start, end), headers: partial };
}

/** A reference with everything escaped that a URI, and so a header, can't have. */
function uriOf(reference: string): string {
  const bytes = Buffer.from(reference, 'utf8').toString('latin1');
  return bytes.replace(/[^!-~]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

interface BinaryContent {
  readonly contentType: string;
  readonly data: string;
  readonly securityContext: string | undefined;
}

function parseBinary(body: Uint8Array): BinaryContent {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  // What is stored was checked when it came in, so it has the shape of a Binary.
  const binary: JsonValue = JSON.parse(text);
  if (!isObject(binary)) throw new Error('a stored resource is an object');
  const { contentType, data, securityContext } = binary;
  const reference = isObject(securityContext) ? securityContext.reference : undefined;
  return {
    contentType: typeof contentType === 'string' ? contentType : 'application/octet-stream',
    data: typeof data === 'string' ? data : '',
    securityContext: typeof reference === 'string' ? reference : undefined,
  };
}

/**
 * One range of bytes as [start, end). Undefined for what RFC 9110 lets a server ignore: other units, several ranges,
 * malformed ones. https://www.rfc-editor.org/rfc/rfc9110#section-14.2
 */
function parseRange(
  header: string,
  length: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const suffix = Number(last);
    return suffix === 0 || length === 0 ? 'unsatisfiable' : { start: Math.max(0, length - suffix), end: length };
  }
  const start = Number(first);
  const end = last === '' ? length : Math.min(length, Number(last) + 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= length ? 'unsatisfiable' : { start, end };
}

/** The resource that a request carries. https://hl7.org/fhir/R4/http.html#mime-type */
import { isFhirJson, isVersionR4, parseMediaType } from '../fhir/media-type.ts';
import { failure } from '../fhir/outcome.ts';
import { binaryResource } from './binary.ts';
import type { Call } from './context.ts';

/**
 * The bytes of the resource: the body, or a Binary made of raw content.
 * Throws 400 without a body, 415 for a media type that is no FHIR JSON of R4.
 */
export function resourceBytes(call: Call): Uint8Array {
  const { body, type } = call;
  if (body === undefined) throw failure(400, 'required', 'The request has no body; send a resource as FHIR JSON.');
  const mediaType = parseMediaType(body.contentType);
  if (isFhirJson(mediaType)) {
    if (isVersionR4(mediaType)) return body.bytes;
    throw failure(415, 'not-supported', 'This server stores FHIR R4: fhirVersion=4.0.');
  }
  if (type === 'Binary' && mediaType.essence !== 'application/fhir+xml') {
    return binaryResource(call, body.contentType, body.bytes);
  }
  const text =
    body.contentType === ''
      ? 'The request has no Content-Type; send application/fhir+json.'
      : 'This server takes application/fhir+json; XML and other formats are not supported.';
  throw failure(415, 'not-supported', text);
}

/** The resource that a request carries. https://hl7.org/fhir/R4/http.html#mime-type */
import { isFhirJson, isVersionR4, type MediaType, parseMediaType } from '../fhir/media-type.ts';
import { failure } from '../fhir/outcome.ts';
import { binaryResource } from './binary.ts';
import type { Call } from './context.ts';

/**
 * The bytes of the resource: the body, or a Binary made of raw content.
 * Throws 400 without a body, 415 for a media type that is no FHIR JSON of R4.
 */
export function resourceBytes(call: Call): Uint8Array {
  const { body, type } = call;
  if (body === undefined || type !== 'Binary') return jsonBytes(call);
  const mediaType = parseMediaType(body.contentType);
  if (isFhirJson(mediaType) || mediaType.essence === 'application/fhir+xml') return jsonBytes(call);
  return binaryResource(call, body.contentType, body.bytes);
}

/** The bytes of a body of FHIR JSON. Throws 400 without a body, 415 for another media type or version. */
export function jsonBytes({ body }: Call): Uint8Array {
  if (body === undefined) throw failure(400, 'required', 'The request has no body; send a resource as FHIR JSON.');
  const mediaType = parseMediaType(body.contentType);
  if (isFhirJson(mediaType)) {
    refuseOtherVersion(mediaType);
    return body.bytes;
  }
  const text =
    body.contentType === ''
      ? 'The request has no Content-Type; send application/fhir+json.'
      : 'This server takes application/fhir+json; XML and other formats are not supported.';
  throw failure(415, 'not-supported', text);
}

/** Throws 415 for content of another version of FHIR. */
export function refuseOtherVersion(mediaType: MediaType): void {
  if (!isVersionR4(mediaType)) throw failure(415, 'not-supported', 'This server takes FHIR R4: fhirVersion=4.0.');
}

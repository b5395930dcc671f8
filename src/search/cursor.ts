/** Signed tokens that carry a place in a walk. https://hl7.org/fhir/R4/http.html#paging */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** Bytes of the signature: 128 bits of HMAC-SHA256. */
const signatureLength = 16;

/**
 * A URL-safe token that holds a JSON text and can't be forged without the secret. It isn't secret itself. Its length is
 * 4/3 of the text's UTF-8 bytes, plus 22.
 */
export function signCursor(json: string, secret: Uint8Array): string {
  const payload = Buffer.from(json);
  return Buffer.concat([sign(payload, secret), payload]).toString('base64url');
}

/** The content of a token, undefined if it wasn't signed with the secret. */
export function openCursor(token: string, secret: Uint8Array): unknown {
  const bytes = Buffer.from(token, 'base64url');
  // Decoding skips what isn't base64url; such a token was never made here.
  if (bytes.length <= signatureLength || bytes.toString('base64url') !== token) return undefined;
  const payload = bytes.subarray(signatureLength);
  if (!timingSafeEqual(sign(payload, secret), bytes.subarray(0, signatureLength))) return undefined;
  return JSON.parse(payload.toString('utf8'));
}

function sign(payload: Uint8Array, secret: Uint8Array): Uint8Array {
  return createHmac('sha256', secret).update(payload).digest().subarray(0, signatureLength);
}

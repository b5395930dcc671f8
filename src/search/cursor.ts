/** Signed tokens that carry a place in a walk. https://hl7.org/fhir/R4/http.html#paging */
import { hash, timingSafeEqual } from 'node:crypto';

/** Bytes of the signature: 128 bits of HMAC-SHA256. */
const signatureLength = 16;
/** Bytes of a block of SHA-256. */
const block = 64;

/**
 * A URL-safe token that holds a JSON text and can't be forged without the secret. It isn't secret itself. Its length is
 * 4/3 of the text's UTF-8 bytes, plus 22.
 */
export function signCursor(json: string, secret: Uint8Array): string {
  // Behind room for the pad, whose end makes place for the signature. A UTF-16 unit takes at most three bytes.
  const bytes = Buffer.allocUnsafe(block + 3 * json.length);
  const end = block + bytes.write(json, block);
  const start = block - signatureLength;
  bytes.set(sign(bytes.subarray(0, end), secret), start);
  return bytes.toString('base64url', start, end);
}

/** The content of a token, undefined if it wasn't signed with the secret. */
export function openCursor(token: string, secret: Uint8Array): unknown {
  const bytes = Buffer.from(token, 'base64url');
  // Decoding skips what isn't base64url; such a token was never made here.
  if (bytes.length <= signatureLength || bytes.toString('base64url') !== token) return undefined;
  const payload = bytes.subarray(signatureLength);
  const signed = sign(Buffer.concat([new Uint8Array(block), payload]), secret);
  if (!timingSafeEqual(signed, bytes.subarray(0, signatureLength))) return undefined;
  return JSON.parse(payload.toString('utf8'));
}

/** A secret, padded to a block and masked as HMAC has it (RFC 2104); behind the outer one room for the inner digest. */
interface Pads {
  readonly inner: Uint8Array;
  readonly outer: Uint8Array;
}

const padsOf = new WeakMap<Uint8Array, Pads>();

function pads(secret: Uint8Array): Pads {
  const known = padsOf.get(secret);
  if (known !== undefined) return known;
  if (secret.length > block) throw new Error(`a secret has at most ${block} bytes`);
  const inner = new Uint8Array(block).fill(0x36);
  const outer = new Uint8Array(block + 32).fill(0x5c, 0, block);
  for (const [place, byte] of secret.entries()) {
    inner[place] = 0x36 ^ byte;
    outer[place] = 0x5c ^ byte;
  }
  const made: Pads = { inner, outer };
  padsOf.set(secret, made);
  return made;
}

/**
 * The signature of what stands behind the first block, which is written over. This is HMAC by two hashes: a page has
 * several links, and Node's Hmac objects take more time than hashing itself.
 */
function sign(bytes: Uint8Array, secret: Uint8Array): Uint8Array {
  const { inner, outer } = pads(secret);
  bytes.set(inner);
  outer.set(hash('sha256', bytes, 'buffer'), block);
  return hash('sha256', outer, 'buffer').subarray(0, signatureLength);
}

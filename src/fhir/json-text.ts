/** From bytes to text: UTF-8 is checked, a byte order mark skipped. https://hl7.org/fhir/R4/json.html */
import { isAscii, isUtf8 } from 'node:buffer';
import { failure } from './outcome.ts';

/** The bytes without a byte order mark at their start, which RFC 8259 lets a reader ignore. */
export function withoutByteOrderMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

/** The text of UTF-8 bytes. Throws OutcomeError 400 where they aren't UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  const buffer = asBuffer(bytes);
  // A string of one-byte characters is made and parsed faster.
  if (isAscii(buffer)) return buffer.toString('latin1');
  if (!isUtf8(buffer)) throw failure(400, 'structure', 'The body is not valid UTF-8.');
  return buffer.toString('utf8');
}

/** The same bytes as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

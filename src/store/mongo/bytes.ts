/** The exact bytes of resources in documents. https://hl7.org/fhir/R4/json.html */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Binary } from 'mongodb';

/**
 * Shorter ones stay as they are. The resources of the example clinic (774 bytes on average) would be half as long, for some
 * tens of microseconds to inflate each of a page's; and MongoDB compresses what it writes to disk anyway.
 */
const worthwhile = 2048;
const level = 3;

/** Bytes as they are kept. */
export interface Packed {
  readonly bytes: Buffer;
  readonly deflated: boolean;
}

/** Deflated, where that makes them at least a tenth shorter. */
export function pack(bytes: Uint8Array): Packed {
  const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < worthwhile) return { bytes: plain, deflated: false };
  const deflated = deflateRawSync(bytes, { level });
  return deflated.byteLength < bytes.byteLength * 0.9
    ? { bytes: deflated, deflated: true }
    : { bytes: plain, deflated: false };
}

export function unpack(bytes: Uint8Array, deflated: boolean): Uint8Array {
  return deflated ? inflateRawSync(bytes) : bytes;
}

/** What a document's field has. */
export function bufferOf(field: Binary | Uint8Array): Uint8Array {
  return field instanceof Binary ? field.value() : field;
}

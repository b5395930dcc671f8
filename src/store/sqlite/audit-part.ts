/** A part: packed audit records that stand for themselves, in one piece of bytes. https://hl7.org/fhir/R4/auditevent.html */
import { type ByteReader, ByteWriter, DamagedAudit } from './audit-bytes.ts';

/** What is kept of a part. */
export interface PartBytes {
  readonly count: number;
  /** Compresses well. */
  readonly fields: Uint8Array;
  /** Doesn't. */
  readonly raw: Uint8Array;
}

/** A part on its way to the file, with what the index needs of it. */
export interface Part extends PartBytes {
  /** The least and the greatest instant recorded, in milliseconds. */
  readonly low: number;
  readonly high: number;
  /** Keys (`audit-key.ts`) of what its records name, in any order, some perhaps twice. */
  readonly keys: Uint32Array;
}

const headerSize = 32;

/** A part as one piece of plain data, which crosses threads cheaply. */
export function writePart({ count, low, high, fields, raw, keys }: Part): Uint8Array {
  // Memory of its own, so that it can be transferred.
  const bytes = Buffer.allocUnsafeSlow(headerSize + fields.length + raw.length + keys.byteLength);
  bytes.writeUInt32LE(count, 0);
  bytes.writeUInt32LE(fields.length, 4);
  bytes.writeUInt32LE(raw.length, 8);
  bytes.writeUInt32LE(keys.length, 12);
  bytes.writeDoubleLE(low, 16);
  bytes.writeDoubleLE(high, 24);
  bytes.set(fields, headerSize);
  bytes.set(raw, headerSize + fields.length);
  bytes.set(new Uint8Array(keys.buffer, keys.byteOffset, keys.byteLength), headerSize + fields.length + raw.length);
  return bytes;
}

/** What `writePart` wrote; its bytes are not copied, but the keys are. */
export function readPart(bytes: Uint8Array): Part {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rawStart = headerSize + view.getUint32(4, true);
  const keysStart = rawStart + view.getUint32(8, true);
  const keys = new Uint32Array(view.getUint32(12, true));
  new Uint8Array(keys.buffer).set(bytes.subarray(keysStart, keysStart + keys.byteLength));
  return {
    count: view.getUint32(0, true),
    low: view.getFloat64(16, true),
    high: view.getFloat64(24, true),
    fields: bytes.subarray(headerSize, rawStart),
    raw: bytes.subarray(rawStart, keysStart),
    keys,
  };
}

/** The bytes of parts that follow each other, as they are hashed and kept in one row. */
export function writeParts(parts: readonly PartBytes[]): Uint8Array {
  const size = parts.reduce((sum, { fields, raw }) => sum + fields.length + raw.length + 24, 0);
  const bytes = new ByteWriter(size);
  for (const { count, fields, raw } of parts) {
    bytes.reserve(24);
    bytes.varint(count);
    bytes.varint(fields.length);
    bytes.varint(raw.length);
    bytes.raw(fields);
    bytes.raw(raw);
  }
  return bytes.bytes.subarray(0, bytes.length);
}

/** The parts that `writeParts` wrote. Throws DamagedAudit where the bytes make no sense. */
export function readParts(reader: ByteReader): readonly PartBytes[] {
  const parts: PartBytes[] = [];
  while (reader.at < reader.end) {
    const count = reader.varint();
    const fieldsSize = reader.varint();
    const rawSize = reader.varint();
    checkCount(count, rawSize);
    parts.push({ count, fields: reader.raw(fieldsSize), raw: reader.raw(rawSize) });
  }
  return parts;
}

/** Throws DamagedAudit for more records than a part of so many raw bytes can have: each has one for its check. */
export function checkCount(count: number, rawSize: number): void {
  if (count > rawSize) throw new DamagedAudit('a part has more audit records than bytes');
}

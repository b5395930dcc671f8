/** UUIDs as numbers, so that ids which count up take little room. https://hl7.org/fhir/R4/datatypes.html#uuid */

/** A UUID: its first 12 hexadecimal digits (milliseconds in version 7), the next 8, the last 12. */
export interface UuidParts {
  time: number;
  head: number;
  tail: number;
}

const hexOf: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** The value of each digit by its UTF-16 code, -1 for what is none. Only its first 128 bytes are ever in a cache. */
const digitOf = new Int8Array(65536).fill(-1);
for (const [value, digit] of [...'0123456789abcdef'].entries()) digitOf[digit.charCodeAt(0)] = value;

/** Four digits as a number, negative where one is none. */
function four(text: string, at: number): number {
  return (
    ((digitOf[text.charCodeAt(at)] ?? -1) << 12) |
    ((digitOf[text.charCodeAt(at + 1)] ?? -1) << 8) |
    ((digitOf[text.charCodeAt(at + 2)] ?? -1) << 4) |
    (digitOf[text.charCodeAt(at + 3)] ?? -1)
  );
}

/** Reads a UUID in lower case into `parts`; false where the text is anything else. */
export function parseUuid(text: string, parts: UuidParts): boolean {
  if (text.length !== 36) return false;
  const dashes = (text.charCodeAt(8) ^ 45) | (text.charCodeAt(13) ^ 45) | (text.charCodeAt(18) ^ 45);
  if ((dashes | (text.charCodeAt(23) ^ 45)) !== 0) return false;
  const a = four(text, 0);
  const b = four(text, 4);
  const c = four(text, 9);
  const d = four(text, 14);
  const e = four(text, 19);
  const f = four(text, 24);
  const g = four(text, 28);
  const h = four(text, 32);
  if ((a | b | c | d | e | f | g | h) < 0) return false;
  parts.time = a * 4294967296 + b * 65536 + c;
  parts.head = d * 65536 + e;
  parts.tail = f * 4294967296 + g * 65536 + h;
  return true;
}

function hex(value: number, bytes: number): string {
  let text = '';
  let low = value % 16777216;
  let high = Math.floor(value / 16777216);
  for (let n = 0; n < bytes; n++) {
    text = (hexOf[low & 255] ?? '') + text;
    low >>>= 8;
    if (n === 2) {
      low = high;
      high = 0;
    }
  }
  return text;
}

/** The UUID of these parts. */
export function formatUuid(time: number, head: number, tail: number): string {
  const first = hex(time, 6);
  const second = hex(head, 4);
  return `${first.slice(0, 8)}-${first.slice(8)}-${second.slice(0, 4)}-${second.slice(4)}-${hex(tail, 6)}`;
}

/** The UUID whose 16 bytes begin at `at`. */
export function uuidOf(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let n = 0; n < 16; n++) {
    text += hexOf[bytes[at + n] ?? 0] ?? '';
    if (n === 3 || n === 5 || n === 7 || n === 9) text += '-';
  }
  return text;
}

/** Four bytes from `at` as a number without sign, highest first. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  );
}

/** The parts of the UUID whose 16 bytes begin at `at`. */
export function readUuid(bytes: Uint8Array, at: number, parts: UuidParts): void {
  parts.time = wordAt(bytes, at) * 65536 + (wordAt(bytes, at + 2) & 0xffff);
  parts.head = wordAt(bytes, at + 6);
  parts.tail = wordAt(bytes, at + 10) * 65536 + (wordAt(bytes, at + 12) & 0xffff);
}

/** Ids that count up: UUIDs of version 7 that cost little to make and to keep. https://hl7.org/fhir/R4/datatypes.html#id */
import { v7 as uuid } from 'uuid';

const hexOf: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The lowest `bytes` bytes of a number below 2^53 as hexadecimal digits. */
function hex(value: number, bytes: number): string {
  let text = '';
  for (let rest = value, left = bytes; left > 0; left--) {
    text = `${hexOf[rest % 256] ?? ''}${text}`;
    rest = Math.floor(rest / 256);
  }
  return text;
}

/**
 * Makes ids, each a UUID of version 7 whose random bits are those of one UUID counted up (RFC 9562, 6.2, method 2): they
 * sort in the order in which they were made within a millisecond, and only the first takes more than a byte to keep.
 * @returns a function from the instant (milliseconds since 1970) to a new id.
 */
export function countingIds(start: string = uuid()): (instant: number) => string {
  const middle = start.slice(13, 24);
  const first = Number.parseInt(start.slice(24), 16) % 2 ** 46;
  let low = first % 65536;
  let high = Math.floor(first / 65536);
  let highText = hex(high, 4);
  let instant = -1;
  let instantText = '';
  return (now) => {
    if (now !== instant) {
      const digits = hex(now, 6);
      instant = now;
      instantText = `${digits.slice(0, 8)}-${digits.slice(8)}${middle}`;
    }
    low += 1;
    if (low === 65536) {
      low = 0;
      high += 1;
      highText = hex(high, 4);
    }
    return `${instantText}${highText}${hexOf[low >>> 8] ?? ''}${hexOf[low & 255] ?? ''}`;
  };
}

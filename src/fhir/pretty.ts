/** JSON with indentation, for people: `_pretty=true`. https://hl7.org/fhir/R4/http.html#general */
import { skipString } from './json-scan.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const NEWLINE = 0x0a;
const SPACE = 0x20;

/** Valid JSON bytes with two spaces of indentation a level; strings and numbers stay as they are. */
export function pretty(bytes: Uint8Array): Uint8Array {
  let out = Buffer.allocUnsafe(bytes.length * 2 + 64);
  let to = 0;
  let depth = 0;
  const room = (length: number) => {
    if (to + length <= out.length) return;
    const larger = Buffer.allocUnsafe((to + length) * 2);
    out.copy(larger, 0, 0, to);
    out = larger;
  };
  const newline = () => {
    room(1 + 2 * depth);
    out[to++] = NEWLINE;
    out.fill(SPACE, to, to + 2 * depth);
    to += 2 * depth;
  };
  for (let i = 0; i < bytes.length; ) {
    const c = bytes[i] ?? 0;
    if (c <= SPACE) {
      i++;
      continue;
    }
    if (c === QUOTE) {
      const after = skipString(bytes, i);
      room(after - i);
      out.set(bytes.subarray(i, after), to);
      to += after - i;
      i = after;
      continue;
    }
    i++;
    room(2);
    if (c === 0x7b || c === 0x5b) {
      out[to++] = c;
      while ((bytes[i] ?? 0x21) <= SPACE) i++;
      if (bytes[i] === c + 2) {
        out[to++] = c + 2;
        i++;
      } else {
        depth++;
        newline();
      }
    } else if (c === 0x7d || c === 0x5d) {
      depth--;
      newline();
      room(1);
      out[to++] = c;
    } else {
      out[to++] = c;
      if (c === COMMA) newline();
      else if (c === COLON) {
        room(1);
        out[to++] = SPACE;
      }
    }
  }
  room(1);
  out[to++] = NEWLINE;
  return out.subarray(0, to);
}

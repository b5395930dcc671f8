/** One pass over JSON bytes: white space, depth, members, numbers, without a tree. https://hl7.org/fhir/R4/json.html */
import { isHeldByDouble, isWithinLimits, MAX_DEPTH } from './json-limits.ts';
import { decodeUtf8 } from './json-text.ts';
import type { JsonValue } from './resource.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;

/** Strings longer than this are finished by a native search. */
const LONG_STRING = 96;

export interface Scan {
  /** Bytes outside strings that are white space (or control characters, which no valid JSON has there). */
  readonly spaces: number;
  /** Members of all objects together: colons outside strings. */
  readonly members: number;
  /** Whether a double doesn't hold some number. */
  readonly inexact: boolean;
  /** Whether some whole number has a point or an exponent: `1.0`, `1e2`. */
  readonly loose: boolean;
  /** Whether depth and numbers are within the limits; if not, the scan stopped there. */
  readonly withinLimits: boolean;
}

/** Scans a JSON text that need not be valid. `above`: how many objects and arrays it stands in. */
export function scanJson(bytes: Uint8Array, above = 0): Scan {
  const end = bytes.length;
  let spaces = 0;
  let members = 0;
  let depth = above;
  let inexact = false;
  let loose = false;
  let i = 0;
  outer: while (i < end) {
    const c = bytes[i] ?? 0;
    if (c === QUOTE) {
      const start = i++;
      const near = Math.min(end, start + LONG_STRING);
      // As skipString does; calling it for every short string takes half as long again.
      while (i < near) {
        const d = bytes[i++];
        if (d === QUOTE) continue outer;
        if (d === BACKSLASH) i++;
      }
      i = skipString(bytes, start);
    } else if (c === COLON) {
      members++;
      i++;
    } else if (c === COMMA) {
      i++;
    } else if (c <= SPACE) {
      spaces++;
      i++;
    } else if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
      if (++depth > MAX_DEPTH) return { spaces, members, inexact, loose, withinLimits: false };
      i++;
    } else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) {
      depth--;
      i++;
    } else if (c === MINUS || isDigit(c)) {
      const start = i;
      let exponent = false;
      let point = false;
      for (i++; i < end; i++) {
        const d = bytes[i] ?? 0;
        if (isDigit(d) || d === 0x2b || d === MINUS) continue;
        if (d === POINT) {
          point = true;
          continue;
        }
        if (d !== 0x65 && d !== 0x45) break;
        exponent = true;
      }
      loose ||= exponent || (point && hasNoFraction(bytes, i));
      // A double holds every decimal of 15 digits.
      if (exponent || i - start > 15) {
        const text = latin1(bytes, start, i);
        if (!isWithinLimits(text)) return { spaces, members, inexact, loose, withinLimits: false };
        inexact ||= !isHeldByDouble(text);
      }
    } else {
      i++;
    }
  }
  return { spaces, members, inexact, loose, withinLimits: true };
}

/** The text without white space outside strings, given how many bytes of it there are. */
export function withoutSpaces(bytes: Uint8Array, spaces: number): Uint8Array {
  const out = new Uint8Array(bytes.length - spaces);
  copyWithoutSpaces(bytes, out, 0);
  return out;
}

/** Copies a part of a text that begins and ends outside of strings to `out` from `to` on; gives the index behind it. */
export function copyWithoutSpaces(bytes: Uint8Array, out: Uint8Array, to: number): number {
  const end = bytes.length;
  for (let i = 0; i < end; ) {
    const c = bytes[i] ?? 0;
    if (c === QUOTE) {
      const after = skipString(bytes, i);
      if (after - i > LONG_STRING) {
        out.set(bytes.subarray(i, after), to);
        to += after - i;
        i = after;
      } else {
        while (i < after) out[to++] = bytes[i++] ?? 0;
      }
    } else {
      if (c > SPACE) out[to++] = c;
      i++;
    }
  }
  return to;
}

/** The index after the string that begins at `start` (a quotation mark); the end of the bytes if it doesn't end. */
export function skipString(bytes: Uint8Array, start: number): number {
  const end = bytes.length;
  const near = Math.min(end, start + LONG_STRING);
  let i = start + 1;
  for (; i < near; i++) {
    const c = bytes[i];
    if (c === QUOTE) return i + 1;
    if (c === BACKSLASH) i++;
  }
  while (i < end) {
    const quote = bytes.indexOf(QUOTE, i);
    if (quote < 0) return end;
    // A quotation mark is escaped if an odd number of backslashes precedes it.
    let before = quote;
    while (before > i && bytes[before - 1] === BACKSLASH) before--;
    if (((quote - before) & 1) === 0) return quote + 1;
    i = quote + 1;
  }
  return end;
}

/** The index of the first byte from `i` on that isn't white space. */
export function skipSpaces(bytes: Uint8Array, i: number): number {
  while (i < bytes.length) {
    const c = bytes[i];
    if (c !== SPACE && c !== 0x0a && c !== 0x0d && c !== 0x09) return i;
    i++;
  }
  return i;
}

/**
 * The index after the value that begins at `start`, whatever it is: brackets are counted, not matched, and a literal ends
 * at a comma, a closing bracket or white space. What it steps over is only valid JSON once it has been parsed.
 */
export function skipValue(bytes: Uint8Array, start: number): number {
  const end = bytes.length;
  const first = bytes[start];
  if (first === QUOTE) return skipString(bytes, start);
  let i = start;
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
    let depth = 0;
    outer: while (i < end) {
      const c = bytes[i++];
      if (c === QUOTE) {
        const near = Math.min(end, i + LONG_STRING);
        const string = i - 1;
        while (i < near) {
          const d = bytes[i++];
          if (d === QUOTE) continue outer;
          if (d === BACKSLASH) i++;
        }
        i = skipString(bytes, string);
        continue;
      }
      if (c === OPEN_OBJECT || c === OPEN_ARRAY) depth++;
      else if ((c === CLOSE_OBJECT || c === CLOSE_ARRAY) && --depth === 0) return i;
    }
    return end;
  }
  for (; i < end; i++) {
    const c = bytes[i] ?? 0;
    if (c <= SPACE || c === COMMA || c === CLOSE_OBJECT || c === CLOSE_ARRAY) return i;
  }
  return end;
}

/** The bytes as text, one character a byte. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

/** Whether there are only zeros between the point of a number and its end. */
function hasNoFraction(bytes: Uint8Array, end: number): boolean {
  let at = end - 1;
  while (bytes[at] === ZERO) at--;
  return bytes[at] === POINT;
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

/**
 * The text of a top-level member whose value is a string, if the bytes are an object that has it; undefined otherwise.
 * For names of ASCII characters and values without escapes.
 */
export function peekString(bytes: Uint8Array, name: string): string | undefined {
  const found = peekMember(bytes, name);
  if (found === undefined || bytes[found.start] !== QUOTE) return undefined;
  return latin1(bytes, found.start + 1, found.end - 1);
}

/**
 * Where the value of a top-level member stands, if the bytes are an object that has it; undefined otherwise. Steps over
 * other members without reading them. For names of ASCII characters.
 */
export function peekMember(
  bytes: Uint8Array,
  name: string,
): { readonly start: number; readonly end: number } | undefined {
  let i = skipSpaces(bytes, 0);
  if (bytes[i] !== OPEN_OBJECT) return undefined;
  i = skipSpaces(bytes, i + 1);
  while (bytes[i] === QUOTE) {
    const afterName = skipString(bytes, i);
    const found = isName(bytes, i, afterName, name);
    i = skipSpaces(bytes, afterName);
    if (bytes[i] !== COLON) return undefined;
    i = skipSpaces(bytes, i + 1);
    const start = i;
    i = skipValue(bytes, i);
    if (found) return { start, end: i };
    i = skipSpaces(bytes, i);
    if (bytes[i] !== COMMA) return undefined;
    i = skipSpaces(bytes, i + 1);
  }
  return undefined;
}

/** The value of a top-level member of an object in valid JSON; undefined where there is none. */
export function topMember(bytes: Uint8Array, name: string): JsonValue | undefined {
  const found = peekMember(bytes, name);
  return found === undefined ? undefined : JSON.parse(decodeUtf8(bytes.subarray(found.start, found.end)));
}

/**
 * Whether the string from `start` to before `end` (with its quotation marks) means `name`, escapes resolved. For names of ASCII
 * characters.
 */
export function isName(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  const length = end - start - 2;
  // An escape is six characters, as in `"\u0069d"`, so that most names need not be searched for one.
  if (length !== name.length) return length >= name.length + 5 && isEscapedName(bytes, start, end, name);
  for (let i = 0; i < length; i++) if (bytes[start + 1 + i] !== name.charCodeAt(i)) return false;
  return true;
}

function isEscapedName(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  let i = start + 1;
  while (i < end && bytes[i] !== BACKSLASH) i++;
  if (i === end) return false;
  try {
    return JSON.parse(latin1(bytes, start, end)) === name;
  } catch {
    // Not JSON: reading the member will say so.
    return false;
  }
}

/** Large JSON, read a piece at a time. https://hl7.org/fhir/R4/json.html */
import { skipSpaces, skipString, skipValue } from './json-scan.ts';
import type { JsonValue } from './resource.ts';

/** Bytes that are read at once: that takes about a millisecond. */
const SLICE = 64 << 10;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const decoder = new TextDecoder();

/**
 * What `JSON.parse` gives; awaits `pause`, which may do nothing, between pieces of arrays and large members of objects.
 * Throws SyntaxError for what isn't JSON, as far as it can't be read.
 */
export async function parseInSlices(bytes: Uint8Array, pause: () => Promise<void> | undefined): Promise<JsonValue> {
  const reading = valueIn(bytes);
  for (;;) {
    const step = reading.next();
    if (step.done) return step.value;
    const pausing = pause();
    if (pausing !== undefined) await pausing;
  }
}

/** A value that was read, and the index behind it. */
interface Read {
  readonly value: JsonValue;
  readonly end: number;
}

function* valueIn(bytes: Uint8Array): Generator<void, JsonValue> {
  const start = skipSpaces(bytes, 0);
  const first = bytes[start];
  if (bytes.length - start <= SLICE || (first !== OPEN_OBJECT && first !== OPEN_ARRAY)) return parsed(bytes);
  const { value, end } = first === OPEN_ARRAY ? yield* itemsAt(bytes, start) : yield* membersAt(bytes, start);
  if (skipSpaces(bytes, end) < bytes.length) throw unreadable(end);
  return value;
}

function* membersAt(bytes: Uint8Array, start: number): Generator<void, Read> {
  const members: [string, JsonValue][] = [];
  let at = skipSpaces(bytes, start + 1);
  while (bytes[at] !== CLOSE_OBJECT) {
    if (bytes[at] !== QUOTE) throw unreadable(at);
    const nameEnd = skipString(bytes, at);
    const name = parsed(bytes.subarray(at, nameEnd));
    const colon = skipSpaces(bytes, nameEnd);
    if (bytes[colon] !== COLON || typeof name !== 'string') throw unreadable(colon);
    at = skipSpaces(bytes, colon + 1);
    const { value, end } =
      bytes[at] === OPEN_ARRAY ? yield* itemsAt(bytes, at) : yield* wholeAt(bytes, at, skipValue(bytes, at));
    members.push([name, value]);
    at = behind(bytes, end, CLOSE_OBJECT);
  }
  // Not by assignment: a property may be called `__proto__`.
  return { value: Object.fromEntries(members), end: at + 1 };
}

/** Small items are read together. */
function* itemsAt(bytes: Uint8Array, start: number): Generator<void, Read> {
  const items: JsonValue[] = [];
  const take = (from: number, to: number): void => {
    const some = parsed(Buffer.concat([Buffer.from('['), bytes.subarray(from, to), Buffer.from(']')]));
    if (Array.isArray(some)) for (const item of some) items.push(item);
  };
  let at = skipSpaces(bytes, start + 1);
  let from = at;
  let to = at;
  while (bytes[at] !== CLOSE_ARRAY) {
    const end = skipValue(bytes, at);
    if (end === at) throw unreadable(at);
    if (end - at > SLICE) {
      if (to > from) take(from, to);
      const { value } = yield* wholeAt(bytes, at, end);
      items.push(value);
      to = end;
    } else if (end - from > SLICE) {
      take(from, end);
      yield;
      to = end;
    }
    const taken = to === end;
    at = behind(bytes, end, CLOSE_ARRAY);
    if (taken) from = at;
    to = taken ? at : end;
  }
  if (to > from) take(from, to);
  return { value: items, end: at + 1 };
}

function* wholeAt(bytes: Uint8Array, start: number, end: number): Generator<void, Read> {
  const value = yield* valueIn(bytes.subarray(start, end));
  if (end - start > SLICE) yield;
  return { value, end };
}

/** The index of the next member or item, or of the bracket that closes. */
function behind(bytes: Uint8Array, end: number, close: number): number {
  const at = skipSpaces(bytes, end);
  if (bytes[at] === close) return at;
  if (bytes[at] !== COMMA) throw unreadable(at);
  return skipSpaces(bytes, at + 1);
}

function parsed(bytes: Uint8Array): JsonValue {
  return JSON.parse(decoder.decode(bytes));
}

function unreadable(at: number): SyntaxError {
  return new SyntaxError(`JSON can't be read at byte ${at}`);
}

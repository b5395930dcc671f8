/** Reading JSON bytes: exact text, strict, within limits; and the outline of a Bundle. https://hl7.org/fhir/R4/json.html */
import { indexable, readExact } from './exact-json.ts';
import { JsonCursor } from './json-cursor.ts';
import { expressionOf, JsonFault, outcomeOf } from './json-fault.ts';
import { peekString, scanJson, withoutSpaces } from './json-scan.ts';
import { decodeUtf8, withoutByteOrderMark } from './json-text.ts';
import { failure } from './outcome.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from './resource.ts';

export interface ParsedJson {
  /** The text without white space outside strings, otherwise exactly as sent; the input itself where it has none. */
  readonly bytes: Uint8Array;
  readonly value: JsonValue;
  /** `value` itself, unless a double doesn't hold some number: then a copy where such numbers are strings of their text. */
  readonly indexed: JsonValue;
  /** Whether some whole number has a point or an exponent (`1.0`, `1e2`), which `value` doesn't show. */
  readonly loose: boolean;
}

/**
 * Reads a JSON text in UTF-8. Throws OutcomeError 400 (`structure`) for what isn't UTF-8 or JSON, for a property that comes
 * twice in an object (naming its path), for nesting and numbers beyond the limits.
 */
export function parseJson(bytes: Uint8Array): ParsedJson {
  const source = withoutByteOrderMark(bytes);
  const text = decodeUtf8(source);
  try {
    return read(source, text);
  } catch (error) {
    throw error instanceof JsonFault ? outcomeOf(error, text) : error;
  }
}

/** The value of bytes that were read by `parseJson` before they were stored. */
export function storedJson(bytes: Uint8Array): JsonValue {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
}

/** As `parseJson`, of bytes and their text. Throws JsonFault. */
function read(source: Uint8Array, text: string): ParsedJson {
  // Before JSON.parse, which would need a stack as deep as the text nests.
  const scan = scanJson(source);
  if (!scan.withinLimits) throw faultOf(text);
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch {
    throw faultOf(text);
  }
  // JSON.parse lets the last of equal names win, so that there are fewer members than colons.
  if (typeof value === 'object' && value !== null && countMembers(value) !== scan.members) throw faultOf(text);
  return {
    bytes: scan.spaces === 0 ? source : withoutSpaces(source, scan.spaces),
    value,
    indexed: scan.inexact ? indexable(readExact(text)) : value,
    loose: scan.loose,
  };
}

/** Finds by a slow and careful reading what is wrong with a text. */
function faultOf(text: string): JsonFault {
  try {
    readExact(text);
  } catch (error) {
    if (error instanceof JsonFault) return error;
    throw error;
  }
  return new JsonFault('structure', 'a value was expected', 0);
}

/** The members of all objects in a tree. */
export function countMembers(value: JsonObject | readonly JsonValue[]): number {
  let count = 0;
  if (isArray(value)) {
    for (const item of value) if (typeof item === 'object' && item !== null) count += countMembers(item);
    return count;
  }
  for (const name in value) {
    count++;
    const member = value[name];
    if (typeof member === 'object' && member !== null) count += countMembers(member);
  }
  return count;
}

/** The `resourceType` of a JSON object, without reading the rest; undefined where there is none, or no JSON. */
export function resourceTypeOf(bytes: Uint8Array): string | undefined {
  return peekString(withoutByteOrderMark(bytes), 'resourceType');
}

/** The `type` of a Bundle, as `resourceTypeOf` finds its resourceType. */
export function bundleTypeOf(bytes: Uint8Array): string | undefined {
  return peekString(withoutByteOrderMark(bytes), 'type');
}

export interface EntryOutline {
  /** The entry without its resource. */
  readonly members: JsonObject;
  /** The bytes of the resource, a part of the source and not yet read: for `parseJson`. */
  readonly resource: Uint8Array | undefined;
}

export interface BundleOutline {
  /** The Bundle without its entries. */
  readonly members: JsonObject;
  readonly entries: readonly EntryOutline[];
}

/** After so many bytes a scan in slices may pause. */
const SLICE = 64 << 10;

/**
 * The outline of a Bundle in one pass, without a tree of the whole. Throws OutcomeError 400 as `parseJson` does, naming
 * `Bundle.entry[n]`; what is wrong inside a resource shows when that is read.
 */
export function outlineBundle(bytes: Uint8Array): BundleOutline {
  const outline = outlineInSteps(bytes);
  for (;;) {
    const step = outline.next();
    if (step.done) return step.value;
  }
}

/** As `outlineBundle`, but awaits `pause`, which may do nothing, after each millisecond or so of work. */
export async function outlineBundleInSlices(bytes: Uint8Array, pause: () => Promise<void>): Promise<BundleOutline> {
  const outline = outlineInSteps(bytes);
  for (;;) {
    const step = outline.next();
    if (step.done) return step.value;
    await pause();
  }
}

function* outlineInSteps(bytes: Uint8Array): Generator<void, BundleOutline> {
  const source = withoutByteOrderMark(bytes);
  const cursor = new JsonCursor(source);
  const entries: EntryOutline[] = [];
  const rest: Uint8Array[] = [];
  let seen = false;
  let slice = 0;
  cursor.open('{');
  while (cursor.nextMember()) {
    if (!cursor.isNamed('entry')) {
      rest.push(cursor.member());
      continue;
    }
    if (seen) throw failure(400, 'structure', 'Duplicate property.', 'Bundle.entry');
    seen = true;
    cursor.open('[', 'Bundle.entry');
    while (cursor.nextItem()) {
      entries.push(outlineEntry(cursor, `Bundle.entry[${entries.length}]`));
      if (cursor.at - slice > SLICE) {
        slice = cursor.at;
        yield;
      }
    }
    if (entries.length === 0) throw failure(400, 'structure', 'An array may not be empty.', 'Bundle.entry');
  }
  cursor.end();
  const members = readMembers(rest, 'Bundle');
  if (members.resourceType !== 'Bundle') throw failure(400, 'structure', 'The body is not a Bundle.', 'resourceType');
  return { members, entries };
}

function outlineEntry(cursor: JsonCursor, expression: string): EntryOutline {
  const rest: Uint8Array[] = [];
  let resource: Uint8Array | undefined;
  cursor.open('{', expression);
  while (cursor.nextMember(expression)) {
    if (!cursor.isNamed('resource')) {
      rest.push(cursor.member());
      continue;
    }
    if (resource !== undefined) throw failure(400, 'structure', 'Duplicate property.', `${expression}.resource`);
    resource = cursor.value();
  }
  return { members: readMembers(rest, expression), resource };
}

/** The object of these members, each the bytes of a name and a value. */
function readMembers(members: readonly Uint8Array[], expression: string): JsonObject {
  const text = objectText(members);
  try {
    const { value } = read(text, decodeUtf8(text));
    return isObject(value) ? value : {};
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    if (error.path === undefined) throw failure(400, error.code, `Not valid JSON: ${error.message}.`, expression);
    throw failure(400, error.code, `${error.message}.`, expressionOf(error.path, expression));
  }
}

/** The bytes of an object with these members. */
function objectText(members: readonly Uint8Array[]): Uint8Array {
  let length = members.length + 2;
  for (const member of members) length += member.length;
  const out = Buffer.allocUnsafe(length);
  let to = 0;
  out[to++] = 0x7b;
  for (const member of members) {
    out.set(member, to);
    to += member.length;
    out[to++] = 0x2c;
  }
  if (members.length > 0) to--;
  out[to++] = 0x7d;
  return out.subarray(0, to);
}

/** As `parseJson` and `parseExact`, a piece at a time: a large body holds nobody else up. https://hl7.org/fhir/R4/json.html */
import { isUtf8 } from 'node:buffer';
import {
  type ExactJson,
  exactObject,
  indexable,
  isExactObject,
  parseExact,
  readExact,
  readStored,
} from './exact-json.ts';
import { countMembers, type ParsedJson, parseJson } from './json.ts';
import { JsonFault, outcomeOf } from './json-fault.ts';
import { copyWithoutSpaces, scanJson } from './json-scan.ts';
import {
  isContainer,
  type Open,
  type ReadInSlices,
  readInSlices,
  SLICE,
  strictTree,
  type TreeKind,
  Unreadable,
} from './json-slices.ts';
import { asBuffer, decodeUtf8, withoutByteOrderMark } from './json-text.ts';
import { failure } from './outcome.ts';
import type { JsonObject, JsonValue } from './resource.ts';
import { inSteps, type Pause } from './steps.ts';

/** Bodies up to this many bytes are read at once, in a few milliseconds. */
export const LARGE = 4 * SLICE;

/** What `parseJson` gives and throws; awaits `pause` after each `slice` bytes of a text that has more than `large`. */
export function parseJsonInSlices(
  bytes: Uint8Array,
  pause: Pause,
  { slice = SLICE, large = LARGE } = {},
): ParsedJson | Promise<ParsedJson> {
  const source = withoutByteOrderMark(bytes);
  if (source.length <= large || !isContainer(source)) return parseJson(source);
  return read(source, pause, slice);
}

/** What `parseExact` gives and throws, likewise. */
export function parseExactInSlices(
  bytes: Uint8Array,
  pause: Pause,
  { slice = SLICE, large = LARGE } = {},
): ExactJson | Promise<ExactJson> {
  const source = withoutByteOrderMark(bytes);
  if (source.length <= large || !isContainer(source)) return parseExact(source);
  refuseOtherThanUtf8(source);
  return told(source, inSteps(readInSlices(source, exactTree, { slice }), pause)).then(({ value }) => value);
}

async function read(source: Uint8Array, pause: Pause, slice: number): Promise<ParsedJson> {
  refuseOtherThanUtf8(source);
  let inexact = false;
  let loose = false;
  const ends: number[] = [];
  const checked = strictTree((piece, above) => {
    const scan = scanJson(piece, above);
    if (!scan.withinLimits) throw new SyntaxError('beyond the limits');
    const value: JsonObject | readonly JsonValue[] = JSON.parse(decodeUtf8(piece));
    // JSON.parse lets the last of equal names win, so that there are fewer members than colons.
    if (countMembers(value) !== scan.members) throw new SyntaxError('a name comes twice');
    inexact ||= scan.inexact;
    loose ||= scan.loose;
    return value;
  });
  const steps = readInSlices(source, checked, { slice, onPiece: (end) => ends.push(end) });
  const { value, spaces } = await told(source, inSteps(steps, pause));
  return {
    bytes: spaces === 0 ? source : await compact(source, spaces, [...ends, source.length], pause),
    value,
    indexed: inexact ? (await inSteps(readInSlices(source, indexed, { slice }), pause)).value : value,
    loose,
  };
}

/** Only what has a number that a double can't hold is read the slow way. */
const indexed = strictTree((piece) => {
  const text = decodeUtf8(piece);
  return scanJson(piece).inexact ? indexable(readExact(text)) : JSON.parse(text);
});

const exactTree: TreeKind<ExactJson> = {
  read: (piece, above) => {
    // The limits of depth and numbers, and names that come twice, are `readExact`'s; it doesn't know how deep it is.
    if (!scanJson(piece, above).withinLimits) throw new SyntaxError('beyond the limits');
    return readExact(decodeUtf8(piece));
  },
  emptyObject: exactObject,
  objectOf: (members) => members,
  arrayOf: (items) => items,
  members: (each) => (isExactObject(each) ? each : {}),
  items: (each) => (Array.isArray(each) ? each : []),
  strict: true,
};

/** The same of a text that `parseJson` has read before. */
const storedTree: TreeKind<ExactJson> = { ...exactTree, read: (piece) => readStored(decodeUtf8(piece)) };

/** What `parseStored` gives; awaits `pause` after each `slice` bytes of a text that has more than `large`. */
export async function parseStoredInSlices(
  bytes: Uint8Array,
  pause: Pause,
  { slice = SLICE, large = LARGE } = {},
): Promise<ExactJson> {
  if (bytes.length <= large || !isContainer(bytes)) return readStored(decodeUtf8(bytes));
  return (await inSteps(readInSlices(bytes, storedTree, { slice }), pause)).value;
}

async function compact(source: Uint8Array, spaces: number, ends: readonly number[], pause: Pause): Promise<Uint8Array> {
  const out = new Uint8Array(source.length - spaces);
  let from = 0;
  let to = 0;
  for (const end of ends) {
    to = copyWithoutSpaces(source.subarray(from, end), out, to);
    from = end;
    const pausing = pause();
    if (pausing !== undefined) await pausing;
  }
  return out;
}

function refuseOtherThanUtf8(source: Uint8Array): void {
  if (!isUtf8(asBuffer(source))) throw failure(400, 'structure', 'The body is not valid UTF-8.');
}

/** Tells for people what can't be read. */
async function told<T>(source: Uint8Array, reading: Promise<ReadInSlices<T>>): Promise<ReadInSlices<T>> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const fault = faultOf(source, error);
    throw outcomeOf(fault, decodeUtf8(source));
  }
}

/**
 * What is wrong with a text. The slow and careful reading, which says it, is given no more than the piece that can't be read, and before
 * that what is open in short.
 */
function faultOf(source: Uint8Array, { open, from, to }: Unreadable): JsonFault {
  const before = open.map((each, depth) => inShort(each, depth === open.length - 1));
  // Behind the whole.
  const text = open.length === 0 && from > 0 ? '0' : before.map((each) => each.text).join('');
  const piece = decodeUtf8(source.subarray(from, to));
  try {
    readExact(text + piece);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    const bytes = Buffer.byteLength(piece.slice(0, Math.max(0, error.offset - text.length)));
    const offset = decodeUtf8(source.subarray(0, from + bytes)).length;
    return new JsonFault(error.code, error.message, offset, error.path && pathIn(error.path, open, before));
  }
  return new JsonFault('structure', 'a value was expected', decodeUtf8(source.subarray(0, from)).length);
}

interface InShort {
  readonly text: string;
  /** What paths have for the open member. */
  readonly step: string | number;
  /** How many items were left out. */
  readonly missing: number;
}

/** An object or array that is open, as short as it may be for what follows to be read as it would be behind the whole. */
function inShort({ names, count, name, afterMember }: Open, last: boolean): InShort {
  const comma = count === 0 || (last && afterMember) ? '' : ',';
  if (names === undefined)
    return { text: `[${count === 0 ? '' : '0'}${comma}`, step: count === 0 ? 0 : 1, missing: count && count - 1 };
  const members = names.map((each) => `${JSON.stringify(each)}:0`).join();
  const next = last ? '' : `${JSON.stringify(name)}:`;
  return { text: `{${members}${comma}${next}`, step: name, missing: 0 };
}

/** A path with the items that were left out, as far as it leads through what is open. */
function pathIn(
  path: readonly (string | number)[],
  open: readonly Open[],
  before: readonly InShort[],
): readonly (string | number)[] {
  const whole = [...path];
  for (const [depth, { step, missing }] of before.entries()) {
    const own = path[depth];
    if (typeof own === 'number') whole[depth] = own + missing;
    if (own !== step || depth === open.length - 1) break;
  }
  return whole;
}

/** Large JSON, read a piece at a time. https://hl7.org/fhir/R4/json.html */
import { MAX_DEPTH } from './json-limits.ts';
import { skipSpaces, skipString } from './json-scan.ts';
import { decodeUtf8 } from './json-text.ts';
import { isArray, isObject, type JsonValue } from './resource.ts';
import { inSteps, type Pause } from './steps.ts';

/** Bytes that are read at once: that takes about a millisecond. */
export const SLICE = 64 << 10;

/** Strings longer than this are finished by a native search. */
const LONG_STRING = 96;

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

export interface Members<T> {
  [name: string]: T;
}

/** What a text is made into. */
export interface TreeKind<T> {
  /** Reads a piece: an object or array of its own, which stands below so many others. What it throws is Unreadable. */
  readonly read: (piece: Uint8Array, above: number) => T;
  readonly emptyObject: () => Members<T>;
  readonly objectOf: (members: Members<T>) => T;
  readonly arrayOf: (items: T[]) => T;
  readonly members: (read: T) => { readonly [name: string]: T | undefined };
  readonly items: (read: T) => readonly T[];
  /** Whether a name that comes twice in an object can't be read; otherwise the last one counts. */
  readonly strict: boolean;
}

/** An object or array that is open where a text can't be read, with what was read of it. */
export interface Open {
  /** Those of an object; undefined: it is an array. */
  readonly names: readonly string[] | undefined;
  /** How many members or items were read. */
  readonly count: number;
  /** The member that the next open one is; of the last one, which nothing has been read of. */
  readonly name: string;
  /** Whether a comma has to come before what follows. */
  readonly afterMember: boolean;
}

/** A text that can't be read. */
export class Unreadable extends SyntaxError {
  readonly open: readonly Open[];
  /** The bytes from here on were not read; before `to` it shows that they can't be. */
  readonly from: number;
  readonly to: number;

  constructor(open: readonly Open[], from: number, to: number) {
    super(`JSON can't be read behind byte ${from}`);
    this.name = 'Unreadable';
    this.open = open;
    this.from = from;
    this.to = to;
  }
}

export interface ReadInSlices<T> {
  readonly value: T;
  /** Bytes of white space outside strings. */
  readonly spaces: number;
}

interface SliceOptions {
  /** Bytes that are read at once. */
  readonly slice?: number;
  /** Told of the end of each piece, which is no string's middle. */
  readonly onPiece?: (end: number) => void;
}

/**
 * What a text in UTF-8 has, which is an object or an array, in steps of a piece each. Nothing is looked at twice, however deep it nests.
 * Throws Unreadable.
 */
export function* readInSlices<T>(
  bytes: Uint8Array,
  kind: TreeKind<T>,
  { slice = SLICE, onPiece }: SliceOptions = {},
): Generator<void, ReadInSlices<T>> {
  const reader = new Reader(bytes, kind);
  const end = bytes.length;
  let spaces = 0;
  let begun = 0;
  let i = 0;
  outer: while (i < end && !reader.done) {
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
    } else if (c === COMMA) {
      reader.comma(i++);
      if (i - begun > slice) {
        reader.take();
        begun = i;
        onPiece?.(i);
        yield;
      }
    } else if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
      reader.open(i++, c === OPEN_ARRAY);
    } else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) {
      reader.close(i++, c === CLOSE_ARRAY);
    } else {
      if (c <= SPACE) spaces++;
      i++;
    }
  }
  const value = reader.end(i);
  return { value, spaces: spaces + end - i };
}

/** An object or array that is open. */
interface Frame<T> {
  readonly array: boolean;
  /** The index of its bracket. */
  readonly start: number;
  /** What was read of it; undefined: nothing, since it may be a small one. */
  made: { readonly items: T[] } | { readonly members: Members<T> } | undefined;
  /** Where the first member begins that was not read. */
  from: number;
  /** The last comma from there on; -1: there is none. */
  comma: number;
  /** The member that is open. */
  name: string;
  /** Whether the text from `from` on follows a member that was read by itself. */
  afterMember: boolean;
}

/** Keeps what is open, and what of it is still to be read. */
class Reader<T> {
  readonly #bytes: Uint8Array;
  readonly #kind: TreeKind<T>;
  readonly #frames: Frame<T>[] = [];
  #root: { readonly value: T } | undefined;

  constructor(bytes: Uint8Array, kind: TreeKind<T>) {
    this.#bytes = bytes;
    this.#kind = kind;
  }

  get done(): boolean {
    return this.#root !== undefined;
  }

  open(at: number, array: boolean): void {
    if (this.#frames.length === MAX_DEPTH) throw this.#unreadable(at + 1);
    this.#frames.push({
      array,
      start: at,
      made: undefined,
      from: at + 1,
      comma: -1,
      name: '',
      afterMember: false,
    });
  }

  comma(at: number): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) throw this.#unreadable(at + 1);
    if (frame.afterMember) {
      if (!this.#isBlank(frame.from, at)) throw this.#unreadable(at + 1);
      frame.afterMember = false;
      frame.from = at + 1;
    } else frame.comma = at;
  }

  /** Reads all that is complete. The last byte was a comma. */
  take(): void {
    const last = this.#frames.length - 1;
    for (const [depth, frame] of this.#frames.entries()) {
      frame.made ??= frame.array ? { items: [] } : { members: this.#kind.emptyObject() };
      if (frame.comma >= 0) {
        this.#takeTo(frame, frame.comma, depth);
        frame.from = frame.comma + 1;
        frame.comma = -1;
      }
      const next = this.#frames[depth + 1];
      if (depth === last || next === undefined || next.made !== undefined) continue;
      this.#enter(frame, next.start);
    }
  }

  close(at: number, array: boolean): void {
    const depth = this.#frames.length - 1;
    const frame = this.#frames[depth];
    if (frame === undefined || frame.array !== array) throw this.#unreadable(at + 1);
    const { made } = frame;
    if (made === undefined) {
      if (depth === 0) this.#root = { value: this.#read(this.#bytes.subarray(frame.start, at + 1), 0, at + 1) };
      this.#frames.pop();
      return;
    }
    if (frame.afterMember) {
      if (!this.#isBlank(frame.from, at)) throw this.#unreadable(at + 1);
    } else this.#takeTo(frame, at, depth);
    this.#frames.pop();
    const value = 'items' in made ? this.#kind.arrayOf(made.items) : this.#kind.objectOf(made.members);
    const parent = this.#frames[depth - 1];
    if (parent === undefined) {
      this.#root = { value };
      return;
    }
    if (parent.made !== undefined && 'items' in parent.made) parent.made.items.push(value);
    else if (parent.made !== undefined) setMember(parent.made.members, parent.name, value);
    parent.from = at + 1;
    parent.comma = -1;
    parent.afterMember = true;
  }

  /** The whole; `at`: the index behind it. */
  end(at: number): T {
    if (this.#root === undefined) throw this.#unreadable(this.#bytes.length);
    if (!this.#isBlank(at, this.#bytes.length)) throw new Unreadable([], at, this.#bytes.length);
    return this.#root.value;
  }

  /** Goes into a large member: what stands between is its name. */
  #enter(frame: Frame<T>, start: number): void {
    const { made, from, array } = frame;
    if (array) {
      if (!this.#isBlank(from, start)) throw this.#unreadable(start + 1);
      return;
    }
    const quote = skipSpaces(this.#bytes, from);
    const nameEnd = this.#bytes[quote] === QUOTE ? skipString(this.#bytes, quote) : start;
    const colon = skipSpaces(this.#bytes, nameEnd);
    if (this.#bytes[colon] !== COLON || !this.#isBlank(colon + 1, start)) throw this.#unreadable(start + 1);
    const name = this.#nameIn(quote, nameEnd, start + 1);
    if (this.#kind.strict && made !== undefined && 'members' in made && Object.hasOwn(made.members, name))
      throw this.#unreadable(start + 1);
    frame.name = name;
  }

  #nameIn(start: number, end: number, to: number): string {
    try {
      const name: unknown = JSON.parse(decodeUtf8(this.#bytes.subarray(start, end)));
      return String(name);
    } catch {
      throw this.#unreadable(to);
    }
  }

  /** Reads the members of a large one up to a comma or to its end. */
  #takeTo({ from, array, made }: Frame<T>, to: number, depth: number): void {
    if (made === undefined || this.#isBlank(from, to)) throw this.#unreadable(to + 1);
    const { length } = this.#bytes.subarray(from, to);
    const piece = Buffer.allocUnsafe(length + 2);
    piece[0] = array ? OPEN_ARRAY : OPEN_OBJECT;
    piece.set(this.#bytes.subarray(from, to), 1);
    piece[length + 1] = array ? CLOSE_ARRAY : CLOSE_OBJECT;
    const read = this.#read(piece, depth, to + 1);
    if ('items' in made) {
      for (const item of this.#kind.items(read)) made.items.push(item);
      return;
    }
    const members = this.#kind.members(read);
    // All of them first: what is told of names that come twice begins with those that were read.
    if (this.#kind.strict)
      for (const name in members) if (Object.hasOwn(made.members, name)) throw this.#unreadable(to + 1);
    for (const name in members) {
      const member = members[name];
      if (member !== undefined) setMember(made.members, name, member);
    }
  }

  #read(piece: Uint8Array, above: number, to: number): T {
    try {
      return this.#kind.read(piece, above);
    } catch {
      throw this.#unreadable(to);
    }
  }

  #isBlank(from: number, to: number): boolean {
    return skipSpaces(this.#bytes, from) >= to;
  }

  /** `to`: the index behind what shows that the text can't be read. */
  #unreadable(to: number): Unreadable {
    const large = this.#frames.filter(({ made }) => made !== undefined);
    const open = large.map(({ made, name, afterMember }): Open => {
      const names = made !== undefined && 'members' in made ? Object.keys(made.members) : undefined;
      const count = made !== undefined && 'items' in made ? made.items.length : (names?.length ?? 0);
      return { names, count, name, afterMember };
    });
    return new Unreadable(open, large.at(-1)?.from ?? 0, to);
  }
}

/** Not by assignment: a property may be called `__proto__`. */
function setMember<T>(members: Members<T>, name: string, value: T): void {
  if (name !== '__proto__') members[name] = value;
  else Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
}

/** What `JSON.parse` gives, piece by piece. */
const plainTree: TreeKind<JsonValue> = {
  read: (piece) => JSON.parse(decodeUtf8(piece)),
  emptyObject: () => ({}),
  objectOf: (members) => members,
  arrayOf: (items) => items,
  members: (read) => (isObject(read) ? read : {}),
  items: (read) => (isArray(read) ? read : []),
  strict: false,
};

/** The same with another way to read a piece, where no name may come twice. */
export function strictTree(read: TreeKind<JsonValue>['read']): TreeKind<JsonValue> {
  return { ...plainTree, read, strict: true };
}

/** Whether bytes begin like an object or array. */
export function isContainer(bytes: Uint8Array): boolean {
  const first = bytes[skipSpaces(bytes, 0)];
  return first === OPEN_OBJECT || first === OPEN_ARRAY;
}

/**
 * What `JSON.parse` gives; awaits `pause`, which may do nothing, after so many bytes. Throws SyntaxError for what isn't JSON, as far as it
 * can't be read.
 */
export async function parseInSlices(bytes: Uint8Array, pause: Pause): Promise<JsonValue> {
  if (!isContainer(bytes)) return JSON.parse(decodeUtf8(bytes));
  return (await inSteps(readInSlices(bytes, plainTree), pause)).value;
}

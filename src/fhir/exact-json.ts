/** JSON whose numbers keep their text, for what edits resources: patches, `_summary`. https://hl7.org/fhir/R4/json.html#decimal */
import { JsonFault, outcomeOf } from './json-fault.ts';
import { isHeldByDouble, isWithinLimits, MAX_DEPTH, MAX_EXPONENT, MAX_NUMBER_LENGTH } from './json-limits.ts';
import { decodeUtf8, withoutByteOrderMark } from './json-text.ts';
import { isArray, isObject, type JsonValue } from './resource.ts';

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** A number as it was written: `1.00`, `1e-20`. */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A mutable record without a prototype, so that `__proto__` is a name like any other. Members keep their order. */
export interface ExactObject {
  [name: string]: ExactJson;
}

export type ExactJson = string | boolean | null | ExactNumber | ExactObject | ExactJson[];

/** Its objects inherit nothing, and unlike those of `Object.create(null)` they aren't hash tables from the beginning. */
class Bare {
  [name: string]: ExactJson;
}
Object.setPrototypeOf(Bare.prototype, null);
Reflect.deleteProperty(Bare.prototype, 'constructor');

/** An empty object, safe for any property name. */
export function exactObject(): ExactObject {
  return new Bare();
}

/** Whether a value is an object: neither an array, a number nor null. */
export function isExactObject(value: ExactJson | undefined): value is ExactObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

/**
 * The tree of a JSON text in UTF-8. Throws OutcomeError 400 for what isn't JSON, for duplicate properties (naming the path)
 * and beyond the limits of depth and numbers.
 */
export function parseExact(bytes: Uint8Array): ExactJson {
  const text = decodeUtf8(withoutByteOrderMark(bytes));
  try {
    return readExact(text);
  } catch (error) {
    throw error instanceof JsonFault ? outcomeOf(error, text) : error;
  }
}

/** The tree of a JSON text (RFC 8259). Throws JsonFault, for duplicate properties and beyond the limits too. */
export function readExact(text: string): ExactJson {
  return new Reader(text).document();
}

/** The compact JSON of a tree in UTF-8; numbers as written. */
export function writeExact(value: ExactJson): Uint8Array {
  return Buffer.from(
    write(value, (number) => number.text),
    'utf8',
  );
}

/** The tree with ordinary numbers, as JSON.parse would give it. */
export function plain(value: ExactJson): JsonValue {
  return JSON.parse(write(value, (number) => number.text));
}

/** Numbers that a double holds, and whose shortest spelling this is. */
const SIMPLE_NUMBER = /^-?(?:[1-9][0-9]{0,7}|0(?=\.))(?:\.[0-9]{0,5}[1-9])?$|^0$/;

/**
 * As `plain`, several times as fast; undefined where a number isn't spelled as a double would be (`1.0`, `1e2`, a long one), so that
 * the tree says more than ordinary numbers could.
 */
export function simplePlain(value: ExactJson): JsonValue | undefined {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof ExactNumber) return SIMPLE_NUMBER.test(value.text) ? Number(value.text) : undefined;
  if (Array.isArray(value)) {
    const items: JsonValue[] = [];
    for (const each of value) {
      const item = simplePlain(each);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
  const object: Record<string, JsonValue> = {};
  for (const name in value) {
    const member = value[name];
    const item = member === undefined || name === '__proto__' ? undefined : simplePlain(member);
    if (item === undefined) return undefined;
    object[name] = item;
  }
  return object;
}

/** A number with a point, an exponent or many digits; also what only looks like one inside a string. */
const SPELLED_NUMBER = /[:,[]-(?:0|[0-9]*[.eE])|[:,[][0-9]+[.eE]|[0-9]{16}/;

/** The tree of what is stored: compact JSON, which was read with `parseJson` before. Twice as fast as `parseExact` for most. */
export function parseStored(bytes: Uint8Array): ExactJson {
  return readStored(decodeUtf8(bytes));
}

/** The same of its text. */
export function readStored(text: string): ExactJson {
  if (SPELLED_NUMBER.test(text)) return readExact(text);
  const value: JsonValue = JSON.parse(text);
  return exactOf(value);
}

/** A tree of ordinary numbers in their shortest spelling. */
export function exactOf(value: JsonValue): ExactJson {
  if (typeof value === 'number') return new ExactNumber(String(value));
  if (isArray(value)) return value.map(exactOf);
  if (!isObject(value)) return value;
  const object = exactObject();
  for (const name in value) {
    const member = value[name];
    if (member !== undefined) object[name] = exactOf(member);
  }
  return object;
}

/** The tree with ordinary numbers, but the exact text where a double doesn't hold a number. */
export function indexable(value: ExactJson): JsonValue {
  return JSON.parse(write(value, (number) => (isHeldByDouble(number.text) ? number.text : `"${number.text}"`)));
}

function write(value: ExactJson, number: (number: ExactNumber) => string): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (value instanceof ExactNumber) return number(value);
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${write(item, number)}`;
    return `[${text}]`;
  }
  for (const name in value) {
    const member = value[name];
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${nameText(name)}:${write(member, number)}`;
  }
  return `{${text}}`;
}

const PLAIN_NAME = /^\w+$/;
const nameText = (name: string) => (PLAIN_NAME.test(name) ? `"${name}"` : JSON.stringify(name));

/** A recursive descent over one text. */
class Reader {
  readonly #text: string;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): ExactJson {
    const value = this.#value();
    if (!Number.isNaN(this.#next())) throw this.#fault('the end was expected');
    return value;
  }

  /** The next character that isn't white space, which stays unread; NaN at the end. */
  #next(): number {
    for (;;) {
      const c = this.#text.charCodeAt(this.#at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return c;
      this.#at++;
    }
  }

  #value(): ExactJson {
    switch (this.#next()) {
      case OPEN_OBJECT:
        return this.#object();
      case OPEN_ARRAY:
        return this.#array();
      case QUOTE:
        return this.#string();
      case 0x74:
        return this.#literal('true', true);
      case 0x66:
        return this.#literal('false', false);
      case 0x6e:
        return this.#literal('null', null);
      default:
        return this.#number();
    }
  }

  #object(): ExactObject {
    const object = exactObject();
    this.#open();
    let c = this.#next();
    while (c !== CLOSE_OBJECT) {
      if (c !== QUOTE) throw this.#fault('a property name was expected');
      const start = this.#at;
      const name = this.#string();
      this.#path.push(name);
      if (name in object) throw new JsonFault('structure', 'Duplicate property', start, [...this.#path]);
      if (this.#next() !== COLON) throw this.#fault("':' was expected");
      this.#at++;
      object[name] = this.#value();
      this.#path.pop();
      c = this.#next();
      if (c === COMMA) {
        this.#at++;
        c = this.#next();
        if (c === CLOSE_OBJECT) throw this.#fault('a property name was expected');
      } else if (c !== CLOSE_OBJECT) {
        throw this.#fault("',' or '}' was expected");
      }
    }
    this.#close();
    return object;
  }

  #array(): ExactJson[] {
    const array: ExactJson[] = [];
    this.#open();
    let c = this.#next();
    while (c !== CLOSE_ARRAY) {
      this.#path.push(array.length);
      array.push(this.#value());
      this.#path.pop();
      c = this.#next();
      if (c === COMMA) {
        this.#at++;
        c = this.#next();
        if (c === CLOSE_ARRAY) throw this.#fault('a value was expected');
      } else if (c !== CLOSE_ARRAY) {
        throw this.#fault("',' or ']' was expected");
      }
    }
    this.#close();
    return array;
  }

  #open(): void {
    if (++this.#depth > MAX_DEPTH) throw new JsonFault('structure', tooDeep(), this.#at, [...this.#path]);
    this.#at++;
  }

  #close(): void {
    this.#depth--;
    this.#at++;
  }

  #string(): string {
    const start = this.#at;
    let i = start + 1;
    let escapes = false;
    for (;;) {
      const c = this.#text.charCodeAt(i);
      if (c === QUOTE) break;
      if (c === BACKSLASH) {
        escapes = true;
        i++;
      } else if (!(c >= 0x20)) {
        this.#at = i;
        throw this.#fault(Number.isNaN(c) ? 'the string does not end' : 'a control character must be escaped');
      }
      i++;
    }
    this.#at = i + 1;
    if (!escapes) return this.#text.slice(start + 1, i);
    try {
      const value: unknown = JSON.parse(this.#text.slice(start, i + 1));
      return String(value);
    } catch {
      this.#at = start;
      throw this.#fault('an escape in the string is not valid');
    }
  }

  #number(): ExactNumber {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#fault('a value was expected');
    const [text] = match;
    if (!isWithinLimits(text)) {
      throw new JsonFault('structure', numberTooLong(), this.#at, [...this.#path]);
    }
    this.#at += text.length;
    return new ExactNumber(text);
  }

  #literal<V extends boolean | null>(word: string, value: V): V {
    if (!this.#text.startsWith(word, this.#at)) throw this.#fault('a value was expected');
    this.#at += word.length;
    return value;
  }

  #fault(reason: string): JsonFault {
    return new JsonFault('structure', reason, this.#at);
  }
}

function tooDeep(): string {
  return `The body nests more than ${MAX_DEPTH} levels deep`;
}

function numberTooLong(): string {
  return `A number has more than ${MAX_NUMBER_LENGTH} characters or an exponent beyond ±${MAX_EXPONENT}`;
}

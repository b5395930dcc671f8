/** A walk through the top levels of JSON bytes that steps over what lies deeper. https://hl7.org/fhir/R4/json.html */
import { isName, skipSpaces, skipString, skipValue } from './json-scan.ts';
import { failure, type OutcomeError } from './outcome.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACKETS = {
  '{': { code: 0x7b, what: 'an object' },
  '[': { code: 0x5b, what: 'an array' },
} as const;
const CLOSE_ARRAY = 0x5d;
const CLOSE_OBJECT = 0x7d;

/**
 * Steps through objects and arrays that the caller opens. A member or item must be taken (`member`, `value`) or opened before the
 * next one is asked for. What is taken is bytes that hold a value if they hold JSON. Methods throw OutcomeError 400.
 */
export class JsonCursor {
  readonly #bytes: Uint8Array;
  #at = 0;
  #first = true;
  #nameStart = 0;
  #nameEnd = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The index of the next byte. */
  get at(): number {
    return this.#at;
  }

  /** Enters an object or array. `expression` names it in the error when it is something else. */
  open(bracket: '{' | '[', expression?: string): void {
    const { code, what } = BRACKETS[bracket];
    if (this.#peek() !== code) throw this.#fault(`${what} was expected`, expression);
    this.#at++;
    this.#first = true;
  }

  /** Goes to the value of the object's next member, or leaves the object: false. */
  nextMember(expression?: string): boolean {
    if (!this.#next(CLOSE_OBJECT, expression)) return false;
    if (this.#peek() !== QUOTE) throw this.#fault('a property name was expected', expression);
    this.#nameStart = this.#at;
    this.#nameEnd = skipString(this.#bytes, this.#at);
    this.#at = this.#nameEnd;
    if (this.#peek() !== COLON) throw this.#fault("':' was expected", expression);
    this.#at++;
    return true;
  }

  /** Goes to the array's next item, or leaves the array: false. */
  nextItem(expression?: string): boolean {
    return this.#next(CLOSE_ARRAY, expression);
  }

  /** Whether the member's name means this (of ASCII characters). */
  isNamed(name: string): boolean {
    return isName(this.#bytes, this.#nameStart, this.#nameEnd, name);
  }

  /** Takes the member: the bytes from its name to the end of its value. */
  member(): Uint8Array {
    const start = this.#nameStart;
    this.value();
    return this.#bytes.subarray(start, this.#at);
  }

  /** Takes the value. */
  value(): Uint8Array {
    this.#peek();
    const start = this.#at;
    this.#at = skipValue(this.#bytes, start);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Demands that nothing follows. */
  end(): void {
    if (this.#peek() !== undefined) throw this.#fault('the end was expected', undefined);
  }

  #next(close: number, expression: string | undefined): boolean {
    const c = this.#peek();
    if (c === close) {
      this.#at++;
    } else if (!this.#first) {
      if (c !== COMMA) throw this.#fault("',' or a closing bracket was expected", expression);
      this.#at++;
    }
    // After the object or array that just ended, its parent goes on behind an item.
    this.#first = false;
    return c !== close;
  }

  #peek(): number | undefined {
    this.#at = skipSpaces(this.#bytes, this.#at);
    return this.#bytes[this.#at];
  }

  #fault(reason: string, expression: string | undefined): OutcomeError {
    let line = 1;
    let lineStart = 0;
    for (let i = this.#bytes.indexOf(0x0a); i >= 0 && i < this.#at; i = this.#bytes.indexOf(0x0a, i + 1)) {
      line++;
      lineStart = i + 1;
    }
    const place = `line ${line}, column ${this.#at - lineStart + 1}`;
    return failure(400, 'structure', `The body is not a valid Bundle in JSON: ${reason} at ${place}.`, expression);
  }
}

/** The words, marks and values of a `_filter`, from left to right. https://hl7.org/fhir/R4/search_filter.html */
import type { OutcomeError } from '../../fhir/outcome.ts';
import { refuse } from '../lower/context.ts';

const space = /\s+/y;
const name = /[A-Za-z_][A-Za-z0-9_-]*/y;
const string = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const token = /[^\s)\]]+/y;
/** A time whose zone's `+` was read as a space, as happens to links that aren't percent-encoded. */
const spacedTime = /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+ [0-9]{2}:[0-9]{2}(?=[\s)\]]|$)/y;
const wordEnd = /[\s(]|$/y;
const valueEnd = /[\s)\]]|$/y;
/** What no string of FHIR has: U+0000, and halves of characters. */
const unwritable = /\0|\p{Surrogate}/u;

/** A text and a place in it. */
export class FilterScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get ended(): boolean {
    return this.#at === this.#text.length;
  }

  /** Goes past white space; whether there was any. */
  skipSpace(): boolean {
    return this.#match(space) !== undefined;
  }

  looksAt(mark: string): boolean {
    return this.#text.startsWith(mark, this.#at);
  }

  /** Goes past a mark; whether it stands there. */
  take(mark: '(' | ')' | '[' | ']' | '.'): boolean {
    if (!this.looksAt(mark)) return false;
    this.#at += mark.length;
    return true;
  }

  /** Goes past the one of the words that stands there; undefined where none does. */
  takeWord<W extends string>(words: readonly W[]): W | undefined {
    const found = words.find((word) => this.looksAt(word) && this.#isAt(wordEnd, this.#at + word.length));
    this.#at += found?.length ?? 0;
    return found;
  }

  /** Goes past the name of a search parameter; undefined where none stands there. */
  takeName(): string | undefined {
    return this.#match(name);
  }

  /** Goes past a value: a JSON string, or what has no space, `)` or `]` in it. Throws 400 where there is none. */
  takeValue(): string {
    const value = this.looksAt('"') ? this.#takeString() : (this.#match(spacedTime) ?? this.#match(token));
    if (value === undefined) throw this.expected('a value ("text", a number, a date, a token)');
    if (!this.#isAt(valueEnd, this.#at)) throw this.expected('a space, ) or the end behind the value');
    return value;
  }

  /** 400 that says what was expected at this place. */
  expected(what: string): OutcomeError {
    if (this.ended) return refuse('invalid', `${this.#place()}: expected ${what}, but the filter ends there.`);
    const [there = ''] = /^\s*\S*/.exec(this.#text.slice(this.#at, this.#at + 40)) ?? [];
    return refuse('invalid', `${this.#place()}: expected ${what}, not "${there}".`);
  }

  /** 400 for filters within each other beyond what is allowed. */
  tooDeep(most: number): OutcomeError {
    return refuse('too-costly', `${this.#place()}: at most ${most} filters and names stand within each other.`);
  }

  #place(): string {
    return `_filter, character ${[...this.#text.slice(0, this.#at)].length + 1}`;
  }

  #takeString(): string {
    const start = this.#at;
    const literal = this.#match(string);
    if (literal === undefined) throw this.expected('a string that ends with "');
    const text = parsedString(literal);
    if (text === undefined || unwritable.test(text)) {
      this.#at = start;
      throw this.expected('a string as JSON writes it, of whole characters');
    }
    return text;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  #isAt(pattern: RegExp, at: number): boolean {
    pattern.lastIndex = at;
    return pattern.test(this.#text);
  }
}

function parsedString(literal: string): string | undefined {
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

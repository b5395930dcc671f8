/** Bytes of packed audit records: numbers of variable length and texts. https://hl7.org/fhir/R4/auditevent.html */

/** Bytes that grow at their end. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** The memory behind what was written so far; valid until the next write. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Makes room for `more` bytes, so that `byte` and `varint` need not ask. */
  reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  /** One byte; `reserve` came before. */
  byte(value: number): void {
    this.#bytes[this.#length++] = value;
  }

  /** Four bytes, highest first; `reserve` came before. */
  word(value: number): void {
    this.#bytes[this.#length++] = value >>> 24;
    this.#bytes[this.#length++] = (value >>> 16) & 255;
    this.#bytes[this.#length++] = (value >>> 8) & 255;
    this.#bytes[this.#length++] = value & 255;
  }

  /** A natural number below 2^53 in seven-bit groups, lowest first, at most 8 bytes; `reserve` came before. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** An integer within ±2^52; small ones of either sign are short. `reserve` came before. */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** The length in bytes, then UTF-8; a lone surrogate becomes U+FFFD. Leaves room for five numbers behind it. */
  text(value: string): void {
    const size = value.length;
    this.reserve(3 * size + 48);
    if (size < 0x80) {
      // Nearly all texts are short and ASCII: written here, without a call into the runtime.
      const at = this.#length + 1;
      let n = 0;
      for (; n < size; n++) {
        const code = value.charCodeAt(n);
        if (code >= 0x80) break;
        this.#bytes[at + n] = code;
      }
      if (n === size) {
        this.#bytes[this.#length] = size;
        this.#length = at + size;
        return;
      }
    }
    this.varint(Buffer.byteLength(value));
    this.#length += this.#bytes.write(value, this.#length, 'utf8');
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A copy of what was written. */
  copy(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  clear(): void {
    this.#length = 0;
  }
}

/** Stored audit records that can't be read. */
export class DamagedAudit extends Error {
  constructor(message: string) {
    super(`${message}; run \`osteon audit verify\``);
    this.name = 'DamagedAudit';
  }
}

/** Reads what ByteWriter wrote. Everything throws DamagedAudit past the end. */
export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  byte(): number {
    if (this.at >= this.end) throw new DamagedAudit('an audit record ends too early');
    return this.bytes[this.at++] ?? 0;
  }

  varint(): number {
    let value = this.byte();
    if (value < 0x80) return value;
    value &= 0x7f;
    for (let scale = 0x80; ; scale *= 0x80) {
      const next = this.byte();
      value += (next & 0x7f) * scale;
      if (next < 0x80) return value;
      if (scale > 2 ** 49) throw new DamagedAudit('an audit record has a number that is too long');
    }
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  text(): string {
    const start = this.skipText();
    return textAt(this.bytes, start, this.at);
  }

  /** Goes past a text. @returns where its bytes begin; they end at `at`. */
  skipText(): number {
    const size = this.varint();
    return this.skip(size);
  }

  /** Goes past `size` bytes. @returns where they begin. */
  skip(size: number): number {
    const start = this.at;
    if (start + size > this.end) throw new DamagedAudit('an audit record ends too early');
    this.at = start + size;
    return start;
  }

  /** The next `size` bytes, not copied. */
  raw(size: number): Uint8Array {
    const start = this.skip(size);
    return this.bytes.subarray(start, this.at);
  }
}

/** The UTF-8 text in [start, end). */
export function textAt(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

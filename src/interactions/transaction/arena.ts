/** Memory for the many bodies of a transaction. https://hl7.org/fhir/R4/http.html#transaction */
import type { Body } from '../../fhir/body.ts';

/** Bytes of memory asked for at once, for transactions of any size. */
const smallest = 1 << 16;
const usual = 1 << 20;
/**
 * For large ones: memory from 32 MiB on is the system's again as soon as it is free, while the C library keeps smaller
 * pieces for later. What isn't used of it takes no memory.
 */
const large = 40 << 20;

/**
 * Keeps copies of bytes side by side. Small Buffers share pieces of memory with others that are soon let go, and hold the
 * whole piece: twice as much as the bodies of a large transaction need.
 */
export class Arena {
  readonly #chunkSize: number;
  #chunk = new Uint8Array(0);
  #used = 0;

  /** `expected`: bytes that will be kept, about. */
  constructor(expected: number) {
    this.#chunkSize = expected > 8 * usual ? large : Math.min(usual, Math.max(smallest, expected));
  }

  /** A copy of the bytes. */
  keep(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (this.#used + length > this.#chunk.length) {
      this.#chunk = new Uint8Array(Math.max(this.#chunkSize, length));
      this.#used = 0;
    }
    const copy = this.#chunk.subarray(this.#used, this.#used + length);
    copy.set(bytes);
    this.#used += length;
    return copy;
  }

  /** A copy of a body. */
  keepBody({ head, tail }: Body): Body {
    return { head: this.keep(head), tail: this.keep(tail) };
  }
}

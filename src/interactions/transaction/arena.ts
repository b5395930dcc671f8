/** Memory for the many bodies of a transaction. https://hl7.org/fhir/R4/http.html#transaction */
import type { Body } from '../../fhir/body.ts';

const chunkSize = 1 << 20;

/**
 * Keeps copies of bytes side by side. Small Buffers share pieces of memory with others that are soon let go, and hold the
 * whole piece: twice as much as the bodies of a large transaction need.
 */
export class Arena {
  #chunk = new Uint8Array(0);
  #used = 0;

  /** A copy of the bytes. */
  keep(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (this.#used + length > this.#chunk.length) {
      this.#chunk = new Uint8Array(Math.max(chunkSize, length));
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

/** The ids that unpacked audit records name, as bytes until they are asked for. https://hl7.org/fhir/R4/datatypes.html#id */
import { textHash, uuidHash } from './audit-key.ts';
import { readUuid, type UuidParts, uuidOf } from './audit-uuid.ts';

/** Ids by number, in the order of their coming. */
export class IdColumn {
  /** Raw bytes of parts; the last one is where new UUIDs lie. */
  readonly #sources: Uint8Array[] = [];
  /** For each id, the number of its source, -1 for a text, and the place of its 16 bytes there. */
  readonly #source: Int32Array;
  readonly #at: Int32Array;
  readonly #texts = new Map<number, string>();
  #hashes: Uint32Array | undefined;
  count = 0;

  /** @param capacity ids at most. */
  constructor(capacity: number) {
    this.#source = new Int32Array(capacity);
    this.#at = new Int32Array(capacity);
  }

  /** UUIDs that follow lie in these bytes. */
  beginPart(raw: Uint8Array): void {
    this.#sources.push(raw);
  }

  /** @returns the number of a UUID whose 16 bytes begin there. */
  addUuid(at: number): number {
    this.#source[this.count] = this.#sources.length - 1;
    this.#at[this.count] = at;
    return this.count++;
  }

  /** @returns the number of any other id. */
  addText(text: string): number {
    this.#source[this.count] = -1;
    this.#texts.set(this.count, text);
    return this.count++;
  }

  /** '' for -1. */
  text(number: number): string {
    const bytes = this.#sources[this.#source[number] ?? -1];
    return bytes === undefined ? (this.#texts.get(number) ?? '') : uuidOf(bytes, this.#at[number] ?? 0);
  }

  /** `idHash` of the id. */
  hash(number: number): number {
    this.#hashes ??= this.#hashAll();
    return this.#hashes[number] ?? 0;
  }

  #hashAll(): Uint32Array {
    const uuid: UuidParts = { time: 0, head: 0, tail: 0 };
    const hashes = new Uint32Array(this.count);
    for (let n = 0; n < hashes.length; n++) {
      const bytes = this.#sources[this.#source[n] ?? -1];
      if (bytes === undefined) hashes[n] = textHash(this.#texts.get(n) ?? '');
      else {
        readUuid(bytes, this.#at[n] ?? 0, uuid);
        hashes[n] = uuidHash(uuid.time, uuid.head, uuid.tail);
      }
    }
    return hashes;
  }
}

/** Numbers for the ids of one part, faster than a Map of texts. https://hl7.org/fhir/R4/datatypes.html#id */

const smallest = 256;

/** Ids in the order of their coming, found by hash. */
export class IdTable {
  /** Number + 1 of the id at each slot, 0 for none; a power of two long, at most half full. */
  #slots = new Int32Array(smallest * 2);
  #slotOf = new Int32Array(smallest);
  #hashes = new Uint32Array(smallest);
  /** For each id, the hash of the type that it was last an entity of, -1 for none. */
  #types = new Float64Array(smallest);
  /** For each id, whether it was noted as a patient: 0 or 1. */
  #patients = new Uint8Array(smallest);
  readonly #texts: string[] = [];

  /** The number of an id, -1 for a new one. */
  find(id: string, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = (slots[slot] ?? 0) - 1;
      if (number < 0) return -1;
      if (this.#hashes[number] === hash && this.#texts[number] === id) return number;
    }
  }

  /** Gives a new id its number. */
  add(id: string, hash: number): number {
    const number = this.#texts.length;
    if (number === this.#hashes.length) this.#grow();
    this.#texts.push(id);
    this.#hashes[number] = hash;
    this.#types[number] = -1;
    this.#patients[number] = 0;
    this.#place(number, hash);
    return number;
  }

  hash(number: number): number {
    return this.#hashes[number] ?? 0;
  }

  /** Notes that the id is an entity of a type; false where that was the last thing noted. */
  noteEntity(number: number, type: number): boolean {
    if (this.#types[number] === type) return false;
    this.#types[number] = type;
    return true;
  }

  /** Notes that the id is a patient; false where that is known. */
  notePatient(number: number): boolean {
    if (this.#patients[number] === 1) return false;
    this.#patients[number] = 1;
    return true;
  }

  clear(): void {
    const size = this.#texts.length;
    if (size > this.#slots.length / 8) this.#slots.fill(0);
    else for (let n = 0; n < size; n++) this.#slots[this.#slotOf[n] ?? 0] = 0;
    this.#texts.length = 0;
  }

  #place(number: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = number + 1;
    this.#slotOf[number] = slot;
  }

  #grow(): void {
    const size = this.#hashes.length;
    const [hashes, types, patients] = [this.#hashes, this.#types, this.#patients];
    this.#hashes = new Uint32Array(size * 2);
    this.#types = new Float64Array(size * 2);
    this.#patients = new Uint8Array(size * 2);
    this.#slotOf = new Int32Array(size * 2);
    this.#slots = new Int32Array(size * 4);
    this.#hashes.set(hashes);
    this.#types.set(types);
    this.#patients.set(patients);
    for (let n = 0; n < size; n++) this.#place(n, hashes[n] ?? 0);
  }
}

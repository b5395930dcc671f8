/** What canonicals were found to name, kept until definitions change. https://hl7.org/fhir/R4/references.html#canonical */

/** How many answers are kept, and how large they may be together: clients may name any canonical. */
const mostKept = 5000;
const mostBytes = 16 * 1024 * 1024;

export class KeptCanonicals<T extends { readonly bytes?: number }> {
  #generation: number | undefined;
  #answers = new Map<string, Promise<T | undefined>>();
  #sizes = new Map<string, number>();
  #bytes = 0;

  /** What was found before under a key, or what `look` finds; `generation`: of definitions, now. */
  find(generation: number, key: string, look: () => Promise<T | undefined>): Promise<T | undefined> {
    if (generation !== this.#generation) this.#forget(generation);
    const answers = this.#answers;
    const known = answers.get(key);
    if (known !== undefined) return known;
    const looking = look();
    answers.set(key, looking);
    looking.then(
      // What was found of definitions that have changed since is no longer asked for.
      (found) => answers === this.#answers && this.#keep(key, found?.bytes ?? 0),
      // A store that could not be asked is asked again.
      () => answers.delete(key),
    );
    return looking;
  }

  #keep(key: string, size: number): void {
    this.#sizes.set(key, size);
    this.#bytes += size;
    for (const [oldest, bytes] of this.#sizes) {
      if (this.#sizes.size <= mostKept && this.#bytes <= mostBytes) break;
      this.#sizes.delete(oldest);
      this.#answers.delete(oldest);
      this.#bytes -= bytes;
    }
  }

  #forget(generation: number): void {
    this.#generation = generation;
    this.#answers = new Map();
    this.#sizes = new Map();
    this.#bytes = 0;
  }
}

/** Which commits in flight bring entries by which generation of search parameters. https://hl7.org/fhir/R4/searchparameter.html */

export class Generations {
  /** Commits in flight by their generation. */
  readonly #inFlight = new Map<number, number>();
  #waiting: { readonly generation: number; readonly resolve: () => void }[] = [];

  /** A commit begins that brings entries of a generation. Call the answer when it is over. */
  enter(generation: number): () => void {
    this.#inFlight.set(generation, (this.#inFlight.get(generation) ?? 0) + 1);
    return () => {
      const left = (this.#inFlight.get(generation) ?? 1) - 1;
      if (left > 0) {
        this.#inFlight.set(generation, left);
        return;
      }
      this.#inFlight.delete(generation);
      const oldest = this.oldest();
      const done = this.#waiting.filter((each) => each.generation <= oldest);
      this.#waiting = this.#waiting.filter((each) => each.generation > oldest);
      for (const { resolve } of done) resolve();
    };
  }

  /** The oldest generation in flight; beyond all where none is. */
  oldest(): number {
    return Math.min(Number.MAX_SAFE_INTEGER, ...this.#inFlight.keys());
  }

  /** Resolves when no commit of an older generation is in flight. */
  async passed(generation: number): Promise<void> {
    if (this.oldest() >= generation) return;
    await new Promise<void>((resolve) => this.#waiting.push({ generation, resolve }));
  }
}

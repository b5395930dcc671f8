/** Commits of one process that would meet at the same documents go one after the other, so that they needn't try again. https://hl7.org/fhir/R4/http.html#concurrency */

export class KeyLocks {
  readonly #waiting = new Map<string, (() => void)[]>();

  /** Resolves when all keys are free, and holds them until the answer is called. */
  async acquire(keys: Iterable<string>): Promise<() => void> {
    // All take theirs in the same order, so nobody waits in a circle.
    const sorted = [...new Set(keys)].sort();
    for (const key of sorted) {
      const queue = this.#waiting.get(key);
      if (queue === undefined) this.#waiting.set(key, []);
      else await new Promise<void>((resolve) => queue.push(resolve));
    }
    return () => {
      for (const key of sorted) this.#release(key);
    };
  }

  isHeld(key: string): boolean {
    return this.#waiting.has(key);
  }

  #release(key: string): void {
    const next = this.#waiting.get(key)?.shift();
    if (next === undefined) this.#waiting.delete(key);
    else next();
  }
}

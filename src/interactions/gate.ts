/** Who has lost too many races writes alone. https://hl7.org/fhir/R4/http.html#concurrency */

/** What all commits of a store go through: side by side, until somebody closes it for the others. */
export class Gate {
  #inside = 0;
  /** Resolves when it is open again; undefined: it is. */
  #closed: Promise<void> | undefined;
  #left: (() => void) | undefined;

  /** Acts when the gate is open. What acts must not close it, nor wait for anybody who does. */
  async pass<T>(act: () => Promise<T>): Promise<T> {
    while (this.#closed !== undefined) await this.#closed;
    this.#inside += 1;
    try {
      return await act();
    } finally {
      this.#inside -= 1;
      if (this.#inside === 0) this.#left?.();
    }
  }

  /** Resolves when nobody is inside and nobody can come in, until what it gives is called. */
  async close(): Promise<() => void> {
    while (this.#closed !== undefined) await this.#closed;
    let reopen = () => {};
    this.#closed = new Promise<void>((resolve) => {
      reopen = resolve;
    });
    if (this.#inside > 0) {
      await new Promise<void>((resolve) => {
        this.#left = resolve;
      });
      this.#left = undefined;
    }
    return () => {
      this.#closed = undefined;
      reopen();
    };
  }
}

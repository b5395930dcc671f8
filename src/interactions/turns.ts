/** Order among those who try the same change again. https://hl7.org/fhir/R4/http.html#concurrency */

/** A turn that somebody has; `end` gives it to the next one. */
export interface Turn {
  readonly key: string;
  readonly end: () => void;
}

/**
 * Lets requests that lost a race try again one after another. Without it each round of a crowd serves one and sends all
 * others back, so that the last ones would need as many rounds as there are requests.
 */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Resolves when all who took a turn for this key before have ended it. Whoever has a turn must not take another. */
  async take(key: string): Promise<Turn> {
    const before = this.#last.get(key);
    let finish = () => {};
    const turn = new Promise<void>((resolve) => {
      finish = resolve;
    });
    this.#last.set(key, turn);
    await before;
    const end = () => {
      if (this.#last.get(key) === turn) this.#last.delete(key);
      finish();
    };
    return { key, end };
  }
}

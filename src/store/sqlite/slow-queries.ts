/** Remembers which searches took long, so that they aren't begun on the main thread again. https://hl7.org/fhir/R4/search.html */

/** How many are remembered, and for how many milliseconds: data and load change. */
const most = 500;
const lasting = 60_000;

export class SlowQueries {
  readonly #until = new Map<string, number>();

  has(query: object): boolean {
    if (this.#until.size === 0) return false;
    const until = this.#until.get(textOf(query));
    return until !== undefined && performance.now() < until;
  }

  add(query: object): void {
    if (this.#until.size >= most) this.#until.clear();
    this.#until.set(textOf(query), performance.now() + lasting);
  }
}

function textOf(query: object): string {
  return JSON.stringify(query);
}

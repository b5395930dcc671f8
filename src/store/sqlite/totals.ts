/** Remembers totals until the next change: the same searches come again and again. https://hl7.org/fhir/R4/search.html#total */
import type { SearchQuery } from '../port.ts';

/** How many are remembered. */
const most = 1000;

export class Totals {
  #change = -1;
  readonly #counted = new Map<string, number>();

  /** The total of a query's parts at a change number, counted if it isn't known. `bound`: where counting stops. */
  get({ parts }: SearchQuery, change: number, bound: number, count: () => number): number {
    if (change !== this.#change || this.#counted.size >= most) this.#counted.clear();
    this.#change = change;
    const key = `${bound} ${JSON.stringify(parts.map(({ type, criterion }) => [type, criterion]))}`;
    const known = this.#counted.get(key);
    if (known !== undefined) return known;
    const counted = count();
    this.#counted.set(key, counted);
    return counted;
  }
}

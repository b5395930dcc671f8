/** Scores in SQL, for searches that are sorted by them. https://hl7.org/fhir/R4/search.html#score */
import type { Relevance } from '../../search/criteria.ts';
import { score } from '../../search/score.ts';
import { wordsOfBody } from './text-index.ts';

/** How many are kept: each page of a walk asks for those of all matches again. */
const most = 100_000;

/** The scores of versions, which never change, for the last query. */
export class Scores {
  readonly #reads: () => void;
  #query = '';
  #relevance: Relevance | undefined;
  readonly #known = new Map<number, number>();

  /** @param reads is told of each version that is read; it may throw. */
  constructor(reads: () => void) {
    this.#reads = reads;
  }

  /**
   * @param vid the version's change number.
   * @param body its JSON; null for a deletion.
   * @param query a `Relevance` as JSON.
   */
  of(vid: number, body: unknown, query: string): number {
    if (query !== this.#query || this.#known.size >= most) {
      this.#known.clear();
      this.#relevance = JSON.parse(query);
      this.#query = query;
    }
    const known = this.#known.get(vid);
    if (known !== undefined) return known;
    if (this.#relevance === undefined || !(body instanceof Uint8Array)) return 0;
    this.#reads();
    const found = score(this.#relevance, wordsOfBody(body));
    this.#known.set(vid, found);
    return found;
  }
}

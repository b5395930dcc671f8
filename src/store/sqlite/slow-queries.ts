/** Remembers which searches took long, so that they aren't begun on the main thread again. https://hl7.org/fhir/R4/search.html */
import { shortName } from './short-name.ts';

/** How many are remembered. */
const most = 500;
/**
 * For how many milliseconds: a search may have been slow by chance (a cold cache, a busy processor), so that it is soon
 * tried again; one that is slow each time is left alone for twice as long each time.
 */
const shortest = 1_000;
const longest = 60_000;

interface Slow {
  readonly until: number;
  readonly lasting: number;
}

export class SlowQueries {
  readonly #slow = new Map<string, Slow>();
  /** When all that is known is out of date. */
  #stale = 0;

  /** @param name a text that names the query: asked for where any are known, since writing it down may cost more than parsing. */
  has(name: () => string): boolean {
    if (this.#slow.size === 0) return false;
    const now = performance.now();
    if (now >= this.#stale) this.#slow.clear();
    if (this.#slow.size === 0) return false;
    const known = this.#slow.get(shortName(name()));
    return known !== undefined && now < known.until;
  }

  /** @param name a text as for `has`. */
  add(name: string): void {
    const now = performance.now();
    const short = shortName(name);
    const known = this.#slow.get(short);
    const again = known !== undefined && now < known.until + known.lasting;
    const lasting = again ? Math.min(2 * known.lasting, longest) : shortest;
    if (known === undefined && this.#slow.size >= most) this.#slow.clear();
    this.#slow.set(short, { until: now + lasting, lasting });
    this.#stale = Math.max(this.#stale, now + 2 * lasting);
  }
}

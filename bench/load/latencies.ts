/** Counts latencies in buckets that are 3 % wide, from a microsecond to a quarter of an hour. (HTTP only; no FHIR: https://hl7.org/fhir/R4/http.html) */

/** Buckets for each doubling. */
const steps = 32;

/** A histogram of durations in milliseconds. */
export class Latencies {
  readonly #buckets = new Uint32Array(steps * 30);
  #count = 0;
  #max = 0;
  #sum = 0;

  /** Counts one duration in milliseconds. */
  add(milliseconds: number): void {
    const bucket = Math.min(this.#buckets.length - 1, Math.max(0, Math.floor(Math.log2(milliseconds * 1000) * steps)));
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += milliseconds;
    if (milliseconds > this.#max) this.#max = milliseconds;
  }

  /** How many were counted. */
  get count(): number {
    return this.#count;
  }

  /** The longest, exactly. */
  get max(): number {
    return this.#max;
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** The duration in milliseconds that this share (0 to 1) stays below, at the upper end of its bucket; 0 where none was counted. */
  quantile(share: number): number {
    let left = Math.ceil(this.#count * share);
    for (let bucket = 0; bucket < this.#buckets.length && this.#count > 0; bucket += 1) {
      left -= this.#buckets[bucket] ?? 0;
      if (left <= 0) return Math.min(this.#max, 2 ** ((bucket + 1) / steps) / 1000);
    }
    return this.#max;
  }
}

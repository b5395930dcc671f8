/** Identifiers of SNOMED CT, each with a number: millions of them in little memory. https://hl7.org/fhir/R4/snomedct.html */
import { UnusableRelease } from './release.ts';

const form = /^[1-9][0-9]{0,17}$/;
/** Digits of the lower half. */
const lower = 9;

/** A set of identifiers, numbered from 0 as they are added. The table is one of open addresses, at most half full. */
export class SnomedIds {
  #highs = new Uint32Array(1024);
  #lows = new Uint32Array(1024);
  /** One more than the number that lies in a slot. */
  #slots = new Int32Array(2048);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The number of an identifier, which is given to it where it has none. Throws UnusableRelease for what is no identifier. */
  add(id: string): number {
    if (!form.test(id)) throw new UnusableRelease(`"${id.slice(0, 40)}" is no identifier of SNOMED CT.`);
    const [high, low] = [highOf(id), lowOf(id)];
    const slot = this.#slotOf(high, low);
    const known = this.#slots[slot] ?? 0;
    if (known > 0) return known - 1;
    const number = this.#count;
    this.#highs[number] = high;
    this.#lows[number] = low;
    this.#count += 1;
    this.#slots[slot] = this.#count;
    if (this.#count === this.#highs.length) this.#grow();
    return number;
  }

  /** -1 where it has none. */
  numberOf(id: string): number {
    return form.test(id) ? (this.#slots[this.#slotOf(highOf(id), lowOf(id))] ?? 0) - 1 : -1;
  }

  has(id: string): boolean {
    return this.numberOf(id) >= 0;
  }

  textOf(number: number): string {
    const [high, low] = [this.#highs[number] ?? 0, String(this.#lows[number])];
    return high === 0 ? low : `${high}${low.padStart(lower, '0')}`;
  }

  /** Where it lies, or would lie. */
  #slotOf(high: number, low: number): number {
    const mask = this.#slots.length - 1;
    const mixed = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
    for (let slot = (mixed ^ (mixed >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const number = (this.#slots[slot] ?? 0) - 1;
      if (number < 0 || (this.#lows[number] === low && this.#highs[number] === high)) return slot;
    }
  }

  #grow(): void {
    const size = 2 * this.#count;
    const [highs, lows] = [new Uint32Array(size), new Uint32Array(size)];
    highs.set(this.#highs);
    lows.set(this.#lows);
    [this.#highs, this.#lows, this.#slots] = [highs, lows, new Int32Array(2 * size)];
    for (let number = 0; number < this.#count; number++)
      this.#slots[this.#slotOf(highs[number] ?? 0, lows[number] ?? 0)] = number + 1;
  }
}

function highOf(id: string): number {
  return digits(id, 0, id.length - lower);
}

function lowOf(id: string): number {
  return digits(id, Math.max(id.length - lower, 0), id.length);
}

function digits(id: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value * 10 + id.charCodeAt(at) - 48;
  return value;
}

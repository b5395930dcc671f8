/** Many small numbers in little memory. https://hl7.org/fhir/R4/codesystem.html */

/** Numbers one behind the other in one array, which grows. */
export class Numbers {
  #all = new Int32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** All of them; holds until the next one is added. */
  get all(): Int32Array {
    return this.#all.subarray(0, this.#length);
  }

  push(number: number): void {
    this.#reserve(1);
    this.#all[this.#length++] = number;
  }

  append(numbers: Int32Array): void {
    this.#reserve(numbers.length);
    this.#all.set(numbers, this.#length);
    this.#length += numbers.length;
  }

  slice(start: number | undefined, end: number | undefined): Int32Array {
    return this.#all.subarray(start, end);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Clears it, and gives back its memory. */
  release(): void {
    this.#all = new Int32Array(0);
    this.#length = 0;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#all.length) return;
    const larger = new Int32Array(Math.max(this.#length + more, 2 * this.#all.length));
    larger.set(this.all);
    this.#all = larger;
  }
}

/** A list for each number from 0. */
export interface Lists {
  /** Where the list of a number begins and, at the next one, ends in `items`. */
  readonly starts: Int32Array;
  readonly items: Int32Array;
}

/** The list of a number; an empty one of a number that has none. */
export function listOf({ starts, items }: Lists, number: number): Int32Array {
  const start = starts[number] ?? 0;
  return items.subarray(start, starts[number + 1] ?? start);
}

/** What lies at the places of lists. */
export function takenFrom(numbers: Int32Array, { starts, items }: Lists): Lists {
  return { starts, items: items.map((place) => numbers[place] ?? 0) };
}

/** The places at which each number below `count` stands, in their order. */
export function placesOf(numbers: Int32Array, count: number): Lists {
  const starts = new Int32Array(count + 1);
  for (const each of numbers) starts[each + 1] = (starts[each + 1] ?? 0) + 1;
  for (let at = 0; at < count; at++) starts[at + 1] = (starts[at + 1] ?? 0) + (starts[at] ?? 0);
  const next = starts.slice();
  const items = new Int32Array(numbers.length);
  for (let place = 0; place < numbers.length; place++) {
    const number = numbers[place] ?? 0;
    const at = next[number] ?? 0;
    items[at] = place;
    next[number] = at + 1;
  }
  return { starts, items };
}

/** Long work in steps, so that others run in between. https://hl7.org/fhir/R4/http.html */

/** Lets others run where it is time to; undefined: it isn't. */
export type Pause = () => Promise<void> | undefined;

/** For work that nobody waits for, or that comes in small portions. */
export const noPause: Pause = () => undefined;

/** Takes all steps; awaits `pause` between them. */
export async function inSteps<T>(steps: Generator<void, T>, pause: Pause): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    const pausing = pause();
    if (pausing !== undefined) await pausing;
  }
}

/** Takes all steps at once. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Elements that are passed at once: that takes some milliseconds at most. */
const piece = 500;

/**
 * A walk through a tree in pieces. Whoever goes through a list asks before each item whether the piece is full; then he puts off what is left
 * of the list and goes on as if he was through.
 */
export class Pieces {
  readonly #most: number;
  #left: number;
  #putOff: (() => void)[] = [];
  readonly #atEnd: (() => void)[] = [];

  constructor(most = piece) {
    this.#most = most;
    this.#left = most;
  }

  /** Counts an item of a list that is about to be looked at; whether it has to wait. */
  isFull(): boolean {
    this.#left -= 1;
    return this.#left < 0;
  }

  /** The piece has taken its time, however few items it has. */
  fill(): void {
    this.#left = 0;
  }

  /** `rest` goes on where the list was left. It isn't full before it has looked at an item. */
  putOff(rest: () => void): void {
    this.#putOff.push(rest);
  }

  /** `rest` needs all that was put off before: it comes when the whole tree was gone through. */
  atEnd(rest: () => void): void {
    this.#atEnd.push(rest);
  }

  /** Does `first` and all that it puts off, in the order of the tree: a step for each piece. */
  *steps(first: () => void): Generator<void, void> {
    // The last one is next.
    const waiting = [first];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop() ?? this.#atEnd.pop()) {
      this.#left = this.#most;
      next();
      // What was left deepest in the tree was put off first.
      while (this.#putOff.length > 0) {
        const rest = this.#putOff.pop();
        if (rest !== undefined) waiting.push(rest);
      }
      if (waiting.length > 0 || this.#atEnd.length > 0) yield;
    }
  }
}

/** How much work the codes of a value set are. https://hl7.org/fhir/R4/valueset-operation-expand.html */
import { failure } from '../fhir/outcome.ts';

/** Codes that are looked at, or moved from one set to another: some tenths of a second. */
export const mostWork = 1_000_000;

/** Counts the work on one thing that was asked for. */
export class Work {
  readonly #what: string;
  #done = 0;

  /** @param what names it in messages. */
  constructor(what: string) {
    this.#what = what;
  }

  get done(): number {
    return this.#done;
  }

  get tooMuch(): boolean {
    return this.#done > mostWork;
  }

  /** Throws 400 `too-costly` when it is too much. */
  spend(codes: number): void {
    this.#done += codes;
    if (!this.tooMuch) return;
    const hint = 'store a ValueSet that has these codes as its expansion and no compose, or ask for a part of it';
    throw failure(400, 'too-costly', `${this.#what} takes too much work to make: ${hint}.`);
  }
}

/** How much work the codes of a value set are. https://hl7.org/fhir/R4/valueset-operation-expand.html */
import { failure, type OutcomeError } from '../fhir/outcome.ts';
import { shorten } from './shorten.ts';

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

  /** Codes that may still be looked at. */
  get left(): number {
    return Math.max(mostWork - this.#done, 0);
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

/** The failure of a code that is related to more codes than may be spelled out. */
export function tooManyRelated(code: string, system: string, limit: number): OutcomeError {
  const what = `${shorten(code)} of ${shorten(system)}`;
  return failure(400, 'too-costly', `${what} comes to more than ${limit} codes: ask for a part of it.`);
}

/**
 * Which processes live: those whose documents change. The clocks of two are never compared.
 * https://hl7.org/fhir/R4/http.html#history
 */

/** What tells that a process lives. */
export interface Sign {
  readonly _id: number;
  /** Whose number it is. */
  readonly owner: string;
  /** Another one at each sign of life; 1970 where the number was given back. */
  readonly until: Date;
}

/**
 * Milliseconds without a sign of life after which a process is dead: for so long at most others stay behind the commits of
 * one that was killed. One that stood still for longer makes its commits anew.
 */
export const lease = 3_000;

/** Of a number that was given back. */
export const givenBack = new Date(0);

export function isGivenBack({ until }: Sign): boolean {
  return until.getTime() === givenBack.getTime();
}

/** Processes as one of them sees them. */
export class Living {
  readonly #now: () => number;
  /** By number, the last sign of each and when it was first seen. */
  readonly #seen = new Map<number, { readonly sign: Sign; readonly at: number }>();

  /** @param now milliseconds; never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Of the processes that `find` gives those that live, and those that have died. */
  async among<T extends Sign>(find: () => Promise<readonly T[]>): Promise<Seen<T>> {
    // An answer that was long on its way tells what was when it was asked for, at the earliest.
    const asked = this.#now();
    const found = (await find()).filter((sign) => !isGivenBack(sign));
    const at = this.#now();
    const dead = new Set(found.filter((sign) => !this.#lives(sign, asked, at)));
    return { living: found.filter((sign) => !dead.has(sign)), dead: [...dead] };
  }

  #lives(sign: Sign, asked: number, at: number): boolean {
    const seen = this.#seen.get(sign._id);
    if (seen !== undefined && isSame(seen.sign, sign)) return asked - seen.at < lease;
    this.#seen.set(sign._id, { sign, at });
    return true;
  }
}

export interface Seen<T> {
  readonly living: readonly T[];
  readonly dead: readonly T[];
}

function isSame(one: Sign, other: Sign): boolean {
  return one.owner === other.owner && one.until.getTime() === other.until.getTime();
}

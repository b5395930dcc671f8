/** The time that checks may take. https://hl7.org/fhir/R4/valueset-issue-type.html#issue-type-too-costly */
import { noPause, type Pause } from '../fhir/steps.ts';

/**
 * What checks of one resource may take together. It runs while they do, and stands still while others are served between their pieces: who
 * is alone and who isn't gets the same answer.
 */
export class CheckTime {
  /** Milliseconds. */
  readonly budget: number;
  readonly #pause: Pause;
  readonly #now: () => number;
  readonly #within: CheckTime | undefined;
  #left: number;
  #since: number | undefined;

  /** `within`: the time of all that is checked for one request, which ends this one, too. `now`: milliseconds. */
  constructor(budget: number, pause: Pause = noPause, within?: CheckTime, now: () => number = () => performance.now()) {
    this.#now = now;
    this.budget = budget;
    this.#left = budget;
    this.#pause = pause;
    this.#within = within;
  }

  /** When the time is over, as `performance.now()` has it, if nobody else is served before. */
  readonly deadline = (): number => {
    const own = (this.#since ?? this.#now()) + this.#left;
    return this.#within === undefined ? own : Math.min(own, this.#within.deadline());
  };

  /** Milliseconds; below 0 when the time is over. */
  get left(): number {
    return this.deadline() - this.#now();
  }

  /** Whether it is over because of what was checked before for the same request. */
  get isUsedUpByOthers(): boolean {
    return this.#within !== undefined && this.#within.left <= 0 && this.#within.left < this.#ownLeft;
  }

  get #ownLeft(): number {
    return this.#since === undefined ? this.#left : this.#left - (this.#now() - this.#since);
  }

  /** The time runs while this does. */
  async during<T>(check: () => Promise<T>): Promise<T> {
    this.#go();
    try {
      return await check();
    } finally {
      this.#stop();
    }
  }

  /** Lets others run where it is time to. */
  readonly pause: Pause = () => {
    this.#stop();
    const pausing = this.#pause();
    if (pausing === undefined) {
      this.#go();
      return undefined;
    }
    return pausing.then(() => this.#go());
  };

  #go(): void {
    this.#since = this.#now();
    if (this.#within !== undefined) this.#within.#go();
  }

  #stop(): void {
    this.#left = this.#ownLeft;
    this.#since = undefined;
    if (this.#within !== undefined) this.#within.#stop();
  }
}

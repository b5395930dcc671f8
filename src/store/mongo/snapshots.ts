/** The states that walks show. https://hl7.org/fhir/R4/http.html#paging */
import type { AtOnceOptions } from './at-once.ts';
import type { Clock, Snapshot } from './clock.ts';
import type { Processes } from './processes.ts';
import type { Types } from './types.ts';

export class Snapshots {
  readonly #clock: Clock;
  readonly #processes: Processes;
  readonly #types: Types;

  constructor(clock: Clock, processes: Processes, types: Types) {
    this.#clock = clock;
    this.#processes = processes;
    this.#types = types;
  }

  /** Whether no other process is known to live. */
  get alone(): boolean {
    return this.#processes.alone;
  }

  /**
   * A state that has all that any process has acknowledged of these types: for a search's first page.
   * @param options with a transaction the state has all that it shows.
   * @throws MongoError
   */
  async begin(types: readonly string[], options: AtOnceOptions = {}): Promise<Snapshot> {
    if (!this.alone || options.session !== undefined) this.#clock.observe(await this.#types.newest(types, options));
    return this.#clock.snapshot();
  }

  /** As `Clock.hear`. */
  hear(): ReturnType<Clock['hear']> {
    return this.#clock.hear();
  }

  /** The change number up to which these types are complete (`Processes.safe`): for the first page of a history. */
  complete(types: readonly string[]): Promise<number> {
    return this.#processes.safe(() => this.#types.newest(types));
  }
}

/** What an expression is evaluated within: its resource, its time, and what the validator knows. https://hl7.org/fhir/R4/fhirpath.html#variables */
import type { JsonObject, JsonValue } from '../resource.ts';
import type { Item } from './item.ts';

/** Steps between two looks at the clock. */
const INTERVAL = 2_000;

/** More characters than the texts that any rule puts together have. */
const MOST_WRITTEN = 2 ** 26;

/** More items than any collection of a rule has: they would fill the memory. */
const MOST_ITEMS = 2 ** 23;

/** An evaluation that took longer than it may. */
export class OverBudget extends Error {
  constructor() {
    super('the time for the evaluation is over');
    this.name = 'OverBudget';
  }
}

/** An expression that doesn't fit the values it is evaluated on, as `single()` of two. */
export class EvaluationFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EvaluationFault';
  }
}

/** The time that evaluations may take together. */
export class Budget {
  readonly #deadline: number | (() => number);
  readonly #now: () => number;
  readonly #onInterval: (() => void) | undefined;
  #left = INTERVAL;
  #unwritten = MOST_WRITTEN;

  /** `deadline` in the milliseconds of `now`; it may move. `onInterval`: told whenever a few thousand steps were counted. */
  constructor(deadline: number | (() => number), now: () => number = () => performance.now(), onInterval?: () => void) {
    this.#deadline = deadline;
    this.#now = now;
    this.#onInterval = onInterval;
  }

  /** Counts steps. Throws OverBudget past the deadline. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left > 0) return;
    this.#left = INTERVAL;
    this.#onInterval?.();
    this.look();
  }

  /** Throws OverBudget past the deadline. */
  look(): void {
    const deadline = typeof this.#deadline === 'number' ? this.#deadline : this.#deadline();
    if (this.#now() > deadline) throw new OverBudget();
  }

  /** Counts the characters that a look at texts goes through. Throws OverBudget past the deadline. */
  read(characters: number): void {
    this.spend(1 + (characters >> 8));
  }

  /** To be told how many items a collection has that grows. Throws OverBudget for too many. */
  hold(items: number): void {
    if (items > MOST_ITEMS) throw new OverBudget();
  }

  /** Counts the characters of a text before it is made: texts that double soon fill the memory. Throws OverBudget for too many. */
  write(characters: number): void {
    this.#unwritten -= characters;
    if (this.#unwritten < 0) throw new OverBudget();
    this.spend(characters >> 8);
  }
}

/** Rules that other rooms know; undefined: it can't be said. An expression that needs one that isn't there gives nothing. */
export interface Hooks {
  /** https://hl7.org/fhir/R4/narrative.html#xhtml: whether a `div` has nothing but what it may. */
  readonly htmlChecks?: (div: string) => boolean | undefined;
  /** Whether a code, Coding or CodeableConcept is in a value set; `type` is the element's. */
  readonly memberOf?: (value: JsonValue, type: string, valueSet: string) => boolean | undefined;
  /** Whether a resource or element conforms to a profile. */
  readonly conformsTo?: (value: JsonValue, type: string, profile: string) => boolean | undefined;
  /** What a reference's text leads to, besides contained resources; `{ "resourceType": … }` alone where no more is known. */
  readonly resolve?: (reference: string) => JsonObject | undefined;
}

/**
 * One for each resource whose elements are checked, also for each resource within a Bundle; contained ones have their container as
 * `rootResource`. What doesn't depend on the element is evaluated once for a scope.
 */
export class Scope {
  readonly resource: JsonObject;
  readonly rootResource: JsonObject;
  readonly budget: Budget;
  readonly hooks: Hooks;
  /** What the expression is evaluated on, `%context`: another array for each evaluation. */
  context: readonly Item[] = [];
  /** Whether a hook couldn't say what it was asked. */
  unsaid = false;
  index = 0;
  total: readonly Item[] = [];

  constructor(
    resource: JsonObject,
    budget: Budget,
    { rootResource = resource, hooks = {} }: { readonly rootResource?: JsonObject; readonly hooks?: Hooks } = {},
  ) {
    this.resource = resource;
    this.rootResource = rootResource;
    this.budget = budget;
    this.hooks = hooks;
  }
}

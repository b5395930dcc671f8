/** A check's way through a resource: where it is, within which resource, and what it found. https://hl7.org/fhir/R4/validation.html */
import { Budget, type Hooks, Scope } from '../fhir/fhirpath/scope.ts';
import type { IssueType } from '../fhir/outcome.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import { checkNarrative } from './narrative.ts';
import { Place } from './place.ts';
import type { Known } from './validator.ts';
import { inTurn, type Wait } from './waiting.ts';

/** Checks the one value at a place. `beside`: the id and extensions of a primitive, as `_name` has them. */
export type ValueCheck = (value: JsonValue, walk: Walk, beside?: JsonObject) => void;

/** One for each validation. */
export class Walk {
  readonly place: Place;
  readonly budget: Budget;
  readonly #hooks: Hooks;
  /** Of the resource that the place is in. */
  scope: Scope;
  readonly #waiting: Wait[] = [];
  readonly #contained = new WeakMap<JsonObject, ReadonlyMap<string, string>>();

  /** `path`: what expressions begin with; `deadline` in the milliseconds of `performance.now()`. */
  constructor(resource: JsonObject, path: string, deadline: number | (() => number)) {
    this.place = new Place(path);
    const { pieces } = this.place;
    this.budget = new Budget(deadline, undefined, () => pieces.fill());
    this.#hooks = { htmlChecks: (div) => checkNarrative(div, this.budget) === undefined };
    this.scope = new Scope(resource, this.budget, { hooks: this.#hooks });
  }

  /** An error of the value at the place. `text` goes on after its path. */
  error(code: IssueType, rule: string, text: string, path = this.place.path()): void {
    this.place.note('error', code, path, text, rule);
  }

  warning(code: IssueType, rule: string, text: string, path = this.place.path()): void {
    this.place.note('warning', code, path, text, rule);
  }

  /** What can't be said here, but might be elsewhere. */
  information(code: IssueType, rule: string, text: string, path = this.place.path()): void {
    this.place.note('information', code, path, text, rule);
  }

  /** Looks at the items of the list that was entered last, from one on: as many as the piece has room for, and the others later. */
  each(items: readonly JsonValue[], look: (item: JsonValue, index: number) => void, from = 0): void {
    const { place } = this;
    for (let index = from; index < items.length; index += 1) {
      if (place.pieces.isFull()) {
        const { scope } = this;
        place.putOff(() => {
          this.scope = scope;
          this.each(items, look, index);
        });
        return;
      }
      const item = items[index];
      if (item === undefined || item === null) continue;
      place.item(index);
      look(item, index);
    }
  }

  /** Checks a resource within this one; `contained`: one that has this one as its container. */
  within(resource: JsonObject, contained: boolean, check: () => void): void {
    const outer = this.scope;
    const within = contained ? { rootResource: outer.rootResource } : {};
    this.scope = new Scope(resource, this.budget, { hooks: this.#hooks, ...within });
    check();
    this.scope = outer;
  }

  /** Whether the place is in a contained resource. */
  get isContained(): boolean {
    return this.scope.resource !== this.scope.rootResource;
  }

  /** The types of the resources that the container has, by id. */
  get contained(): ReadonlyMap<string, string> {
    const { rootResource } = this.scope;
    const known = this.#contained.get(rootResource);
    if (known !== undefined) return known;
    const found = containedTypes(rootResource.contained);
    this.#contained.set(rootResource, found);
    return found;
  }

  /** Has something said of the value at the place when it is known. `ask` is called after all else was checked. */
  later(ask: () => Promise<Known>, say: (known: Known, path: string) => void): void {
    const path = this.place.path();
    this.#waiting.push(async () => say(await ask(), path));
  }

  /** Resolves when all that has to be asked for was said; undefined where there is nothing. Throws OverBudget. */
  settled(): Promise<void> | undefined {
    return this.#waiting.length === 0 ? undefined : inTurn(this.#waiting, this.budget);
  }
}

function containedTypes(contained: JsonValue | undefined): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const each of isArray(contained) ? contained : [])
    if (isObject(each) && typeof each.id === 'string' && typeof each.resourceType === 'string')
      types.set(each.id, each.resourceType);
  return types;
}

/** Definitions of search parameters that others replaced, which ends walks that used them. https://hl7.org/fhir/R4/http.html#paging */
import type { ParameterState } from '../store/parameter-index.ts';
import type { Store } from '../store/port.ts';

/** The note under which a store keeps them. */
const key = 'replaced search parameters';

/** A walk shows what matched on its first page; after its parameters mean something else, nobody can tell. */
export class ReplacedDefinitions {
  readonly #clock: () => number;
  /** Milliseconds after which no walk from before is left. */
  readonly #lifetime: number;
  /** When a code's definition was last replaced or removed, in milliseconds. */
  #codes = new Map<string, number>();
  #current = new Map<string, string>();
  #store: Store | undefined;

  constructor(clock: () => number, lifetime: number) {
    this.#clock = clock;
    this.#lifetime = lifetime;
  }

  async attach(store: Store): Promise<void> {
    this.#store = store;
    const text = await store.kept(key);
    const pairs: readonly (readonly [string, number])[] = text === undefined ? [] : JSON.parse(text);
    const found = this.#codes;
    this.#codes = new Map([...pairs, ...found]);
    if (found.size > 0) await this.#keep();
  }

  /** A definition of that code isn't the one any more that it was. */
  add(code: string): void {
    this.#codes.set(code, this.#clock());
  }

  /** Compares the states with those before. */
  note(states: readonly ParameterState[]): void {
    const current = new Map<string, string>();
    for (const { type, code, state, definition } of states) {
      if (state === 'current') current.set(`${type} ${code}`, definition);
    }
    let changed = false;
    for (const [name, definition] of this.#current) {
      if (current.get(name) === definition) continue;
      this.add(name.slice(name.indexOf(' ') + 1));
      changed = true;
    }
    this.#current = current;
    // Walks end in any case; without the note those that a restart interrupts may not.
    if (changed) this.#keep().catch(() => undefined);
  }

  async #keep(): Promise<void> {
    const now = this.#clock();
    for (const [code, at] of this.#codes) if (at + this.#lifetime < now) this.#codes.delete(code);
    await this.#store?.keep(key, JSON.stringify([...this.#codes]), now + this.#lifetime);
  }

  /** Whether a walk of that query that began then (milliseconds) used such a definition. */
  endsWalk(query: readonly (readonly [string, string])[], since: number): boolean {
    for (const [code, at] of this.#codes) {
      if (since > at) continue;
      // In a name: itself, with a modifier, in a chain. In the value of `_sort`, `_include`, `_filter` and so on.
      if (query.some(([name, value]) => name.includes(code) || (name.startsWith('_') && value.includes(code))))
        return true;
    }
    return false;
  }
}

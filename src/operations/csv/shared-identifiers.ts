/** Identifiers that an import would find several resources by. https://hl7.org/fhir/R4/references.html#logical */
import type { Context } from '../../interactions/context.ts';
import { type Held, identifierCriterion, identifiersOf, type Key } from './held.ts';
import { nameOf } from './state.ts';

/** What an export has learnt of them: few identifiers are shared, but those may be by any number of resources. */
export class SharedIdentifiers {
  readonly #context: Context;
  readonly #shared = new Set<string>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Whether an import finds one resource by the identifier, where a reference may lead to these types; once it was looked up. */
  names(types: readonly string[], key: Key): boolean {
    return this.#areSearched(types) && !this.#shared.has(textOf(types, key));
  }

  /** Looks identifiers up among resources of these types. `known`: what was read already, which most of them name. */
  async lookUp(types: readonly string[], keys: readonly Key[], known: ReadonlyMap<string, Held>): Promise<void> {
    if (!this.#areSearched(types)) return;
    const lacking = new Map<string, Key>();
    for (const key of keys) {
      const text = textOf(types, key);
      if (!this.#shared.has(text)) lacking.set(text, key);
    }
    if (lacking.size === 0) return;
    const owners = await this.#knownOwners(types, lacking, known);
    for (const [text, key] of lacking) {
      const count = owners === undefined ? await this.#ownersOf(types, key) : (owners.get(text) ?? 0);
      if (count > 1) this.#shared.add(text);
    }
  }

  /** How many have each of the keys; undefined: others than the known ones have some. */
  async #knownOwners(
    types: readonly string[],
    keys: ReadonlyMap<string, Key>,
    known: ReadonlyMap<string, Held>,
  ): Promise<ReadonlyMap<string, number> | undefined> {
    const owners = new Map<string, number>();
    for (const type of types) {
      const criterion = identifierCriterion(this.#context, type, [...keys.values()]);
      const ids = await this.#context.store.matches(type, criterion, keys.size + 1);
      for (const id of ids) {
        const tree = known.get(nameOf(type, id))?.tree;
        if (tree === undefined) return undefined;
        const own = new Set(identifiersOf(tree).map((key) => textOf(types, key)));
        for (const text of own) owners.set(text, (owners.get(text) ?? 0) + 1);
      }
      // There may be more.
      if (ids.length > keys.size) return undefined;
    }
    return owners;
  }

  /** How many resources have the identifier, as far as it is more than one. */
  async #ownersOf(types: readonly string[], key: Key): Promise<number> {
    let count = 0;
    for (const type of types) {
      const criterion = identifierCriterion(this.#context, type, [key]);
      count += (await this.#context.store.matches(type, criterion, 2)).length;
      if (count > 1) break;
    }
    return count;
  }

  #areSearched(types: readonly string[]): boolean {
    return types.length > 0 && types.every((type) => this.#context.registry.get(type, 'identifier') !== undefined);
  }
}

const textOf = (types: readonly string[], { system, value }: Key) => `${types.join()} ${system}|${value}`;

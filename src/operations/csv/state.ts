/** What the rows of a chunk are about: as the store has it, and as the rows before have left it. */
import type { ExactObject } from '../../fhir/exact-json.ts';
import type { Context } from '../../interactions/context.ts';
import type { Prepared } from '../../interactions/prepare.ts';
import type { Condition } from '../../store/write.ts';
import type { Named } from '../../tabular/cell.ts';
import { referenceAt } from '../../tabular/row.ts';
import type { Part, Template } from '../../tabular/template.ts';
import {
  findById,
  findByIdentifier,
  findParts,
  type Held,
  heldOf,
  identifiersOf,
  type Key,
  localOf,
  ownerOf,
} from './held.ts';

/** A resource as it is to be. */
export interface Planned {
  readonly held: Held;
  /** Undefined: it is to be deleted. */
  readonly tree: ExactObject | undefined;
  /** Undefined: nothing changes. */
  readonly prepared: Prepared | undefined;
}

/** What a chunk asks the store for. */
export interface Wanted {
  /** By type. */
  readonly keys: ReadonlyMap<string, readonly Key[]>;
  readonly references: readonly Named[];
}

export const nameOf = (type: string, id: string) => `${type}/${id}`;
const textOf = (type: string, { system, value }: Key) => `${type} ${system}|${value}`;

/** What the store has of a chunk's resources, and what is planned with them. */
export class ChunkState {
  readonly #context: Context;
  /** Whether the chunk lost a race before: then new ids are looked at too. */
  readonly #again: boolean;
  readonly #held = new Map<string, Held>();
  readonly #byKey = new Map<string, Set<string>>();
  readonly #byOwner = new Map<string, readonly Held[]>();
  readonly #planned = new Map<string, Planned>();
  readonly conditions: Condition[] = [];

  private constructor(context: Context, again: boolean) {
    this.#context = context;
    this.#again = again;
  }

  /** Looks up what the rows name, by few searches. */
  static async load(context: Context, template: Template, wanted: Wanted, again: boolean): Promise<ChunkState> {
    const state = new ChunkState(context, again);
    for (const [type, keys] of wanted.keys) {
      if (keys.length === 0) continue;
      const { found, condition } = await findByIdentifier(context, type, keys);
      for (const each of found) state.#hold(each);
      state.conditions.push(condition);
    }
    await state.#loadReferences(wanted.references);
    const ids = (type: string) => [...state.#held.values()].filter((held) => held.type === type).map(({ id }) => id);
    await state.#loadLinked(template);
    const parts = await findParts(context, template, (part) => ids(ownerOf(template, part).type));
    for (const [owner, found] of parts) state.#byOwner.set(owner, found);
    return state;
  }

  async #loadReferences(references: readonly Named[]): Promise<void> {
    const byType = new Map<string, Key[]>();
    for (const { types, system, value } of references) {
      for (const type of types) {
        const keys = byType.get(type);
        if (keys === undefined) byType.set(type, [{ system, value }]);
        else keys.push({ system, value });
      }
    }
    for (const [type, keys] of byType) {
      for (const each of (await findByIdentifier(this.#context, type, keys)).found) this.#hold(each);
    }
  }

  /** Parts that only the main resource leads to. */
  async #loadLinked({ parts, main }: Template): Promise<void> {
    const ids = new Map<string, Set<string>>();
    for (const { link, key } of parts) {
      if (link?.on !== 'main' || key.length > 0) continue;
      for (const { type, tree } of this.#held.values()) {
        const local =
          type === main.type && tree !== undefined ? localOf(this.#context, referenceAt(tree, link.steps)) : undefined;
        if (local === undefined) continue;
        const known = ids.get(local.type);
        if (known === undefined) ids.set(local.type, new Set([local.id]));
        else known.add(local.id);
      }
    }
    for (const [type, each] of ids) {
      for (const held of await findById(this.#context, type, [...each])) this.#hold(held);
    }
  }

  #hold(held: Held): void {
    const name = nameOf(held.type, held.id);
    this.#held.set(name, held);
    if (held.tree !== undefined) this.#index(name, held.type, held.tree);
  }

  #index(name: string, type: string, tree: ExactObject): void {
    for (const key of identifiersOf(tree)) {
      const text = textOf(type, key);
      const names = this.#byKey.get(text);
      if (names === undefined) this.#byKey.set(text, new Set([name]));
      else names.add(name);
    }
  }

  /** The resources with this identifier, as they are to be. */
  named(type: string, key: Key): readonly Planned[] {
    return [...(this.#byKey.get(textOf(type, key)) ?? [])]
      .map((name) => this.#current(name))
      .filter((each) => each?.tree !== undefined)
      .filter((each) => each !== undefined);
  }

  /** The resource as it is to be; undefined for one that was not looked up. */
  get(type: string, id: string): Planned | undefined {
    return this.#current(nameOf(type, id));
  }

  #current(name: string): Planned | undefined {
    const planned = this.#planned.get(name);
    if (planned !== undefined) return planned;
    const held = this.#held.get(name);
    return held === undefined ? undefined : { held, tree: held.tree, prepared: undefined };
  }

  /** The parts that refer to a resource. */
  partsOf(type: string, id: string): readonly Planned[] {
    const found = this.#byOwner.get(nameOf(type, id)) ?? [];
    return found.map(
      (held) => this.#planned.get(nameOf(held.type, held.id)) ?? { held, tree: held.tree, prepared: undefined },
    );
  }

  /** A resource that is to be made under an id of ours; what is there under it after all, or was deleted. */
  async made(type: string, id: string): Promise<Planned> {
    const known = this.get(type, id);
    if (known !== undefined) return known;
    const version = this.#again ? await this.#context.store.read(type, id) : undefined;
    const held = version === undefined ? { type, id, versionId: 0, tree: undefined } : heldOf(version);
    return { held, tree: held.tree, prepared: undefined };
  }

  /** Takes what a row has come to: those after it go on from there. */
  take(changes: Iterable<Planned>): void {
    for (const change of changes) {
      const { type, id } = change.held;
      const name = nameOf(type, id);
      this.#planned.set(name, change);
      if (change.tree !== undefined) this.#index(name, type, change.tree);
    }
  }

  /** Everything that changes. */
  get changes(): Iterable<Planned> {
    return this.#planned.values();
  }
}

/** Whether a part's resource is one that others refer to by more than this row: it has a key of its own. */
export const isShared = (part: Part) => part.key.length > 0 && part.link !== undefined;

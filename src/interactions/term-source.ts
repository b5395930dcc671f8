/** Where one request looks up value sets and code systems, each of them once. https://hl7.org/fhir/R4/terminology-service.html */
import type { Position } from '../store/port.ts';
import type { TermSource } from '../terminology/contents.ts';
import { implicitValueSet } from '../terminology/implicit.ts';
import { contentSlowly, type Found, findCanonical } from './canonical.ts';
import { type FoundConcepts, findConcepts } from './concepts.ts';
import type { Context } from './context.ts';
import type { Ingredient } from './kept-codes.ts';
import { type FoundSupplement, supplementOf, supplementsHere } from './supplements.ts';

/** What one request looks up; for a walk, as it was when that began. */
export class TermLookup {
  readonly #context: Context;
  readonly #position: Pick<Position, 'at' | 'since'> | undefined;
  readonly #sets = new Map<string, Promise<Found | undefined>>();
  #supplements: Promise<readonly FoundSupplement[]> | undefined;
  readonly #systems = new Map<string, Promise<FoundConcepts | undefined>>();

  constructor(context: Context, position?: Pick<Position, 'at' | 'since'>) {
    this.#context = context;
    this.#position = position;
  }

  /** The key of what is found now. */
  async now({ type, canonical }: Pick<Ingredient, 'type' | 'canonical'>): Promise<string | undefined> {
    if (type === 'ValueSet') return (await this.valueSet(canonical))?.key;
    return type === 'CodeSystem' ? (await this.codeSystem(canonical))?.key : this.supplement(canonical);
  }

  valueSet(canonical: string): Promise<Found | undefined> {
    const found = this.#sets.get(canonical) ?? this.#findSet(canonical);
    this.#sets.set(canonical, found);
    return found;
  }

  async #findSet(canonical: string): Promise<Found | undefined> {
    const found = await findCanonical(this.#context, 'ValueSet', canonical, this.#position);
    if (found !== undefined) return found;
    const implicit = implicitValueSet(canonical);
    return implicit && { key: `implicit ${canonical}`, content: () => implicit };
  }

  codeSystem(canonical: string): Promise<FoundConcepts | undefined> {
    const found =
      this.#systems.get(canonical) ?? findConcepts(this.#context, canonical, this.#position, this.#supplementsHere);
    this.#systems.set(canonical, found);
    return found;
  }

  readonly #supplementsHere = (): Promise<readonly FoundSupplement[]> => {
    this.#supplements ??= supplementsHere(this.#context, this.#position);
    return this.#supplements;
  };

  /** The key of the supplement of a canonical. */
  async supplement(canonical: string): Promise<string | undefined> {
    return supplementOf(canonical, await this.#supplementsHere())?.key;
  }

  /** Looks up, and tells `used` what. */
  source(used: Map<string, Ingredient> = new Map()): TermSource {
    const use = (type: Ingredient['type'], canonical: string, found: string | undefined): void => {
      used.set(`${type} ${canonical}`, { type, canonical, found });
    };
    return {
      valueSet: async (canonical) => {
        const found = await this.valueSet(canonical);
        use('ValueSet', canonical, found?.key);
        return found && contentSlowly(found);
      },
      codeSystem: async (canonical) => {
        const found = await this.codeSystem(canonical);
        use('CodeSystem', canonical, found?.key);
        return found?.concepts;
      },
      supplement: async (canonical) => {
        const found = await this.supplement(canonical);
        use('supplement', canonical, found);
        return found !== undefined;
      },
    };
  }
}

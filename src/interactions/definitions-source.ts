/** Where validation finds definitions: the store, files, and R4's own. https://hl7.org/fhir/R4/references.html#canonical */
import { OutcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/resource.ts';
import type { CodeSet, ValidationSource } from '../validation/validator.ts';
import { findCanonical } from './canonical.ts';
import { codeSetOf } from './code-sets.ts';
import type { Context } from './context.ts';

/** How many answers are kept; clients may name any canonical. */
const mostKept = 5000;

/**
 * Looks definitions up once until they are forgotten, also that there are none: each written resource may name the same profiles.
 * `contextOf`: asked when something is first looked up.
 */
export class DefinitionsSource implements ValidationSource {
  readonly #contextOf: () => Context;
  #structures = new Map<string, Promise<JsonObject | undefined>>();
  #codes = new Map<string, Promise<CodeSet | undefined>>();

  constructor(contextOf: () => Context) {
    this.#contextOf = contextOf;
  }

  readonly structureDefinition = (canonical: string): Promise<JsonObject | undefined> =>
    remembered(this.#structures, canonical, async () => {
      const found = await findCanonical(this.#contextOf(), 'StructureDefinition', canonical);
      return found?.content();
    });

  readonly valueSet = (canonical: string): Promise<CodeSet | undefined> =>
    remembered(this.#codes, canonical, async () => {
      try {
        return await codeSetOf(this.#contextOf(), canonical);
      } catch (error) {
        // One that takes too much work can't be told.
        if (error instanceof OutcomeError) return undefined;
        throw error;
      }
    });

  readonly forget = (): void => {
    // What is being looked up ends up in what nobody asks any more.
    this.#structures = new Map();
    this.#codes = new Map();
  };
}

function remembered<T>(kept: Map<string, Promise<T>>, canonical: string, look: () => Promise<T>): Promise<T> {
  const known = kept.get(canonical);
  if (known !== undefined) return known;
  const found = look();
  kept.set(canonical, found);
  // A store that could not be asked is asked again.
  found.catch(() => kept.delete(canonical));
  for (const [oldest] of kept) {
    if (kept.size <= mostKept) break;
    kept.delete(oldest);
  }
  return found;
}

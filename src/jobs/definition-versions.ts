/** R4's definitions as earlier releases indexed them, whose entries still answer. https://hl7.org/fhir/R4/searchparameter-registry.html */
import type { SearchParameterDefinition } from '../fhir/definitions/definitions.ts';

/** By the canonical of a definition of R4's the texts that tell its versions apart, newest first; one version needs none. */
export type VersionsOfDefinitions = ReadonlyMap<string, readonly string[]>;

export class DefinitionVersions {
  /** R4's definitions, those with several versions once for each, the newest last, so that a url means that one. */
  readonly definitions: readonly SearchParameterDefinition[];
  readonly #versions: ReadonlyMap<string, readonly string[]>;

  constructor(definitions: readonly SearchParameterDefinition[], versions: VersionsOfDefinitions) {
    this.#versions = new Map([...versions.values()].flatMap((texts) => texts.map((text) => [text, texts])));
    this.definitions = definitions.flatMap((each) => {
      const texts = versions.get(each.url) ?? [];
      return texts.length === 0 ? [each] : texts.toReversed().map((digest) => ({ ...each, digest }));
    });
  }

  /** Whether the text tells one of several versions. */
  has(definition: string): boolean {
    return this.#versions.has(definition);
  }

  /** Whether the text tells a version that isn't the newest. */
  isOld(definition: string): boolean {
    const [newest] = this.#versions.get(definition) ?? [definition];
    return newest !== definition;
  }

  /** Whether the newest version of the same definition is told by the other text. */
  isEarlier(definition: string, newest: string | undefined): boolean {
    return this.isOld(definition) && this.#versions.get(definition)?.[0] === newest;
  }
}

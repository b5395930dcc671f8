/** R4's definitions as earlier releases indexed them, whose entries still answer. https://hl7.org/fhir/R4/searchparameter-registry.html */
import type { SearchParameterDefinition } from '../fhir/definitions/definitions.ts';
import type { ParameterDefinition } from '../store/parameter-index.ts';

/** By the canonical of a definition of R4's the texts that tell its versions apart, newest first; one version needs none. */
export type VersionsOfDefinitions = ReadonlyMap<string, readonly string[]>;

/** What `source` keeps of a definition: enough to go on with it when the resource says something else. */
export interface Source {
  readonly version: number;
  readonly definition: SearchParameterDefinition;
}

/** What a parameter's definition says, undefined for R4's. */
export function sourceOf({ source }: ParameterDefinition): Source | undefined {
  return source === undefined ? undefined : JSON.parse(source);
}

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

  /** Whether what is indexed of a parameter was made by an earlier version of extraction. `extractionVersion`: today's, of one that isn't R4's. */
  isOfEarlier(
    parameter: ParameterDefinition,
    extractionVersion: (definition: SearchParameterDefinition) => number,
  ): boolean {
    const source = sourceOf(parameter);
    return source === undefined
      ? this.isOld(parameter.definition)
      : source.version < extractionVersion(source.definition);
  }

  /** Whether the newest version of the same definition is told by the other text. */
  isEarlier(definition: string, newest: string | undefined): boolean {
    return this.isOld(definition) && this.#versions.get(definition)?.[0] === newest;
  }
}

/** The definitions in the files of `PROFILES`, read at the start and again when files change. https://hl7.org/fhir/R4/profiling.html */
import type { Definitions, SearchParameterDefinition } from './fhir/definitions/definitions.ts';
import type { FiledResources } from './interactions/canonical.ts';
import { profiledParameters, readProfiles } from './jobs/profile-files.ts';

/** What the files had when they were read. */
interface Read {
  readonly filed: FiledResources;
  readonly parameters: readonly SearchParameterDefinition[];
}

export class Profiles implements FiledResources {
  readonly #directory: string;
  readonly #definitions: Definitions;
  #read: Read;

  /** Throws Error that names the file which can't be used. */
  constructor(directory: string, definitions: Definitions) {
    this.#directory = directory;
    this.#definitions = definitions;
    this.#read = this.#readAll();
  }

  /** Search parameters that R4 doesn't have itself. */
  get parameters(): readonly SearchParameterDefinition[] {
    return this.#read.parameters;
  }

  readonly find: FiledResources['find'] = (type, url, version) => this.#read.filed.find(type, url, version);

  /**
   * Reads the files anew. What they define counts when `adopt` has resolved; where it rejects, and where a file can't be used, all stays
   * as it was. Throws as the constructor does, and what `adopt` throws.
   */
  async reload(adopt: (parameters: readonly SearchParameterDefinition[]) => Promise<void>): Promise<void> {
    const read = this.#readAll();
    await adopt(read.parameters);
    this.#read = read;
  }

  #readAll(): Read {
    const read = readProfiles(this.#directory);
    return { filed: { find: () => undefined }, parameters: profiledParameters(read, this.#definitions) };
  }
}

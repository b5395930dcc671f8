/** The definitions in the files of `PROFILES`, read at the start and again when files change. https://hl7.org/fhir/R4/profiling.html */
import type { Definitions, SearchParameterDefinition } from './fhir/definitions/definitions.ts';
import type { FiledResources, Found } from './interactions/canonical.ts';
import { canonicalsIn } from './interactions/in-use.ts';
import { profiled } from './interactions/supported-profiles.ts';
import type { FiledDefinition } from './jobs/filed-definitions.ts';
import { PackageFiles } from './jobs/package-files.ts';
import { type ProfileFiles, profiledParameters, readProfileFiles } from './jobs/profile-files.ts';

/** What the files had when they were read. */
interface Read {
  readonly files: ProfileFiles;
  readonly parameters: readonly SearchParameterDefinition[];
}

interface Options {
  readonly directory: string;
  readonly definitions: Definitions;
  /** Hears of packages that can't be read, and of what of packages can't be used. */
  readonly report: (text: string) => void;
}

export class Profiles implements FiledResources {
  readonly #options: Options;
  readonly #packages: PackageFiles;
  #read: Read;
  /** Found out when it is asked for. */
  #profiles: readonly { readonly type: string; readonly url: string }[] | undefined;
  #supplements: readonly Found[] | undefined;
  #maps: readonly Found[] | undefined;

  private constructor(options: Options, packages: PackageFiles, read: Read) {
    this.#options = options;
    this.#packages = packages;
    this.#read = read;
  }

  /** Rejects with an Error that names the file which can't be used, packages apart. */
  static async read(options: Options): Promise<Profiles> {
    const packages = new PackageFiles(options.report);
    return new Profiles(options, packages, await readAll(options, packages));
  }

  /** Search parameters that R4 doesn't have itself. */
  get parameters(): readonly SearchParameterDefinition[] {
    return this.#read.parameters;
  }

  readonly find: FiledResources['find'] = (type, url, version) => this.#read.files.definitions.find(type, url, version);

  *naming(
    canonicals: ReadonlySet<string>,
  ): Generator<{ readonly user: string; readonly named: ReadonlySet<string> } | undefined> {
    for (const { type, url, content } of this.#read.files.definitions.all) {
      const named = canonicalsIn(content(), canonicals);
      yield named.size === 0 ? undefined : { user: `${type} ${url}`, named };
    }
  }

  readonly profiles = (): readonly { readonly type: string; readonly url: string }[] => {
    this.#profiles ??= this.#read.files.definitions.all
      .filter(({ type }) => type === 'StructureDefinition')
      .flatMap(({ content }) => profiled(content()) ?? []);
    return this.#profiles;
  };

  readonly supplements = (): readonly Found[] => {
    this.#supplements ??= this.#read.files.definitions.all
      .filter(({ type, mentions }) => type === 'CodeSystem' && mentions('"supplement"'))
      .map(foundIn);
    return this.#supplements;
  };

  readonly maps = (): readonly Found[] => {
    const { definitions } = this.#read.files;
    const urls = new Set(definitions.all.filter(({ type }) => type === 'ConceptMap').map(({ url }) => url));
    this.#maps ??= [...urls].flatMap((url) => definitions.find('ConceptMap', url, undefined) ?? []);
    return this.#maps;
  };

  readonly guides = (): readonly string[] =>
    this.#read.files.packages.flatMap(({ canonical, version }) =>
      canonical === undefined ? [] : [`${canonical}|${version}`],
    );

  /**
   * Reads the files anew. What they define counts when `adopt` has resolved; where it rejects, and where a file can't be used, all stays
   * as it was. Rejects as `read` does, and as `adopt` does.
   */
  async reload(adopt: (parameters: readonly SearchParameterDefinition[]) => Promise<void>): Promise<void> {
    const read = await readAll(this.#options, this.#packages);
    await adopt(read.parameters);
    this.#read = read;
    this.#profiles = undefined;
    this.#supplements = undefined;
    this.#maps = undefined;
  }
}

const foundIn = ({ key, content }: FiledDefinition): Found => ({ key: key(), content });

async function readAll({ directory, definitions, report }: Options, packages: PackageFiles): Promise<Read> {
  const files = await readProfileFiles(directory, packages);
  return { files, parameters: profiledParameters(files.filed, definitions, files.packages, report) };
}

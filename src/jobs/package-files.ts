/** The FHIR packages of a directory. https://hl7.org/fhir/R4/packages.html */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type FhirPackage, readPackage } from './packages.ts';

/** What a file had when it was last read. */
interface Known {
  /** Another one when the file has changed. */
  readonly stamp: string;
  readonly package: FhirPackage | undefined;
}

/** Reads packages, each again only when its file has changed. */
export class PackageFiles {
  readonly #report: (fault: string) => void;
  #known: ReadonlyMap<string, Known> = new Map();

  /** @param report hears of files that can't be read, and of what is left out of others; once until they change. */
  constructor(report: (fault: string) => void) {
    this.#report = report;
  }

  /** The packages in these files of a directory. Of one that can't be read, what it had before counts; without that it is left out. */
  async read(directory: string, files: readonly string[]): Promise<readonly FhirPackage[]> {
    const read = await Promise.all(
      files.map(async (file): Promise<readonly [string, Known]> => [file, await this.#read(directory, file)]),
    );
    this.#known = new Map(read);
    return read.flatMap(([, known]) => known.package ?? []);
  }

  async #read(directory: string, file: string): Promise<Known> {
    const path = join(directory, file);
    const before = this.#known.get(file);
    let stamp = '';
    try {
      const { mtimeMs, size, ino } = await stat(path);
      stamp = `${mtimeMs} ${size} ${ino}`;
      if (before?.stamp === stamp) return before;
      return { stamp, package: await readPackage(path, file, this.#report) };
    } catch (error) {
      const outcome = before?.package === undefined ? 'it is left out' : 'what it had before goes on';
      this.#report(`${path}: ${error instanceof Error ? error.message : 'it could not be read'}; ${outcome}`);
      return { stamp, package: before?.package };
    }
  }
}

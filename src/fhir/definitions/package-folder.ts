/** Where this package lies, with what the build leaves in `dist/` and the seeds beside. https://hl7.org/fhir/R4/downloads.html */
import { existsSync } from 'node:fs';

let found: URL | undefined;

/** The nearest folder above this file with a package.json: it runs from `src/`, from `dist/src/` and bundled from `dist/bin/`. */
export function packageFolder(): URL {
  for (let folder = new URL('.', import.meta.url); found === undefined; folder = new URL('..', folder)) {
    if (existsSync(new URL('package.json', folder))) found = folder;
    else if (folder.pathname === '/') throw new Error('the package.json of osteon is missing');
  }
  return found;
}

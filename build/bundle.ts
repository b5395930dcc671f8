/**
 * Puts the compiled modules together into a few files in `dist/bin/`: hundreds of small ones take a third of the start to be
 * found and read. Packages stay where npm put them. https://hl7.org/fhir/R4/http.html
 */
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

// Compiled, this file lies in dist/build.
const dist = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(dist, 'bin');
const sqlite = join(dist, 'src/store/sqlite');

const { metafile } = await build({
  // The command, and the threads, which are started by the names of their files.
  entryPoints: {
    osteon: join(dist, 'src/cli/osteon.js'),
    'writer-thread': join(sqlite, 'writer-thread.js'),
    'reader-thread': join(sqlite, 'reader-thread.js'),
    'backup-thread': join(sqlite, 'backup-thread.js'),
  },
  outdir: bin,
  bundle: true,
  // What is imported when it is needed stays in files of its own.
  splitting: true,
  packages: 'external',
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
});
// Shared parts are named by their contents: those of earlier builds go.
const written = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
for (const name of readdirSync(bin)) if (!written.has(name)) rmSync(join(bin, name));
console.log(`bin: ${Object.keys(metafile.inputs).length} modules in ${written.size / 2} files`);

/**
 * Puts the compiled modules together into a few files in `dist/bin/`, with the packages that a start needs: hundreds of small
 * ones take half of the start to be found and read. https://hl7.org/fhir/R4/http.html
 */
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { build, type Plugin } from 'esbuild';
import { schema } from '../src/config.ts';
import { checkOptions } from '../src/config-check.ts';

// Compiled, this file lies in dist/build.
const dist = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(dist, 'bin');
const sqlite = join(dist, 'src/store/sqlite');

/** Packages that stay where npm put them: what isn't JavaScript, looks for files beside its own, or is large and seldom needed. */
const external = ['@photostructure/sqlite', 'mongodb', 'pino'];

/** Puts the check that Ajv makes of the configuration's schema in the place of the module that has Ajv make it. */
const finishedCheck: Plugin = {
  name: 'finished check',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[/\\]config-check\.js$/ }, () => {
      const ajv = new Ajv({ ...checkOptions, code: { source: true, esm: true } });
      const code = standaloneCode.default(ajv, ajv.compile(schema));
      return { contents: `${code}\nexport const checkOf = () => validate;` };
    });
  },
};

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
  external,
  plugins: [finishedCheck],
  // For packages that are CommonJS and need Node's own modules.
  banner: {
    js: "import { createRequire as makeRequire } from 'node:module';\nconst require = makeRequire(import.meta.url);",
  },
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

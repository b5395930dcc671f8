/** Resources of R4 in a file that the build leaves, each read when it is named. https://hl7.org/fhir/R4/nd-json.html */
import { existsSync, readFileSync } from 'node:fs';
import type { JsonObject } from '../resource.ts';
import { packageFolder } from './package-folder.ts';

/** Where a resource stands: its first byte behind the index, and how many it has. */
type Place = readonly [start: number, length: number];

/** The first line of a file: by type, then by url. */
export type LineIndex<T extends string> = Readonly<Record<T, Readonly<Record<string, Place>>>>;

interface Opened<T extends string> {
  readonly bytes: Buffer;
  readonly index: LineIndex<T>;
  /** Where the index ends. */
  readonly start: number;
}

/** A file of that name below `dist/`, opened when it is first asked. */
export class ResourceLines<T extends string> {
  readonly #name: string;
  #opened: Opened<T> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  has(type: T, url: string): boolean {
    return Object.hasOwn(this.#open().index[type], url);
  }

  urls(type: T): readonly string[] {
    return Object.keys(this.#open().index[type]);
  }

  /** The resource, parsed anew each time; undefined for a url that isn't there. */
  read(type: T, url: string): JsonObject | undefined {
    const { bytes, index, start } = this.#open();
    const place = Object.hasOwn(index[type], url) ? index[type][url] : undefined;
    if (place === undefined) return undefined;
    const first = start + place[0];
    return JSON.parse(bytes.toString('utf8', first, first + place[1]));
  }

  /** Throws an Error that says what to do where the file is missing. */
  #open(): Opened<T> {
    if (this.#opened !== undefined) return this.#opened;
    const path = new URL(`dist/${this.#name}`, packageFolder());
    if (!existsSync(path)) throw new Error(`dist/${this.#name} is missing: run \`npm run build\``);
    const bytes = readFileSync(path);
    const start = bytes.indexOf('\n') + 1;
    this.#opened = { bytes, index: JSON.parse(bytes.toString('utf8', 0, start)), start };
    return this.#opened;
  }
}

/** R4's own structure definitions, as the build leaves them. https://hl7.org/fhir/R4/structuredefinition.html */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../resource.ts';

// Compiled, this file lies in dist/src/fhir/definitions; in tests, in src/fhir/definitions.
const places = ['../../../structures.ndjson', '../../../dist/structures.ndjson'];

/** Where a definition stands, by url: its first byte behind the index, and how many it has. The first line of the file. */
export type Index = Readonly<Record<string, readonly [start: number, length: number]>>;

interface File {
  readonly bytes: Buffer;
  readonly index: Index;
  /** Where the index ends. */
  readonly start: number;
}

let opened: File | undefined;

/** The file that `npm run build` makes, read when it is first needed. Throws an Error that says so where it is missing. */
function open(): File {
  if (opened !== undefined) return opened;
  const path = places.map((place) => fileURLToPath(new URL(place, import.meta.url))).find((place) => existsSync(place));
  if (path === undefined) throw new Error('dist/structures.ndjson is missing: run `npm run build`');
  const bytes = readFileSync(path);
  const start = bytes.indexOf('\n') + 1;
  opened = { bytes, index: JSON.parse(bytes.toString('utf8', 0, start)), start };
  return opened;
}

/**
 * One of R4's types, profiles or extensions, with its snapshot cut down to what tells valid resources: the texts of its constraints alone, and not the
 * constraints that every element has (`ele-1`) or every extension (`ext-1`); undefined for a url that isn't R4's.
 */
export function builtInStructure(url: string): JsonObject | undefined {
  const { bytes, index, start } = open();
  const place = Object.hasOwn(index, url) ? index[url] : undefined;
  if (place === undefined) return undefined;
  const first = start + place[0];
  return JSON.parse(bytes.toString('utf8', first, first + place[1]));
}

/** The urls of all of them. */
export function builtInStructures(): readonly string[] {
  return Object.keys(open().index);
}

/** R4's own code systems, value sets and concept maps, as the build leaves them. https://hl7.org/fhir/R4/terminologies-systems.html */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../fhir/resource.ts';

// Compiled, this file lies in dist/src/terminology; in tests, in src/terminology.
const places = ['../../terminology.ndjson', '../../dist/terminology.ndjson'];

/** Where a resource stands: its first byte behind the index, and how many it has. */
type Place = readonly [start: number, length: number];

/** Types that R4 has resources of. */
export type BuiltInType = 'CodeSystem' | 'ValueSet' | 'ConceptMap';

/** The first line of the file. By type, then by url. */
export type Index = Readonly<Record<BuiltInType, Readonly<Record<string, Place>>>>;

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
  if (path === undefined) throw new Error('dist/terminology.ndjson is missing: run `npm run build`');
  const bytes = readFileSync(path);
  const start = bytes.indexOf('\n') + 1;
  opened = { bytes, index: JSON.parse(bytes.toString('utf8', 0, start)), start };
  return opened;
}

/** Whether a url is that of one of R4's resources. */
export function isBuiltIn(type: BuiltInType, url: string): boolean {
  return Object.hasOwn(open().index[type], url);
}

/** The urls of R4's resources of a type. */
export function builtInUrls(type: BuiltInType): readonly string[] {
  return Object.keys(open().index[type]);
}

/** One of R4's resources, with what telling its codes needs; undefined for a url that isn't R4's. */
export function builtIn(type: BuiltInType, url: string): JsonObject | undefined {
  const { bytes, index, start } = open();
  const place = Object.hasOwn(index[type], url) ? index[type][url] : undefined;
  if (place === undefined) return undefined;
  const first = start + place[0];
  return JSON.parse(bytes.toString('utf8', first, first + place[1]));
}

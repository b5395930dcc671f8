/** FHIR packages as they are published: gzipped tar archives with definitions. https://hl7.org/fhir/R4/packages.html */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { isArray, isObject, isResource, type JsonObject, type JsonValue } from '../fhir/resource.ts';

/** A resource in a package, which is parsed anew when it is needed. */
export interface PackagedResource {
  /** The archive's file and the one within it. */
  readonly file: string;
  readonly type: string;
  readonly url: string;
  readonly version: string | undefined;
  readonly bytes: Uint8Array;
}

export interface FhirPackage {
  readonly file: string;
  readonly name: string;
  readonly version: string;
  /** Canonical of the implementation guide. */
  readonly canonical: string | undefined;
  readonly resources: readonly PackagedResource[];
}

/** A file of a package's own folder. */
export interface PackagedFile {
  /** Within that folder. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What the server does something with; the rest of a package is left alone. */
const kept = new Set(['StructureDefinition', 'ValueSet', 'CodeSystem', 'ConceptMap', 'SearchParameter']);

/** JSON files of a package's own folder; examples and others lie below it. */
const direct = /^package\/([^/]+\.json)$/;

/** More than any package has, unpacked, and than any of its definitions. */
const mostBytes = 2 ** 30;
export const mostFileBytes = 2 ** 26;

/**
 * The definitions in a package. Throws Error that says what is wrong with it, but doesn't name it. `file`: what resources' files are named
 * after. `report` hears of files in it that are left out.
 */
export async function readPackage(path: string, file: string, report: (fault: string) => void): Promise<FhirPackage> {
  let manifest: JsonObject | undefined;
  const resources: PackagedResource[] = [];
  for await (const { name, bytes } of packagedFiles(unpacked(path), { all: mostBytes, file: mostFileBytes })) {
    try {
      const content = parsed(bytes, name);
      if (name === 'package.json') manifest = content;
      else resources.push(...described(content).map((each) => ({ file: `${file}: ${name}`, ...each, bytes })));
    } catch (error) {
      if (name === 'package.json') throw error;
      report(`${file}: ${error instanceof Error ? error.message : 'it could not be read'}`);
    }
  }
  if (manifest === undefined) throw new Error('package/package.json is missing');
  const { name, version, canonical, fhirVersions } = manifest;
  if (typeof name !== 'string' || typeof version !== 'string') throw new Error('package.json has no name or version');
  if (isArray(fhirVersions) && !fhirVersions.some((each) => typeof each === 'string' && each.startsWith('4.0')))
    throw new Error(`the package is for FHIR ${fhirVersions.join(', ')}, not for R4 (4.0.1)`);
  return { file, name, version, canonical: textOf(canonical), resources };
}

function described(content: JsonObject): readonly Omit<PackagedResource, 'file' | 'bytes'>[] {
  if (!isResource(content) || !kept.has(content.resourceType)) return [];
  const { resourceType: type, url, version } = content;
  return typeof url === 'string' ? [{ type, url, version: textOf(version) }] : [];
}

const textOf = (value: JsonValue | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

/** A gzipped file unpacked; what fails on the way is the stream's error. */
function unpacked(path: string): Readable {
  const file = createReadStream(path);
  const gunzip = createGunzip();
  file.on('error', (error) => gunzip.destroy(error));
  gunzip.on('close', () => file.destroy());
  return file.pipe(gunzip);
}

/**
 * The JSON files of a package's own folder as they lie in the archive, one after the other; their bytes are copies, so that the archive's
 * can go. `most`: bytes of the archive and of a file. Throws Error that says what is wrong.
 */
export async function* packagedFiles(
  archive: Readable,
  most: { readonly all: number; readonly file: number } = { all: Number.POSITIVE_INFINITY, file: 2 ** 29 },
): AsyncGenerator<PackagedFile> {
  const entries = extract();
  let read = 0;
  archive.on('data', (chunk: Uint8Array) => {
    read += chunk.length;
    if (read > most.all) archive.destroy(new Error(`it has more than ${most.all} bytes, unpacked`));
  });
  archive.on('error', (error) => entries.destroy(error));
  try {
    for await (const entry of archive.pipe(entries)) {
      const { type, size = 0 } = entry.header;
      const name = direct.exec(entry.header.name)?.[1];
      if (name === undefined || type !== 'file') {
        entry.resume();
        continue;
      }
      if (size > most.file) throw new Error(`${name} has more than ${most.file} bytes`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
      yield { name, bytes: Buffer.concat(chunks) };
    }
  } finally {
    archive.destroy();
  }
}

const decoder = new TextDecoder();

/** A JSON object. Throws Error that names the file for anything else. */
export function parsed(bytes: Uint8Array, file: string): JsonObject {
  let value: JsonValue;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    throw new Error(`${file} is no JSON`);
  }
  if (!isObject(value)) throw new Error(`${file} is no JSON object`);
  return value;
}

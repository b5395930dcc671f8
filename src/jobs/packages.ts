/** FHIR packages as they are published: gzipped tar archives with definitions. https://hl7.org/fhir/R4/packages.html */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';

/** A resource in a package. */
export interface PackagedResource {
  /** The archive's file and the one within it. */
  readonly file: string;
  readonly type: string;
  readonly url: string;
  readonly version: string | undefined;
  readonly bytes: Uint8Array;
  /** Parsed anew each time; one that is no JSON has nothing. */
  readonly content: () => JsonObject;
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
interface PackagedFile {
  /** Within that folder. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What the server does something with; the rest of a package is left alone. */
const kept = new Set(['StructureDefinition', 'ValueSet', 'CodeSystem', 'ConceptMap', 'SearchParameter']);

/** JSON files of a package's own folder; examples and others lie below it. */
const direct = /^package\/([^/]+\.json)$/;

/** More than any package has, unpacked, and than any of its definitions; more zeros together than fill up an archive. */
const mostBytes = 2 ** 30;
export const mostFileBytes = 2 ** 26;
const mostZeros = 2 ** 22;

/** Bytes that are read and unpacked at once. */
const chunkSize = 2 ** 18;

/**
 * The definitions in a package. Throws Error that says what is wrong with it, but doesn't name it. `file`: what resources' files are named
 * after. `report` hears of files in it that are left out.
 */
export async function readPackage(path: string, file: string, report: (fault: string) => void): Promise<FhirPackage> {
  const files = new Map<string, Uint8Array>();
  for await (const { name, bytes } of packagedFiles(unpacked(path), { all: mostBytes, file: mostFileBytes })) {
    files.set(name, bytes);
  }
  const manifest = files.get('package.json');
  if (manifest === undefined) throw new Error('package.json is missing');
  const { name, version, canonical, fhirVersions } = parsed(manifest, 'package.json');
  if (typeof name !== 'string' || typeof version !== 'string') throw new Error('package.json has no name or version');
  if (isArray(fhirVersions) && !fhirVersions.some((each) => typeof each === 'string' && each.startsWith('4.0')))
    throw new Error(`the package is for FHIR ${fhirVersions.join(', ')}, not for R4 (4.0.1)`);
  const contents = new Map([...files].map(([each, bytes]) => [each, reader(bytes, `${file}: ${each}`, report)]));
  const index = indexed(contents.get('.index.json')?.() ?? {});
  // Without an index everything has to be parsed.
  const resources = index.length > 0 ? index : [...contents].flatMap(([each, content]) => described(each, content()));
  return {
    file,
    name,
    version,
    canonical: textOf(canonical),
    resources: resources.flatMap((each) => {
      const [bytes, content] = [files.get(each.name), contents.get(each.name)];
      if (bytes === undefined || content === undefined) return [];
      return [{ file: `${file}: ${each.name}`, ...each.resource, bytes, content }];
    }),
  };
}

/** What parses a file, each time; what is no JSON object is reported once, and has nothing. */
function reader(bytes: Uint8Array, file: string, report: (fault: string) => void): () => JsonObject {
  let told = false;
  return () => {
    try {
      return parsed(bytes, file);
    } catch (error) {
      if (!told) report(error instanceof Error ? error.message : `${file} could not be read`);
      told = true;
      return {};
    }
  };
}

interface Described {
  readonly name: string;
  readonly resource: Omit<PackagedResource, 'file' | 'bytes' | 'content'>;
}

/** By the index that a package brings. */
function indexed({ files }: JsonObject): readonly Described[] {
  return (isArray(files) ? files : []).flatMap((each) =>
    isObject(each) && typeof each.filename === 'string' ? described(each.filename, each) : [],
  );
}

/** By what says type, url and version: a resource, or its entry in an index. */
function described(name: string, { resourceType: type, url, version }: JsonObject): readonly Described[] {
  if (typeof type !== 'string' || !kept.has(type) || typeof url !== 'string') return [];
  return [{ name, resource: { type, url, version: textOf(version) } }];
}

const textOf = (value: JsonValue | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

/** A gzipped file unpacked; what fails on the way is the stream's error. */
function unpacked(path: string): Readable {
  const file = createReadStream(path, { highWaterMark: chunkSize });
  const gunzip = createGunzip({ chunkSize });
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
  let [read, zeros] = [0, 0];
  archive.on('data', (chunk: Uint8Array) => {
    read += chunk.length;
    zeros = chunk.every((byte) => byte === 0) ? zeros + chunk.length : 0;
    if (read > most.all) archive.destroy(new Error(`it has more than ${most.all} bytes, unpacked`));
    // Each 512 of them would be looked at as the end of the archive.
    if (zeros > mostZeros) archive.destroy(new Error('it is filled with zeros'));
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
function parsed(bytes: Uint8Array, file: string): JsonObject {
  let value: JsonValue;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    throw new Error(`${file} is no JSON`);
  }
  if (!isObject(value)) throw new Error(`${file} is no JSON object`);
  return value;
}

/** FHIR packages as they are published: gzipped tar archives with definitions. https://hl7.org/fhir/R4/packages.html */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { isArray, isObject, isResource, type JsonObject, type JsonValue } from '../fhir/resource.ts';

/** A resource in a package, whose bytes are read when they are needed. */
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

/** What the server does something with; the rest of a package is left alone. */
const kept = new Set(['StructureDefinition', 'ValueSet', 'CodeSystem', 'ConceptMap', 'SearchParameter']);

/** Files of a package's own folder; examples and others lie below it. */
const direct = /^package\/([^/]+\.json)$/;

const unpack = promisify(gunzip);

/** More than any package has, unpacked. */
const mostBytes = 2 ** 30;

/**
 * The definitions in a package. Throws Error that says what is wrong with it, but doesn't name it. `file`: what resources' files are named
 * after.
 */
export async function readPackage(path: string, file: string): Promise<FhirPackage> {
  const files = await filesOf(await unpack(await readFile(path), { maxOutputLength: mostBytes }));
  const manifest = parsed(files.get('package.json'), 'package.json');
  const { name, version, canonical, fhirVersions } = manifest;
  if (typeof name !== 'string' || typeof version !== 'string') throw new Error('package.json has no name or version');
  if (isArray(fhirVersions) && !fhirVersions.some((each) => typeof each === 'string' && each.startsWith('4.0')))
    throw new Error(`the package is for FHIR ${fhirVersions.join(', ')}, not for R4 (4.0.1)`);
  const index = files.get('.index.json');
  return {
    file,
    name,
    version,
    canonical: typeof canonical === 'string' ? canonical : undefined,
    resources: (index === undefined ? described(files) : indexed(parsed(index, '.index.json'))).flatMap((each) => {
      const bytes = files.get(each.name);
      return bytes === undefined ? [] : [{ file: `${file}: ${each.name}`, ...each.resource, bytes }];
    }),
  };
}

interface Described {
  readonly name: string;
  readonly resource: Omit<PackagedResource, 'file' | 'bytes'>;
}

/** By the index that a package brings, so that nothing else has to be parsed. */
function indexed({ files }: JsonObject): readonly Described[] {
  return (isArray(files) ? files : []).flatMap((each) => {
    if (!isObject(each) || typeof each.filename !== 'string') return [];
    return describedAs(each.filename, each.resourceType, each);
  });
}

/** By the resources themselves. */
function described(files: ReadonlyMap<string, Uint8Array>): readonly Described[] {
  return [...files].flatMap(([name, bytes]) => {
    if (name === 'package.json') return [];
    const resource = parsed(bytes, name);
    return isResource(resource) ? describedAs(name, resource.resourceType, resource) : [];
  });
}

function describedAs(name: string, type: JsonValue | undefined, { url, version }: JsonObject): readonly Described[] {
  if (typeof type !== 'string' || !kept.has(type) || typeof url !== 'string') return [];
  return [{ name, resource: { type, url, version: typeof version === 'string' ? version : undefined } }];
}

/** The JSON files of the package's own folder. Their bytes are copies, so that the archive's can go. */
async function filesOf(archive: Uint8Array): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const entries = extract();
  entries.end(archive);
  for await (const entry of entries) {
    const name = direct.exec(entry.header.name)?.[1];
    const chunks: Uint8Array[] = [];
    if (name === undefined || entry.header.type !== 'file') {
      entry.resume();
      continue;
    }
    for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
    files.set(name, Buffer.concat(chunks));
  }
  return files;
}

const decoder = new TextDecoder();

/** A JSON object. Throws Error that names the file for anything else. */
export function parsed(bytes: Uint8Array | undefined, file: string): JsonObject {
  let value: JsonValue | undefined;
  try {
    value = bytes === undefined ? undefined : JSON.parse(decoder.decode(bytes));
  } catch {
    throw new Error(`${file} is no JSON`);
  }
  if (!isObject(value)) throw new Error(`${file} is missing or no JSON object`);
  return value;
}

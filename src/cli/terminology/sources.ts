/** What lies in files and folders: releases of code systems, FHIR packages, resources. https://hl7.org/fhir/R4/terminologies-systems.html */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Definition, definitionIn, definitionsIn } from './definitions.ts';
import { type Icd10, icd10In, icd10Release } from './icd10.ts';
import { loincRelease } from './loinc.ts';
import { type Release, type Said, UnusableRelease } from './release.ts';
import { snomedIn, snomedRelease } from './snomed.ts';

export const formats = ['icd10cm', 'icd10pcs', 'loinc', 'snomed', 'package'] as const;
export type Format = (typeof formats)[number];

/** A release, or a file with resources. */
export type Source =
  | { readonly kind: 'release'; readonly path: string; readonly size: number; readonly release: Release }
  | {
      readonly kind: 'definitions';
      readonly path: string;
      readonly size: number;
      readonly read: (onRead: (bytes: number) => void) => AsyncIterable<Definition>;
    };

/**
 * What is found at paths. A folder is looked through with all that is in it.
 * @param format what the files are, where they don't say it themselves.
 * @throws UnusableRelease for a file that is nothing of the kind.
 */
export async function findSources(
  paths: readonly string[],
  format: Format | undefined,
  said: Said,
): Promise<readonly Source[]> {
  const found: Source[] = [];
  for (const path of paths) {
    const isFolder = (await stat(path)).isDirectory();
    const files = isFolder ? await filesIn(path) : [path];
    const sources = await sourcesIn(files, !isFolder, format, said);
    if (sources.length === 0)
      throw new UnusableRelease(`${path} has nothing that could be loaded. ${hintFor(path, isFolder)}`);
    found.push(...sources);
  }
  if ((said.url !== undefined || said.version !== undefined) && found.length > 1)
    throw new UnusableRelease('--url and --version are of one code system: load one at a time.');
  return found;
}

function hintFor(path: string, isFolder: boolean): string {
  if (/\.zip$/i.test(path)) return 'Unpack it first, and give the folder.';
  return isFolder
    ? 'Expected are Loinc.csv, the Snapshot files of SNOMED CT, tables of ICD-10, packages (.tgz) or JSON.'
    : `Its name doesn't say what it is: give --format, one of ${formats.join(', ')}.`;
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'));
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await filesIn(path)));
    else found.push(path);
  }
  return found;
}

async function sourcesIn(
  files: readonly string[],
  named: boolean,
  format: Format | undefined,
  said: Said,
): Promise<readonly Source[]> {
  const sources: Source[] = [];
  const take = (release: Release) => {
    sources.push({ kind: 'release', path: release.path, size: release.size, release });
  };
  const snomed = format === undefined || format === 'snomed' ? snomedIn(files) : undefined;
  if (snomed !== undefined) {
    take(await snomedRelease(snomed, said));
    return sources;
  }
  const table = format === undefined || format === 'loinc' ? loincTable(files, format) : undefined;
  if (table !== undefined) {
    const hierarchy = files.find((path) => /^ComponentHierarchyBySystem\.csv$/i.test(basename(path)));
    take(await loincRelease({ table, ...(hierarchy !== undefined && { hierarchy }) }, said));
    // The release has much else, which is in other formats.
    return sources;
  }
  for (const path of files) {
    const which = await icd10Of(path, format);
    if (which !== undefined) take(await icd10Release(path, which, said));
    else {
      const read = definitionsOf(path, named, format);
      if (read !== undefined) sources.push({ kind: 'definitions', path, size: (await stat(path)).size, read });
    }
  }
  return sources;
}

function loincTable(files: readonly string[], format: Format | undefined): string | undefined {
  const named = files.find((path) => /^Loinc\.csv(\.gz)?$/i.test(basename(path)));
  return named ?? (format === 'loinc' && files.length === 1 ? files[0] : undefined);
}

async function icd10Of(path: string, format: Format | undefined): Promise<Icd10 | undefined> {
  if (format === 'icd10cm' || format === 'icd10pcs') return format;
  return format === undefined ? icd10In(path) : undefined;
}

function definitionsOf(
  path: string,
  named: boolean,
  format: Format | undefined,
): ((onRead: (bytes: number) => void) => AsyncIterable<Definition>) | undefined {
  if (format !== undefined && format !== 'package') return undefined;
  if (/\.(tgz|tar\.gz)$/i.test(path)) return (onRead) => definitionsIn(path, onRead);
  if (format === undefined && /\.json(\.gz)?$/i.test(path)) return (onRead) => definitionIn(path, named, onRead);
  return undefined;
}

/** SNOMED CT as it is released: the Snapshot tables of RF2. https://hl7.org/fhir/R4/snomedct.html */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Designation, LoadedConcept } from '../../store/terminology.ts';
import { type Release, type Said, someConcepts, UnusableRelease } from './release.ts';
import { linesOf, owned } from './text-lines.ts';

export interface SnomedFiles {
  readonly concepts: string;
  readonly descriptions: string;
  readonly relationships: string;
  readonly definitions?: string;
  /** Which descriptions are preferred. */
  readonly language?: string;
}

const isA = '116680003';
const fullySpecified = '900000000000003001';
const preferred = '900000000000548007';
/** The reference set of US English, which every release has. */
const usEnglish = '900000000000509007';
/** Modules of editions by what their files are named after. */
const modules: Readonly<Record<string, string>> = { INT: '900000000000207008', US1000124: '731000124108' };

/** Bytes of descriptions that are gathered at a time: the tables are in no order, and too large to be held as a whole. */
const atOnce = 48 * 1024 * 1024;

/** The files of a release among those of a folder; undefined where there are none. Throws UnusableRelease where some are missing. */
export function snomedIn(paths: readonly string[]): SnomedFiles | undefined {
  const named = (pattern: RegExp) => paths.find((path) => pattern.test(basename(path)));
  const concepts = named(/^x?sct2_Concept_Snapshot_.*\.txt$/);
  if (concepts === undefined) return undefined;
  const descriptions = named(/^x?sct2_Description_Snapshot-en_.*\.txt$/);
  const relationships = named(/^x?sct2_Relationship_Snapshot_.*\.txt$/);
  if (descriptions === undefined || relationships === undefined)
    throw new UnusableRelease(
      `Beside ${concepts} are missing: sct2_Description_Snapshot-en_….txt or sct2_Relationship_Snapshot_….txt.`,
    );
  const definitions = named(/^x?sct2_TextDefinition_Snapshot-en_.*\.txt$/);
  const language = named(/^x?der2_cRefset_LanguageSnapshot-en_.*\.txt$/);
  return {
    concepts,
    descriptions,
    relationships,
    ...(definitions !== undefined && { definitions }),
    ...(language !== undefined && { language }),
  };
}

export async function snomedRelease(files: SnomedFiles, said: Said): Promise<Release> {
  const version = said.version ?? versionOf(files.concepts);
  const descriptions = (await stat(files.descriptions)).size;
  const shares = Math.max(1, Math.ceil(descriptions / atOnce));
  const sizes = await Promise.all(
    Object.entries(files).map(async ([kind, path]) => {
      const { size } = await stat(path);
      return kind === 'descriptions' || kind === 'definitions' ? size * shares : size;
    }),
  );
  return {
    path: files.concepts,
    size: sizes.reduce((sum, size) => sum + size, 0),
    system: {
      url: said.url ?? 'http://snomed.info/sct',
      version,
      title: 'SNOMED CT',
      caseSensitive: true,
      properties: [
        { code: 'moduleId', type: 'code' },
        { code: 'effectiveTime', type: 'string' },
        { code: 'sufficientlyDefined', type: 'boolean' },
      ],
    },
    read: (onRead) => conceptsOf(files, shares, onRead),
  };
}

/** `http://snomed.info/sct/<module>/version/<date>`, as the file's name says. */
function versionOf(path: string): string {
  const [, edition = '', date = ''] = /_Snapshot_([A-Za-z0-9]+)_(\d{8})\.txt$/.exec(path) ?? [];
  const module = modules[edition];
  if (module === undefined || date === '')
    throw new UnusableRelease(
      `Which edition ${basename(path)} is of isn't known: give --version http://snomed.info/sct/<module>/version/<date>.`,
    );
  return `http://snomed.info/sct/${module}/version/${date}`;
}

interface Texts {
  fullySpecified?: string;
  preferred?: string;
  definition?: string;
  readonly synonyms: string[];
}

/** Concepts in shares: of each, the descriptions are gathered in memory. */
async function* conceptsOf(
  files: SnomedFiles,
  shares: number,
  onRead: (bytes: number) => void,
): AsyncGenerator<readonly LoadedConcept[]> {
  const parents = await readParents(files.relationships, onRead);
  const isFavourite = files.language === undefined ? () => true : await readPreferred(files.language, onRead);
  for (let share = 0; share < shares; share++) {
    const texts = await readTexts(files, isFavourite, (id) => shareOf(id, shares) === share, onRead);
    let some: LoadedConcept[] = [];
    // The concepts themselves are counted once.
    for await (const [id = '', time = '', active, module = '', status] of cellsOf(
      files.concepts,
      share === 0 ? onRead : undefined,
    )) {
      if (shareOf(id, shares) !== share) continue;
      some.push(
        conceptOf(owned(id), texts.get(id), parents.get(id) ?? [], {
          time,
          active: active === '1',
          module,
          defined: status === defined,
        }),
      );
      if (some.length < someConcepts) continue;
      yield some;
      some = [];
    }
    yield some;
  }
}

const defined = '900000000000073002';

/** Ids end in a digit that checks the others: the digits before say which share they are of. */
function shareOf(id: string, shares: number): number {
  return shares === 1 ? 0 : Number(id.slice(-7, -3)) % shares;
}

async function readParents(
  path: string,
  onRead: (bytes: number) => void,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const parents = new Map<string, string[]>();
  for await (const [, , active, , source = '', target = '', , type] of cellsOf(path, onRead)) {
    if (active !== '1' || type !== isA) continue;
    const known = parents.get(source);
    if (known === undefined) parents.set(owned(source), [owned(target)]);
    else if (!known.includes(target)) known.push(owned(target));
  }
  return parents;
}

async function readTexts(
  { descriptions, definitions }: SnomedFiles,
  isFavourite: (description: string) => boolean,
  wanted: (concept: string) => boolean,
  onRead: (bytes: number) => void,
): Promise<ReadonlyMap<string, Texts>> {
  const texts = new Map<string, Texts>();
  const of = (concept: string): Texts => {
    const known = texts.get(concept) ?? { synonyms: [] };
    if (!texts.has(concept)) texts.set(owned(concept), known);
    return known;
  };
  for await (const [id = '', , active, , concept = '', , type, cut = ''] of cellsOf(descriptions, onRead)) {
    if (active !== '1' || !wanted(concept)) continue;
    const [known, term] = [of(concept), owned(cut)];
    if (type === fullySpecified) known.fullySpecified ??= term;
    else if (known.preferred === undefined && isFavourite(id)) known.preferred = term;
    else known.synonyms.push(term);
  }
  if (definitions !== undefined) {
    for await (const [, , active, , concept = '', , , term = ''] of cellsOf(definitions, onRead))
      if (active === '1' && wanted(concept)) of(concept).definition ??= owned(term);
  }
  return texts;
}

/** Whether US English prefers a description, by its id: a million of them, as numbers that take little memory. */
async function readPreferred(path: string, onRead: (bytes: number) => void): Promise<(id: string) => boolean> {
  let ids = new BigUint64Array(1024);
  let count = 0;
  for await (const [, , active, , refset, description = '', acceptability] of cellsOf(path, onRead)) {
    if (active !== '1' || refset !== usEnglish || acceptability !== preferred || !isId(description)) continue;
    if (count === ids.length) {
      const larger = new BigUint64Array(2 * count);
      larger.set(ids);
      ids = larger;
    }
    ids[count++] = BigInt(description);
  }
  const sorted = ids.subarray(0, count).sort();
  return (id) => isId(id) && has(sorted, BigInt(id));
}

function isId(text: string): boolean {
  return /^\d{1,18}$/.test(text);
}

function has(sorted: BigUint64Array, id: bigint): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0n) < id) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === id;
}

interface Facts {
  readonly time: string;
  readonly active: boolean;
  readonly module: string;
  readonly defined: boolean;
}

function conceptOf(code: string, texts: Texts | undefined, parents: readonly string[], facts: Facts): LoadedConcept {
  const { fullySpecified: full, definition, synonyms = [] } = texts ?? {};
  const display = texts?.preferred ?? full ?? synonyms[0] ?? code;
  const designation = (value: string, use: string): Designation => ({ value, language: 'en', use });
  const designations = [
    ...(full === undefined || full === display ? [] : [designation(full, fullySpecified)]),
    ...synonyms.filter((term) => term !== display).map((term) => designation(term, synonym)),
  ];
  return {
    code,
    display,
    parents,
    ...(definition !== undefined && { definition }),
    ...(!facts.active && { inactive: true }),
    properties: [
      ['moduleId', facts.module],
      ['effectiveTime', facts.time],
      ['sufficientlyDefined', String(facts.defined)],
    ],
    ...(designations.length > 0 && { designations }),
  };
}

const synonym = '900000000000013009';

/** The cells of each line after the first. */
async function* cellsOf(path: string, onRead?: (bytes: number) => void): AsyncGenerator<readonly string[]> {
  let header = true;
  for await (const lines of linesOf(path, onRead)) {
    for (const line of lines) {
      if (!header) yield line.split('\t');
      header = false;
    }
  }
}

/** SNOMED CT as it is released: the Snapshot tables of RF2. https://hl7.org/fhir/R4/snomedct.html */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Lists, listOf, Numbers, placesOf } from '../../store/numbers.ts';
import type { Designation, LoadedConcept } from '../../store/terminology.ts';
import { type Release, type Said, someConcepts, UnusableRelease } from './release.ts';
import { SnomedIds } from './snomed-ids.ts';
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
  const size = sizes.reduce((sum, each) => sum + each, 0);
  return {
    path: files.concepts,
    size,
    system: {
      url: said.url ?? 'http://snomed.info/sct',
      version,
      title: 'SNOMED CT',
      caseSensitive: true,
      properties: [
        { code: 'moduleId', type: 'code' },
        { code: 'effectiveTime', type: 'string' },
        { code: 'sufficientlyDefined', type: 'boolean' },
        ...(await attributesIn(files.relationships)).map((code) => ({ code, type: 'code' as const })),
      ],
    },
    read: (onRead, only) =>
      only === 'hierarchy' ? hierarchyOf(files, size, onRead) : conceptsOf(files, shares, onRead),
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

/** The attributes that relationships give concepts, in order. */
async function attributesIn(path: string): Promise<readonly string[]> {
  const types = new Set<string>();
  for await (const rows of rowsOf(path)) {
    for (const [, , active, , , , , type = ''] of rows)
      if (active === '1' && type !== isA && !types.has(type)) types.add(owned(type));
  }
  return [...types].sort();
}

/** What relationships say, by the numbers of concepts. */
interface Relationships {
  readonly ids: SnomedIds;
  /** Right above each. */
  readonly parents: Lists;
  /** Of each, places in `types` and `targets`. */
  readonly attributes: Lists;
  readonly types: Int32Array;
  readonly targets: Int32Array;
}

async function readRelationships(
  path: string,
  hierarchy: boolean,
  onRead: (bytes: number) => void,
): Promise<Relationships> {
  const ids = new SnomedIds();
  const [children, parents] = [new Numbers(), new Numbers()];
  const [sources, types, targets] = [new Numbers(), new Numbers(), new Numbers()];
  for await (const rows of rowsOf(path, onRead)) {
    for (const [, , active, , source = '', target = '', , type = ''] of rows) {
      if (active !== '1' || (hierarchy && type !== isA)) continue;
      const [from, to] = [ids.add(source), ids.add(target)];
      if (type === isA) {
        children.push(from);
        parents.push(to);
        continue;
      }
      sources.push(from);
      types.push(ids.add(type));
      targets.push(to);
    }
  }
  const above = placesOf(children.all, ids.count);
  const all = parents.all;
  return {
    ids,
    parents: { starts: above.starts, items: above.items.map((place) => all[place] ?? 0) },
    attributes: placesOf(sources.all, ids.count),
    types: types.all,
    targets: targets.all,
  };
}

/** Codes with what is right above them. Other files aren't read; `onRead` hears of their size. */
async function* hierarchyOf(
  files: SnomedFiles,
  size: number,
  onRead: (bytes: number) => void,
): AsyncGenerator<readonly LoadedConcept[]> {
  let left = size;
  const read = (bytes: number): void => {
    left -= bytes;
    onRead(bytes);
  };
  const relationships = await readRelationships(files.relationships, true, read);
  for await (const rows of rowsOf(files.concepts, read)) {
    yield rows.map(([id = '']) => {
      const number = relationships.ids.numberOf(id);
      return { code: owned(id), display: '', parents: parentsOf(relationships, number) };
    });
  }
  onRead(left);
}

/** Concepts in shares: of each, the descriptions are gathered in memory. */
async function* conceptsOf(
  files: SnomedFiles,
  shares: number,
  onRead: (bytes: number) => void,
): AsyncGenerator<readonly LoadedConcept[]> {
  const relationships = await readRelationships(files.relationships, false, onRead);
  const { ids } = relationships;
  const favourites = files.language === undefined ? undefined : await readPreferred(files.language, onRead);
  for (let share = 0; share < shares; share++) {
    // Those that no relationship names have few texts: they all go with the first.
    const inShare = (number: number) => Math.max(number, 0) % shares === share;
    const texts = await readTexts(files, favourites, (id) => inShare(ids.numberOf(id)), onRead);
    // The concepts themselves are counted once.
    for await (const rows of rowsOf(files.concepts, share === 0 ? onRead : undefined)) {
      const some: LoadedConcept[] = [];
      for (const [id = '', time = '', active, module = '', status] of rows) {
        const number = ids.numberOf(id);
        if (!inShare(number)) continue;
        const facts = { time, active: active === '1', module, defined: status === defined };
        some.push(
          conceptOf(
            owned(id),
            texts.get(id),
            parentsOf(relationships, number),
            facts,
            attributesOf(relationships, number),
          ),
        );
        texts.delete(id);
      }
      yield some;
    }
  }
}

const defined = '900000000000073002';

function parentsOf({ ids, parents }: Relationships, number: number): readonly string[] {
  return [...new Set(listOf(parents, number))].map((each) => ids.textOf(each));
}

/** Each pair once: it may be in several groups. */
function attributesOf(
  { ids, attributes, types, targets }: Relationships,
  number: number,
): readonly (readonly [code: string, value: string])[] {
  const pairs = new Map<string, readonly [code: string, value: string]>();
  for (const place of listOf(attributes, number)) {
    const [type, target] = [ids.textOf(types[place] ?? 0), ids.textOf(targets[place] ?? 0)];
    pairs.set(`${type} ${target}`, [type, target]);
  }
  return [...pairs.values()];
}

interface Texts {
  fullySpecified?: string;
  preferred?: string;
  definition?: string;
  readonly synonyms: string[];
}

async function readTexts(
  { descriptions, definitions }: SnomedFiles,
  favourites: SnomedIds | undefined,
  wanted: (concept: string) => boolean,
  onRead: (bytes: number) => void,
): Promise<Map<string, Texts>> {
  const texts = new Map<string, Texts>();
  const of = (concept: string): Texts => {
    const known = texts.get(concept) ?? { synonyms: [] };
    if (!texts.has(concept)) texts.set(owned(concept), known);
    return known;
  };
  for await (const rows of rowsOf(descriptions, onRead)) {
    for (const [id = '', , active, , concept = '', , type, cut = ''] of rows) {
      if (active !== '1' || !wanted(concept)) continue;
      const [known, term] = [of(concept), owned(cut)];
      if (type === fullySpecified) known.fullySpecified ??= term;
      else if (known.preferred === undefined && favourites?.has(id) !== false) known.preferred = term;
      else known.synonyms.push(term);
    }
  }
  if (definitions !== undefined) {
    for await (const rows of rowsOf(definitions, onRead)) {
      for (const [, , active, , concept = '', , , term = ''] of rows)
        if (active === '1' && wanted(concept)) of(concept).definition ??= owned(term);
    }
  }
  return texts;
}

/** The descriptions that US English prefers. */
async function readPreferred(path: string, onRead: (bytes: number) => void): Promise<SnomedIds> {
  const ids = new SnomedIds();
  for await (const rows of rowsOf(path, onRead)) {
    for (const [, , active, , refset, description = '', acceptability] of rows)
      if (active === '1' && refset === usEnglish && acceptability === preferred) ids.add(description);
  }
  return ids;
}

interface Facts {
  readonly time: string;
  readonly active: boolean;
  readonly module: string;
  readonly defined: boolean;
}

function conceptOf(
  code: string,
  texts: Texts | undefined,
  parents: readonly string[],
  facts: Facts,
  attributes: readonly (readonly [code: string, value: string])[],
): LoadedConcept {
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
      ...attributes,
    ],
    ...(designations.length > 0 && { designations }),
  };
}

const synonym = '900000000000013009';

/** The cells of the lines after the first, some lines at a time. */
async function* rowsOf(path: string, onRead?: (bytes: number) => void): AsyncGenerator<readonly (readonly string[])[]> {
  let header = true;
  for await (const lines of linesOf(path, onRead)) {
    const rows = header ? lines.slice(1) : lines;
    header &&= lines.length === 0;
    for (let from = 0; from < rows.length; from += someConcepts)
      yield rows.slice(from, from + someConcepts).map((line) => line.split('\t'));
  }
}

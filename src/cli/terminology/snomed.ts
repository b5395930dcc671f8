/** SNOMED CT as it is released: the Snapshot tables of RF2. https://hl7.org/fhir/R4/snomedct.html */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Lists, listOf, Numbers, placesOf, takenFrom } from '../../store/numbers.ts';
import type { Designation, LoadedConcept } from '../../store/terminology.ts';
import { type Release, type Said, someConcepts, UnusableRelease } from './release.ts';
import { SnomedIds } from './snomed-ids.ts';
import { type Kind, SnomedTexts } from './snomed-texts.ts';
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
const atOnce = 32 * 1024 * 1024;

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
  /** The types and the targets of each: at the same places. */
  readonly types: Lists;
  readonly targets: Lists;
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
  const [above, beside] = [placesOf(children.all, ids.count), placesOf(sources.all, ids.count)];
  return {
    ids,
    parents: takenFrom(parents.all, above),
    types: takenFrom(types.all, beside),
    targets: takenFrom(targets.all, beside),
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
  // Some are in no relationship.
  for await (const rows of rowsOf(files.concepts, onRead)) for (const [id = ''] of rows) ids.add(id);
  const favourites = files.language === undefined ? undefined : await readPreferred(files.language, onRead);
  const texts = new SnomedTexts();
  for (let share = 0; share < shares; share++) {
    const numberOf = (id: string): number | undefined => {
      const number = ids.numberOf(id);
      return number >= 0 && number % shares === share ? number : undefined;
    };
    await readTexts(texts, files, favourites, numberOf, onRead);
    const ofShare = (line: string) => numberOf(cellOf(line, 0)) !== undefined;
    for await (const rows of rowsOf(files.concepts, undefined, ofShare)) {
      yield rows.map(([id = '', time = '', active, module = '', status]) => {
        const number = numberOf(id) ?? 0;
        const facts = { time, active: active === '1', module, defined: status === defined };
        const above = parentsOf(relationships, number);
        return conceptOf(owned(id), texts.of(number, ids.count), above, facts, attributesOf(relationships, number));
      });
    }
  }
}

const defined = '900000000000073002';

function parentsOf({ ids, parents }: Relationships, number: number): readonly string[] {
  return [...new Set(listOf(parents, number))].map((each) => ids.textOf(each));
}

/** Each pair once: it may be in several groups. */
function attributesOf(
  { ids, types, targets }: Relationships,
  number: number,
): readonly (readonly [code: string, value: string])[] {
  const pairs = new Map<string, readonly [code: string, value: string]>();
  const values = listOf(targets, number);
  for (const [at, each] of listOf(types, number).entries()) {
    const [type, target] = [ids.textOf(each), ids.textOf(values[at] ?? 0)];
    pairs.set(`${type} ${target}`, [type, target]);
  }
  return [...pairs.values()];
}

async function readTexts(
  texts: SnomedTexts,
  { descriptions, definitions }: SnomedFiles,
  favourites: SnomedIds | undefined,
  numberOf: (concept: string) => number | undefined,
  onRead: (bytes: number) => void,
): Promise<void> {
  texts.clear();
  const ofShare = (line: string) => numberOf(cellOf(line, 4)) !== undefined;
  const add = (concept: string, kind: Kind, text: string) => texts.add(numberOf(concept) ?? 0, kind, text);
  for await (const rows of rowsOf(descriptions, onRead, ofShare)) {
    for (const [id = '', , active, , concept = '', , type, term = ''] of rows) {
      if (active !== '1') continue;
      const favourite = favourites?.has(id) !== false;
      add(concept, type === fullySpecified ? 'fullySpecified' : favourite ? 'preferred' : 'synonym', term);
    }
  }
  if (definitions !== undefined) {
    for await (const rows of rowsOf(definitions, onRead, ofShare)) {
      for (const [, , active, , concept = '', , , term = ''] of rows)
        if (active === '1') add(concept, 'definition', term);
    }
  }
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
  texts: readonly (readonly [kind: Kind, text: string])[],
  parents: readonly string[],
  facts: Facts,
  attributes: readonly (readonly [code: string, value: string])[],
): LoadedConcept {
  const textOf = (wanted: Kind) => texts.find(([kind]) => kind === wanted)?.[1];
  const [full, definition] = [textOf('fullySpecified'), textOf('definition')];
  const synonyms = texts.filter(([kind]) => kind === 'preferred' || kind === 'synonym').map(([, text]) => text);
  const display = textOf('preferred') ?? full ?? synonyms[0] ?? code;
  const designation = (value: string, use: string): Designation => ({ value, language: 'en', use });
  const others = [
    ...(full === undefined || full === display ? [] : [designation(full, fullySpecified)]),
    ...synonyms.filter((term) => term !== display).map((term) => designation(term, synonym)),
  ];
  // Who asks for English is told the first.
  const first = designation(display, display === full ? fullySpecified : synonym);
  const designations = others.length === 0 ? [] : [first, ...others];
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

/** The cells of the lines after the first that are wanted, some lines at a time. */
async function* rowsOf(
  path: string,
  onRead?: (bytes: number) => void,
  wanted: (line: string) => boolean = () => true,
): AsyncGenerator<readonly (readonly string[])[]> {
  let header = true;
  for await (const lines of linesOf(path, onRead)) {
    const rows = (header ? lines.slice(1) : lines).filter(wanted);
    header &&= lines.length === 0;
    for (let from = 0; from < rows.length; from += someConcepts)
      yield rows.slice(from, from + someConcepts).map((line) => line.split('\t'));
  }
}

/** One cell of a line: most lines are read again and again for no more. */
function cellOf(line: string, index: number): string {
  let start = 0;
  for (let before = 0; before < index; before++) {
    start = line.indexOf('\t', start) + 1;
    if (start === 0) return '';
  }
  const end = line.indexOf('\t', start);
  return line.slice(start, end < 0 ? undefined : end);
}

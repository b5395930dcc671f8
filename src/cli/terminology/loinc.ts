/** LOINC as it is released: `Loinc.csv`, and `ComponentHierarchyBySystem.csv` where it is there. https://hl7.org/fhir/R4/loinc.html */
import { stat } from 'node:fs/promises';
import { parse } from 'csv-parse';
import { compareVersions } from '../../search/canonical-target.ts';
import type { Designation, LoadedConcept, LoadedSystem } from '../../store/terminology.ts';
import { UnreadableFile } from '../import/sources.ts';
import { type Release, type Said, someConcepts, UnusableRelease } from './release.ts';
import { bytesOf } from './text-lines.ts';

export interface LoincFiles {
  readonly table: string;
  readonly hierarchy?: string;
}

/** Columns that become properties. */
const properties = ['COMPONENT', 'PROPERTY', 'TIME_ASPCT', 'SYSTEM', 'SCALE_TYP', 'METHOD_TYP', 'CLASS', 'STATUS'];
/** Other names; the column is the designation's use. */
const names = ['SHORTNAME', 'DisplayName', 'CONSUMER_NAME'];
/** Codes of parts of names, under which the hierarchy puts others. */
const part = /^LP/;

type Row = Readonly<Record<string, string | undefined>>;

export async function loincRelease({ table, hierarchy }: LoincFiles, said: Said): Promise<Release> {
  const sizes = await Promise.all([table, ...(hierarchy === undefined ? [] : [hierarchy])].map((path) => stat(path)));
  const system: LoadedSystem = {
    url: said.url ?? 'http://loinc.org',
    version: said.version ?? (await versionOf(table)),
    title: 'LOINC',
    caseSensitive: false,
    properties: properties.map((code) => ({ code, type: 'string' })),
  };
  const size = sizes.reduce((sum, each) => sum + each.size, 0);
  return {
    path: table,
    size,
    system,
    read: (onRead) => conceptsOf({ table, ...(hierarchy !== undefined && { hierarchy }) }, onRead),
  };
}

/** As the folder says, or the last version in which a term was changed. */
async function versionOf(table: string): Promise<string> {
  const [, named] = /loinc[_ -]?v?(\d+\.\d+)/i.exec(table) ?? [];
  if (named !== undefined) return named;
  let last = '';
  for await (const { VersionLastChanged: changed = '' } of rowsOf(table)) {
    if (compareVersions(changed, last) > 0) last = changed;
  }
  return last;
}

interface Placed {
  /** Right above, by code. */
  readonly parents: ReadonlyMap<string, ReadonlySet<string>>;
  /** Texts of the parts. */
  readonly parts: ReadonlyMap<string, string>;
}

async function* conceptsOf(
  { table, hierarchy }: LoincFiles,
  onRead: (bytes: number) => void,
): AsyncGenerator<readonly LoadedConcept[]> {
  const { parents, parts } = hierarchy === undefined ? nothing : await readHierarchy(hierarchy, onRead);
  const above = (code: string) => [...(parents.get(code) ?? [])].filter((parent) => parts.has(parent));
  let some: LoadedConcept[] = [];
  for (const [code, display] of parts) {
    some.push({ code, display, parents: above(code), abstract: true });
    if (some.length < someConcepts) continue;
    yield some;
    some = [];
  }
  for await (const row of rowsOf(table, onRead)) {
    some.push(conceptOf(table, row, above));
    if (some.length < someConcepts) continue;
    yield some;
    some = [];
  }
  yield some;
}

const nothing: Placed = { parents: new Map(), parts: new Map() };

async function readHierarchy(path: string, onRead: (bytes: number) => void): Promise<Placed> {
  const parents = new Map<string, Set<string>>();
  const parts = new Map<string, string>();
  for await (const { CODE: code = '', CODE_TEXT: text = '', IMMEDIATE_PARENT: parent = '' } of rowsOf(path, onRead)) {
    if (part.test(code)) parts.set(code, text);
    // A code has a row for each place at which it stands.
    if (parent === '') continue;
    const known = parents.get(code) ?? new Set();
    parents.set(code, known.add(parent));
  }
  return { parents, parts };
}

function conceptOf(table: string, row: Row, above: (code: string) => readonly string[]): LoadedConcept {
  const code = row.LOINC_NUM ?? '';
  if (code === '') throw new UnusableRelease(`${table} has a row without LOINC_NUM.`);
  const display = row.LONG_COMMON_NAME || row.SHORTNAME || row.COMPONENT || code;
  const definition = row.DefinitionDescription;
  const designations = names.flatMap((use): readonly Designation[] => {
    const value = row[use];
    return value === undefined || value === '' || value === display ? [] : [{ value, use }];
  });
  return {
    code,
    display,
    parents: above(code),
    ...(definition !== undefined && definition !== '' && { definition }),
    ...(row.STATUS === 'DEPRECATED' && { inactive: true }),
    properties: properties.flatMap((name) => {
      const value = row[name];
      return value === undefined || value === '' ? [] : [[name, value] as const];
    }),
    ...(designations.length > 0 && { designations }),
  };
}

/** The rows of a table with commas, by the names in its first line. */
async function* rowsOf(path: string, onRead?: (bytes: number) => void): AsyncGenerator<Row> {
  const file = bytesOf(path, onRead);
  const parser = parse({ columns: true, bom: true, skip_empty_lines: true });
  file.on('error', (error) => parser.destroy(error));
  try {
    for await (const row of file.pipe(parser)) yield row;
  } catch (error) {
    throw new UnreadableFile(`${path} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    file.destroy();
  }
}

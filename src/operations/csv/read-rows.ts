/** Rows of a file as elements, and what they name. https://hl7.org/fhir/R4/profiling.html */
import { createHash } from 'node:crypto';
import { type ExactObject, exactObject } from '../../fhir/exact-json.ts';
import type { Named, Resolve } from '../../tabular/cell.ts';
import { type CellFault, type Cells, keyOf, merged, newResource, type ReadPart, readPart } from '../../tabular/row.ts';
import type { Part, Template } from '../../tabular/template.ts';
import type { Key } from './held.ts';
import type { Wanted } from './state.ts';

/** A row of the file. */
export interface FileRow {
  readonly line: number;
  readonly cells: Cells;
}

/** A row's part as it would be made new. */
export interface RowPart {
  readonly read: ReadPart;
  /** The new resource without references; empty where the part has no value. */
  readonly fresh: ExactObject;
  /** Its identifier, where the part has a key and the row has it. */
  readonly key: Key | undefined;
}

export interface ReadRow {
  readonly line: number;
  readonly cells: Cells;
  readonly parts: readonly RowPart[];
  readonly faults: readonly CellFault[];
}

const nothing = exactObject();

/** Reads a row as elements. `resolve`: what references lead to. */
export type RowReader = (row: FileRow, resolve: Resolve) => ReadRow;

/** A reader of the rows of one file: all of them have cells for the same columns. */
export function rowReader({ parts, columns }: Template): RowReader {
  // Most parts of most rows are empty, and then the same.
  const empty: (RowPart | undefined)[] = [];
  return ({ line, cells }, resolve) => {
    const faults: CellFault[] = [];
    const filled = new Set<number>();
    for (const { index, part } of columns) if ((cells[index] ?? '') !== '') filled.add(part);
    const read = parts.map((part): RowPart => {
      const known = filled.has(part.index) ? undefined : empty[part.index];
      if (known !== undefined) return known;
      const before = faults.length;
      const own = readPart(part, cells, resolve, faults);
      if (own.empty) {
        const rowPart = { read: own, fresh: nothing, key: undefined };
        if (!filled.has(part.index) && faults.length === before) empty[part.index] = rowPart;
        return rowPart;
      }
      const fresh = merged(newResource(part), { read: own, references: [] }, true);
      return { read: own, fresh, key: keyOf(part, fresh) };
    });
    return { line, cells, parts: read, faults };
  };
}

/** The identifiers that the rows' reference columns name. */
export function referencesIn(rows: readonly FileRow[], template: Template): readonly Named[] {
  const columns = template.columns.filter(({ type }) => type === 'Reference');
  if (columns.length === 0) return [];
  const named = new Map<string, Named>();
  const collect: Resolve = (each) => {
    named.set(`${each.types.join()} ${each.system}|${each.value}`, each);
    return { reference: '' };
  };
  for (const { cells } of rows) for (const part of template.parts) readPart(part, cells, collect, []);
  return [...named.values()];
}

/** What the store is to be asked for. */
export function wantedBy(rows: readonly ReadRow[], references: readonly Named[]): Wanted {
  const keys = new Map<string, Map<string, Key>>();
  for (const { parts } of rows) {
    for (const { key, read } of parts) {
      if (key === undefined) continue;
      const { type } = read.part;
      const ofType = keys.get(type) ?? new Map<string, Key>();
      keys.set(type, ofType);
      ofType.set(`${key.system}|${key.value}`, key);
    }
  }
  return { keys: new Map([...keys].map(([type, each]) => [type, [...each.values()]])), references };
}

/** A short text that is another one for another key of the row; undefined where a cell of the key is faulty. */
export function rowKey({ parts }: ReadRow, { main, patient }: Template): string | undefined {
  const own = parts[main.index]?.key;
  if (own === undefined) return undefined;
  const owner = patient === undefined || patient === main ? undefined : parts[patient.index]?.key;
  return digest([own.system, own.value, owner?.system ?? '', owner?.value ?? '']);
}

/** A short text that is another one for other cells of the part. */
export function contentDigest({ columns }: Part, cells: Cells): string {
  return digest(columns.map(({ index }) => cells[index] ?? ''));
}

/** Texts up to this length are their own digests. */
const shortest = 100;

function digest(texts: readonly string[]): string {
  const text = JSON.stringify(texts);
  return text.length <= shortest ? text : createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** ICD-10-CM and ICD-10-PCS as tables and as the order files of their publisher. https://hl7.org/fhir/R4/icd.html */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { LoadedConcept } from '../../store/terminology.ts';
import { type Release, type Said, UnusableRelease } from './release.ts';
import { firstLineOf, linesOf } from './text-lines.ts';

export type Icd10 = 'icd10cm' | 'icd10pcs';

const systems: { readonly [K in Icd10]: { readonly url: string; readonly title: string } } = {
  icd10cm: { url: 'http://hl7.org/fhir/sid/icd-10-cm', title: 'ICD-10-CM' },
  icd10pcs: { url: 'http://www.cms.gov/Medicare/Coding/ICD10', title: 'ICD-10-PCS' },
};

interface Entry {
  /** Without dot. */
  readonly bare: string;
  readonly display: string;
  /** Absent where the file doesn't say. */
  readonly billable?: boolean;
}

/** `00001 A00     0 Cholera (60 characters)   Cholera`: number, code, whether it may be billed, short and long text. */
const orderLine = /^\d{5} (\S{3,7}) +([01]) (.{60}) (.*)$/;
/** What codes may begin with and still be the parent of a longer one. */
const shortest = 3;

/** Which one a file is; undefined where it is none. */
export async function icd10In(path: string): Promise<Icd10 | undefined> {
  const name = basename(path);
  if (!/\.(tsv|txt)(\.gz)?$/i.test(name)) return undefined;
  const first = await firstLineOf(path);
  if (orderLine.test(first)) return /pcs/i.test(name) ? 'icd10pcs' : 'icd10cm';
  const columns = first.toLowerCase().split('\t');
  if (!columns.includes('code') || !columns.includes('display')) return undefined;
  return columns.includes('billable') ? 'icd10cm' : 'icd10pcs';
}

/** A release in one file: lines with tabs under `code`, `display` and perhaps `billable`, or an order file. */
export async function icd10Release(path: string, which: Icd10, said: Said): Promise<Release> {
  const { url, title } = systems[which];
  const [year = ''] = /20\d\d/.exec(basename(path)) ?? [];
  return {
    path,
    size: (await stat(path)).size,
    system: {
      url: said.url ?? url,
      version: said.version ?? year,
      title,
      caseSensitive: true,
      properties: [{ code: 'billable', type: 'boolean' }],
    },
    read: (onRead) => conceptsOf(path, which, onRead),
  };
}

async function* conceptsOf(
  path: string,
  which: Icd10,
  onRead: (bytes: number) => void,
): AsyncGenerator<readonly LoadedConcept[]> {
  const codes = new Set<string>();
  // Some files have a code before its parent.
  for await (const entries of entriesOf(path, () => undefined)) for (const { bare } of entries) codes.add(bare);
  const written = which === 'icd10cm' ? dotted : (bare: string) => bare;
  for await (const entries of entriesOf(path, onRead)) {
    yield entries.map(({ bare, display, billable }) => {
      const parent = parentOf(bare, codes);
      return {
        code: written(bare),
        display,
        parents: parent === undefined ? [] : [written(parent)],
        ...(billable !== undefined && { properties: [['billable', String(billable)]] }),
      };
    });
  }
}

async function* entriesOf(path: string, onRead: (bytes: number) => void): AsyncGenerator<readonly Entry[]> {
  let read: ((line: string) => Entry) | undefined;
  let place = 0;
  for await (const lines of linesOf(path, onRead)) {
    const entries: Entry[] = [];
    for (const line of lines) {
      place += 1;
      if (read === undefined) {
        const ordered = orderLine.test(line);
        read = ordered ? ordering(path) : tabular(path, line);
        if (!ordered) continue;
      }
      const entry = read(line);
      if (entry.bare === '' || entry.display === '')
        throw new UnusableRelease(`${path}, line ${place}: a code or its text is missing.`);
      entries.push(entry);
    }
    yield entries;
  }
}

function ordering(path: string): (line: string) => Entry {
  return (line) => {
    const [, bare = '', billable = '', short = '', long = ''] = orderLine.exec(line) ?? [];
    if (bare === '') throw new UnusableRelease(`${path} has a line that is not as those before: ${line.slice(0, 14)}…`);
    return { bare, display: long.trim() === '' ? short.trim() : long.trim(), billable: billable === '1' };
  };
}

function tabular(path: string, header: string): (line: string) => Entry {
  const columns = header.toLowerCase().split('\t');
  const [code, display, billable] = ['code', 'display', 'billable'].map((name) => columns.indexOf(name));
  if (code === undefined || display === undefined || billable === undefined || code < 0 || display < 0)
    throw new UnusableRelease(
      `${path} has no columns "code" and "display", with tabs between them, in its first line.`,
    );
  return (line) => {
    const cells = line.split('\t');
    return {
      bare: (cells[code] ?? '').trim().replace('.', ''),
      display: (cells[display] ?? '').trim(),
      ...(billable >= 0 && { billable: /^(1|true|yes)$/i.test(cells[billable] ?? '') }),
    };
  };
}

/** The longest code that a code begins with. */
function parentOf(bare: string, codes: ReadonlySet<string>): string | undefined {
  for (let length = bare.length - 1; length >= shortest; length--) {
    const beginning = bare.slice(0, length);
    if (codes.has(beginning)) return beginning;
  }
  return undefined;
}

/** The form in which ICD-10-CM is written: a dot after three characters. */
function dotted(bare: string): string {
  return bare.length > 3 ? `${bare.slice(0, 3)}.${bare.slice(3)}` : bare;
}

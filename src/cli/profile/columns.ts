/** Reads the columns that a research case is made from. https://hl7.org/fhir/R4/datatypes.html */
import { CsvError, parse } from 'csv-parse/sync';
import { conversion } from '../../fhir/ucum.ts';
import { type FollowUpTime, followUpTimes } from './names.ts';

/** Types that a column may say; `shared`: the field or outcome of that name in the folder `shared`. */
export const columnTypes = [
  'code',
  'string',
  'boolean',
  'integer',
  'decimal',
  'quantity',
  'date',
  'dateTime',
  'shared',
] as const;

export type ColumnType = (typeof columnTypes)[number];

/** A code that a column may have; without `system` it is one of the column's own code system. */
export interface AllowedValue {
  readonly system?: string;
  readonly code: string;
  readonly display: string;
}

/** A row of `columns.csv`. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly required: boolean;
  readonly allowed: readonly AllowedValue[];
  /** A UCUM code. */
  readonly unit?: string;
  readonly description?: string;
  /** What the field means in a standard code system. */
  readonly code?: { readonly system: string; readonly code: string };
  /** At which times after the operation it is asked; empty: it is the operation's own. */
  readonly times: readonly FollowUpTime[];
  /** Whether it takes several values. */
  readonly repeats: boolean;
  /** Its line in the file. */
  readonly line: number;
}

/** A `columns.csv` that can't be used; the message names line and column. */
export class ColumnsError extends Error {}

const headers = [
  'name',
  'type',
  'required',
  'allowed_values',
  'unit',
  'description',
  'code',
  'times',
  'repeats',
] as const;

type Header = (typeof headers)[number];

/** Rows with cells by header. */
interface Row {
  readonly line: number;
  readonly cell: (header: Header) => string;
  /** An error of that cell. */
  readonly fault: (header: Header, text: string) => ColumnsError;
}

/**
 * The columns of a CSV text with the headers name, type, required, allowed_values, unit, and if wanted description, code, times, repeats.
 * Throws ColumnsError.
 */
export function readColumns(text: string): readonly Column[] {
  const columns = rowsOf(text).map(columnOf);
  if (columns.length === 0) throw new ColumnsError('There are no columns below the header.');
  columns.forEach((column, place) => {
    const first = columns.findIndex(({ name }) => name === column.name);
    if (first === place) return;
    throw new ColumnsError(
      `line ${column.line}, column name: ${column.name} is the name of line ${columns[first]?.line} too.`,
    );
  });
  return columns;
}

function rowsOf(text: string): readonly Row[] {
  const [first, ...records] = recordsOf(text);
  if (first === undefined) throw new ColumnsError('The file is empty.');
  const found = first.cells.map((cell) => cell.toLowerCase().replaceAll(/\s+/g, '_'));
  found.forEach((name, place) => {
    if (!headers.some((header) => header === name)) {
      throw new ColumnsError(
        `line ${first.line}, column ${place + 1}: there is no header ${name}; headers are ${headers.join(', ')}.`,
      );
    }
    if (found.indexOf(name) !== place) {
      throw new ColumnsError(`line ${first.line}, column ${place + 1}: the header ${name} is there twice.`);
    }
  });
  for (const needed of ['name', 'type'] as const) {
    if (!found.includes(needed)) throw new ColumnsError(`line ${first.line}: the header ${needed} is missing.`);
  }
  return records.map(({ line, cells }) => {
    if (cells.length > found.length) {
      throw new ColumnsError(
        `line ${line}, column ${found.length + 1}: there are more cells than headers; a cell with a comma is put in quotes.`,
      );
    }
    return {
      line,
      cell: (header) => cells[found.indexOf(header)] ?? '',
      fault: (header, reason) =>
        new ColumnsError(`line ${line}, column ${found.indexOf(header) + 1} (${header}): ${reason}`),
    };
  });
}

function recordsOf(text: string): readonly { readonly line: number; readonly cells: readonly string[] }[] {
  const lines: number[] = [];
  try {
    const records = parse(text, {
      bom: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      on_record: (record: string[], { lines: line }) => {
        lines.push(line);
        return record;
      },
    });
    return records.map((cells, place) => ({ cells, line: lines[place] ?? 0 }));
  } catch (error) {
    if (error instanceof CsvError) throw new ColumnsError(`It is no CSV: ${error.message}`);
    throw error;
  }
}

function columnOf(row: Row): Column {
  const name = row.cell('name');
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name) || name.length > 40) {
    throw row.fault(
      'name',
      `${name || 'An empty name'} is no name: up to 40 small letters, digits and single _, first a letter.`,
    );
  }
  const written = row.cell('type');
  const type = columnTypes.find((each) => each.toLowerCase() === written.toLowerCase());
  if (type === undefined)
    throw row.fault('type', `${written || 'Nothing'} is no type; types are ${columnTypes.join(', ')}.`);
  const allowed = allowedValues(row);
  if (type === 'code' && allowed.length === 0) {
    throw row.fault('allowed_values', 'A code needs its values: code=Display;code2=Display 2');
  }
  if (type !== 'code' && type !== 'shared' && allowed.length > 0)
    throw row.fault('allowed_values', `Only a code has allowed values, no ${type}.`);
  const unit = row.cell('unit');
  const measured = type === 'quantity' || type === 'decimal' || type === 'integer';
  if (unit !== '' && !measured) throw row.fault('unit', `A ${type} has no unit.`);
  if (type === 'quantity' && unit === '') throw row.fault('unit', 'A quantity needs a unit, e.g. mm.');
  if (unit !== '' && conversion(unit, unit) === undefined) {
    throw row.fault('unit', `${unit} is no unit of UCUM; it has e.g. mm, cm, kg, min, mL, deg, kg/m2, {score}.`);
  }
  const times = timesOf(row);
  const repeats = yes(row, 'repeats');
  if (repeats && times.length > 0) {
    throw row.fault(
      'repeats',
      'Only a field of the operation takes several values, an outcome measure has one at a time.',
    );
  }
  const description = row.cell('description');
  const code = codeOf(row);
  return {
    name,
    type,
    required: yes(row, 'required'),
    allowed,
    ...(unit === '' ? {} : { unit }),
    ...(description === '' ? {} : { description }),
    ...(code === undefined ? {} : { code }),
    times,
    repeats,
    line: row.line,
  };
}

function yes(row: Row, header: Header): boolean {
  const text = row.cell(header).toLowerCase();
  if (['yes', 'true', '1', 'y'].includes(text)) return true;
  if (['', 'no', 'false', '0', 'n'].includes(text)) return false;
  throw row.fault(header, `${text} is neither yes nor no.`);
}

function allowedValues(row: Row): readonly AllowedValue[] {
  const values = listOf(row.cell('allowed_values'), ';').map((text) => {
    const [left = '', ...right] = text.split('=');
    const bar = left.lastIndexOf('|');
    const system = left.slice(0, Math.max(bar, 0)).trim();
    const code = left.slice(bar + 1).trim();
    if (!/^[^\s;|]+( [^\s;|]+)*$/.test(code)) {
      throw row.fault('allowed_values', `${text} has no code: a value is code=Display, or system|code=Display.`);
    }
    const display = right.join('=').trim() || code;
    return { ...(system === '' ? {} : { system }), code, display };
  });
  const seen = new Set<string>();
  for (const { system = '', code } of values) {
    const key = `${system}|${code}`;
    if (seen.has(key)) throw row.fault('allowed_values', `${code} is there twice.`);
    seen.add(key);
  }
  return values;
}

function timesOf(row: Row): readonly FollowUpTime[] {
  const written = listOf(row.cell('times').replaceAll(';', ' '), ' ');
  for (const text of written) {
    if (followUpTimes.some((time) => time === text)) continue;
    throw row.fault('times', `${text} is no time; times are ${followUpTimes.join(' ')}.`);
  }
  return followUpTimes.filter((time) => written.includes(time));
}

function codeOf(row: Row): { readonly system: string; readonly code: string } | undefined {
  const text = row.cell('code');
  if (text === '') return undefined;
  const [system = '', code = '', ...more] = text.split('|');
  if (system === '' || code === '' || more.length > 0) throw row.fault('code', `${text} is no system|code.`);
  return { system, code };
}

function listOf(text: string, separator: string): readonly string[] {
  return text
    .split(separator)
    .map((each) => each.trim())
    .filter((each) => each !== '');
}
